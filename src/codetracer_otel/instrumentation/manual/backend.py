"""Connects hand-written spans to a session through one slot that the session fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Threads
from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span

    from codetracer_otel.filters.types import ContentRules
    from codetracer_otel.instrumentation.manual.call_adoption import CallAdoption
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicies
    from codetracer_otel.instrumentation.topics import Level
    from codetracer_otel.model.protocols import Clock
    from codetracer_otel.model.record import RemoteParent
    from codetracer_otel.model.value import Captured


class LocalRoot:
    """What the hand-written spans of one trace share in this process.

    Attributes:
        wall_offset_ns: Unix time minus monotonic time, both ns, so that no child begins before
            its parent.
        is_closed: whether the span that made it has ended.
    """

    __slots__ = ("is_closed", "wall_offset_ns")

    def __init__(self, wall_offset_ns: int) -> None:
        self.wall_offset_ns = wall_offset_ns
        self.is_closed = False


@dataclass(slots=True)
class TopicEntry:
    """The content of a topic line, already redacted.

    Attributes:
        topic: full name.
        level: its own, or ERROR where a span was left by an exception.
        span: name of the span, or None for an event outside of any.
        trace_id: 128-bit integer, 0 for none.
        span_id: 64-bit integer, 0 for none.
        parent_span_id: 64-bit integer, 0 for none.
        session_id: of the evaluation that the program works on.
        time_ns: Unix time of the start or of the event.
        fields: by name, in order.
    """

    topic: str
    level: Level
    span: str | None
    trace_id: int
    span_id: int
    parent_span_id: int
    session_id: str | None
    time_ns: int
    fields: Mapping[str, Captured]


@dataclass(slots=True)
class ClosedSpan(TopicEntry):
    """A hand-written span that has ended.

    Attributes:
        duration_ns: monotonic.
        busy_ns: of a generator or coroutine: how long its body ran; None for others.
        error: (type name, message) of the exception that left it.
        result: (captured return value,) where it was asked for.
        redacted: names of fields whose value was withheld, by name or by shape.
        number: counts the spans of this process as they begin.
        root: of its trace in this process.
    """

    duration_ns: int = 0
    busy_ns: int | None = None
    error: tuple[str, str] | None = None
    result: tuple[Captured] | None = None
    redacted: tuple[str, ...] = ()
    number: int = 0
    root: LocalRoot | None = None


@dataclass(slots=True)
class HappenedEvent(TopicEntry):
    """An event on a hand-written span, or on none.

    Attributes:
        name: of the event.
        number: of the span it happened on.
        root: of its trace in this process, or None.
    """

    name: str = ""
    number: int = 0
    root: LocalRoot | None = None


@dataclass(frozen=True, slots=True)
class SpanBackend:
    """Where hand-written spans go while a session runs, or topics are printed without one.

    Attributes:
        start_span: starts an OpenTelemetry span: ``(name, context=, attributes=, links=,
            start_time=)``.
        clock: time.
        field_policies: says what may be said.
        is_printed: answers ``(topic, level, trace_id)``: whether a line is printed. The lines
            that are not need not be made.
        redacted_on_worker: answers ``(span, rules)``: whether the plain texts of an OpenTelemetry
            span are judged by ``rules`` on their way out, before anybody sees them.
        span_closed: takes a span that has ended and whose topic, or ``redact``, is told.
        root_closed: called when the span that made a `LocalRoot` has ended.
        event_happened: takes an event that is told.
        failed: is told of a defect of ours; raises it into the program or returns.
        reload: puts another ``CODETRACER_TRACE`` text in force.
        session_id: where neither a scope nor an event nor baggage names one.
        remote_parent: of root spans, from another process.
        call_adoption: hands on what the recorder captured of an instrumented function.
        root_begins: called as each trace begins in this process: whether it is still the same one.
        max_fields: how many fields one span has; further ones are left out.
        count_dropped: takes ``(span, count)``: how many were left out of an OpenTelemetry span.
        exception_text: use ``str(error)``, which is code of the program.
    """

    start_span: Callable[..., Span]
    clock: Clock
    field_policies: FieldPolicies
    is_printed: Callable[[str, Level, int], bool]
    redacted_on_worker: Callable[[Span, ContentRules], bool]
    span_closed: Callable[[ClosedSpan], None]
    root_closed: Callable[[LocalRoot], None]
    event_happened: Callable[[HappenedEvent], None]
    failed: Callable[[Exception], None]
    reload: Callable[[str], None]
    session_id: str | None = None
    remote_parent: RemoteParent | None = None
    call_adoption: CallAdoption | None = None
    root_begins: Callable[[], None] = lambda: None
    max_fields: int = 128
    count_dropped: Callable[[Span, int], None] = lambda _span, _count: None
    exception_text: bool = False


class _Undecided:
    """Fills the slot until the environment has been read for topics."""


UNDECIDED: Final = _Undecided()


class BackendSlot:
    """The one place that every hand-written span looks at.

    Attributes:
        active: where spans go, or None for nowhere.
        decide: answers at the first span without a session; the layer above offers it.
    """

    __slots__ = ("_is_deciding", "_lock", "active", "decide")

    def __init__(self) -> None:
        self.active: SpanBackend | _Undecided | None = UNDECIDED
        self.decide: Callable[[], SpanBackend | None] = lambda: None
        self._is_deciding = False
        self.forget_threads()

    def fill(self, backend: SpanBackend | None) -> Callable[[], None]:
        """Let spans go to ``backend`` and return the idempotent undo."""
        before, self.active = self.active, backend

        def undo() -> None:
            if self.active is backend:
                self.active = before

        return undo

    def current(self) -> SpanBackend | None:
        """Return where spans go, or None; the first call without a session decides."""
        active = self.active
        if not isinstance(active, _Undecided):
            return active
        with self._lock:
            if isinstance(self.active, _Undecided) and not self._is_deciding:
                self._is_deciding = True
                decided = None
                try:
                    decided = self.decide()
                finally:
                    self._is_deciding, self.active = False, decided
            return None if isinstance(self.active, _Undecided) else self.active

    def forget_threads(self) -> None:
        """Replace the lock: in a forked child a thread that is not here may hold it."""
        self._lock = Threads.RLock()


SLOT: Final = BackendSlot()
