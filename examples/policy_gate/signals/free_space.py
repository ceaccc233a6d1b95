"""Print the free disk space, in GiB."""

import shutil

print(round(shutil.disk_usage(".").free / 2**30, 1))
