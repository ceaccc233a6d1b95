import atexit
import sys
import threading


def fail():
    raise ValueError("in atexit")


def late_thread():
    thread = threading.Thread(target=lambda: None)
    try:
        thread.start()
        thread.join()
        print("a thread may start")
    except RuntimeError as error:
        print(error)


atexit.register(print, "first registered")
atexit.register(late_thread)
atexit.register(fail)
atexit.register(lambda: sys.exit(9))
atexit.register(lambda: print("__file__" in globals(), "__cached__" in globals()))
print("__file__" in globals())
