import sys
import traceback


def hook(kind, error, where):
    print("hook", kind.__name__, error, error.__traceback__ is where, sys.exc_info())
    print([frame.name for frame in traceback.extract_tb(where)])
    print(sys.last_exc is error, sys.last_traceback is where)


def fail():
    raise LookupError("gone")


sys.excepthook = hook
fail()
