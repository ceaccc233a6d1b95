"""Capturing values: cost per value, in CPU time.

Run with ``python -m benchmarks.values``.
"""

import statistics
import time
from dataclasses import dataclass

from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.values.capture import build_capture
from codetracer_otel.instrumentation.values.limits import ValueLimits

ROUNDS = 15
CALLS = 5_000


@dataclass
class Point:
    x: int
    y: int
    label: str


class Plain:
    pass


class Order:
    def __init__(self):
        self.item, self.count, self.price, self.paid, self.note = "cup", 2, 9.5, True, None


class AllowAll:
    """Walk rules that allow everything, as the builtin filter does for ordinary names."""

    has_type_patterns = False

    def attribute_action(self, _name):
        return Action.ALLOW

    def type_action(self, _name):
        return Action.ALLOW

    def allows_repr(self, _name):
        return False


VALUES = {
    "str": "text",
    "int": 7,
    "dict of 4 scalars": {"a": 1, "b": "text", "c": 2.5, "d": None},
    "list of 10 ints": list(range(10)),
    "tuple of 3": (1, "a", None),
    "dataclass of 3": Point(1, 2, "a"),
    "other object": Plain(),
    "object of 5 fields": Order(),
    "nested": {"a": [1, 2, {"b": (1, 2)}], "c": {"d": "e"}},
}


def microseconds(capture, value):
    figures = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            capture(value)
        figures.append((time.process_time() - began) / CALLS * 1e6)
    return statistics.median(figures), min(figures)


def main():
    for label, attribute_rules in (("no patterns", None), ("attr patterns", AllowAll())):
        capture = build_capture(
            ValueLimits(),
            attribute_rules,
            allow_repr=False,
            wanted=lambda cls: True if cls is Order else None,
        )
        for name, value in VALUES.items():
            median, fastest = microseconds(capture, value)
            print(f"{label:14} {name:18} {median:7.2f} us   (fastest {fastest:.2f})")


if __name__ == "__main__":
    main()
