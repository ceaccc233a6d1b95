import os
import sys

os.dup2(os.open("/dev/full", os.O_WRONLY), sys.stdout.fileno())
print("does not fit")
