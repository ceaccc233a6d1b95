"""Frames that are left in other ways than by a return, in code that nobody traces."""

from __future__ import annotations


def raise_error():
    raise LookupError


def second_frame():
    raise_error()


def third_frame():
    second_frame()


def exceptions(count: int) -> None:
    for _ in range(count):
        try:
            third_frame()
        except LookupError:
            continue


def numbers():
    yield 1
    yield 2


def closed_generators(count: int) -> None:
    for _ in range(count):
        generator = numbers()
        next(generator)
        generator.close()


def catching():
    while True:
        try:
            yield
        except LookupError:
            continue


def thrown_into(count: int) -> None:
    generator, error = catching(), LookupError()
    next(generator)
    for _ in range(count):
        generator.throw(error)
        error.__traceback__ = None
