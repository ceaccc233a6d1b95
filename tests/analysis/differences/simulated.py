"""A program on a clock of its own, traced into JSON lines: what it takes is what a test says."""

from __future__ import annotations

import contextlib
import functools
import json
import random

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECOND = 1_000_000


class Program:
    """Records calls of the functions that it decorates; time passes only in `work`.

    Args:
        seed: of the noise: each piece of work takes up to a tenth more, and some calls are
            delayed by a busy machine.
    """

    def __init__(self, seed=0):
        self.lines = []
        self.clock = 0.0
        self.thread = "MainThread"
        self._stack = []
        self._number = 0
        self._noise = random.Random(seed)

    def work(self, us):
        delay = 30_000 if self._noise.random() < 0.002 else 0
        self.clock += us * self._noise.uniform(1.0, 1.1) + delay

    def traced(self, function):
        @functools.wraps(function)
        def call(*given):
            self._number += 1
            number, parent = self._number, self._stack[-1] if self._stack else None
            begin = self.clock
            self._stack.append(number)
            error = None
            result = None
            try:
                self.work(2)
                result = function(*given)
            except Exception as raised:
                error = raised
                raise
            finally:
                self._stack.pop()
                self._record(function, given, number, parent, begin, error, result)
            return result

        return call

    @contextlib.contextmanager
    def on_thread(self, name):
        before, self.thread = self.thread, name
        yield
        self.thread = before

    def _record(self, function, given, number, parent, begin, error, result):
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        shown = {
            f"codetracer.arg.{name}": value if isinstance(value, int | str) else "<app.Thing>"
            for name, value in zip(names, given, strict=True)
        }
        if error is None:
            shown["codetracer.return"] = result
        else:
            shown["error.type"] = type(error).__name__
        seconds, micro = divmod(round(begin), SECOND)
        self.lines.append(
            {
                "timestamp": f"2026-01-01T00:00:{seconds:02d}.{micro:06d}Z",
                "name": f"app.{function.__name__}",
                "trace_id": TRACE,
                "span_id": f"{number:016x}",
                "parent_span_id": None if parent is None else f"{parent:016x}",
                "duration_ms": (self.clock - begin) / 1000,
                "status": {"code": "ERROR" if error else "UNSET", "message": None},
                "attributes": {
                    "code.file.path": "/app/app.py",
                    "code.line.number": function.__code__.co_firstlineno,
                    "thread.name": self.thread,
                    **shown,
                },
                "events": [],
                "links": [],
                "schema": "span/1",
            }
        )

    def write(self, path):
        path.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return str(path)


def shop(seed=0, **plant):
    """Run a shop of 40 orders; ``plant`` names what is wrong with it. Return its program."""
    program = Program(seed)
    work, traced = program.work, program.traced
    has = plant.get

    @traced
    def rate(country):
        work(has("slow_leaf", 60))
        return 19 if country != has("other_result") else 7

    @traced
    def compute(key):
        work(400)
        return key * 3

    cache = {}

    @traced
    def look_up(key):
        if key not in cache or has("no_cache"):
            cache[key] = compute(key)
        work(5)
        return cache[key]

    @traced
    def tax(amount, country):
        return amount * rate(country) // 100

    @traced
    def discount(amount):
        work(10)
        return amount // 10

    @traced
    def price(item):
        amount = look_up(item % 8)
        if has("new_function"):
            amount -= discount(amount)
        return amount + tax(amount, ("de", "fr", "it")[item % 3])

    @traced
    def query(table, number):
        work(90)
        if number == has("deep_error"):
            raise LookupError(number)
        return number

    @traced
    def load(order):
        rows = [query("orders", order)]
        if has("one_more_query"):
            rows.append(query("users", order))
        return len(rows)

    @traced
    def charge(order):
        work(150)
        if order == has("other_error"):
            raise ValueError(order)
        if order == 7:
            raise KeyError("declined")
        return "paid"

    @traced
    def notify(order):
        work(has("waiting", 20))

    @traced
    def retry(order):
        work(5)
        return charge(order)

    @traced
    def place(order):
        try:
            load(order)
        except LookupError:
            return "not found"
        total = sum(price(item) for item in range(order, order + has("items", 3)))
        work(has("slow_middle", 15))
        try:
            (retry if has("wrapper") else charge)(order)
        except (KeyError, ValueError):
            return "declined"
        if not has("vanished"):
            notify(order)
        return f"total {total}"

    @traced
    def audit(order):
        work(has("slow_thread", 40))
        if has("thread_errors") and order % 2:
            raise OSError
        return order

    @traced
    def start():
        work(has("slow_start", 3_000))

    @traced
    def report(kind):
        work(50)
        return f"{kind}: {has('report', 1)}"

    @traced
    def main():
        start()
        for order in range(has("orders", 40)):
            place(order)
        with program.on_thread("auditor"):
            for order in range(40):
                with contextlib.suppress(OSError):
                    audit(order)
                if has("audit_twice"):
                    audit(order)
        for _ in range(has("reports", 2)):
            report("daily")
        if has("recursion"):
            down(has("recursion"))

    @traced
    def down(depth):
        work(3)
        if depth:
            down(depth - 1)

    main()
    return program
