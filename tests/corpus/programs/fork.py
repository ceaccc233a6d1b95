import atexit
import os
import sys

atexit.register(print, "atexit")
sys.stdout.flush()
child = os.fork()
if child == 0:
    print("child")
    sys.exit(4)
_, status = os.waitpid(child, 0)
print("parent", os.waitstatus_to_exitcode(status))
