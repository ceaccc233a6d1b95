"""Calls of a few shapes."""

from __future__ import annotations


def two(first, second):
    return first


def four(number, text, amount, flag):
    return text


def never(number):
    return number


def parent_of(function, count):
    """Call ``function(i, text)`` n times from one frame, which is traced where it is selected."""
    for number in range(count):
        function(number, "some text")


def parent_of_four(count):
    """Call ``four`` n times from one frame, and nothing between, which would be a span as well."""
    for number in range(count):
        four(number, "some text", 2.5, True)


def loop_of(function):
    """Return a function that calls ``function(i, text)`` n times."""

    def loop(count):
        for number in range(count):
            function(number, "some text")

    # The loop is not part of what is measured: one call of it would be one span.
    loop.__code__ = loop.__code__.replace(co_filename="<benchmark loop>")
    return loop
