import atexit
import threading

main_is_done = threading.Event()


def late():
    threading.main_thread().join()
    print("thread after main", threading.active_count())


atexit.register(lambda: print("atexit", threading.active_count()))
threading.Thread(target=late).start()
print("main ends")
