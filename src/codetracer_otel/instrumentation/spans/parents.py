"""Finds the parent of a call: threads, attached contexts, remote parents, new traces."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import get_current_span

from codetracer_otel.bindings import Threads
from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan
from codetracer_otel.model.ids import has_random_traces
from codetracer_otel.model.record import (
    BASE_MOVED_SEGMENT,
    BASE_THREAD,
    CONTEXT,
    EXTRAS,
    HOOK_MARK,
    INHERITED_ID,
    LOW_64_BITS,
    RANDOM,
    RECORD_LENGTH,
    SAMPLED,
    SEGMENT,
    SPAN_ID,
    UNSAMPLED_CONTEXT,
    KeepsByRatio,
    Link,
    Record,
    RemoteParent,
    SpanDetails,
    TraceOnThread,
    otel_span_id,
    wire_span_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from codetracer_otel.model.protocols import Clock, Ids
    from codetracer_otel.model.record import RootSampler

# A test may replace the class; below gevent it is one that inherits the property.
_name_of: Final[Any] = threading.Thread.name.fget  # type: ignore[attr-defined]

# What a stack entry holds as CONTEXT when no context can be equal to it.
NEVER: Final = object()  # the base of a stack: every call above it asks `Parents.adopt`
UNSAMPLED: Final = object()  # nothing below this entry is recorded
UNDECIDED: Final = object()  # its fate is open: whoever uses its ids must say so
# What a suspended generator whose fate is open holds as context: its consumer's, once it resumes.
FOLLOWS: Final = object()

HOOK: Final = object()  # what an entry pushed by a hook holds as START
# What it holds as END: the offset of the C call that it is for, None for a whole function, or:
UNPACKING: Final = object()  # for a call with unpacked arguments, until the next instruction


def build_base(*, muted: bool = False) -> Record:
    """Return the entry at the bottom of a thread's stack, never popped.

    Args:
        muted: nothing on this thread is recorded (it is one of ours).
    """
    base: Record = [None] * RECORD_LENGTH
    base[INHERITED_ID] = 0
    base[CONTEXT] = UNSAMPLED if muted else NEVER
    return base


def settle_kept(entry: Record | None) -> None:
    """Keep an undecided call: something that is kept has its id as parent."""
    while entry is not None and entry[CONTEXT] is UNDECIDED:
        extras: SpanDetails = entry[EXTRAS]
        extras.is_kept = True
        entry[CONTEXT] = None if extras.context is FOLLOWS else extras.context
        extras.context = None
        entry, extras.undecided_parent = extras.undecided_parent, None


def decide_again(entries: Iterable[Record], keeps_root: RootSampler) -> None:
    """Take the sampled flag from open traces that began here and that a sampler does not keep."""
    calls = [entry for entry in entries if entry[SEGMENT] is not None]
    segments = {id(entry[SEGMENT]): entry[SEGMENT] for entry in calls}
    for segment in segments.values():
        if not segment.remote_parent_id and keeps_root(segment.trace_id, None) is None:
            segment.trace_flags &= ~SAMPLED
    for entry in calls:
        if entry[EXTRAS] is not None and entry[EXTRAS].span is not None:
            entry[EXTRAS].span.read_flags()


def build_unrecorded(
    code: Any, context: object, segment: TraceOnThread | None, parent_id: int
) -> Record:
    """Return a stack entry that hands on its parent's ids and becomes no span."""
    entry: Record = [None] * RECORD_LENGTH
    entry[0] = code
    entry[INHERITED_ID] = parent_id
    entry[SEGMENT] = segment
    entry[CONTEXT] = context
    return entry


def build_hook(code: Any, context: object, segment: TraceOnThread | None, parent_id: int) -> Record:
    """Return an unrecorded entry that leaves the stack with what ``code`` pushed above it."""
    entry = build_unrecorded(code, context, segment, parent_id)
    entry[HOOK_MARK], entry[EXTRAS] = HOOK, SpanDetails()
    return entry


def build_hook_like(code: Any, below: Record) -> Record:
    """Return a hook's entry that changes nothing for the calls above it."""
    entry = build_hook(code, below[CONTEXT], below[SEGMENT], below[SPAN_ID])
    entry[UNSAMPLED_CONTEXT] = below[UNSAMPLED_CONTEXT]
    return entry


