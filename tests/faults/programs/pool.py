"""Processes at work; the way they start is the first argument, their number the second."""

import multiprocessing
import sys


def work(number):
    return number + 1


def child(numbers):
    return sum(work(number) for number in numbers)


if __name__ == "__main__":
    work(0)
    context, size = multiprocessing.get_context(sys.argv[1]), int(sys.argv[2])
    with context.Pool(size) as pool:
        print(pool.map(child, [range(10)] * size, chunksize=1))
        pool.close()
        pool.join()
    print("goodbye", file=sys.stderr)
    sys.exit(7)
