"""A program: pools of workers in rotation, each terminated as soon as it has answered.

usage: pool_rounds.py {fork,spawn,forkserver} ROUNDS WORKERS JOBS
"""

from __future__ import annotations

import multiprocessing
import sys


def job(number: int) -> int:
    return number + 1


def main(method: str, rounds: int, workers: int, jobs: int) -> None:
    context = multiprocessing.get_context(method)
    total = 0
    for _ in range(rounds):
        with context.Pool(workers) as pool:
            total += sum(pool.map(job, range(jobs)))
    print(total)


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:]))