class RootModel(NamedTuple):
    """What the traces that begin on a thread without an open call have in common.

    Attributes:
        segment: all but its times and its thread, and its trace id if that is 0.
        parent_id: of each root, in another process; 0 for none.
        bound: ids of new traces whose low half reaches it are not kept; None for no bound.
    """

    segment: TraceOnThread
    parent_id: int
    bound: int | None


class Parents:
    """Resolves the parent of a call whose context is not the one its caller began with.

    Args:
        ids: source of trace ids.
        clock: time.
        remote: parent of root spans, from another process.
        respect_parent: record nothing below a parent that is not sampled.
        on_root: called as each local root begins: whether this is still the same process.
        keeps_root: says whether what begins a trace here, or goes on with one, is recorded; None
            for always.

    Attributes:
        refused_by_sampler: how many traces ``keeps_root`` did not keep.
        refused_by_parent: how many times a parent that is not sampled was respected.
    """

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        remote: RemoteParent | None,
        *,
        respect_parent: bool = True,
        on_root: Callable[[], None] = lambda: None,
        keeps_root: RootSampler | None = None,
    ) -> None:
        self.refused_by_sampler = self.refused_by_parent = 0
        self._on_root = on_root
        self._clock = clock
        self._remote = remote
        self._respect_parent = respect_parent
        self.follow(ids, keeps_root)
        self._wall_ns = clock.wall_ns
        self._monotonic_ns = clock.monotonic_ns

    def follow(self, ids: Ids, keeps_root: RootSampler | None) -> None:
        """Let traces that begin from now on have other ids, and be decided on by another sampler.

        Args:
            ids: as above.
            keeps_root: as above.
        """
        self._keeps_root = keeps_root
        self._keeps_all_roots = self._remote is None and keeps_root is None
        self._new_trace_id = ids.generate_trace_id
        self._new_flags = SAMPLED | (RANDOM if has_random_traces(ids) else 0)

    def root_model(self) -> RootModel | None:
        """Return how roots begin if no decision is needed for each of them, else None."""
        remote, keeps = self._remote, self._keeps_root
        if keeps is not None and type(keeps) is not KeepsByRatio:
            return None
        bound = None if keeps is None or keeps.bound > LOW_64_BITS else keeps.bound
        if remote is None:
            return RootModel(TraceOnThread(0, 0, trace_flags=self._new_flags), 0, bound)
        is_refused = self._respect_parent and not remote.trace_flags & SAMPLED
        if is_refused or (keeps is not None and not keeps.is_by_parent):
            return None
        parent_id = wire_span_id(remote.span_id)
        flags = remote.trace_flags & RANDOM | SAMPLED
        model = TraceOnThread(remote.trace_id, 0, 0, "", flags, remote.trace_state)
        model.remote_parent_id = parent_id if remote.is_remote else 0
        return RootModel(model, parent_id, None)

    def adopt_any(
        self, context: Context, below: Record, base: Record
    ) -> tuple[TraceOnThread | None, int]:
        """Return what `adopt` does, also where the context is still the caller's."""
        if context is below[CONTEXT]:
            return below[SEGMENT], below[SPAN_ID]
        return self.adopt(context, below, base)

    def adopt(
        self, context: Context, below: Record, base: Record
    ) -> tuple[TraceOnThread | None, int]:
        """Return the segment and parent id (wire order) of a new call; no segment: not recorded.

        Args:
            context: OpenTelemetry's context as the call begins.
            below: the stack entry the call stands on.
            base: the bottom of the same stack.
        """
        seen = below[CONTEXT]
        if seen is NEVER and not context:  # the usual root: nothing is attached
            return self._without_span(context, below, base)
        if seen is UNSAMPLED and (
            below[UNSAMPLED_CONTEXT] is None or below[UNSAMPLED_CONTEXT] is context
        ):
            return None, 0
        if seen is UNDECIDED and below[EXTRAS].context is context:
            return below[SEGMENT], below[SPAN_ID]
        span = get_current_span(context)
        if type(span) is FunctionSpan:
            return self.on_this_thread(span.segment, base), span.wire_id
        span_context = span.get_span_context()
        if not span_context.is_valid:
            return self._without_span(context, below, base)
        return self._below_span(span_context, below, base)

    def new_root(
        self, base: Record, remote: RemoteParent | None = None
    ) -> tuple[TraceOnThread | None, int]:
        """Return a fresh trace, or the remote parent's, for the thread of ``base``."""
        keeps = self._keeps_root
        if remote is None:
            segment, parent_id = self._fresh_trace(base), 0
        elif self._respect_parent and not remote.trace_flags & SAMPLED:
            self.refused_by_parent += 1
            return None, 0
        else:
            segment, parent_id = self._fresh_trace(base, remote), wire_span_id(remote.span_id)
            segment.remote_parent_id = parent_id if remote.is_remote else 0
        if keeps is None:
            return segment, parent_id
        sampled = keeps(segment.trace_id, remote)
        if sampled is None:
            self.refused_by_sampler += 1
            return None, 0
        segment.begin(sampled, parent_id)
        return segment, parent_id

    def _fresh_trace(self, base: Record, parent: RemoteParent | None = None) -> TraceOnThread:
        self._on_root()
        thread: tuple[int, str] = base[BASE_THREAD] or thread_of(base)
        offset = self._wall_ns() - self._monotonic_ns()
        if parent is None:
            return TraceOnThread(self._new_trace_id(), offset, *thread, self._new_flags)
        flags = parent.trace_flags & RANDOM | SAMPLED
        return TraceOnThread(parent.trace_id, offset, *thread, flags, parent.trace_state)

    def new_linked_root(
        self, segment: TraceOnThread, parent_id: int, base: Record
    ) -> tuple[TraceOnThread, int, list[Link] | None]:
        """Return a fresh trace with a link to the span it would have been a child of."""
        fresh = self._fresh_trace(base)
        if not parent_id:
            return fresh, 0, None
        link = Link(
            segment.trace_id,
            otel_span_id(parent_id),
            segment.trace_state,
            segment.trace_flags,
            is_remote=parent_id == segment.remote_parent_id,
        )
        return fresh, 0, [link]

    def on_this_thread(self, segment: TraceOnThread, base: Record) -> TraceOnThread:
        """Return the segment of the same trace that belongs to the calling thread."""
        thread: tuple[int, str] = base[BASE_THREAD] or thread_of(base)
        if segment.thread_id == thread[0]:
            return segment
        known: TraceOnThread | None = base[BASE_MOVED_SEGMENT]
        if known is not None and known.trace_id == segment.trace_id:
            return known
        moved = TraceOnThread(
            segment.trace_id,
            segment.wall_offset_ns,
            *thread,
            segment.trace_flags,
            segment.trace_state,
            segment.remote_parent_id,
        )
        base[BASE_MOVED_SEGMENT] = moved
        return moved

    def _without_span(
        self, context: Context, below: Record, base: Record
    ) -> tuple[TraceOnThread | None, int]:
        if self._keeps_all_roots and below[SEGMENT] is None:
            return self._fresh_trace(base), 0  # what `new_root` comes to, a call sooner
        if context and below is not base:  # attached by somebody who wants a root
            return self.new_root(base)
        if below[SEGMENT] is not None:
            return self.on_this_thread(below[SEGMENT], base), below[SPAN_ID]
        return self.new_root(base, self._remote)

    def _below_span(
        self, context: SpanContext, below: Record, base: Record
    ) -> tuple[TraceOnThread | None, int]:
        if self._respect_parent and not context.trace_flags & SAMPLED:
            self.refused_by_parent += 1
            return None, 0
        parent_id = wire_span_id(context.span_id)
        known = below[SEGMENT] if below is not base else base[BASE_MOVED_SEGMENT]
        if _continues(known, context, parent_id):
            return known, parent_id
        remote = RemoteParent(
            context.trace_id,
            context.span_id,
            context.trace_flags,
            context.trace_state.to_header(),
            context.is_remote,
        )
        segment, _ = self.new_root(base, remote)
        base[BASE_MOVED_SEGMENT] = segment
        return segment, parent_id


def _continues(known: TraceOnThread | None, context: SpanContext, parent_id: int) -> bool:
    if known is None or known.trace_id != context.trace_id:
        return False
    return not context.is_remote or known.remote_parent_id == parent_id


def thread_of(base: Record) -> tuple[int, str]:
    """Return (ident, name) of the calling thread, whose stack ``base`` is; (0, "") for the main.

    Read without the registry's lock, which the program may hold, and without current_thread(),
    which would add a dummy to the registry.
    """
    ident = Threads.get_ident()
    if ident == threading.main_thread().ident:
        base[BASE_THREAD] = (0, "")
    else:
        thread = threading._active.get(ident)  # type: ignore[attr-defined]  # noqa: SLF001
        if thread is None:
            return ident, ""
        base[BASE_THREAD] = (ident, str(_name_of(thread)))
    found: tuple[int, str] = base[BASE_THREAD]
    return found
