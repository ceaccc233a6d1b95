"""Defines what recorders hand to exporters: positional records, and the plans behind them.

A *record* is a list (a compiled recorder may give tuples) with the indices below. Span ids are
integers whose **little-endian** bytes are the eight bytes on the wire, so that one ``struct`` call
packs ids and times; `hex_span_id` and `otel_span_id` convert for people and for OpenTelemetry.
Times are monotonic nanoseconds; ``segment.wall_offset_ns`` makes them Unix time.
"""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import NamedTuple, dataclass
from codetracer_otel.model.bounds import DEFAULT_BOUNDS, SpanBounds
from codetracer_otel.model.probability import ratio_key
from codetracer_otel.model.source.lines import source_line

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping

    from codetracer_otel.filters.types import (
        ContentRules,
        EventRules,
        Sampling,
        TailRules,
        WalkRules,
    )
    from codetracer_otel.model.value import Captured

CODE: Final = 0  # code object
PLAN: Final = 1  # Plan; None on a stack for an entry that is not recorded
SPAN_ID: Final = 2  # int, little-endian wire order
SEGMENT: Final = 3  # TraceOnThread
CONTEXT: Final = 4  # OpenTelemetry context seen at start; None once the record is finished
PARENT_ID: Final = 5  # int, little-endian wire order; 0 for the root of a trace
ARGUMENTS: Final = 6  # tuple of captured values in the order of plan.argument_names
START: Final = 7  # monotonic ns
END: Final = 8  # monotonic ns, 0 while open
RESULT: Final = 9  # captured return value, or NOT_CAPTURED
EXTRAS: Final = 10  # SpanDetails or None
RECORD_LENGTH: Final = 11

# What other entries of a stack keep in the same slots; docs/how-it-works.md has the whole table.
BASE_THREAD: Final = START  # base: (ident, name) of the thread, once it has been asked for
BASE_MOVED_SEGMENT: Final = RESULT  # base: the trace handed over from another thread or process
INHERITED_ID: Final = SPAN_ID  # entry that is no span: the span id that calls above it hang on
HOOK_MARK: Final = START  # hook: `parents.HOOK`
HOOK_OFFSET: Final = END  # hook: of its C call, None for a whole function, or `parents.UNPACKING`
SAMPLED_OUT_PLAN: Final = RESULT  # entry that is left out: its plan, for an error that keeps it
UNSAMPLED_CONTEXT: Final = ARGUMENTS  # unsampled entry: the context that is so; None for every one

Record = list[Any]


