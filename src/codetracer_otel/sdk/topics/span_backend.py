"""Builds the backend of hand-written spans: for a session, or for topics without one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    get_current_span,
)

from codetracer_otel.errors import configuration_error
from codetracer_otel.filters.decisions.class_rules import reads_fields
from codetracer_otel.instrumentation.manual.backend import SpanBackend
from codetracer_otel.instrumentation.manual.field_policy import FieldPolicies
from codetracer_otel.instrumentation.spans.traced_code import Captures
from codetracer_otel.instrumentation.topics import TOPICS
from codetracer_otel.model.record import RANDOM, SAMPLED
from codetracer_otel.sdk.otel.light_span import count_dropped, redacted_on_worker
from codetracer_otel.sdk.otel.resource import SCOPE_NAME
from codetracer_otel.sdk.otel.tracer_provider import OurProvider
from codetracer_otel.sdk.parts.captures import build_capture_builder
from codetracer_otel.sdk.parts.spans import learn_of
from codetracer_otel.sdk.settings.topic_directives import topic_problems
from codetracer_otel.sdk.topics.output import open_writer
from codetracer_otel.sdk.topics.printer import TopicLines
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry import trace
    from opentelemetry.context import Context

    from codetracer_otel.filters import Classifier, ModuleNames
    from codetracer_otel.instrumentation.manual.call_adoption import CallAdoption
    from codetracer_otel.model.protocols import Clock, Ids
    from codetracer_otel.sdk.settings.model import Settings, TopicSettings
    from codetracer_otel.sdk.topics.printer import PrintedSpans


def build_lines(
    topics: TopicSettings,
    clock: Clock,
    on_loss: Callable[[str], None],
    printed: PrintedSpans | None = None,
) -> TopicLines:
    """Return the printer of topics that settings ask for; nothing is opened before it is needed.

    Args:
        topics: what is printed, and where.
        clock: time.
        on_loss: told, once, why lines cannot be written; not where they go to standard error.
        printed: is told which spans were printed.
    """
    return TopicLines(
        topics.spec or "",
        TOPICS,
        lambda: open_writer(topics.output, on_loss, clock.wall_ns),
        clock.wall_ns,
        is_directory=os.path.isdir if topics.may_be_path else None,
        ordered=topics.order == "start",
        printed=printed,
    )


def build_tracing(
    settings: Settings,
    lines: TopicLines,
    classifier: Classifier,
    names: ModuleNames,
    clock: Clock,
    start_span: Callable[..., Span],
    failed: Callable[[Exception], None],
    call_adoption: CallAdoption | None = None,
    root_begins: Callable[[], None] = lambda: None,
) -> SpanBackend:
    """Return where hand-written spans go.

    Args:
        settings: of the session.
        lines: prints topics.
        classifier: the compiled filter, which says what may be said.
        names: names of modules.
        clock: time.
        start_span: see `span_starter` and `bare_span_starter`.
        failed: is told of a defect of ours.
        call_adoption: on what the recorder captures, where there is one.
        root_begins: called as each trace begins in this process.
    """
    learn = learn_of(classifier)
    wanted = reads_fields(classifier, names.names_for, sys.modules)
    field_policies = FieldPolicies(
        classifier.classify,
        names.identify,
        Captures(build_capture_builder(settings, learn, wanted)).of,
        learn,
    )
    classifier.when_replaced(field_policies.forget)

    def reload(text: str) -> None:
        checked_text(text)
        lines.reload(text)

    return SpanBackend(
        start_span=start_span,
        clock=clock,
        field_policies=field_policies,
        is_printed=lines.prints,
        redacted_on_worker=redacted_on_worker,
        span_closed=lines.span_closed,
        root_closed=lines.root_closed,
        event_happened=lines.event_happened,
        failed=failed,
        reload=reload,
        session_id=settings.session_id,
        remote_parent=settings.remote_parent,
        call_adoption=call_adoption,
        root_begins=root_begins,
        max_fields=settings.limits.max_attributes,
        count_dropped=count_dropped,
        exception_text=settings.capture_repr,
    )


def checked_text(text: str) -> None:
    """Raise a `ConfigurationError` with every bad directive of ``text``."""
    problems = topic_problems(text, TOPICS, "trace")
    if problems:
        raise configuration_error(problems)


def span_starter(provider: trace.TracerProvider) -> Callable[..., Span]:
    """Return what starts spans of a provider."""
    if isinstance(provider, OurProvider):
        return provider.own_starter(SCOPE_NAME, VERSION)
    return provider.get_tracer(SCOPE_NAME, VERSION).start_span


def bare_span_starter(ids: Ids) -> Callable[..., Span]:
    """Return what starts spans that carry ids and are recorded nowhere."""

    def start(_name: str, *, context: Context, **_: Any) -> Span:
        parent = get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else ids.generate_trace_id()
        flags = parent.trace_flags if parent.is_valid else TraceFlags(SAMPLED | RANDOM)
        own = SpanContext(
            trace_id, ids.generate_span_id(), is_remote=False, trace_flags=flags,
            trace_state=parent.trace_state,
        )  # fmt: skip
        return NonRecordingSpan(own)

    return start
