"""Decides which recorders a session runs: that of spans, that of steps, both, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.sdk.otel.host_provider import host_provider
from codetracer_otel.sdk.parts.output_paths import makes_native_traces_alone, native_targets

if TYPE_CHECKING:
    from codetracer_otel.filters import Classifier
    from codetracer_otel.sdk.settings.model import Settings


def wants_spans(settings: Settings, *, prints_topics: bool) -> bool:
    """Return whether function spans are recorded: not where native traces are all that is made.

    Args:
        settings: of the session.
        prints_topics: topics are printed, with the ids of function spans.
    """
    if settings.disabled or not settings.functions:
        return False
    if not makes_native_traces_alone(settings):
        return True
    # the host's spans need function spans as parents
    return prints_topics or host_provider(settings.tracer_provider) is not None


def wants_steps(settings: Settings, classifier: Classifier) -> bool:
    """Return whether an exporter or a rule asks for lines."""
    if settings.disabled or not settings.functions:
        return False
    return bool(native_targets(settings)) or wants_line_events(classifier)


def wants_line_events(classifier: Classifier) -> bool:
    """Return whether a rule asks for span events of lines."""
    return any(rule.events.get("lines") for rule in classifier.rules)
