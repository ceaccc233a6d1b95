"""Passes the parent on with work that the program hands to tasks, callbacks, threads and pools.

Nothing is patched. These functions of the standard library are Python code objects, so their own
PY_START is a hook at the moment the context is about to be copied. Where the copier is C code,
CALL events serve, on just those code objects that name it. Calls with unpacked arguments report no
end of a bound method, and on CPython 3.12 no call either: there INSTRUCTION events serve.
"""

from __future__ import annotations

import sys
import types
import weakref
from contextlib import suppress
from opcode import opmap
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.instrumentation.context.runtime_context import materialise
from codetracer_otel.instrumentation.values.frame_variables import read_variables
from codetracer_otel.model.record import (
    CONTEXT,
    EXTRAS,
    SEGMENT,
    SPAN_ID,
    Record,
    TraceOnThread,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from codetracer_otel.instrumentation.context.runtime_context import FunctionRuntimeContext
    from codetracer_otel.model.protocols import CurrentCall

COPIERS: Final = frozenset(
    {
        "copy_context",
        "create_task",
        "call_soon",
        "call_later",
        "call_at",
        "call_soon_threadsafe",
        "add_done_callback",
        "add_reader",
        "add_writer",
        "add_signal_handler",
    }
)
_C_CALLABLES: Final = frozenset(
    {
        types.BuiltinFunctionType,
        types.MethodDescriptorType,
        types.ClassMethodDescriptorType,
        types.WrapperDescriptorType,
        types.MethodWrapperType,
    }
)
_UNPACKING_CALL: Final = opmap["CALL_FUNCTION_EX"]
_CACHE: Final = opmap["CACHE"]
# Loops that are C code themselves: only below them is a call of a bound method a copy in C.
_C_LOOPS: Final = ("uvloop", "winloop", "rloop")
_CYTHON_NAMES: Final = frozenset({"cython_function_or_method", "fused_cython_function"})
_read_type_name: Final = type.__dict__["__name__"].__get__


class UnpackingCalls(NamedTuple):
    """Offsets in bytes: of calls that unpack arguments, and of the instructions behind them."""

    begins: frozenset[int]
    ends: frozenset[int]


def find_unpacking_calls(bytecode: bytes) -> UnpackingCalls:
    """Find the calls with ``*arguments`` or ``**keywords`` in a code object's ``co_code``."""
    opcodes = bytecode[::2]
    begins = [at for at, opcode in enumerate(opcodes) if opcode == _UNPACKING_CALL]
    ends = []
    for begin in begins:
        end = begin + 1
        while opcodes[end : end + 1] == bytes((_CACHE,)):
            end += 1
        ends.append(end)
    return UnpackingCalls(
        frozenset(2 * begin for begin in begins), frozenset(2 * end for end in ends)
    )


class ContextPropagation:
    """Carries the current span to where work handed on will run.

    Args:
        current: what runs on the calling thread.
        runtime: through which a context is attached while it is being copied.
        threads: also carry it to new threads and pools.
    """

    def __init__(
        self, current: CurrentCall, runtime: FunctionRuntimeContext, *, threads: bool
    ) -> None:
        self._current = current
        self._runtime = runtime
        self._waiting: dict[int, tuple[TraceOnThread, int]] = {}
        self._unpacking: dict[int, tuple[weakref.ref[CodeType], UnpackingCalls]] = {}
        self._hooks = self._build_hooks(threads=threads)

    def hook_for(self, code: CodeType, frame: FrameType) -> Callable[[Any, Any], bool] | None:
        """Return what to call when ``code`` begins, or None; it returns whether it pushed."""
        module = dict.get(frame.f_globals, "__name__")
        if type(module) is not str:
            return None
        return self._hooks.get((module, code.co_qualname))

    def names_a_copier(self, code: CodeType) -> bool:
        """Return whether calls in ``code`` may copy the context in C."""
        return not COPIERS.isdisjoint(code.co_names)

    def watches_instructions(self, code: CodeType) -> bool:
        """Return whether ``code`` may let a C loop copy the context in a call that unpacks."""
        if sys.modules.keys().isdisjoint(_C_LOOPS):
            return False
        calls = find_unpacking_calls(code.co_code)
        if calls.begins:
            key = id(code)
            reference = weakref.ref(code, lambda _: self._unpacking.pop(key, None))
            self._unpacking[key] = reference, calls
        return bool(calls.begins)

    def unpacking_calls(self, code: CodeType) -> UnpackingCalls:
        """Return where the calls of ``code`` that `watches_instructions` found are."""
        return self._unpacking[id(code)][1]

    def is_c_copier(self, function: object) -> bool:
        """Return whether a called object is C code that copies the context."""
        kind = type(function)
        if kind not in _C_CALLABLES and _read_type_name(kind) not in _CYTHON_NAMES:
            return False
        return getattr(function, "__name__", "") in COPIERS

    def attach(self, code: CodeType, _frame: object = None) -> bool:
        """Put the current function's span into the context until ``code`` ends or yields.

        Returns:
            Whether an entry was pushed. Where anything is traced below, one always is, so that
            the end of ``code`` finds its own: an eager task may run ``code`` within ``code``.
        """
        current = self._current
        if not current.is_any():
            return False
        record, context = current.readable(), self._runtime.read()
        if record is None or record[CONTEXT] is not context:
            current.push_same(code)
            return True
        as_context = materialise(record, context, current.build_span)
        token = self._runtime.inner.attach(as_context)
        current.push_context(code, as_context, (record[SEGMENT], record[SPAN_ID]), token)
        return True

    def detach(self, entry: Record) -> None:
        """Undo `attach` as its entry leaves the stack."""
        token = entry[EXTRAS].token
        if token is not None:
            entry[EXTRAS].token = None
            # Ended from outside, while its thread stands in a context of its own, it stays there.
            with suppress(ValueError):
                self._runtime.inner.detach(token)

    def _build_hooks(self, *, threads: bool) -> dict[tuple[str, str], Callable[[Any, Any], bool]]:
        hooks: dict[tuple[str, str], Callable[[Any, Any], bool]] = dict.fromkeys(
            (
                ("asyncio.tasks", "create_task"),
                ("asyncio.tasks", "_ensure_future"),
                ("asyncio.taskgroups", "TaskGroup.create_task"),
                ("asyncio.base_events", "BaseEventLoop.create_task"),
                ("asyncio.threads", "to_thread"),
            ),
            self.attach,
        )
        if threads:
            hooks["threading", "Thread.start"] = self._hand_over
            hooks["threading", "Thread._bootstrap_inner"] = self._take_over_thread
            hooks["concurrent.futures.thread", "_WorkItem.__init__"] = self._hand_over
            hooks["concurrent.futures.thread", "_WorkItem.run"] = self._take_over_item
        return hooks

    def _hand_over(self, _code: CodeType, frame: FrameType) -> bool:
        key = self._key_of(frame)
        parent = self._current.parent()
        if parent is None:
            self._waiting.pop(key, None)  # an id used again by an object nobody waited for
        else:
            self._waiting[key] = parent
        return False

    def _take_over_thread(self, _code: CodeType, frame: FrameType) -> bool:
        parent = self._waiting.pop(self._key_of(frame), None)
        if parent is not None:
            self._current.begin_thread(parent)
        return False

    def _take_over_item(self, code: CodeType, frame: FrameType) -> bool:
        parent = self._waiting.pop(self._key_of(frame), None)
        if parent is None:
            return False
        self._current.continue_trace(code, self._runtime.read(), parent)
        return True

    @staticmethod
    def _key_of(frame: FrameType) -> int:
        return id(read_variables(frame, ("self",), None)[0])
