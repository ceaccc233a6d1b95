"""What the functions of a random program live in: values, calls of every kind, and surprises."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import os
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from tools.fuzz.things import Finalized, Surprise, error, thing

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from tools.fuzz.programs import Program

try:
    import greenlet
except ImportError:  # the programs have one kind of call less
    greenlet = None
if "asan" in os.environ.get("LD_PRELOAD", ""):
    greenlet = None  # copies stacks, which the sanitizer takes for a fault

MOST_DEPTH = 25
MOST_KEPT = 40
LOOP_S = 20


class World:
    """Runs a program; what it does is chosen by one source of chance.

    Args:
        program: made by `Program`.
        pick: the source of chance.
        moment: what happens when the program asks for a moment.
        fuel: calls that are made at most.
        is_calm: nothing may depend on time, on the collector or on the depth of the stack.
    """

    def __init__(
        self,
        program: Program,
        pick: random.Random,
        moment: Callable[[World], object],
        fuel: int,
        *,
        is_calm: bool,
    ) -> None:
        self.program, self.pick, self._moment = program, pick, moment
        self.fuel, self.is_calm = fuel, is_calm
        self.depth = self.aside = 0
        self.kept: list[Any] = []
        self.story: list[Any] = []
        self.threads: list[threading.Thread] = []
        self.functions: list[Any] = []

    def load(self, file: str, source: str) -> None:
        namespace: dict[str, Any] = {"__name__": "fuzzed", "world": self, "Surprise": Surprise}
        exec(compile(source, file, "exec"), namespace)
        self.functions = [namespace[f"f{number}"] for number in range(len(self.program.kinds))]

    # -- what the functions of the program ask for

    def chance(self, probability: float) -> bool:
        return self.pick.random() < probability

    def value(self) -> Any:
        if self.chance(0.03):
            return Finalized(self.finalize)
        return thing(self.pick)

    def error(self) -> BaseException:
        made = error(self.pick)
        return Surprise("calm") if self.is_calm and not isinstance(made, Surprise) else made

    def saw(self, value: Any) -> None:
        self.story.append(type(value).__name__ if type(value) is not type else value.__name__)

    def keep(self, value: Any) -> None:
        self.kept.append(value)
        if len(self.kept) > MOST_KEPT:
            del self.kept[self.pick.randrange(len(self.kept))]

    def let_go(self) -> None:
        if self.kept:
            self.kept.pop(self.pick.randrange(len(self.kept)))

    def moment(self) -> None:
        if not self.aside:
            self._moment(self)

    def variables(self, values: dict[str, Any]) -> int:
        if not self.is_calm and self.chance(0.3):
            self.keep(sys._getframe(1))
        return len(values)

    def finalize(self) -> None:
        """Runs traced code as something goes, at whatever moment that is.

        In a context of its own: CPython 3.12.1 and 3.13.0 cache the value of a context variable
        without holding it, and one that is set while another is reset leaves that dangling.
        """
        if not self.is_calm and self.fuel > 0 and self.depth < MOST_DEPTH:
            contextvars.copy_context().run(self.call_aside)

    def call_aside(self) -> None:
        """Call something where the thread may hold any lock: nothing that waits may happen."""
        self.aside += 1
        try:
            self.call(self.pick.randrange(len(self.functions)))
        finally:
            self.aside -= 1

    @contextlib.contextmanager
    def manager(self) -> Iterator[None]:
        yield

    @contextlib.asynccontextmanager
    async def async_manager(self) -> Any:
        await self.pause()
        yield

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Another current context, whose last reference may run code when it goes."""
        value = Finalized(self.finalize) if self.chance(0.5) else 1
        token = otel_context.attach(otel_context.set_value("fuzzed", value))
        del value
        try:
            yield
        finally:
            if self.is_calm or not self.chance(0.1):
                otel_context.detach(token)

    @contextlib.contextmanager
    def span(self) -> Iterator[None]:
        """A span by hand, or attributes for the current one."""
        current = trace.get_current_span()
        current.set_attribute("fuzzed", "x")
        if self.chance(0.3):
            current.add_event("event", {"a": 1})
            current.record_exception(ValueError("x"))
        with trace.get_tracer("fuzzed").start_as_current_span("by hand"):
            yield

    def recurse(self, function: Callable[[], object]) -> None:
        if self.is_calm or not self.chance(0.15):
            return
        with contextlib.suppress(RecursionError):
            function()

    def switch(self) -> None:
        """Leave a greenlet in the middle; not with a lock that its thread may take to its end."""
        if not self.aside and greenlet is not None and greenlet.getcurrent().parent is not None:
            greenlet.getcurrent().parent.switch()

    @types.coroutine
    def pause(self) -> Any:
        """Suspend a coroutine; under a loop, for one turn of it."""
        return (yield)

    # -- calls

    def call(self, number: int) -> Any:
        if self.fuel <= 0 or self.depth >= MOST_DEPTH:
            return None
        self.fuel -= 1
        self.depth += 1
        self.story.append(number)
        try:
            return self._call(number)
        finally:
            self.depth -= 1

    def _call(self, number: int) -> Any:
        kind = self.program.kinds[number]
        if kind == "generator":
            return self.drive(self._made(number), "send")
        if kind == "coroutine":
            return self._coroutine(number)
        if kind == "asyncgen":
            return self.drive_asynchronous(self._made(number))
        way = 0 if self.is_calm else self.pick.randrange(30)
        if way == 1:
            return self._in_thread(number)
        if way in (2, 3):
            return self._in_greenlet(number)
        return self._made(number)

    def _made(self, number: int) -> Any:
        count = self.program.counts[number]
        if self.chance(0.02):
            count = self.pick.randrange(0, 6)  # and a TypeError at times
        values = [self.value() for _ in range(count)]
        if self.chance(0.2):
            return self.functions[number](*values, **{f"k{self.pick.randrange(4)}": self.value()})
        return self.functions[number](*values)

    def drive(self, generator: Any, send: str) -> Any:
        """Run a generator or coroutine by hand, to its end or in any other way."""
        way = self.pick.randrange(9)
        step = getattr(generator, send)
        if way == 0:
            return None  # it never begins
        try:
            value = step(None)
            if way == 1:
                self.keep(generator)
            elif way == 2:
                generator.close()
            elif way == 3:
                return generator.throw(self.error())
            elif way == 4:
                circle = [generator]
                circle.append(circle)  # only the collector finds it
                if not self.is_calm and self.chance(0.3):
                    gc.collect()
            elif way == 5:
                del step, generator  # abandoned while it is suspended
            else:
                for _ in range(10):
                    value = step(None if way < 8 else value)
        except StopIteration:
            return None
        return value

    def _coroutine(self, number: int) -> Any:
        made = self._made(number)
        if not self.chance(0.4) or _is_in_loop():
            return self.drive(made, "send")
        made.close()
        return self._in_loop(number)

    def _in_loop(self, number: int) -> Any:
        def start() -> Any:
            return asyncio.ensure_future(self.coroutine(number))

        async def main() -> Any:
            tasks = [start() for _ in range(self.pick.randrange(1, 5))]
            await asyncio.sleep(0)
            for task in tasks:
                if self.chance(0.3):
                    task.cancel()
            if self.chance(0.1):
                return None  # the loop cancels what goes on
            if self.chance(0.3):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0 if self.is_calm else 0.001):
                        await asyncio.gather(*tasks, return_exceptions=True)
            return await asyncio.gather(*tasks, return_exceptions=self.chance(0.7))

        runner = asyncio.Runner()
        try:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda *_: None)
            if not self.is_calm:
                loop.call_later(LOOP_S, _stop_again_and_again, loop)
            if self.chance(0.3):
                loop.set_task_factory(asyncio.eager_task_factory)
            return runner.run(main())
        finally:
            runner.close()

    def drive_asynchronous(self, generator: Any) -> Any:
        way = self.pick.randrange(6)
        if way == 0:
            return None
        for _ in range(self.pick.randrange(1, 5)):
            try:
                self.drive(generator.asend(None), "send")
            except StopAsyncIteration:
                return None
        if way == 1:
            self.keep(generator)
        elif way == 2:
            return self.drive(generator.aclose(), "send")
        elif way == 3:
            return self.drive(generator.athrow(self.error()), "send")
        return None

    def generator(self, number: int) -> Any:
        """An iterable for `yield from`: a generator of the program where there is fuel."""
        if self.program.kinds[number] != "generator" or self.fuel <= 0 or self.depth >= MOST_DEPTH:
            return [1]
        self.fuel -= 1
        return self._made(number)

    def coroutine(self, number: int) -> Any:
        if self.program.kinds[number] != "coroutine" or self.fuel <= 0 or self.depth >= MOST_DEPTH:
            return self.nothing()
        self.fuel -= 1
        return self._made(number)

    async def nothing(self) -> None:
        await asyncio.sleep(0) if _is_in_loop() else await self.pause()

    def asyncgen(self, number: int) -> Any:
        if self.program.kinds[number] != "asyncgen" or self.fuel <= 0 or self.depth >= MOST_DEPTH:
            return self.no_items()
        self.fuel -= 1
        return self._made(number)

    async def no_items(self) -> Any:
        await self.pause()
        yield 1

    def _in_thread(self, number: int) -> Any:
        def run() -> None:
            with contextlib.suppress(BaseException):
                self._made(number)

        thread = threading.Thread(target=run)
        thread.start()
        if self.chance(0.6):
            thread.join(5)
        else:
            self.threads.append(thread)
        return None

    def _in_greenlet(self, number: int) -> Any:
        if greenlet is None:
            return None
        made = greenlet.greenlet(self._made)
        result = made.switch(number)
        way = self.pick.randrange(4)
        if way == 0 and not made.dead:
            made.throw(Surprise)
        elif way == 1 and not made.dead:
            self.keep(made)
        elif way == 2 and not made.dead:
            made.switch()
        return result


def _stop_again_and_again(loop: asyncio.AbstractEventLoop) -> None:
    """Let neither a run of the loop nor its end wait for ever.

    A signal that raises in a callback of asyncio's loses who waits.
    """
    loop.stop()
    loop.call_later(LOOP_S, _stop_again_and_again, loop)


def _is_in_loop() -> bool:
    return asyncio._get_running_loop() is not None
