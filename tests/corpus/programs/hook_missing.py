import sys

del sys.excepthook
raise ValueError("shown all the same")
