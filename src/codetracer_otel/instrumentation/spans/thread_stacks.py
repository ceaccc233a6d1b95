"""The stack of open calls of each thread, and how other threads find it."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Threads
from codetracer_otel.instrumentation.spans.parents import UNSAMPLED, build_base, settle_kept
from codetracer_otel.model.record import CONTEXT, INHERITED_ID, PLAN, SEGMENT, SPAN_ID
from codetracer_otel.model.value_texts import type_name

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

    def innermost(self) -> Record | None:
        """Return the innermost recorded call of the calling thread, or None."""
        for record in reversed(self.mine() or ()):
            if record[PLAN] is not None:
                found: Record = record
                return found
        return None

    def view_mine(self) -> Callable[[], list[Record]]:
        """Return what gives the calling thread's stack, to be called on any thread."""
        stack = self.mine_or_new()
        return lambda: stack

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


_SWITCHES: Final = frozenset({"switch", "throw"})
_EVENT_LOOP: Final = "gevent.hub.Hub"  # what it runs belongs to nobody who waits for it
_read_mro: Final = type.__dict__["__mro__"].__get__


class GreenletStacks:
    """Swaps the thread's stack whenever greenlet switches; nothing of it is on the hot path.

    greenlet tells one trace function per thread; whoever had it before is called on. A greenlet
    begins below the call that switched to it first, if its parent greenlet did.

    Args:
        stacks: the stacks of the session.
    """

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._is_on = True
        self._saved: dict[int, tuple[weakref.ref[Any], StackHandle]] = {}

    def watch_this_thread(self) -> None:
        """Follow the switches of the calling thread if greenlet is loaded."""
        module: Any = sys.modules.get("greenlet")
        set_trace = getattr(module, "settrace", None)
        if set_trace is None or getattr(self._stacks.local, "watches_greenlets", False):
            return
        self._stacks.local.watches_greenlets = True
        previous = module.gettrace()

        def on_event(event: str, greenlets: tuple[Any, Any]) -> None:
            if not self._is_on:
                if module.gettrace() is on_event:
                    set_trace(previous)
            elif event in _SWITCHES:
                self._swap(*greenlets)
            if previous is not None:
                previous(event, greenlets)

        set_trace(on_event)
        self._stacks.local.stop_greenlets = lambda: (
            set_trace(previous) if module.gettrace() is on_event else None
        )

    def close(self) -> None:
        """Stop following: in this thread now, in others at their next switch."""
        self._is_on = False
        self._saved.clear()
        stop = getattr(self._stacks.local, "stop_greenlets", None)
        if stop is not None:
            stop()

    def _swap(self, origin: Any, target: Any) -> None:
        self._stacks.mine()  # all of it, before another one takes its place
        before = getattr(self._stacks.local, "handle", None)
        if before is not None:
            self._save(origin, before)
        known = self._saved.get(id(target))
        if known is not None and known[0]() is target:
            self._stacks.use(known[1])
        elif before is not None:
            self._begin(target, before.stack[-1] if target.parent is origin else None)

    def _begin(self, target: Any, caller: Record | None) -> None:
        base = self._stacks.new()[0]
        if caller is None or caller[CONTEXT] is UNSAMPLED or _runs_events(type(target)):
            return
        settle_kept(caller)
        base[SEGMENT], base[INHERITED_ID] = caller[SEGMENT], caller[SPAN_ID]

    def _save(self, greenlet: Any, handle: StackHandle) -> None:
        key = id(greenlet)
        known = self._saved.get(key)
        if known is not None and known[0]() is greenlet:
            return

        def forget(reference: weakref.ref[Any]) -> None:
            entry = self._saved.get(key)
            if entry is not None and entry[0] is reference:
                del self._saved[key]

        self._saved[key] = (weakref.ref(greenlet, forget), handle)


def _runs_events(kind: type) -> bool:
    return any(type_name(base) == _EVENT_LOOP for base in _read_mro(kind))
