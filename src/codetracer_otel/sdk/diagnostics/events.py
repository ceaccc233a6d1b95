"""Lists the events that parts of a session report: their topics, and which are failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.errors import EnvironmentFailure, ErrorCode, InternalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Topic of an event by the beginning of its name.
_TOPICS: Final[Mapping[str, str]] = {
    "exporter_": "export",
    "spans_": "export",
    "otlp_": "export",
    "pipeline_": "export",
    "filter_": "filter",
    "module_name_": "filter",
    "value_pattern_": "redact",
    "host_provider_": "config",
    "environment_": "config",
    "io_": "io",
}


def topic_of(event: str) -> str:
    """Return the topic of an event that a lower layer reports."""
    return next((topic for start, topic in _TOPICS.items() if event.startswith(start)), "session")


class FailureKind(NamedTuple):
    """What is known of a failure from its event's name.

    Attributes:
        code: the stable identifier.
        kind: ``usage``, ``environment``, ``target`` or ``internal``.
    """

    code: ErrorCode
    kind: str


_DEFECT: Final = FailureKind(ErrorCode.UNKNOWN, InternalError.kind)
_LOST_EXPORT: Final = FailureKind(ErrorCode.EXPORT_FAILED, EnvironmentFailure.kind)
_TORN_TRACE: Final = FailureKind(ErrorCode.TRACE_INCOMPLETE, EnvironmentFailure.kind)

FAILURES: Final[Mapping[str, FailureKind]] = {
    "recorder_failed": _DEFECT,
    "drain_failed": _DEFECT,
    "finish_failed": _DEFECT,
    "pipeline_failed": _DEFECT,
    "hand_written_span_failed": _DEFECT,
    "metrics_sink_failed": FailureKind(ErrorCode.UNKNOWN, UsageError.kind),
    "exporter_failing": _LOST_EXPORT,
    "exporter_raised": _LOST_EXPORT,
    "spans_rejected": _LOST_EXPORT,
    "native_trace_failed": _TORN_TRACE,
    "native_trace_not_ended": _TORN_TRACE,
    "native_trace_not_repaired": _TORN_TRACE,
    "topics_failing": FailureKind(ErrorCode.IO, EnvironmentFailure.kind),
    "io_capture_failed": FailureKind(ErrorCode.IO, EnvironmentFailure.kind),
}
"""Event -> what kind of failure it is: these lines carry a code and have a JSON trailer."""
