import runpy
import sys

result = runpy.run_path(sys.argv[1], run_name="other")
print(sorted(name for name in result if not name.startswith("__")), result["__name__"])
