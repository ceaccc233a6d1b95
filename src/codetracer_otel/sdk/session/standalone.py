"""Prints topics in a program that never called ``configure``."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from codetracer_otel.bindings import Os
from codetracer_otel.errors import CodetracerError, ErrorCode, Problem
from codetracer_otel.filters import compile_chain
from codetracer_otel.instrumentation.manual.backend import SLOT
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.model.ids import RandomIds
from codetracer_otel.sdk.diagnostics.logger import report_problem
from codetracer_otel.sdk.otel.host_provider import host_provider
from codetracer_otel.sdk.settings.filter_loading import build_module_names, load_filters
from codetracer_otel.sdk.topics.span_backend import (
    bare_span_starter,
    build_lines,
    build_tracing,
    span_starter,
)

if TYPE_CHECKING:
    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.sdk.settings.model import Settings
    from codetracer_otel.sdk.topics.printer import TopicLines


def start(settings: Settings) -> SpanBackend | None:
    """Return where hand-written spans go without a session, or None when no topic is on.

    An invalid filter means that nobody says what may be printed: its problems are reported, and
    nothing else is.
    """
    clock = SystemClock()
    lines = build_lines(settings.topics, clock, _tell_loss)
    lines.emit_bad_directives()
    if lines.is_off:
        return None
    for warning in settings.warnings:
        report_problem(warning)
    try:
        return _build(settings, lines, clock)
    except CodetracerError as error:
        report_problem(error)
        return None


def _tell_loss(message: str) -> None:
    report_problem(Problem(ErrorCode.IO, message))


def _build(settings: Settings, lines: TopicLines, clock: SystemClock) -> SpanBackend:
    chain = load_filters(settings)
    names = build_module_names(chain, clock, _say_nothing)
    classifier = compile_chain(chain)
    ids = RandomIds()
    host = None if settings.disabled else host_provider(None)
    start_span = bare_span_starter(ids) if host is None else span_starter(host)
    tracing = build_tracing(settings, lines, classifier, names, clock, start_span, _Failures())
    _watch_process(lines, ids)
    return tracing


def _watch_process(lines: TopicLines, ids: RandomIds) -> None:
    def after_in_child() -> None:
        ids.reseed()
        lines.after_fork()
        SLOT.forget_threads()

    Os.register_at_fork(after_in_child=after_in_child)
    atexit.register(lines.close)


def _say_nothing(_event: str, /, level: str = "info", **facts: object) -> None:
    """Take a report of the filters: without a session there is no log."""
    del level, facts


class _Failures:
    """Reports the first defect of ours."""

    def __init__(self) -> None:
        self._has_told = False

    def __call__(self, error: Exception) -> None:
        if not self._has_told:
            self._has_told = True
            report_problem(f"a hand-written span failed: {type(error).__qualname__}")
