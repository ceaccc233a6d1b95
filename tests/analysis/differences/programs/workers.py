"""Threads, a pool and tasks that race for work; what it does is the same in every run."""

import asyncio
import contextlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

PLANT = sys.argv[1] if len(sys.argv) > 1 else ""


class Cache:
    def __init__(self):
        self.lock = threading.Lock()
        self.found = {}

    def get(self, key):
        with self.lock:
            if key not in self.found or PLANT == "no cache":
                self.found[key] = compute(key)
            return self.found[key]


def compute(key):
    time.sleep(0.001)
    return key * key


def handle(number, cache):
    return cache.get(number % 5) + parse(str(number))


def parse(text):
    return int(text)


async def fetch(number):
    await asyncio.sleep(0.0005 * (number % 3))
    return shape(number)


def shape(number):
    if PLANT == "slow leaf":
        time.sleep(0.01)
    return {"number": number}


async def gather(count):
    tasks = [asyncio.create_task(fetch(number)) for number in range(count)]
    return [await each for each in asyncio.as_completed(tasks)]


def work(queue, done):
    while queue:
        try:
            item = queue.pop()
        except IndexError:
            break
        with contextlib.suppress(ValueError):
            done.append(process(item))


def process(item):
    if item % 7 == 0 or (PLANT == "exception" and item == 12):
        fail(item)
    return item + 1


def fail(item):
    raise ValueError(item)


def now():
    return time.time()


def spin(count):
    return sum(range(count))


def main():
    cache = Cache()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(handle, range(60), [cache] * 60))
    asyncio.run(gather(40))
    queue, done = list(range(80)), []
    threads = [threading.Thread(target=work, args=(queue, done)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now()
    for _ in range(10):
        spin(100_000)


main()
