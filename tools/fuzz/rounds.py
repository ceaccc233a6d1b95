"""One round of the fuzzer, in a process of its own: a few plays, for it takes long to start one.

usage: python -m tools.fuzz.rounds KIND SEED FOLDER
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import warnings
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tools.fuzz import by_hand
from tools.fuzz.moments import Moments, on_signal
from tools.fuzz.programs import Program
from tools.fuzz.sessions import Counting, Reader, options
from tools.fuzz.things import Surprise
from tools.fuzz.world import World

from codetracer_otel._core import load
from codetracer_otel.sdk.session.configure import active_session, configure, shutdown

FUEL = 1500
ENTRIES = 60
PLAYS = {"stormy": 4, "calm": 2, "hand": 3, "texts": 1}
LIMIT_S = 120  # of processor time
FAILED = 3


def main() -> int:
    kind, seed, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    # Signals and threads raise where nobody catches.
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None
    for number in range(PLAYS[kind]):
        os.write(2, f"{kind} {seed}, play {number}\n".encode())
        with contextlib.suppress(Surprise):  # of a signal that came where nobody catches
            ROUNDS[kind](random.Random(f"{kind} {seed} {number}"), folder)
    if Reader.failures:
        print("the encoders differ:", Reader.failures[:3], file=sys.stderr)
        return FAILED
    return 0


def stormy(pick: random.Random, folder: Path) -> None:
    """A program to whose session everything happens at any moment."""
    world, file = _world(pick, folder, FUEL, is_calm=False)

    def begin() -> None:
        configure(**options(pick, file, folder, is_calm=False))

    moments = Moments(
        pick, begin, lambda: options(pick, file, folder, is_calm=False)["trace_filter"]
    )
    world._moment = moments
    signal.signal(signal.SIGALRM, on_signal(world, pick))
    thresholds = gc.get_threshold()
    if pick.random() < 0.3:
        gc.set_threshold(pick.choice((5, 50)))
    if pick.random() < 0.1:
        _slow_clock(pick)
    begin()
    with contextlib.suppress(BaseException):  # a signal may come between two entries
        _enter(world, pick)
    sys.setrecursionlimit(1000)  # a signal may have come before it was put back
    ends = (lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN), world.kept.clear, gc.collect)
    for _ in range(2):  # a signal may arrive in the first round of them, and between two
        with contextlib.suppress(BaseException):
            for end in ends:
                with contextlib.suppress(BaseException):
                    end()
    for thread in world.threads:
        thread.join(60)
    gc.set_threshold(*thresholds)
    shutdown(5)


def _enter(world: World, pick: random.Random) -> None:
    """Call functions of the program until it has no fuel.

    CPython 3.14.10 lets what a signal raises at the end of a loop's body leave the `with` around
    the loop: the caller's is left as it should be.
    """
    for _ in range(ENTRIES):
        with contextlib.suppress(BaseException):
            world.call(pick.randrange(len(world.functions)))
        if world.fuel <= 0:
            break


def _slow_clock(pick: random.Random) -> None:
    """A clock in Python, in which anything may happen."""
    from codetracer_otel.bindings import Time
    from codetracer_otel.model.clock import SystemClock

    read = Time.monotonic_ns

    def monotonic_ns() -> int:
        if pick.random() < 0.01:
            session = active_session()
            pick.choice((gc.collect, session.stats if session else gc.collect))()
        return read()

    SystemClock.monotonic_ns = staticmethod(monotonic_ns)


def calm(pick: random.Random, folder: Path) -> None:
    """A program that does the same untraced and on both cores, and whose spans are the same."""
    gc.disable()
    seed, text = pick.random(), None
    stories, counts = [], []
    for core in ("", "python", "c"):
        again = random.Random(seed)
        world, file = _world(again, folder, FUEL // 3, is_calm=True)
        os.environ["CODETRACER_OTEL_CORE"] = core or "python"
        counting = Counting()
        keywords = options(random.Random(seed), file, folder, is_calm=True)
        text = keywords.pop("trace_filter")
        session: Any = configure(text, counting, **keywords) if core else contextlib.nullcontext()
        with session:
            for _ in range(ENTRIES // 3):
                with contextlib.suppress(BaseException):
                    world.call(again.randrange(len(world.functions)))
            world.kept.clear()
            gc.collect()
            if core and not session.flush(100):
                raise SystemExit(f"nothing was delivered on {core}")
            if core and session.has_failed:
                raise SystemExit(f"the recorder failed on {core}")
        stories.append(list(world.story))
        world.fuel = 0  # generators that the collector has yet to find would go on in the next one
        gc.collect()
        counts.append(counting.spans)
    for story in stories[1:]:
        if story != stories[0]:
            parting = next(pair for pair in zip_longest(stories[0], story) if pair[0] != pair[1])
            raise SystemExit(f"the program did something else under tracing: {parting}")
    if counts[1] != counts[2]:
        less, more = counts[1] - counts[2], counts[2] - counts[1]
        raise SystemExit(f"the spans differ\nin Python: {list(less)[:3]}\nin C: {list(more)[:3]}")


def _world(pick: random.Random, folder: Path, fuel: int, *, is_calm: bool) -> tuple[World, str]:
    program = Program(pick)
    path = folder / "program.py"
    path.write_text(program.source)
    world = World(program, pick, lambda _: None, fuel, is_calm=is_calm)
    world.load(str(path), program.source)
    return world, str(path)


def hand(pick: random.Random, folder: Path) -> None:
    by_hand.play(pick, folder, 400)


def texts(pick: random.Random, folder: Path) -> None:
    from tools.fuzz.texts import play  # and with it the tests' tables

    play(pick, folder)


ROUNDS = {"stormy": stormy, "calm": calm, "hand": hand, "texts": texts}

if __name__ == "__main__":
    if load().module is None:
        raise SystemExit(f"no compiled core: {load().reason}")
    sys.exit(main())
