import threading

print(threading.active_count(), threading.enumerate()[1:])
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(0.1)
