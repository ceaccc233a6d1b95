import atexit


class AtTheEnd:
    def __del__(self):
        print("collected")


kept = AtTheEnd()
atexit.register(print, "atexit")
raise KeyboardInterrupt
