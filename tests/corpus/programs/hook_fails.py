import sys


def hook(*_):
    raise RuntimeError("the hook")


sys.excepthook = hook
raise ValueError("the program")
