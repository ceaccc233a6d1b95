"""Callbacks that are called by hand: broken orders, wrong arguments, the wrong threads."""

from __future__ import annotations

import contextlib
import gc
import threading
from typing import TYPE_CHECKING, Any

from tools.fuzz.sessions import Reader, filter_text
from tools.fuzz.things import error, thing

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import active_session, configure

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

EVENTS = {
    "PY_START": 0, "PY_RETURN": 1, "PY_UNWIND": 2, "PY_YIELD": 1, "PY_RESUME": 0, "PY_THROW": 2,
}  # fmt: skip


def plain(deliver: Callable[[], object], a: object = None) -> object:
    return deliver()


def many(deliver: Callable[[], object], *rest: object, password: object = 1) -> object:
    return deliver()


def cells(deliver: Callable[[], object], a: object = None) -> object:
    def within() -> object:
        return deliver() and a

    return within()


def items(deliver: Any = None, a: object = None) -> Any:
    deliver = yield
    while True:
        deliver = yield deliver()


async def steps(deliver: Any = None, a: object = None) -> Any:
    return deliver()


class Hand:
    """Delivers random events in random frames, most of them in the order of a program."""

    def __init__(self, pick: random.Random, callbacks: Any) -> None:
        self.pick, self.callbacks = pick, callbacks
        self.generators: list[Any] = []
        self.open: list[Any] = []

    def step(self) -> None:
        way = self.pick.randrange(10)
        if way < 6:
            self.whole(self.pick.randrange(4))
        elif way < 8:
            self.stray()
        elif way == 8:
            self.junk()
        else:
            self.let_go()

    def whole(self, depth: int) -> object:
        """A call as the interpreter tells of it, with others inside; its end may be missing."""
        if self.pick.random() < 0.4:
            return self.of_generator(depth)
        function = self.pick.choice((plain, many, cells))

        def run() -> object:
            self.event("PY_START", function.__code__)
            for _ in range(self.pick.randrange(3) if depth else 0):
                self.whole(depth - 1)
            end = self.pick.choice(("PY_RETURN", "PY_RETURN", "PY_UNWIND", None, "PY_YIELD"))
            return end and self.event(end, function.__code__)

        return function(run, thing(self.pick))

    def of_generator(self, depth: int) -> None:
        """A step of a generator, new or known."""
        if self.generators and self.pick.random() < 0.6:
            generator = self.pick.choice(self.generators)
            begin = self.pick.choice(("PY_RESUME", "PY_RESUME", "PY_THROW", "PY_START"))
        else:
            generator, begin = items(None, thing(self.pick)), "PY_START"
            next(generator)
            self.generators.append(generator)

        def run() -> object:
            self.event(begin, items.__code__)
            if depth and self.pick.random() < 0.5:
                self.whole(depth - 1)
            end = self.pick.choice(("PY_YIELD", "PY_YIELD", "PY_YIELD", "PY_RETURN", "PY_UNWIND"))
            return self.event(end, items.__code__)

        with contextlib.suppress(ValueError):  # it is running
            generator.send(run)

    def stray(self) -> None:
        """An event whose code is not that of the frame, or without what comes before it."""
        codes = [function.__code__ for function in (plain, many, cells, items, steps)]
        function = self.pick.choice((plain, many))
        event, code = self.pick.choice(list(EVENTS)), self.pick.choice(codes)
        function(lambda: self.event(event, code), thing(self.pick))

    def junk(self) -> None:
        """Arguments that no interpreter gives, but for the code: it is asked for its events."""
        event = self.pick.choice(list(EVENTS))
        code = self.pick.choice((plain.__code__, items.__code__))
        junk = [thing(self.pick) for _ in range(self.pick.choice((1, 1, 2, 2, 0, 3)))]
        with contextlib.suppress(Exception):
            self.callbacks[event](code, *junk)

    def event(self, event: str, code: Any) -> object:
        more = (lambda: (), lambda: (thing(self.pick),), lambda: (error(self.pick),))
        with contextlib.suppress(Exception):
            self.callbacks[event](code, self.pick.randrange(0, 60), *more[EVENTS[event]]())
        return None

    def let_go(self) -> None:
        if self.generators:
            del self.generators[self.pick.randrange(len(self.generators))]
        if self.pick.random() < 0.2:
            gc.collect()


def play(pick: random.Random, folder: Path, steps: int) -> None:
    """One session to whose recorder events are delivered by hand, on two threads at once."""
    text = filter_text(pick, __file__, is_calm=False)
    policy = {"log_file": str(folder / "log")}
    with configure(filter_from_text(text), Reader(pick, folder), policy=policy):
        session: Any = active_session()
        if pick.random() < 0.7:
            session.pause()  # the interpreter's own events are not wanted
        callbacks = session._leading.recorder.callbacks()
        hand = Hand(pick, callbacks)
        threads = [threading.Thread(target=_steps, args=(hand, steps)) for _ in range(2)]
        for thread in threads:
            thread.start()
        _steps(Hand(pick, callbacks), steps)
        for thread in threads:
            thread.join()
    hand.generators.clear()


def _steps(hand: Hand, count: int) -> None:
    for _ in range(count):
        with contextlib.suppress(Exception):
            hand.step()
