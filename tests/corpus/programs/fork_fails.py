import os

child = os.fork()
if child == 0:
    raise ValueError("in the child")
_, status = os.waitpid(child, 0)
print("parent", os.waitstatus_to_exitcode(status))
