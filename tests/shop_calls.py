"""The calls of a program, found by `sys.setprofile`: an opinion that is independent of ours.

As a program it runs a script and writes what was called as JSON::

    python shop_calls.py OUT FOLDER SCRIPT [ARGUMENT...]
"""

from __future__ import annotations

import concurrent.futures.thread
import json
import os
import runpy
import subprocess
import sys
import threading
from asyncio.base_events import BaseEventLoop
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

TASK_CREATION = BaseEventLoop.create_task.__code__
WORK_ITEM = concurrent.futures.thread._WorkItem
WORK_SUBMISSION = WORK_ITEM.__init__.__code__
WORK = WORK_ITEM.run.__code__


@dataclass(frozen=True)
class Call:
    """One call; a generator or coroutine is one call however often it is resumed."""

    number: int
    parent: int | None
    module: str
    qualname: str
    line: int

    @property
    def name(self) -> str:
        """The span name that the call should have."""
        body = self.qualname == "<module>"
        return f"<{self.module}>" if body else f"{self.module}.{self.qualname}"


class Profile:
    """Every call of code below a folder, with the call that started it.

    A task's parent is the call that created the task, a work item's the one that submitted it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.calls: list[Call] = []
        self.numbers: dict[FrameType, int] = {}  # keeps the frames, so none takes another's place
        self.task_parents: dict[FrameType, int | None] = {}
        self.work_parents: dict[int, int | None] = {}
        self.lock = threading.Lock()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call":
            return
        if frame.f_code is TASK_CREATION:
            self.task_parents[frame.f_locals["coro"].cr_frame] = self.nearest(frame.f_back)
        elif frame.f_code is WORK_SUBMISSION:
            self.work_parents[id(frame.f_locals["self"])] = self.nearest(frame.f_back)
        elif frame.f_code.co_filename.startswith(self.folder) and frame not in self.numbers:
            self.add(frame)

    def add(self, frame: FrameType) -> None:
        parent = self.nearest(frame)
        code, module = frame.f_code, frame.f_globals["__name__"]
        with self.lock:
            number = self.numbers[frame] = len(self.calls)
            self.calls.append(Call(number, parent, module, code.co_qualname, code.co_firstlineno))

    def nearest(self, frame: FrameType | None) -> int | None:
        """Return the call in which ``frame`` runs, ``frame`` itself included."""
        while frame is not None:
            if frame in self.numbers:
                return self.numbers[frame]
            if frame in self.task_parents:
                return self.task_parents[frame]
            if frame.f_code is WORK:
                return self.work_parents[id(frame.f_locals["self"])]
            frame = frame.f_back
        return None


def independent_calls(script: Path, *arguments: str, out: Path) -> list[Call]:
    """Run a script in a process of its own; return the calls of code in its folder."""
    command = [sys.executable, __file__, str(out), str(script.parent), str(script), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return [Call(**call) for call in json.loads(out.read_text())]


def select(calls: Iterable[Call], is_selected: Callable[[Call], bool]) -> list[Call]:
    """Return the selected calls; a call whose parent is not selected goes to the next above."""
    parents: dict[int, int | None] = {}  # of every call so far: itself if selected, else above
    kept = []
    for call in calls:
        parent = None if call.parent is None else parents[call.parent]
        selected = is_selected(call)
        parents[call.number] = call.number if selected else parent
        if selected:
            kept.append(Call(call.number, parent, call.module, call.qualname, call.line))
    return kept


def paths(nodes: Iterable[tuple[object, object, str]]) -> Counter[tuple[str, ...]]:
    """Return how often each path of names from the root occurs in a tree.

    Args:
        nodes: (identity, identity of the parent or None, name), in any order.
    """
    by_identity = {identity: (parent, name) for identity, parent, name in nodes}
    return Counter(_path(identity, by_identity) for identity in by_identity)


def _path(identity: object, nodes: dict[object, tuple[object, str]]) -> tuple[str, ...]:
    path: list[str] = []
    at: object = identity
    while at is not None:
        parent, name = nodes.get(at, (None, f"missing parent {at}"))
        path.append(name)
        at = parent
    return tuple(reversed(path))


def run(out: str, folder: str, script: str, *arguments: str) -> None:
    """Run a script as ``python`` would and write its calls."""
    profile = Profile(folder + os.sep)
    sys.argv, sys.path[0] = [script, *arguments], folder
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as exit_:
        if exit_.code:
            raise
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        Path(out).write_text(json.dumps([vars(call) for call in profile.calls]))


if __name__ == "__main__":
    run(*sys.argv[1:])
