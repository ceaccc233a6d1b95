"""The stack of open calls of each thread, and how other threads find it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from codetracer_otel.bindings import Threads
from codetracer_otel.instrumentation.spans.parents import build_base

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.model.record import Record


class StackHandle:
    """Lets other threads find a stack for as long as its thread lives."""

    __slots__ = ("__weakref__", "stack")

    def __init__(self, stack: list[Record]) -> None:
        self.stack = stack


class ThreadStacks(Threads.Local):
    """``stack`` of the calling thread; the attribute is absent until its first traced call."""

    stack: list[Record]
    handle: StackHandle
    watches_greenlets: bool
    stop_greenlets: Callable[[], None]


class Stacks:
    """Every thread's stack of open calls.

    Attributes:
        local: the calling thread's; the callbacks read ``local.stack`` without a call.
        on_new: called on a thread that has just got a stack.
    """

    def __init__(self) -> None:
        self.on_new: Callable[[], None] = lambda: None
        self.local = ThreadStacks()
        self._handles: dict[int, weakref.ref[StackHandle]] = {}

    def mine(self) -> list[Record] | None:
        """Return the calling thread's stack, or None before its first traced call."""
        return getattr(self.local, "stack", None)

    def mine_or_new(self) -> list[Record]:
        """Return the calling thread's stack."""
        return getattr(self.local, "stack", None) or self.new()

    def new(self, *, muted: bool = False) -> list[Record]:
        """Give the calling thread a stack; a muted one records nothing."""
        stack = [build_base(muted=muted)]
        handle = StackHandle(stack)
        self.use(handle)
        self._remember(handle)
        self.on_new()
        return stack

    def use(self, handle: StackHandle) -> None:
        """Make a stack the calling thread's."""
        self.local.handle = handle
        self.local.stack = handle.stack

    def take_open(self) -> list[Record]:
        """Remove and return the open entries of every thread, innermost first."""
        entries: list[Record] = []
        for reference in list(self._handles.values()):
            handle = reference()
            if handle is not None:
                entries.extend(reversed(handle.stack[1:]))
                del handle.stack[1:]
        return entries

    def open_entries(self) -> list[Record]:
        """Return the open entries of every thread; they stay where they are."""
        handles = [reference() for reference in list(self._handles.values())]
        return [entry for handle in handles if handle for entry in handle.stack[1:]]

    def forget_other_threads(self) -> None:
        """Keep only the calling thread's stack: a forked child has no other thread."""
        mine = getattr(self.local, "handle", None)
        self._handles = {}
        if mine is not None:
            self._remember(mine)

    def _remember(self, handle: StackHandle) -> None:
        # No lock, and C code only: a WeakSet is Python code, which may be traced and come here.
        handles, key = self._handles, id(handle)
        handles[key] = weakref.ref(handle, lambda _: handles.pop(key, None))
