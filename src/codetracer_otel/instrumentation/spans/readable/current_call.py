"""The call that runs on the calling thread, as context propagation and OpenTelemetry see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.instrumentation.spans.parents import (
    UNDECIDED,
    build_hook,
    build_hook_like,
    settle_kept,
)
from codetracer_otel.model.record import CONTEXT, EXTRAS, INHERITED_ID, SEGMENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from opentelemetry.context import Context

    from codetracer_otel.instrumentation.spans.parents import Parents
    from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan
    from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
    from codetracer_otel.model.record import Record, TraceOnThread


class ThreadsCall:
    """A `CurrentCall` on stacks of records.

    Args:
        stacks: the open calls of each thread.
        parents: resolves parents that are not simply the caller.
        read_context: reads OpenTelemetry's context variable.
        build_span: wraps a record as a `FunctionSpan`.
    """

    def __init__(
        self,
        stacks: Stacks,
        parents: Parents,
        read_context: Callable[[], Context],
        build_span: Callable[[Record], FunctionSpan],
    ) -> None:
        self._stacks = stacks
        self._parents = parents
        self._read_context = read_context
        self.build_span = build_span

    def is_any(self) -> bool:
        """Return whether anything is traced below what runs here."""
        return len(self._stacks.mine() or ()) > 1

    def readable(self) -> Record | None:
        """Return the innermost recorded call; its ids are about to be seen, so it is kept."""
        record = self._stacks.innermost()
        if record is not None and record[CONTEXT] is UNDECIDED:
            settle_kept(record)
        return record

    def parent(self) -> tuple[TraceOnThread, int] | None:
        """Return the segment and span id that a call beginning here would have as parent."""
        stack = self._stacks.mine()
        if stack is None or len(stack) == 1:
            return None
        segment, span_id = self._parents.adopt_any(self._read_context(), stack[-1], stack[0])
        if stack[-1][CONTEXT] is UNDECIDED:
            settle_kept(stack[-1])
        return None if segment is None else (segment, span_id)

    def begin_thread(self, parent: tuple[TraceOnThread, int]) -> None:
        """Put the calls of this new thread below a call of another thread."""
        base = self._stacks.new()[0]
        base[SEGMENT], base[INHERITED_ID] = parent

    def continue_trace(
        self, code: CodeType, context: Context, parent: tuple[TraceOnThread, int]
    ) -> None:
        """Put calls within ``code`` below a call of another thread, until it ends."""
        stack = self._stacks.mine_or_new()
        segment = self._parents.on_this_thread(parent[0], stack[0])
        stack.append(build_hook(code, context, segment, parent[1]))

    def push_context(
        self, code: CodeType, context: Context, parent: tuple[TraceOnThread, int], token: Any
    ) -> None:
        """Let calls within ``code`` see ``context``, whose ``token`` leaves with it."""
        entry = build_hook(code, context, *parent)
        entry[EXTRAS].token = token
        self._stacks.mine_or_new().append(entry)

    def push_same(self, code: CodeType) -> None:
        """Push an entry for ``code`` that changes nothing for calls within it."""
        stack = self._stacks.mine_or_new()
        settle_kept(stack[-1])
        stack.append(build_hook_like(code, stack[-1]))
