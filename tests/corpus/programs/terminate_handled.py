import os
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
