"""Sums up a session: the last lines of its log, and what its shutdown raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.bindings import Os
from codetracer_otel.errors import ErrorCode, TargetError
from codetracer_otel.sdk.settings.launch import StartKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.errors import CodetracerError
    from codetracer_otel.sdk.session.diagnostics import Reporting
    from codetracer_otel.sdk.session.session import Session
    from codetracer_otel.sdk.settings.model import Settings


def conclude(session: Session, reporting: Reporting) -> CodetracerError | None:
    """Say what a session came to, close its log, and return what its shutdown raises."""
    stats = session.stats()
    reporting.drops.observe(stats["dropped"], is_last=True)
    error = reporting.failures.take()
    if error is None and not recorded_count(stats) and Os.getpid() == session.started_in:
        error = _about_nothing(session, reporting)
    reporting.topics.end(stats)
    reporting.log.close()
    return error


def _about_nothing(session: Session, reporting: Reporting) -> CodetracerError | None:
    if session.policy.require_trace:
        return TargetError(session.why_nothing(), ErrorCode.TRACE_MISSING)
    if _expects_spans(session.settings) and not reporting.failures.has_failed:
        # every interpreter of an environment may begin a session without a function of its own
        launch = session.settings.launch
        is_asked = launch.kind is StartKind.API and not launch.is_child
        level = "warn" if is_asked else "info"
        reporting.notify("nothing_recorded", level, message=session.why_nothing())
    return None


def _expects_spans(settings: Settings) -> bool:
    is_summed_up = settings.launch.is_program
    is_on = settings.functions and not settings.disabled
    return is_on and bool(settings.exporters) and not is_summed_up


def records_steps_alone(stats: Mapping[str, Any]) -> bool:
    """Return whether calls are in a native trace and nowhere else, so that no span counts them."""
    return "native" in stats and not stats.get("recorder")


def recorded_count(stats: Mapping[str, Any]) -> int:
    """Return how many spans were recorded, or calls that are in a trace if there is no other."""
    if records_steps_alone(stats):
        return int(stats["native"]["calls"])
    return int(stats.get("recorded", 0))
