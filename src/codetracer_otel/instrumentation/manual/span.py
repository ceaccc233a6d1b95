"""A hand-written span: current while its body runs, an OpenTelemetry span and a line at its end."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry.context import Context, get_current, set_value
from opentelemetry.trace import get_current_span, set_span_in_context

from codetracer_otel.bindings import Os
from codetracer_otel.instrumentation.manual.context import (
    CURRENT_KEY,
    Parent,
    attach,
    attached,
    below_remote,
    context_of,
    detach,
    enclosing_span,
    link_to,
    root_at,
)
from codetracer_otel.instrumentation.manual.recorded_span import RecordedSpan
from codetracer_otel.instrumentation.manual.session_scope import session_of
from codetracer_otel.instrumentation.manual.span_end import deliver
from codetracer_otel.instrumentation.values.exceptions import ending_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.instrumentation.manual.call_adoption import AdoptedCall
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicy
    from codetracer_otel.instrumentation.topics import Level

_numbers: Final = itertools.count(1)


class HandWrittenSpan(RecordedSpan):
    """A span that the program asked for: `start` it, then run its body in ``with``.

    Attributes:
        enclosing: the hand-written span around it in this process, or None.
        emits_errors: whether an exception that leaves the body is recorded.
        suspends: whether the body is a generator or coroutine, whose running time is measured.
        owner: what is built on this span, such as a stage of a policy evaluation.
        is_root: whether no hand-written span is around it.
        began_ns: monotonic.
        busy_ns: running time of a body that `suspends`.
        adopted_call: the traced call whose captured values it carries, or None.
    """

    __slots__ = (
        "_context",
        "_is_open",
        "_outer",
        "_pid",
        "_resumed_ns",
        "_token",
        "adopted_call",
        "began_ns",
        "busy_ns",
        "emits_errors",
        "enclosing",
        "is_root",
        "owner",
        "suspends",
    )

    is_root: bool
    began_ns: int
    _context: Context
    _outer: Context

    def __init__(
        self, backend: SpanBackend, name: str, topic: str, level: Level, field_policy: FieldPolicy
    ) -> None:
        super().__init__(backend, name, topic, level, field_policy)
        self.enclosing: HandWrittenSpan | None = None
        self.emits_errors = True
        self.suspends = False
        self.owner: Any = None
        self.adopted_call: AdoptedCall | None = None
        self.busy_ns = self._resumed_ns = 0
        self._is_open = False
        self._token: Any = None

    def start(
        self,
        *,
        parent: Parent | HandWrittenSpan | None = None,
        links: Sequence[object] = (),
        attributes: Mapping[str, Any] | None = None,
        context: Context | None = None,
        otel_name: str | None = None,
    ) -> Self:
        """Begin now: the ids, the parent, the session and the start time are fixed.

        Args:
            parent: instead of the current span; an empty ``Context`` makes a root.
            links: to other spans.
            attributes: that a sampler may read.
            context: to stand in, instead of the current one.
            otel_name: name of the OpenTelemetry span.
        """
        backend, content = self.backend, self.content
        context = self._starting_context(parent, context)
        current = get_current_span(context)
        ids, remote = current.get_span_context(), backend.remote_parent
        if parent is None and remote is not None and not ids.is_valid:
            context = below_remote(context, remote)
            current = get_current_span(context)
            ids = current.get_span_context()
        self.parent_id = ids.span_id
        content.session_id = session_of(context, backend.session_id)
        self._pid, self.number = Os.getpid(), next(_numbers)
        enclosing: HandWrittenSpan | None = enclosing_span(context, current)
        self.enclosing = enclosing
        self.is_root = enclosing is None
        self.root = root_at(backend, current) if enclosing is None else enclosing.root
        self.began_ns = backend.clock.monotonic_ns()
        self.otel_span = backend.start_span(
            otel_name or content.name,
            context=context,
            attributes=attributes,
            links=[link_to(link) for link in links],
            start_time=self.began_ns + self.root.wall_offset_ns,
        )
        self._outer = context
        self._context = set_value(CURRENT_KEY, self, set_span_in_context(self.otel_span, context))
        self._is_open = True
        return self

    def _starting_context(
        self, parent: Parent | HandWrittenSpan | None, context: Context | None
    ) -> Context:
        if parent is None:
            return get_current() if context is None else context
        if isinstance(parent, HandWrittenSpan):
            return parent._inner_context()  # noqa: SLF001 - another of these
        return context_of(parent)

    def _inner_context(self) -> Context:
        if self._is_open:
            return self._context
        return set_span_in_context(self.otel_span, self._context)

    @property
    def is_open(self) -> bool:
        """Whether it has begun and not ended, in this process."""
        return self._is_open and self._pid == Os.getpid()

    def elapsed_ns(self) -> int:
        """Return the time since the start, by the monotonic clock."""
        return self.backend.clock.monotonic_ns() - self.began_ns

    def enter(self) -> None:
        """Make the span current: its body runs."""
        self._token = attach(self._context if self._is_open else self._inner_context())
        if self.suspends:
            self._resumed_ns = self.backend.clock.monotonic_ns()

    def leave(self) -> None:
        """Make current what was so before: the body has handed control out, or has ended."""
        token, self._token = self._token, None
        if token is not None:
            if self.suspends:
                self.busy_ns += self.backend.clock.monotonic_ns() - self._resumed_ns
            self._context = attached()  # the body may hold a span of its own open meanwhile
            detach(token)

    def end(self, error: BaseException | None = None) -> None:
        """Leave and deliver; a second end does nothing, and a defect of ours stays here.

        Args:
            error: what leaves the body.
        """
        try:
            self.leave()
            is_open, self._is_open = self.is_open, False  # a forked child leaves it to its parent
            if is_open:
                if error is not None and self.emits_errors:
                    self.keep_error(error, ending_of(error, ""))
                self._context = self._outer  # no cycle: the garbage collector took 20 us a span
                deliver(self, self.backend.clock.monotonic_ns())
        except Exception as failure:  # noqa: BLE001 - the program goes on
            self.backend.failed(failure)

    def __enter__(self) -> Self:
        try:
            self.enter()
        except Exception as failure:  # noqa: BLE001 - the program goes on
            self.backend.failed(failure)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.end(error)

    def expect_call(self, code: CodeType | None) -> None:
        """Say that the next call of ``code`` on this thread is the body: take its captures."""
        call_adoption = self.backend.call_adoption
        if call_adoption is not None and code is not None:
            self.adopted_call = call_adoption.expect(code)

    def call_begun(self) -> None:
        """Withdraw `expect_call`: if the recorder sees the body at all, it has seen it begin."""
        if self.adopted_call is not None and self.backend.call_adoption is not None:
            self.backend.call_adoption.forget()
