"""Defines the protocols of what can be replaced, and what each side guarantees to the other."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Span

    from codetracer_otel.model.record import Plan, Record, RootSampler, TraceOnThread
    from codetracer_otel.model.record_block import RecordBlock
    from codetracer_otel.model.span_view import Batch


class ExportResult(Enum):
    """Whether a batch was delivered."""

    SUCCESS = "success"
    FAILURE = "failure"


class Notify(Protocol):
    """Reports events of lower layers to the diagnostics, never a value of the program."""

    def __call__(self, event: str, /, level: str = "info", **facts: object) -> None:
        """Report ``event`` (snake case) with ``facts``; must not raise."""


class MetricsSink(Protocol):
    """Counters of the user, called from the program's threads and from ours; they must be quick."""

    def dropped(self, reason: str, kind: str, count: int) -> None:
        """Count ``count`` records of a ``kind`` that were lost for ``reason``."""

    def detached(self, reason: str, code: str) -> None:
        """Count that recording ended early; ``code`` is an ``ErrorCode``."""

    def internal_error(self, label: str) -> None:
        """Count a defect of this package."""


class Clock(Protocol):
    """A source of time that tests can replace."""

    def monotonic_ns(self) -> int:
        """Return monotonic time in ns, from any origin."""

    def wall_ns(self) -> int:
        """Return Unix time in ns."""


class Ids(Protocol):
    """The source of identifiers; OpenTelemetry's ``IdGenerator`` has the same methods."""

    def generate_span_id(self) -> int:
        """Return a non-zero 64-bit integer."""

    def generate_trace_id(self) -> int:
        """Return a non-zero 128-bit integer, random in all bits: ratio samplers read it."""


@runtime_checkable
class Exporter(Protocol):
    """Delivers batches of finished spans.

    The pipeline calls every method from one worker thread per exporter, never from the program's
    threads, and never two at a time. ``export`` may block: the exporter owns its retries and keeps
    one deadline for all attempts of a batch; the pipeline owns the queue before it and counts what
    does not fit. ``batch.views()`` yields every span; ``batch.spans`` has only those that are no
    recorded calls. A batch and its records must not be changed or kept after ``export`` returns.
    ``export`` may raise; that counts as a failure of this batch and of this exporter alone.

    An exporter may also have ``stats()``, which returns counters of its own; ``begin_shutdown()``,
    called from any thread, after which it should not wait for what may never come; and
    ``reopen_after_fork()``, called in a forked child.
    """

    def export(self, batch: Batch) -> ExportResult:
        """Deliver a batch, and return whether that succeeded."""

    def flush(self, timeout: float) -> bool:
        """Deliver what is buffered within ``timeout`` seconds; return whether nothing is left."""

    def shutdown(self, timeout: float) -> None:
        """Release everything within ``timeout`` seconds and stop retrying; called once."""


class Recorder(Protocol):
    """Turns events of the interpreter into records, in Python or compiled.

    Nothing else may use its buffers directly.
    """

    def callbacks(self, depth: int = 1) -> Mapping[str, Callable[..., Any]]:
        """Return event name -> callable, for exactly the events this configuration needs.

        Args:
            depth: how many Python frames the program's frame is away from the callables: 1 where
                the interpreter calls them itself.
        """

    def on_unknown(self, code: CodeType, frame: FrameType) -> object:
        """Decide about a code object that has no plan: a plan, ``DISABLE``, or None."""

    def current(self) -> Record | None:
        """Return the innermost recorded call of this thread, or None."""

    def drain(self, limit: int) -> RecordBlock:
        """Take up to ``limit`` finished records, oldest first."""

    def stats(self) -> dict[str, Any]:
        """Return the counters, by name."""

    def close(self) -> None:
        """Finish every open record as unfinished; later events are ignored."""


