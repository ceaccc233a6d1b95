"""Gives what the recorder captured of an instrumented function to its hand-written span."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from codetracer_otel.bindings import Threads
from codetracer_otel.model.record import EXTRAS
from codetracer_otel.model.span_view import span_view

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from codetracer_otel.model.record import Record
    from codetracer_otel.model.value import AttributeValue


class AdoptedCall:
    """Says that the next call of a code object belongs to a hand-written span.

    Attributes:
        record: what the recorder captured, once the call has ended; it becomes no span.
    """

    __slots__ = ("record",)

    def __init__(self) -> None:
        self.record: Record | None = None


class _Expected(Threads.Local):
    """The call that this thread is about to begin."""

    code: CodeType | None = None
    adopted_call: AdoptedCall | None = None


class CallAdoption:
    """The instrumented code objects of one session.

    Args:
        when_marked: lets the recorder ask for claims on calls of a code object: a function may be
            instrumented after its first call.
    """

    def __init__(self, when_marked: Callable[[CodeType, CallAdoption], None]) -> None:
        self._when_marked = when_marked
        self._expected = _Expected()
        self._marked: dict[int, weakref.ref[CodeType]] = {}

    def expect(self, code: CodeType) -> AdoptedCall:
        """Claim the call of ``code`` that this thread begins next; `forget` it afterwards."""
        if not self.is_marked(code):
            self._marked[id(code)] = weakref.ref(code, self._unmark(id(code)))
            self._when_marked(code, self)
        expected = self._expected
        expected.code, expected.adopted_call = code, AdoptedCall()
        return expected.adopted_call

    def forget(self) -> None:
        """Withdraw a claim whose call did not begin."""
        self._expected.code = self._expected.adopted_call = None

    def take(self, code: CodeType) -> AdoptedCall | None:
        """Return the claim on this call of ``code``, which begins now, or None."""
        expected = self._expected
        if expected.code is not code:
            return None
        adopted_call, expected.code, expected.adopted_call = expected.adopted_call, None, None
        return adopted_call

    def is_marked(self, code: CodeType) -> bool:
        """Return whether calls of ``code`` may be claimed."""
        reference = self._marked.get(id(code))
        return reference is not None and reference() is code

    def _unmark(self, key: int) -> Callable[[weakref.ref[CodeType]], None]:
        marked = self._marked

        def unmark(reference: weakref.ref[CodeType]) -> None:
            if marked.get(key) is reference:
                del marked[key]

        return unmark


def adopted_attributes(record: Record) -> dict[str, AttributeValue]:
    """Return the attributes that a function span would have had from its captured values."""
    extras = record[EXTRAS]
    extras.exception = None  # the hand-written span tells it
    attributes = span_view(record).attributes
    for key in ("codetracer.busy_ns", "error.type"):
        attributes.pop(key, None)
    return attributes
