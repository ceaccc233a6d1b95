"""Owns one tool id of sys.monitoring from acquisition to a complete undo."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.instrumentation.monitoring.api import (
    FREE_TOOL_IDS,
    TOOL_NAME,
    build_event_table,
    local_mask,
    mask_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

_monitoring: Final = sys.monitoring


# Switched on by `Monitor.add_events` alone, for the few code objects that need them.
_ON_REQUEST: Final = frozenset({"CALL", "C_RETURN", "C_RAISE", "INSTRUCTION"})
_HANDLED: Final = "EXCEPTION_HANDLED"
_MAX_BROKEN_OFF: Final = 8


class _CodeReference(weakref.ref):  # type: ignore[type-arg]
    """A weak reference to a code object that knows which local events are on for it."""

    __slots__ = ("mask",)
    mask: int


class Monitor:
    """The switchboard of one session: which events fire, globally and per code object.

    ``PY_START`` is on everywhere from `install` on; global-only events are on only while some
    code object is watched, because they slow down code that is not ours.

    Raises:
        EnvironmentFailure: no tool id is free; the owners are in ``context``.
    """

    def __init__(self) -> None:
        self._tool = _acquire_tool_id()
        self._callbacks: Mapping[str, Callable[..., Any]] = {}
        self._local_mask = 0
        self._global_mask = 0
        self._start_mask = mask_of(("PY_START",))
        self._watches = False
        self._paused = False
        self._broken_off: list[BaseException] = []
        self._watched: dict[int, _CodeReference] = {}
        self._skipped: dict[int, _CodeReference] = {}
        self._events = build_event_table()

    @property
    def tool_id(self) -> int:
        """The acquired sys.monitoring tool id."""
        return self._tool

    @property
    def is_paused(self) -> bool:
        """Whether events are off between `pause` and `resume`."""
        return self._paused

    def install(
        self, callbacks: Mapping[str, Callable[..., Any]], *, is_everywhere: bool = True
    ) -> Callable[[], None]:
        """Register the callbacks, switch ``PY_START`` on, and return the idempotent undo.

        Args:
            callbacks: event name -> callable.
            is_everywhere: be told of all code; else only of what `watch` names.
        """
        self._callbacks = callbacks
        for name, callback in callbacks.items():
            _monitoring.register_callback(self._tool, self._events[name].mask, callback)
        asked = mask_of(set(callbacks) - _ON_REQUEST) & ~self._start_mask
        local = local_mask(self._tool)
        self._local_mask, self._global_mask = asked & local, asked & ~local
        if not is_everywhere:
            self._local_mask |= self._start_mask
            self._start_mask = 0
        _monitoring.set_events(self._tool, self._start_mask)
        return self.uninstall

    def watch(self, code: CodeType) -> None:
        """Switch the local events of a code object on, from its current call onwards."""
        self._switch_on(code, self._local_mask)
        if not self._watches and self._tool >= 0:
            self._set_global_events(watches=True)
            self._watches = True

    def add_events(self, code: CodeType, names: tuple[str, ...]) -> None:
        """Switch further local events of one code object on."""
        self._switch_on(code, mask_of(names))

    def skipped(self, code: CodeType) -> None:
        """Remember a code object whose ``PY_START`` is about to be disabled."""
        self._skipped[id(code)] = _reference(code, self._skipped)

    def when_handled(self, error: BaseException, then: Callable[[BaseException], None]) -> None:
        """Call ``then`` as the program handles ``error``, which a callback raised into it.

        EXCEPTION_HANDLED slows exceptions down everywhere, so it is on only until then.
        """
        if self._tool < 0 or self._paused:
            return
        self._broken_off.append(error)
        del self._broken_off[:-_MAX_BROKEN_OFF]  # C code may have dropped the others
        mask, subscriber = mask_of((_HANDLED,)), self._callbacks.get(_HANDLED)

        def on_handled(code: CodeType, offset: int, handled: BaseException) -> None:
            if any(known is handled for known in self._broken_off):
                self._broken_off[:] = [e for e in self._broken_off if e is not handled]
                then(handled)
            if not self._broken_off:
                _monitoring.register_callback(self._tool, mask, subscriber)
                self._set_global_events(watches=self._watches)
            if subscriber is not None:
                subscriber(code, offset, handled)

        _monitoring.register_callback(self._tool, mask, on_handled)
        _monitoring.set_events(self._tool, _monitoring.get_events(self._tool) | mask)

    def never_handled(self, error: BaseException) -> None:
        """Undo `when_handled`: another exception has taken the place of ``error``."""
        self._broken_off[:] = [known for known in self._broken_off if known is not error]

    def pause(self) -> None:
        """Stop all events; `resume` brings back what was on."""
        if not self._paused and self._tool >= 0:
            self._paused = True
            self._set_global_events(watches=self._watches)
            for code in self._alive(self._watched):
                self._switch(_monitoring.set_local_events, code, 0)

    def resume(self) -> None:
        """Undo `pause`."""
        if self._paused and self._tool >= 0:
            self._paused = False
            for reference in list(self._watched.values()):
                code = reference()
                if code is not None:
                    self._switch(_monitoring.set_local_events, code, reference.mask)
            self._set_global_events(watches=self._watches)

    def raise_at_next_call(self, take: Callable[[], BaseException | None]) -> None:
        """Let the next call of watched code raise what ``take`` returns; then all events are off.

        Args:
            take: returns None on a thread that must not raise, and when nothing is left to.
        """

        def on_start(code: CodeType, _offset: int) -> None:
            error = take() if id(code) in self._watched else None
            if error is not None:
                _monitoring.set_events(self._tool, 0)
                raise error

        self.pause()
        if self._tool >= 0:
            _monitoring.register_callback(self._tool, self._start_mask, on_start)
            _monitoring.set_events(self._tool, self._start_mask)

    def unwatch(self, code: CodeType) -> None:
        """Switch the local events of a code object off: it is traced no more."""
        if self._watched.pop(id(code), None) is not None:
            self._switch(_monitoring.set_local_events, code, 0)

    def ask_again(self) -> None:
        """Let all skipped code be asked about again, without a moment in which events are off.

        Events that other tools have switched off come back once, too: CPython knows no other way.
        """
        if self._tool >= 0:
            self._skipped.clear()
            _monitoring.restart_events()

    def rearm(self) -> None:
        """Let all code that was skipped so far be asked about again; `install` comes next."""
        if self._tool >= 0:
            _monitoring.set_events(self._tool, 0)
            self._rearm(self._tool)
            self._skipped.clear()

    def uninstall(self) -> None:
        """Leave the interpreter as before: events off, skipped code re-armed, tool id free."""
        if self._tool < 0:
            return
        tool, self._tool = self._tool, -1
        _monitoring.set_events(tool, 0)
        _monitoring.register_callback(tool, mask_of((_HANDLED,)), None)
        self._broken_off.clear()
        for code in self._alive(self._watched):
            _monitoring.set_local_events(tool, code, 0)
        self._rearm(tool)
        for name in self._callbacks:
            _monitoring.register_callback(tool, self._events[name].mask, None)
        _monitoring.free_tool_id(tool)

    def _switch_on(self, code: CodeType, mask: int) -> None:
        if self._tool < 0:
            return
        reference = self._watched.get(id(code))
        if reference is None:
            reference = self._watched[id(code)] = _reference(code, self._watched)
        reference.mask |= mask
        if not self._paused:
            self._switch(_monitoring.set_local_events, code, reference.mask)

    def _switch(self, switch: Callable[..., object], *arguments: object) -> None:
        tool = self._tool
        if tool < 0:
            return
        try:
            switch(tool, *arguments)
        except ValueError:
            if tool == self._tool:  # else the session has ended meanwhile on another thread
                raise

    def _rearm(self, tool: int) -> None:
        # DISABLE marks outlive free_tool_id. Local events on and off clears them, but only while
        # our global events are off; restart_events() would re-arm every other tool as well.
        for code in self._alive(self._skipped):
            _monitoring.set_local_events(tool, code, self._start_mask)
            _monitoring.set_local_events(tool, code, 0)

    def _set_global_events(self, *, watches: bool) -> None:
        mask = self._start_mask | (self._global_mask if watches else 0)
        self._switch(_monitoring.set_events, 0 if self._paused else mask)

    @staticmethod
    def _alive(references: dict[int, _CodeReference]) -> Iterator[CodeType]:
        for reference in list(references.values()):
            code = reference()
            if code is not None:
                yield code


def _reference(code: CodeType, table: dict[int, _CodeReference]) -> _CodeReference:
    """Return a reference to ``code`` that leaves ``table`` when the code is collected."""
    key = id(code)

    def forget(reference: weakref.ref[CodeType]) -> None:
        if table.get(key) is reference:
            del table[key]

    made = _CodeReference(code, forget)
    made.mask = 0
    return made


def _acquire_tool_id() -> int:
    owners = {}
    for tool in FREE_TOOL_IDS:
        try:
            _monitoring.use_tool_id(tool, TOOL_NAME)
        except ValueError:
            owners[f"tool_{tool}"] = str(_monitoring.get_tool(tool))
        else:
            return tool
    raise EnvironmentFailure(
        "sys.monitoring: no tool id is free for a session; end one of the other tools",
        ErrorCode.TRACER_INSTALL_CONFLICT,
        owners,
    )


def generator_close_is_silent(tool: int) -> bool:
    """Find out whether closing a plain generator goes unreported (CPython 3.13.0).

    Args:
        tool: an acquired tool id whose events are off.
    """
    seen: list[CodeType] = []
    unwind = mask_of(("PY_UNWIND",))

    def probe() -> Iterator[None]:
        yield

    _monitoring.register_callback(tool, unwind, lambda code, *_: seen.append(code))
    _monitoring.set_events(tool, unwind)
    try:
        generator = probe()
        next(generator)
        generator.close()  # type: ignore[attr-defined]
    finally:
        _monitoring.set_events(tool, 0)
        _monitoring.register_callback(tool, unwind, None)
    return not any(code is probe.__code__ for code in seen)
