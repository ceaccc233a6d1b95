import atexit
import sys
import threading


def fail():
    raise ValueError("in atexit")


def no_new_thread():
    try:
        threading.Thread(target=print, args=("late",)).start()
    except RuntimeError as error:
        print(error)


atexit.register(print, "first registered")
atexit.register(no_new_thread)
atexit.register(fail)
atexit.register(lambda: sys.exit(9))
atexit.register(lambda: print("__file__" in globals(), "__cached__" in globals()))
print("__file__" in globals())
