"""The alternatives: what each choice of the hot paths was measured against.

Every group does the same work in several ways, in turn; the way that the product takes is marked.

usage: python -m benchmarks.variants [--rounds N]
"""

from __future__ import annotations

import argparse
import contextvars
import itertools
import platform
import random
import re
import threading
import time
import timeit
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tools.numeric_arguments import whole_from

from benchmarks.content import plain_text
from benchmarks.measuring import Series, interleave
from codetracer_otel.exporters.otlp.wire import varint
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.secrets.prefilter import shapes_possible

if TYPE_CHECKING:
    from collections.abc import Callable

REPEATS = 20_000
TAKEN = " (taken)"


@dataclass(frozen=True, slots=True)
class Frozen:
    """A record as a frozen dataclass."""

    a: Any
    b: Any
    c: Any
    d: Any
    e: Any
    f: Any
    g: Any
    h: Any
    i: Any
    j: Any


class Slots:
    """A record as an object with slots."""

    __slots__ = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")

    def __init__(self, a, b, c, d, e, f, g, h, i, j) -> None:
        self.a, self.b, self.c, self.d, self.e = a, b, c, d, e
        self.f, self.g, self.h, self.i, self.j = f, g, h, i, j


class Local(threading.local):
    """A stack per thread."""

    def __init__(self) -> None:
        self.stack: list[Any] = []


def seven_bits_at_a_time(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def one_by_one(names: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    return lambda namespace: tuple([namespace[name] for name in names])


def set_and_reset(variable: contextvars.ContextVar[Any]) -> Callable[[object], None]:
    def run(value: object) -> None:
        variable.reset(variable.set(value))

    return run


TEXTS = [plain_text(random.Random(number)) for number in range(64)]
SHAPE_NAMES = frozenset(shape.name for shape in SHAPES)
ONE_ALTERNATION = re.compile(
    r"(?i:bearer|basic) [\w.~+/-]+=*|eyJ[\w-]+\.[\w-]+\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|glpat-[\w-]{20}|xox[abprs]-[\w-]+|[sr]k_live_\w+"
    r"|AIza[\w-]{35}|\w+://[^/\s:@]+:[^/\s@]+@|[0-9](?:[ -]?[0-9]){12,18}"
)
NAMES = ("order_id", "user", "amount", "flag")
NAMESPACE = {"order_id": 1, "user": "ada", "amount": 2.5, "flag": True, "password": "x"}

GROUPS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "a record of ten fields": {
        "list" + TAKEN: ("[x, x, x, x, x, x, x, x, x, x]", {}),
        "tuple of names": ("(x, x, x, x, x, x, x, x, x, x)", {}),
        "object with slots": ("make(x, x, x, x, x, x, x, x, x, x)", {"make": Slots}),
        "frozen dataclass": ("make(x, x, x, x, x, x, x, x, x, x)", {"make": Frozen}),
    },
    "the stack of this thread": {
        "threading.local" + TAKEN: ("local.stack", {"local": Local()}),
        "dict by get_ident()": (
            "stacks[ident()]",
            {"ident": threading.get_ident, "stacks": {threading.get_ident(): []}},
        ),
    },
    "the current span": {
        "stack: append and del" + TAKEN: ("stack.append(x); del stack[-1]", {"stack": [0]}),
        "context variable: set and reset": (
            "run(x)",
            {"run": set_and_reset(contextvars.ContextVar("current"))},
        ),
    },
    "a span id": {
        "getrandbits(64)" + TAKEN: ("bits(64)", {"bits": random.Random(1).getrandbits}),
        "counter": ("step()", {"step": itertools.count().__next__}),
        "os.urandom(8)": ("urandom(8)", {"urandom": __import__("os").urandom}),
    },
    "four arguments out of a namespace": {
        "itemgetter" + TAKEN: ("read(space)", {"read": itemgetter(*NAMES), "space": NAMESPACE}),
        "comprehension": ("read(space)", {"read": one_by_one(NAMES), "space": NAMESPACE}),
    },
    "a varint of 40 bits": {
        "14 bits at a time" + TAKEN: ("write(n)", {"write": varint, "n": 10**12}),
        "7 bits at a time": ("write(n)", {"write": seven_bits_at_a_time, "n": 10**12}),
    },
    "shapes in 64 short texts": {
        "literals in the joined texts" + TAKEN: (
            "find(texts, None, names)",
            {"find": shapes_possible, "texts": TEXTS, "names": SHAPE_NAMES},
        ),
        "one alternation, text by text": (
            "[search(text) for text in texts]",
            {"search": ONE_ALTERNATION.search, "texts": TEXTS},
        ),
    },
}


def nanoseconds(statement: str, names: dict[str, Any]) -> float:
    repeats = REPEATS if "texts" not in names else REPEATS // 100
    names = {"x": None, **names}
    timer = timeit.Timer(statement, timer=time.thread_time, globals=names)
    return timer.timeit(repeats) / repeats * 1e9


def measure(rounds: int) -> dict[str, dict[str, Series]]:
    return {
        group: interleave(
            {name: (lambda case=case: nanoseconds(*case)) for name, case in cases.items()}, rounds
        )
        for group, cases in GROUPS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=15)
    figures = measure(parser.parse_args().rounds)
    print(f"CPython {platform.python_version()}: CPU ns, median (lowest-highest)")
    print("\n| what | how | ns |\n|---|---|---|")
    for group, cases in figures.items():
        for name, series in cases.items():
            print(f"| {group} | {name} | {series.text()} |")


if __name__ == "__main__":
    main()