class NotCaptured:
    """The type of `NOT_CAPTURED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_CAPTURED"


NOT_CAPTURED: Final = NotCaptured()


class Ending(IntEnum):
    """How a span came to its end."""

    RETURNED = 0
    RAISED = 1
    CANCELLED = 2  # asyncio.CancelledError left the frame
    CLOSED = 3  # GeneratorExit left the frame
    ABANDONED = 4  # the generator was collected while suspended
    UNFINISHED = 5  # still open when the session ended
    EXITED = 6  # SystemExit with a success status


class StatusCode(IntEnum):
    """OpenTelemetry's status codes with their wire numbers."""

    UNSET = 0
    OK = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Variable:
    """One argument, local or global that a plan knows by name.

    Attributes:
        name: of the variable.
        attribute: full attribute key, such as ``codetracer.arg.user``.
        redacted: whether the value is not shown.
        place: where a hidden value becomes a known secret, for people; empty where none is.
    """

    name: str
    attribute: str
    redacted: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the recorder needs for one code object, computed once: pure data.

    Attributes:
        name: span name.
        function_name: ``code.function.name``, fully qualified.
        file: ``code.file.path``.
        line: ``code.line.number``, 1-based.
        kind: ``function``, ``generator``, ``coroutine``, ``async_generator``, ``module`` or
            ``class``.
        arguments: in signature order, redacted ones included, dropped ones left out.
        argument_names: names whose values stand in a record's ``ARGUMENTS``, in that order.
        captures_return: whether ``RESULT`` is a value of the program.
        fixed_result: what stands for every return value when ``captures_return`` is False:
            `REDACTED_NODE`, `DROPPED_NODE` or `NOT_CAPTURED`.
        result_place: as ``place`` of `Variable`, for a return value that is redacted.
        locals: local variables captured at exit, redacted ones included.
        locals_on_error: they are captured only where an exception leaves the call.
        globals: global variables captured at exit, redacted ones included.
        attribute_rules: for attributes and types inside values.
        text_rules: for the text of values.
        sampling: None for "always".
        sampling_ratio: share of calls that is kept, for backends that extrapolate.
        events: None for "all".
        root: each call starts its own trace.
        always: a bound on the overhead leaves its calls alone.
        tail: which of the traces that begin here are kept; None for the session's default.
        redactions: (kind, number) of the values of each call that are redacted by name.
        rule: provenance of the decision, for people.
        bounds: how much of a span is delivered.
        ratio_bound: told with each span in the trace state, where a ratio of traces is all that
            decides; None where it is not.
    """

    name: str
    function_name: str
    file: str
    line: int
    kind: str = "function"
    arguments: tuple[Variable, ...] = ()
    argument_names: tuple[str, ...] = ()
    captures_return: bool = False
    fixed_result: Captured | NotCaptured = NOT_CAPTURED
    result_place: str = ""
    locals: tuple[Variable, ...] = ()
    locals_on_error: bool = False
    globals: tuple[Variable, ...] = ()
    attribute_rules: WalkRules | None = None
    text_rules: ContentRules | None = None
    sampling: Sampling | None = None
    sampling_ratio: float = 1.0
    events: EventRules | None = None
    root: bool = False
    always: bool = False
    tail: TailRules | None = None
    redactions: tuple[tuple[str, int], ...] = ()
    rule: str = ""
    bounds: SpanBounds = DEFAULT_BOUNDS
    ratio_bound: int | None = None


LOW_64_BITS: Final = (1 << 64) - 1
SAMPLED: Final = 1  # W3C trace flags
RANDOM: Final = 2  # the trace id is random in its 56 last bits at least


class TraceOnThread:
    """The part of one trace that runs on one thread.

    Attributes:
        trace_id: 128-bit integer, as OpenTelemetry has it.
        ratio_key: what a ratio keeps traces by, see `probability`.
        wall_offset_ns: Unix time minus monotonic time, both ns, read when the trace's root began.
        trace_flags: W3C trace flags that children hand on.
        trace_state: W3C tracestate header text that is handed on, empty for none.
        redacted_state: what is stored in its place, where it holds a secret; else None.
        thread_id: native ``threading.get_ident()``; 0 for the main thread.
        thread_name: name of the thread; empty for the main thread.
        remote_parent_id: span id (wire order) of a parent in another process, or 0.
        root_attributes: parent id of the span that began it here, and the attributes that a sampler
            has given this one; None for none.
    """

    __slots__ = (
        "ratio_key",
        "redacted_state",
        "remote_parent_id",
        "root_attributes",
        "thread_id",
        "thread_name",
        "trace_flags",
        "trace_id",
        "trace_state",
        "wall_offset_ns",
    )

    def __init__(
        self,
        trace_id: int,
        wall_offset_ns: int,
        thread_id: int = 0,
        thread_name: str = "",
        trace_flags: int = SAMPLED,
        trace_state: str = "",
        remote_parent_id: int = 0,
    ) -> None:
        self.trace_id = trace_id
        self.ratio_key = ratio_key(trace_id, trace_state)
        self.wall_offset_ns = wall_offset_ns
        self.trace_flags = trace_flags
        self.trace_state = trace_state
        self.redacted_state: str | None = None
        self.thread_id = thread_id
        self.thread_name = thread_name
        self.remote_parent_id = remote_parent_id
        self.root_attributes: tuple[int, Mapping[str, Any]] | None = None

    @property
    def stored_state(self) -> str:
        """The trace state as exporters get it."""
        return self.trace_state if self.redacted_state is None else self.redacted_state

    def begin(self, sampled: Sampled, parent_id: int) -> None:
        """Take what a sampler says of the span that begins the trace here."""
        if sampled.trace_state is not None:
            self.trace_state = sampled.trace_state
            self.ratio_key = ratio_key(self.trace_id, self.trace_state)
        if sampled.attributes:
            self.root_attributes = parent_id, dict(sampled.attributes)


class Sampled(NamedTuple):
    """What a sampler says of a span that it keeps.

    Attributes:
        trace_state: tracestate header text of the span; None for that of its parent.
        attributes: of the span.
    """

    trace_state: str | None = None
    attributes: Mapping[str, Any] | None = None


KEPT: Final = Sampled()


@dataclass(frozen=True, slots=True)
class RemoteParent:
    """A span that a trace continues, of another process or another recorder.

    Attributes:
        trace_id: non-zero 128-bit integer.
        span_id: non-zero 64-bit integer, as OpenTelemetry has it.
        trace_flags: W3C trace flags; bit 0 is "sampled".
        trace_state: tracestate header text, empty for none.
        is_remote: whether it is of another process.
    """

    trace_id: int
    span_id: int
    trace_flags: int = 1
    trace_state: str = ""
    is_remote: bool = True


class KeepsByRatio:
    """A `RootSampler` that keeps traces by the low half of their ids.

    Args:
        bound: ids whose low half reaches it are not kept.
        is_by_parent: a trace that goes on from a parent is kept.
    """

    def __init__(self, bound: int, *, is_by_parent: bool) -> None:
        self.bound = bound
        self.is_by_parent = is_by_parent

    def __call__(self, trace_id: int, parent: RemoteParent | None) -> Sampled | None:
        """Return what is said of a trace that is kept."""
        is_kept = (parent and self.is_by_parent) or trace_id & LOW_64_BITS < self.bound
        return KEPT if is_kept else None


type RootSampler = Callable[[int, RemoteParent | None], Sampled | None]
"""Says of a trace id and its parent, if any, what the span is that begins here; None: no span."""


@dataclass(slots=True)
class Event:
    """A span event; ``time_ns`` is Unix time."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dropped_attributes: int = 0


