import os
import sys

child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    print("parent", os.waitstatus_to_exitcode(status), flush=True)
else:
    print("child", flush=True)
sys.stderr.write("both\n")
