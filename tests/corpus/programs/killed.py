import os
import signal

print("out", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
