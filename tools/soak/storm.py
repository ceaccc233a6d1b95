"""A program of the soak: works in many processes and threads, and counts its own calls.

usage: storm.py {pool,processes,forks,threads,names,descriptors} METHOD SEED COUNTS

Each thread that calls `work` has a file in the folder COUNTS, and notes there the calls that it is
about to make and the calls that have come back. So what is lost can be told from what never was,
however a process ends. What counts is bound before anything else: names are replaced here.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import gzip  # noqa: F401 - replaced by name, as others below
import json  # noqa: F401
import logging  # noqa: F401
import mmap
import multiprocessing
import os
import queue  # noqa: F401
import random
import select  # noqa: F401
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid  # noqa: F401
import zlib  # noqa: F401
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 4
CALLS = 200
SLOT_BYTES = 16
REPLACED = (
    *("os.write", "os.open", "os.getpid", "os.fstat", "os.pipe", "os.urandom", "os.stat"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns"),
    *("threading.Event", "threading.Thread", "threading.Lock", "threading.get_ident"),
    *("socket.socket", "socket.create_connection", "select.select", "queue.SimpleQueue"),
    *("json.dumps", "json.loads", "random.random", "random.getrandbits", "uuid.uuid4"),
    *("http.client.HTTPConnection", "zlib.compressobj", "gzip.compress", "logging.getLogger"),
    *("io.open", "builtins.open", "sys.stderr", "sys.stdout", "sys.excepthook", "sys._getframe"),
)
_open, _close, _truncate = os.open, os.close, os.ftruncate
_process, _thread_of = os.getpid, _thread.get_ident


class Counts(threading.local):
    """The calls of one thread: begun, done."""

    folder = ""

    def __init__(self) -> None:
        self.process = 0

    def file(self) -> memoryview:
        if self.process != _process():
            self.process = _process()
            path = f"{Counts.folder}/{self.process}-{_thread_of()}-{id(self)}"
            descriptor = _open(path, os.O_RDWR | os.O_CREAT)
            _truncate(descriptor, SLOT_BYTES)
            self.calls = memoryview(mmap.mmap(descriptor, SLOT_BYTES)).cast("Q")
            _close(descriptor)
        return self.calls


counts = Counts()


def work(number: int) -> int:
    return number * 2


def work_fails(number: int) -> int:
    raise ValueError(number)


def work_generates(number: int) -> Iterator[int]:
    yield number
    yield number + 1


async def work_waits(number: int) -> int:
    return number


def call(number: int) -> None:
    """Make one counted call."""
    calls = counts.file()
    calls[0] += 1
    if number % 4 == 0:
        with contextlib.suppress(ValueError):
            work_fails(number)
    elif number % 4 == 1:
        list(work_generates(number))
    elif number % 4 == 2 and number % 40 == 2:  # noqa: PLR2004 - a loop is 100 times a call
        asyncio.run(work_waits(number))
    else:
        work(number)
    calls[1] += 1


def many(count: int) -> None:
    for number in range(count):
        call(number)


def job(number: int) -> int:
    many(number)
    return number


def pool(method: str, chance: random.Random) -> None:
    context = multiprocessing.get_context(method)
    for _ in range(ROUNDS):
        with context.Pool(chance.randint(1, 4)) as workers:
            jobs = [chance.randint(0, CALLS) for _ in range(20)]
            assert workers.map(job, jobs) == jobs


def long_job(folder: str, seed: int) -> None:
    Counts.folder = folder
    chance = random.Random(seed)
    for _ in range(chance.randint(0, 10)):
        many(chance.randint(0, CALLS))
        time.sleep(chance.random() / 20)


def processes(method: str, chance: random.Random) -> None:
    context = multiprocessing.get_context(method)
    for _ in range(ROUNDS):
        started = [
            context.Process(target=long_job, args=(Counts.folder, chance.getrandbits(30)))
            for _ in range(4)
        ]
        for process in started:
            process.start()
            many(chance.randint(0, CALLS))
        for process in started:
            if chance.random() < 0.5:  # noqa: PLR2004
                process.terminate()
            process.join()


def forks(_: str, chance: random.Random) -> None:
    for _ in range(ROUNDS * 2):
        many(chance.randint(0, CALLS))
        fork_tree(chance, chance.randint(1, 3))
    in_thread = threading.Thread(target=fork_tree, args=(chance, 1))
    in_thread.start()
    in_thread.join()


def fork_tree(chance: random.Random, depth: int) -> None:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    chance.seed(os.getpid())
    many(chance.randint(0, CALLS))
    if depth > 1:
        fork_tree(chance, depth - 1)
    if threading.current_thread() is threading.main_thread():
        sys.exit(chance.choice([0, 3, None]))


def threads(_: str, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        sizes = [chance.randint(0, 5 * CALLS) for _ in range(8)]
        started = [threading.Thread(target=many, args=(size,)) for size in sizes]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        pause(chance)


def names(_: str, chance: random.Random) -> None:
    for _ in range(ROUNDS * 4):
        with contextlib.ExitStack() as replaced:
            for name in chance.sample(REPLACED, 5):
                replaced.enter_context(mock.patch(name))
            many_plain(chance.randint(0, CALLS))
            pause(chance)


def many_plain(count: int) -> None:
    for number in range(count):
        call(number * 4 + 3)  # an event loop of asyncio does not run on mocks


def descriptors(_: str, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        many(chance.randint(0, CALLS))
        os.closerange(3, 256)
        own = [tempfile.TemporaryFile() for _ in range(6)]  # noqa: SIM115 - closed below
        pairs = [socket.socketpair() for _ in range(3)]
        many(chance.randint(0, CALLS))
        pause(chance)
        for file in own:
            assert file.read() == b"", "somebody has written into a file of the program"
        for one, other in pairs:
            one.send(b"mine")
            other.setblocking(False)
            assert other.recv(99) == b"mine", "somebody has written into a socket of the program"
        many(chance.randint(0, CALLS))
        for each in (*own, *(end for pair in pairs for end in pair)):
            each.close()


def pause(chance: random.Random) -> None:
    signal.sigtimedwait([], chance.choice([0, 0, 0.1, 0.7]))


KINDS = {f.__name__: f for f in (pool, processes, forks, threads, names, descriptors)}


def main(kind: str, method: str, seed: str) -> None:
    KINDS[kind](method, random.Random(int(seed)))
    print("over")


Counts.folder = sys.argv[4] if len(sys.argv) > 4 else ""  # noqa: PLR2004 - spawned as well
if __name__ == "__main__":
    main(*sys.argv[1:4])
