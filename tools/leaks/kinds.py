"""Calls of every kind, each a function that makes so many of them; all of this file is traced.

What is dear gets a share of the calls that are asked for: `SHARES` says which.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import sys
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass
class Item:
    name: str
    price: float
    api_key: str = "hidden"


class Basket:
    def __init__(self) -> None:
        self.items = [Item("cup", 1.5), Item("pot", 9.0)]
        self.owner: object = None

    def add(self, item: object, count: int = 1) -> int:
        return count


BASKET, ITEM = Basket(), Item("cup", 1.5)
NUMBERS = itertools.count()
LONG, WIDE = "x" * 5000, "\U0001f600\ud800" * 40
NESTED = {"a": [1, 2, (3, "x")], "password": "hidden", "deep": {"deeper": [ITEM, None]}}


def two(first: object, second: object) -> object:
    return first


def many(*values: object, **named: object) -> object:
    return values


def items(count: int) -> Any:
    yield from range(count)


async def step(value: object) -> object:
    return value


async def pausing(value: object) -> object:
    await asyncio.sleep(0)
    return value


async def asynchronous_items(count: int) -> Any:
    for number in range(count):
        yield number


def fails(value: object) -> object:
    raise ValueError(value)


def fails_with_cause(value: object) -> object:
    try:
        fails(value)
    except ValueError as error:
        raise KeyError(value) from error


def fails_with_group(value: object) -> object:
    raise ExceptionGroup("several", [ValueError(value), TypeError("x")])


def with_error_locals(value: object) -> object:
    own = [value]
    raise ValueError(own)


def sampled(value: object) -> object:
    return value


def with_locals(value: object) -> object:
    own = [value]
    del value
    return own[0]


def hidden(password: object, value: object) -> object:
    return value


def kept_if_failed(value: int) -> int:
    if value % 2:
        raise ValueError(value)
    return value


def kept_if_slow(value: object) -> object:
    return value


def measured(value: object) -> object:
    return value


def measured_only(value: object) -> object:
    return value


def deeper(level: int) -> int:
    return deeper(level + 1)


def plain(count: int) -> None:
    for number in range(count):
        two(number, "text")


def methods(count: int) -> None:
    add = BASKET.add
    for _ in range(count):
        add(ITEM, 2)


def containers(count: int) -> None:
    for _ in range(count):
        two(NESTED, [1, 2.5, "x"])


def texts(count: int) -> None:
    for number in range(count):
        two(LONG, WIDE if number % 8 == 0 else "é")


def large_numbers(count: int) -> None:
    for number in range(count):
        two(number << 80, float(number))


def star_arguments(count: int) -> None:
    for number in range(count):
        many(number, None, a=1, token="t")


def closures(count: int) -> None:
    for number in range(count):

        def inner(value: object = number) -> object:
            return count

        inner(number)


def generators(count: int) -> None:
    for _ in range(count):
        for _ in items(2):
            pass


def closed_generators(count: int) -> None:
    for _ in range(count):
        generator = items(2)
        next(generator)
        generator.close()


def abandoned_generators(count: int) -> None:
    for _ in range(count):
        next(items(2))


def thrown_into(count: int) -> None:
    for _ in range(count):
        generator = items(2)
        next(generator)
        with contextlib.suppress(ValueError):
            generator.throw(ValueError(1))


def circular_generators(count: int) -> None:
    for _ in range(count):
        generator = items(2)
        next(generator)
        circle = [generator]
        circle.append(circle)


def coroutines(count: int) -> None:
    for number in range(count):
        with contextlib.suppress(StopIteration):
            step(number).send(None)


def tasks(count: int) -> None:
    async def main() -> None:
        for _ in range(max(count // 50, 1)):
            running = [asyncio.ensure_future(pausing(number)) for number in range(50)]
            await asyncio.sleep(0)
            running[0].cancel()
            await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(main())


def asynchronous_generators(count: int) -> None:
    async def main() -> None:
        for _ in range(count):
            async for _ in asynchronous_items(2):
                pass

    asyncio.run(main())


def exceptions(count: int) -> None:
    for number in range(count):
        with contextlib.suppress(ValueError):
            fails(number)


def chained_exceptions(count: int) -> None:
    for number in range(count):
        with contextlib.suppress(KeyError):
            fails_with_cause(number)


def groups(count: int) -> None:
    for number in range(count):
        with contextlib.suppress(ExceptionGroup):
            fails_with_group(number)


def locals_of_errors(count: int) -> None:
    for number in range(count):
        with contextlib.suppress(ValueError):
            with_error_locals(number)


def locals_at_exit(count: int) -> None:
    for number in range(count):
        with_locals(number)


def sampled_calls(count: int) -> None:
    for number in range(count):
        sampled(number)


def hidden_arguments(count: int) -> None:
    for number in range(count):
        hidden(f"a secret {number % 100}", number)


def secret(number: int) -> str:
    return f"qZ7-{number * 0x9E3779B97F4A7C15 % 2**64:016x}"


def known_secrets(count: int) -> None:
    for number in range(count):
        again = secret(number % 100)
        hidden(again, f"{number} with {again}")


def new_secrets(count: int) -> None:
    for _ in range(count):
        # So many that a tenth of a thousand calls fill the table of known ones.
        two([{"password": secret(next(NUMBERS))} for _ in range(10)], "x")


def kept_errors(count: int) -> None:
    for number in range(count):
        with contextlib.suppress(ValueError):
            kept_if_failed(number)


def quick_calls(count: int) -> None:
    for number in range(count):
        kept_if_slow(number)


def measured_calls(count: int) -> None:
    for number in range(count):
        measured(number)
        measured_only(number)


def contexts(count: int) -> None:
    for number in range(count):
        token = otel_context.attach(otel_context.set_value("key", number))
        two(number, None)
        otel_context.detach(token)


def spans_by_hand(count: int) -> None:
    tracer = trace.get_tracer("leaks")
    for number in range(count):
        with tracer.start_as_current_span("by hand"):
            two(number, None)
            trace.get_current_span().set_attribute("number", number)


def recursion(count: int) -> None:
    for _ in range(max(count // sys.getrecursionlimit(), 1)):
        with contextlib.suppress(RecursionError):
            deeper(0)


def new_classes(count: int) -> None:
    for number in range(count):
        two(type("Made", (), {"__slots__": ("field",)})(), number)


def new_code(count: int) -> None:
    for number in range(count):

        def made(value: object) -> object:
            return value

        made.__code__ = made.__code__.replace(co_firstlineno=number % 100 + 1)
        made(number)


def threads(count: int) -> None:
    for number in range(count):
        thread = threading.Thread(target=two, args=(number, "x"))
        thread.start()
        thread.join()


def greenlets(count: int) -> None:
    import greenlet

    def run(value: object) -> object:
        greenlet.getcurrent().parent.switch()
        return two(value, 1)

    for number in range(count):
        made = greenlet.greenlet(run)
        made.switch(number)
        if number % 2:
            made.switch()


KINDS: tuple[Callable[[int], None], ...] = (
    plain, methods, containers, texts, large_numbers, star_arguments, closures, generators,
    closed_generators, abandoned_generators, thrown_into, circular_generators, coroutines, tasks,
    asynchronous_generators, exceptions, chained_exceptions, groups, locals_of_errors,
    locals_at_exit, sampled_calls, hidden_arguments, contexts, spans_by_hand, recursion,
    new_classes, new_code, threads, greenlets, known_secrets, new_secrets, kept_errors,
    quick_calls, measured_calls,
)  # fmt: skip
SHARES = {
    containers: 10, texts: 10, tasks: 10, asynchronous_generators: 10, exceptions: 10,
    chained_exceptions: 10, groups: 10, locals_of_errors: 10, locals_at_exit: 10, contexts: 10,
    spans_by_hand: 50, circular_generators: 10, new_classes: 50, new_code: 100, threads: 200,
    greenlets: 50, hidden_arguments: 10, thrown_into: 10, known_secrets: 10, new_secrets: 50,
    kept_errors: 10,
}  # fmt: skip
