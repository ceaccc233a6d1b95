"""Forks in a loop while it works, and says how its children ended."""

import os
import sys


def work(number):
    return number + 1


def child(number):
    work(number)
    sys.exit(number % 3)


statuses = []
for number in range(int(sys.argv[1])):
    work(number)
    process = os.fork()
    if not process:
        child(number)
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
print(statuses)
print("goodbye", file=sys.stderr)
sys.exit(7)