@dataclass(slots=True)
class Link:
    """A link to another span; ``span_id`` is OpenTelemetry's integer."""

    trace_id: int
    span_id: int
    trace_state: str = ""
    trace_flags: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    is_remote: bool = False
    dropped_attributes: int = 0


@dataclass(slots=True)
class ExceptionRecord:
    """An exception as it left the innermost traced frame.

    Attributes:
        type_name: ``module.QualName``, without ``builtins.``.
        message: text that needed no user code, or ``<pkg.Class>``.
        frames: (file, line, function) from the frame it left down to where it was raised.
        time_ns: Unix time.
        message_is_cut: whether ``message`` is the beginning of a longer one.
        innermost: True on the innermost traced frame, the only one that carries the event.
        stack_trace: text of ``frames`` with source lines, filled in by delivery.
    """

    type_name: str
    message: str
    frames: tuple[tuple[str, int, str], ...]
    time_ns: int
    innermost: bool
    stack_trace: str = ""
    message_is_cut: bool = False


class SpanDetails:
    """What most spans do not have; created when the first of it appears.

    Its defaults are the class's: setting two dozen attributes took 0.25 us a generator.

    Attributes:
        adopted_call: of a hand-written span: takes the record, which is no span then.
        as_context: (context it extends, context with this span).
        is_known: somebody was told the span's ids.
        token: of a context that is attached until this entry leaves the stack.
        span: the `FunctionSpan` that was handed out, inert after the end.
        locals: captured values, or NOT_CAPTURED where unassigned; so are ``globals``.
        sampling_ratio: 1.0: kept for itself, not as one of many.
        context: seen at start, while the record's fate is open.
        undecided_parent: nearest entry below whose fate is open, too.
        is_kept: a kept child, a reader of the ids or an early call keeps it.
        is_hooked: a hook's entry may stand below this one, and ends with it.
        failed_inside: records of failed calls that wait for the fate of the one they failed in.
        closing: what reads the rest of a call that was open as the filter changed, instead of the
            `TracedCode` of its code.
    """

    attributes: dict[str, Any] | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None
    exception: ExceptionRecord | None = None
    ending = Ending.RETURNED
    status: StatusCode | None = None
    status_message: str | None = None
    name: str | None = None
    busy_ns = 0
    adopted_call: Any = None
    resumed_at = 0
    suspensions = 0
    frame_id = 0
    as_context: Any = None
    is_known = False
    token: Any = None
    span: Any = None
    locals: tuple[Any, ...] = ()
    globals: tuple[Any, ...] = ()
    sampling_ratio: float | None = None
    context: Any = None
    undecided_parent: Any = None
    is_kept = False
    is_hooked = False
    failed_inside: deque[Record] | None = None
    closing: Any = None
    dropped_attributes = 0
    dropped_events = 0
    dropped_links = 0


def otel_span_id(wire: int) -> int:
    """Return OpenTelemetry's integer for a span id in wire order."""
    return int.from_bytes(wire.to_bytes(8, "little"), "big")


def wire_span_id(otel: int) -> int:
    """Return the wire-order integer for OpenTelemetry's span id."""
    return int.from_bytes(otel.to_bytes(8, "big"), "little")


def hex_span_id(wire: int) -> str:
    """Return the 16 hexadecimal digits of a span id in wire order."""
    return wire.to_bytes(8, "little").hex()


def exception_event(exception: ExceptionRecord) -> Event:
    """Return the span event OpenTelemetry's semantic conventions define for an exception.

    Its texts are judged before, or by somebody who knows whether the message was cut.
    """
    return Event(
        "exception",
        exception.time_ns,
        {
            "exception.type": exception.type_name,
            "exception.message": exception.message,
            "exception.stacktrace": exception.stack_trace or stack_trace_text(exception),
        },
    )


def stack_trace_text(exception: ExceptionRecord) -> str:
    """Return a traceback in Python's layout from code positions alone."""
    lines = ["Traceback (most recent call last):"]
    for file, line, function in exception.frames:
        lines.append(f'  File "{file}", line {line}, in {function}')
        source = "" if file.startswith("<") else source_line(file, line)
        if source:
            lines.append(f"    {source}")
    lines.append(f"{exception.type_name}: {exception.message}")
    return "\n".join(lines)
