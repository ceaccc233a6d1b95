"""Calls that end or suspend in other ways than by a return, each below one loop."""

from __future__ import annotations


def numbers(count):
    """Yield ``count`` numbers."""
    yield from range(count)


async def answer(number):
    return number


def refuse(number):
    raise LookupError(number)


def refused(number):
    try:
        refuse(number)
    except LookupError:
        return


def refused_below(number):
    """Let an exception leave two frames before it is caught in the third."""
    try:
        hand_on(number)
    except LookupError:
        return


def hand_on(number):
    refuse(number)


def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def never(number):
    return number


def generators(count: int) -> None:
    for _ in range(count):
        for _number in numbers(1):
            pass


def coroutines(count: int) -> None:
    for number in range(count):
        drive(answer(number))


def exceptions(count: int) -> None:
    for number in range(count):
        refused(number)


def deep_exceptions(count: int) -> None:
    for number in range(count):
        refused_below(number)


def returns(count: int) -> None:
    for number in range(count):
        never(number)
