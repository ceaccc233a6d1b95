"""Keeps session ids: which evaluation the current code belongs to, and the current span's ids."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry import baggage
from opentelemetry.context import Context, create_key, get_current, set_value
from opentelemetry.trace import get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.instrumentation.manual.backend import SLOT
from codetracer_otel.instrumentation.manual.context import attach, detach
from codetracer_otel.instrumentation.values.safe_access import exact_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.trace import Span


_SCOPE_KEY: Final = create_key("codetracer-session-scope")
_EVENT_KEY: Final = create_key("codetracer-session-of-event")
LONGEST_SESSION_ID: Final = 256  # characters


class CurrentIds(NamedTuple):
    """The ids that lines and log records carry at this moment.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        session_id: the evaluation session, or None.
    """

    trace_id: str
    span_id: str
    session_id: str | None = None


def current_ids() -> CurrentIds | None:
    """Return the ids of the current span, whoever made it, or None outside of any."""
    found = get_current_span().get_span_context()
    if not found.is_valid:
        return None
    return CurrentIds(f"{found.trace_id:032x}", f"{found.span_id:016x}", _current_session())


def _current_session() -> str | None:
    backend = SLOT.current()
    return session_of(get_current(), None if backend is None else backend.session_id)


@contextmanager
def session_scope(session_id: str) -> Iterator[None]:
    """Let everything in the block belong to an evaluation session, whatever other sources say.

    Args:
        session_id: its id, which is cut to 256 characters.

    Raises:
        ValueError: not a text, or blank.
    """
    text = clean_session_id(session_id)
    if text is None:
        raise ValueError("session_id: not a text, or blank; expected the id of a session")
    token = attach(set_value(_SCOPE_KEY, text))
    try:
        yield
    finally:
        detach(token)


def with_event_session(context: Context, session_id: object) -> Context:
    """Return ``context`` with the session id that an event names, if it is a text."""
    text = clean_session_id(session_id)
    return context if text is None else set_value(_EVENT_KEY, text, context)


def session_of(context: Context, default: str | None) -> str | None:
    """Return the session id: explicit scope, event, baggage, then ``default``."""
    if not context:
        return default
    for found in (
        context.get(_SCOPE_KEY),
        context.get(_EVENT_KEY),
        baggage.get_baggage("session.id", context),
    ):
        text = None if found is None else clean_session_id(found)
        if text is not None:
            return text
    return default


def clean_session_id(value: object) -> str | None:
    """Return an exact, bounded text, or None where ``value`` is no text or blank."""
    text = exact_text(value)
    return None if text is None else text.strip()[:LONGEST_SESSION_ID] or None


class LogCorrelationFilter(logging.Filter):
    """Puts ``trace_id``, ``span_id`` and ``session_id`` of the current span on log records.

    Outside of any span the three are empty texts. Attach it to a handler, so that it sees the
    records of every logger.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Set the attributes; every record passes."""
        ids = current_ids()
        record.trace_id = "" if ids is None else ids.trace_id
        record.span_id = "" if ids is None else ids.span_id
        record.session_id = (_current_session() if ids is None else ids.session_id) or ""
        return True


# A child process prints to its own standard error, which may be read by the program.
_NOT_FOR_CHILDREN: Final = frozenset({"CODETRACER_TRACE", "CODETRACER_TRACE_TOPICS"})

_propagator: Final = TraceContextTextMapPropagator()


def child_environment(span: Span, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a child process: what it records is below ``span``.

    Args:
        span: any span; one that is not valid is nobody's parent.
        environ: to start from; the topics it names are left out.
    """
    child = {key: value for key, value in environ.items() if key not in _NOT_FOR_CHILDREN}
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, set_span_in_context(span, Context()))
    if carrier:
        child.pop("TRACESTATE", None)
    child.update({key.upper(): value for key, value in carrier.items()})
    return child
