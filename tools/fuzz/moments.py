"""What happens to a session at random moments of a program."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from tools.fuzz.things import Surprise

from codetracer_otel.sdk.session.configure import active_session, shutdown

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from types import FrameType

    from tools.fuzz.world import World

WITH_LOCKS = ("logging", "warnings", "_py_warnings", "threading", "opentelemetry")
TOOL = 5  # of sys.monitoring, for another tool beside ours


class Moments:
    """Things that happen; most of them often, some seldom.

    Args:
        pick: the source of chance.
        begin: starts another session.
        trace_filter: makes a filter for a reload.
    """

    def __init__(
        self,
        pick: random.Random,
        begin: Callable[[], object],
        trace_filter: Callable[[], object],
    ) -> None:
        self.pick = pick
        self._begin, self._filter = begin, trace_filter
        self.forks = 6
        self._often: tuple[Callable[[World], object], ...] = (
            self.flush, self.pause, self.collect, self.look, self.timer, self.timer, self.switches,
            self.drop, self.raise_here, self.mark,
        )  # fmt: skip
        self._seldom: tuple[Callable[[World], object], ...] = (
            self.reload, self.shut_down, self.begin, self.fork, self.other_tool, self.elsewhere,
            self.exhaust,
        )  # fmt: skip

    def __call__(self, world: World) -> None:
        if self.pick.random() < 0.4:
            self.pick.choice(self._seldom if self.pick.random() < 0.12 else self._often)(world)

    def flush(self, _: World) -> None:
        session = active_session()
        if session is not None:
            session.flush(0.2)

    def pause(self, _: World) -> None:
        session = active_session()
        if session is not None:
            session.pause() if self.pick.random() < 0.3 else session.resume()

    def collect(self, _: World) -> None:
        gc.collect(self.pick.randrange(3))

    def look(self, _: World) -> None:
        session = active_session()
        if session is not None:
            session.stats()
        sys._current_frames()
        trace.get_current_span().is_recording()

    def timer(self, _: World) -> None:
        """A signal soon, whose handler raises, calls the program, or both."""
        if threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, self.pick.random() * 0.003)

    def switches(self, _: World) -> None:
        sys.setswitchinterval(self.pick.choice((1e-6, 1e-4, 0.005)))

    def drop(self, world: World) -> None:
        world.kept.clear()

    def raise_here(self, _: World) -> None:
        if self.pick.random() < 0.2:
            raise self.pick.choice((Surprise, MemoryError, KeyboardInterrupt, RecursionError))

    def mark(self, _: World) -> None:
        trace.get_current_span().set_attribute("marked", [1, 2])

    def reload(self, _: World) -> None:
        session = active_session()
        if session is not None:
            session.reload(self._filter())

    def shut_down(self, _: World) -> None:
        shutdown(1)

    def begin(self, _: World) -> None:
        self._begin()

    def fork(self, world: World) -> None:
        """A child that goes on for a while, and ends in one of two ways."""
        if self.forks <= 0 or len(sys._current_frames()) > 40:
            return
        self.forks -= 1
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.alarm(0)
            world.fuel = min(world.fuel, 30)
            self.forks = 0
            with contextlib.suppress(BaseException):
                world.call(self.pick.randrange(len(world.functions)))
            with contextlib.suppress(BaseException):
                shutdown(2)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            os.write(2, f"a forked child ended with {status}\n".encode())
            os._exit(70)

    def other_tool(self, _: World) -> None:
        """Another tool beside ours, which makes the interpreter instrument code anew."""
        monitoring = sys.monitoring
        if monitoring.get_tool(TOOL) is None:
            monitoring.use_tool_id(TOOL, "fuzzer")
            for event in (monitoring.events.LINE, monitoring.events.PY_START):
                monitoring.register_callback(TOOL, event, lambda *_: None)
            monitoring.set_events(TOOL, monitoring.events.LINE | monitoring.events.PY_START)
        else:
            monitoring.set_events(TOOL, 0)
            monitoring.free_tool_id(TOOL)
            monitoring.restart_events()

    def elsewhere(self, world: World) -> None:
        """Session events from another thread, while this one goes on."""

        def act() -> None:
            with contextlib.suppress(BaseException):
                self.pick.choice((self.flush, self.pause, self.reload, self.collect, self.begin))(
                    world
                )

        thread = threading.Thread(target=act)
        thread.start()
        world.threads.append(thread)

    def exhaust(self, world: World) -> None:
        """Calls where hardly a level of the stack is left."""
        limit = sys.getrecursionlimit()
        depth = 0
        frame: Any = sys._getframe()
        while frame is not None:
            depth, frame = depth + 1, frame.f_back
        with contextlib.suppress(RecursionError):
            sys.setrecursionlimit(depth + self.pick.randrange(8, 60))
        try:
            with contextlib.suppress(RecursionError):
                world.call(self.pick.randrange(len(world.functions)))
        finally:
            sys.setrecursionlimit(limit)


def on_signal(world: World, pick: random.Random) -> Callable[[int, FrameType | None], None]:
    """Return a handler that raises or calls the program.

    Where a lock of others may just have been taken it does not raise: nobody would release it.
    """

    def handle(_: int, frame: FrameType | None) -> None:
        way = pick.randrange(4)
        module = "" if frame is None else frame.f_globals.get("__name__", "")
        if way == 0:
            world.call_aside()
        elif way == 1 and not module.startswith(WITH_LOCKS):
            raise Surprise("a signal")
        elif way == 2:
            gc.collect()

    return handle
