"""Provides the public functions for manual spans, with a session or without one."""

from __future__ import annotations

from typing import Any

from codetracer_otel.instrumentation.manual.api import event, span
from codetracer_otel.instrumentation.manual.backend import SLOT, SpanBackend
from codetracer_otel.instrumentation.manual.functions.decorator import instrument
from codetracer_otel.instrumentation.manual.session_scope import (
    CurrentIds,
    LogCorrelationFilter,
    current_ids,
    session_scope,
)
from codetracer_otel.instrumentation.policy_engine.tracer import PolicyTracer, WasmMemory
from codetracer_otel.instrumentation.topics import register_topic
from codetracer_otel.sdk.settings.model import from_process_environment, hidden_variables
from codetracer_otel.sdk.settings.resolve import resolve

__all__ = [
    "CurrentIds",
    "LogCorrelationFilter",
    "PolicyTracer",
    "WasmMemory",
    "current_ids",
    "event",
    "instrument",
    "register_topic",
    "reload_trace",
    "session_scope",
    "span",
]


def reload_trace(spec: str) -> None:
    """Print other topics from now on, for functions that are already decorated, too.

    Args:
        spec: in the grammar of ``CODETRACER_TRACE``; ``"off"`` for none.

    Raises:
        ConfigurationError: with every bad directive; nothing was changed.
    """
    active = SLOT.current()
    if active is None:
        active = _start_without_session({"trace": spec})
        if active is not None:
            SLOT.active = active
        return
    active.reload(spec)


def _decide() -> SpanBackend | None:
    """Read the environment at the first span without a session."""
    environ = from_process_environment()
    if not any(environ.get(name) for name in ("CODETRACER_TRACE", "CODETRACER_TRACE_TOPICS")):
        return None
    return _start_without_session({})


def _start_without_session(keywords: dict[str, Any]) -> SpanBackend | None:
    settings = resolve(keywords, from_process_environment())
    with hidden_variables(settings.unusable):  # OpenTelemetry reads some of them as it is imported
        from codetracer_otel.sdk.session.standalone import start  # noqa: PLC0415 - when on

        return start(settings)


SLOT.decide = _decide
