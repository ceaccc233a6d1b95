import atexit
import threading


def late():
    threading.main_thread().join()
    print("thread after main")


atexit.register(print, "atexit")
threading.Thread(target=late).start()
print("main ends")
