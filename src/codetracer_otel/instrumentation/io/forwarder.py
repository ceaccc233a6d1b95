"""Run as a program: carries a pipe's bytes to their destination, then into a file to be read.

It is a process of its own because what the program wrote must arrive even if the program is killed
a moment later. Standard library only, and no import of this package: it starts in 15 ms.
"""

from __future__ import annotations

import os
import select
import signal
import sys

_CHUNK = 65536


def main(source: int, destination: int, copy: int, control: int, answer: int) -> None:
    """Carry bytes until no process can write to ``source`` any more.

    A byte on ``control`` asks whether everything written before has arrived; the answer is a byte
    on ``answer``.
    """
    watched = [source, control]
    while source in watched:
        ready, _, _ = select.select(watched, [], [])
        if source in ready:
            data = os.read(source, _CHUNK)
            if not data:
                return
            write_all(destination, data)
            write_copy(copy, data)
        elif os.read(control, 1):
            os.write(answer, b".")
        else:
            watched.remove(control)  # the program has ended; its children may still write


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte."""
    while data:
        data = data[os.write(descriptor, data) :]


def write_copy(descriptor: int, data: bytes) -> None:
    """Write what is only looked at; a full disk must not cost the program its output."""
    try:
        write_all(descriptor, data)
    except OSError:
        return


if __name__ == "__main__":
    # The process that started this one waits for it: it must not meet a child it does not know.
    if os.fork():
        os._exit(0)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        main(*(int(argument) for argument in sys.argv[1:6]))
    except BrokenPipeError:
        os._exit(0)
