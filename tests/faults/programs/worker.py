"""Works as often as it is told on its input, and says so; ends with a status of its own."""

import os
import sys
import threading

ended = threading.Event()


def work(number):
    return number + 1


def serve(total):
    print("serving", flush=True)
    sys.stdin.readline()
    return total


def work_until_the_end():
    while not ended.is_set():
        work(1)


def main():
    total = 0
    for line in sys.stdin:
        order = line.strip()
        if order == "serve":
            serve(total)
        elif order == "exit hard":
            os._exit(5)
        elif order == "close stderr":
            os.close(2)
            sys.stderr.close()
            sys.stderr = None
        elif order == "flush":
            from codetracer_otel.sdk.session.configure import active_session

            assert active_session().flush(100)
        elif order == "daemon":
            threading.Thread(target=work_until_the_end, daemon=True).start()
        else:
            for _ in range(int(order)):
                total = work(total)
        print("did", order, flush=True)
    print("total", total)
    print("goodbye", file=sys.stderr)
    sys.exit(7)


main()