class SpanRecorder(Recorder, Protocol):
    """A recorder of calls as spans: what the rest of the package may use of it."""

    @property
    def current_call(self) -> CurrentCall:
        """What is current on the calling thread."""

    def carry_with(self, carrier: ContextCarrier) -> None:
        """Let ``carrier`` hand on what is current; before `callbacks`."""

    def follow(self, ids: IdGenerator, keeps_root: RootSampler | None) -> None:
        """Take ids and decisions about local roots from another source from now on."""

    def replan(self) -> None:
        """Plan all code anew: the filter is another one. Open calls get the stricter plan."""

    def trace_as(self, code: CodeType, plan: Plan) -> None:
        """Record the calls of ``code`` by a plan that no filter has made."""

    def switch_off(self, plan: Plan) -> bool:
        """Record no calls of a plan's code from the next one on; return whether it is so now."""

    def switch_on(self, plan: Plan) -> None:
        """Record the calls of a plan's code again."""

    @property
    def waiting(self) -> int:
        """How many finished records wait to be drained."""

    def copy_open_calls(self) -> tuple[list[Record], int]:
        """Return the open calls as unfinished records, and how many records wait to be drained."""

    def is_traced(self, code: CodeType) -> bool:
        """Return whether calls of ``code`` are recorded."""

    def expect_call(self, code: CodeType, call_adoption: CallAdopter) -> None:
        """Let hand-written spans adopt calls of ``code``, known before or not."""

    def view_this_thread(self) -> Callable[[], list[Record]]:
        """Return a function that returns the open calls of the calling thread, on any thread."""

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread from now on: it is one of ours."""

    def wake_with_next(self) -> None:
        """Wake the worker with the next record, after a fork: the buffer is far from half full."""

    def begin_in_forked_child(self) -> None:
        """Keep this thread's open calls as parents only: the other process delivers them."""


class CurrentCall(Protocol):
    """The call that runs on the calling thread, as propagation and OpenTelemetry see it.

    A parent is the segment and the span id that calls hang on.
    """

    def is_any(self) -> bool:
        """Return whether anything is traced below what runs here."""

    def readable(self) -> Record | None:
        """Return the innermost recorded call; its ids are about to be seen, so it is kept."""

    def parent(self) -> tuple[TraceOnThread, int] | None:
        """Return the parent that a call beginning here would have."""

    def begin_thread(self, parent: tuple[TraceOnThread, int]) -> None:
        """Put the calls of this new thread below a call of another thread."""

    def continue_trace(
        self, code: CodeType, context: Context, parent: tuple[TraceOnThread, int]
    ) -> None:
        """Put calls within ``code`` below a call of another thread, until it ends."""

    def push_context(
        self, code: CodeType, context: Context, parent: tuple[TraceOnThread, int], token: Any
    ) -> None:
        """Let calls within ``code`` see ``context``, whose ``token`` leaves with it."""

    def push_same(self, code: CodeType) -> None:
        """Push an entry for ``code`` that changes nothing for calls within it."""

    def build_span(self, record: Record, /) -> Span:
        """Return the OpenTelemetry span of an open record."""


class ContextCarrier(Protocol):
    """Carries the current call to tasks, threads and pools; the span recorder calls it."""

    def names_a_copier(self, code: CodeType) -> bool:
        """Return whether calls in ``code`` may copy the context in C."""

    def hook_for(self, code: CodeType, frame: FrameType) -> Callable[[Any, Any], bool] | None:
        """Return what to call when ``code`` begins, or None; it returns whether it pushed."""

    def is_c_copier(self, function: object) -> bool:
        """Return whether a called object is C code that copies the context."""

    def watches_instructions(self, code: CodeType) -> bool:
        """Return whether ``code`` may let a C loop copy the context in a call that unpacks."""

    def unpacking_calls(self, code: CodeType) -> Any:
        """Return where the calls of ``code`` that `watches_instructions` found are."""

    def attach(self, code: CodeType, _frame: object = None) -> bool:
        """Put the current call's span into the context; return whether an entry was pushed."""

    def detach(self, entry: Record) -> None:
        """Undo `attach` as its entry leaves the stack."""


class CallAdopter(Protocol):
    """Gives calls of instrumented functions to their hand-written spans."""

    def is_marked(self, code: CodeType) -> bool:
        """Return whether calls of ``code`` may be adopted."""
