import threading

forever = threading.Event()
started = threading.Event()


def wait():
    started.set()
    forever.wait()


threading.Thread(target=wait, daemon=True).start()
started.wait()
print("main ends")
