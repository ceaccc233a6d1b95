import os
import signal

try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
except KeyboardInterrupt as error:
    print("caught", error.__traceback__.tb_next is None)
