"""Spans for programs that evaluate policies: event, signals, engines, decision, actions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import get_current

from codetracer_otel.instrumentation.manual.backend import SLOT
from codetracer_otel.instrumentation.manual.session_scope import (
    clean_session_id,
    with_event_session,
)
from codetracer_otel.instrumentation.manual.span import HandWrittenSpan
from codetracer_otel.instrumentation.policy_engine.stages import (
    Action,
    Evaluation,
    OffStage,
    Routing,
    Signal,
    Signals,
    Stage,
    Synthesis,
    WasmEvaluation,
)
from codetracer_otel.instrumentation.policy_engine.wasm_memory import WasmMemory
from codetracer_otel.instrumentation.topics import Level

if TYPE_CHECKING:
    from types import FrameType

    from opentelemetry.context import Context

    from codetracer_otel.instrumentation.manual.context import Parent

__all__ = ["PolicyTracer", "WasmMemory"]

_OFF: Final = OffStage()
_frame_of: Final = sys._getframe  # noqa: SLF001 - the documented way to the caller's frame


class PolicyTracer:
    """Traces policy evaluations, stage by stage; every method is for use in ``with``.

    The event, the output of signals and the input of policies never become part of a span: only
    the names and the session of an event are read, and only sizes are recorded of the rest.
    """

    __slots__ = ()

    def evaluate(self, event: object) -> OffStage:
        """Trace everything that one event causes.

        Args:
            event: a mapping; ``event_name`` or ``hook_event_name``, ``tool_name`` and
                ``session_id`` are read if they are texts, and nothing else is.
        """
        if SLOT.active is None:
            return _OFF
        name = _text_in(event, "event_name") or _text_in(event, "hook_event_name")
        fields = {"event_name": name, "tool_name": _text_in(event, "tool_name")}
        context = with_event_session(get_current(), _text_in(event, "session_id"))
        return _begin(Evaluation, fields, _frame_of(1), context=context)

    def routing(self, routing_key: str) -> OffStage:
        """Trace the search for policies; ``matched(names)`` says which were found."""
        if SLOT.active is None:
            return _OFF
        return _begin(Routing, {"routing_key": routing_key}, _frame_of(1))

    def signals(self) -> OffStage:
        """Trace the gathering of signals; each of them is a `signal` inside."""
        return _OFF if SLOT.active is None else _begin(Signals, {}, _frame_of(1))

    def signal(self, signal_name: str, *, parent: OffStage | Parent | None = None) -> OffStage:
        """Trace one signal; record ``exit_code``, ``output_size_bytes``, ``timed_out``.

        Args:
            signal_name: its name.
            parent: the `signals` stage, for a thread of a pool that does not inherit it.
        """
        if SLOT.active is None:
            return _OFF
        return _begin(Signal, {"signal_name": signal_name}, _frame_of(1), parent=parent)

    def wasm(
        self,
        *,
        input_size_bytes: int | None = None,
        memory: WasmMemory | None = None,
        engine: str = "wasmtime",
    ) -> OffStage:
        """Trace a policy that runs in an engine; record ``output_size_bytes``, ``decision_count``.

        Args:
            input_size_bytes: size of the policy's input.
            memory: measured at the beginning and at the end, as is the fuel of its store.
            engine: its name, ``wasmtime``, ``regopy`` or another.
        """
        if SLOT.active is None:
            return _OFF
        fields = {"input_size_bytes": input_size_bytes, "engine": engine}
        stage = _begin(WasmEvaluation, fields, _frame_of(1))
        if memory is not None:
            stage.watch(memory)
        return stage

    def synthesis(self) -> OffStage:
        """Trace how one decision is made; ``decided(decision)`` says which."""
        return _OFF if SLOT.active is None else _begin(Synthesis, {}, _frame_of(1))

    def action(self, rule_id: str, action_type: str) -> OffStage:
        """Trace an action that a decision causes; record ``exit_code``."""
        if SLOT.active is None:
            return _OFF
        fields = {"rule_id": rule_id, "action_type": action_type}
        return _begin(Action, fields, _frame_of(1))


def _begin(
    kind: type[Stage],
    fields: Mapping[str, object],
    frame: FrameType,
    *,
    context: Context | None = None,
    parent: OffStage | Parent | None = None,
) -> OffStage:
    backend = SLOT.current()
    if backend is None:
        return _OFF
    try:
        field_policy = backend.field_policies.about(frame.f_code, frame.f_globals)
        span = HandWrittenSpan(backend, kind.name, kind.topic, Level.TRACE, field_policy)
        stage = kind(span, fields)
        around: Any = parent.span if isinstance(parent, Stage) else parent
        around = None if isinstance(around, OffStage) else around
        span.start(parent=around, context=context, otel_name=f"policy.{kind.name}")
    except Exception as failure:  # noqa: BLE001 - the program goes on
        backend.failed(failure)
        return _OFF
    return stage


def _text_in(event: object, key: str) -> str | None:
    """Return a bounded text that an event has under a key; no code of a plain dict's owner runs."""
    if isinstance(event, dict):
        return clean_session_id(dict.get(event, key))
    try:
        return clean_session_id(event.get(key)) if isinstance(event, Mapping) else None
    except Exception:  # noqa: BLE001 - a mapping of the program may raise anything
        return None
