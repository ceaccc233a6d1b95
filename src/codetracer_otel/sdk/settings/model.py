"""The settings of a session, valid and complete; the only reader of the environment."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.model.bounds import DEFAULT_BOUNDS, SpanBounds
from codetracer_otel.sdk.settings.error_policy import Origin, Policy
from codetracer_otel.sdk.settings.exporter_specs import WRITING_FILES, Exporters, ExporterSpec
from codetracer_otel.sdk.settings.launch import StartMode
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.otel_environment import ExceptionLogs, OtlpEnvironment
from codetracer_otel.sdk.settings.parsers import parse_boolean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codetracer_otel.errors import Problem
    from codetracer_otel.model.record import RemoteParent


class Core(StrEnum):
    """Who records calls."""

    AUTO = "auto"  # compiled code where there is some
    C = "c"  # compiled code, or a warning
    PYTHON = "python"


class StepValues(StrEnum):
    """Which locals a step of a native trace carries."""

    ALL = "all"
    CHANGED = "changed"


class ValueFormat(StrEnum):
    """The type of captured values as span attributes."""

    NATIVE = "native"
    TEXT = "text"


class Paths(StrEnum):
    """How ``code.file.path`` is written."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class TopicOrder(StrEnum):
    """When a line is printed."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """What ``CODETRACER_TRACE`` and its companions, or the keyword ``trace``, ask for.

    Attributes:
        spec: directives, still as text, or None for nothing.
        may_be_path: a path in ``spec`` means another tool's output directory, so: silently off.
        strict: bad directives raise instead of being reported.
        output: ``fd:N``, ``file:PATH`` or None for stderr.
        order: ``end`` prints a line as its span closes, ``start`` buffers and prints root first.
    """

    spec: str | None = None
    may_be_path: bool = False
    strict: bool = False
    output: str | None = None
    order: TopicOrder = TopicOrder.END


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a session is started with, valid and complete.

    Equal settings mean the same session, apart from the contents of filter files. Fields without a
    line here are options of `configure`, which `options/table.py` declares.

    Attributes:
        disabled: ``OTEL_SDK_DISABLED``: the session starts and does nothing.
        environment_filters: absolute paths from ``CODETRACER_TRACE_FILTER``.
        exporters: `ExporterSpec`, or exporter objects as they were given; empty for none.
        exporters_origin: where they were stated; no part of equality.
        topics: what ``CODETRACER_TRACE`` asks for.
        resource_attributes: pairs of ``OTEL_RESOURCE_ATTRIBUTES``.
        bounds: what each span is held to; of ``limits`` and the environment.
        flight_recorder: bytes that are kept until a dump, or None to deliver at once.
        tail: stated fields of `TailRules`, as pairs, or None for none.
        max_overhead: share of the process's CPU that recording may cost, or None for any.
        remote_parent: from ``TRACEPARENT``, or None.
        baggage: text of ``BAGGAGE``; may be about people, so no repr shows it.
        otlp: what ``OTEL_EXPORTER_OTLP_*`` says.
        exception_logs: how ``OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`` has exceptions sent, or None.
        sampler: name from ``OTEL_TRACES_SAMPLER``, or None.
        sampler_argument: text of ``OTEL_TRACES_SAMPLER_ARG``, or None.
        config_file: ``OTEL_CONFIG_FILE``: it says all that other variables of OpenTelemetry would.
        no_color: ``NO_COLOR`` is set.
        core: ``CODETRACER_OTEL_CORE``: which recorder is asked for.
        launch: how the session was started; no part of equality.
        warnings: what is wrong with the environment; no part of equality.
        unusable: variables that OpenTelemetry must not read -> what it may read of them; no part
            of equality.
    """

    disabled: bool = False
    environment_filters: tuple[str, ...] = ()
    filters: tuple[Any, ...] = ()
    builtin_filter: bool = True
    exporters: Exporters = (ExporterSpec("jsonl"),)
    exporters_origin: Origin = field(default=Origin.DEFAULT, compare=False)
    functions: bool = True
    capture: frozenset[str] = frozenset({"args", "return"})
    topics: TopicSettings = TopicSettings()
    policy: Policy = field(default_factory=Policy)
    service_name: str | None = None
    resource: Any = None
    resource_attributes: tuple[tuple[str, str], ...] = ()
    tracer_provider: Any = None
    set_global: bool = True
    session_id: str | None = None
    activation_path: str | None = None
    limits: Limits = field(default_factory=Limits)
    bounds: SpanBounds = DEFAULT_BOUNDS
    buffer: Buffer = field(default_factory=Buffer)
    capture_repr: bool = False
    step_values: StepValues = StepValues.ALL
    value_format: ValueFormat = ValueFormat.NATIVE
    paths: Paths = Paths.ABSOLUTE
    respect_parent: bool = True
    propagate_subprocess: bool = False
    propagate_threads: bool = True
    signals: bool = False
    learn_secrets: bool = True
    control: bool = False
    flight_recorder: int | None = None
    dump_on: frozenset[str] = frozenset()
    tail: tuple[tuple[str, Any], ...] | None = None
    max_overhead: float | None = None
    remote_parent: RemoteParent | None = None
    baggage: str = field(default="", repr=False)
    otlp: OtlpEnvironment = field(default_factory=OtlpEnvironment)
    exception_logs: ExceptionLogs | None = None
    sampler: str | None = None
    sampler_argument: str | None = None
    config_file: str | None = None
    no_color: bool = False
    core: Core = Core.AUTO
    launch: StartMode = field(default=StartMode(), compare=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    unusable: Mapping[str, str] = field(default_factory=dict, compare=False)

    def waits_for(self, exporter: object) -> bool:
        """Return whether the program waits while the queue of this exporter is full."""
        if self.buffer.when_full != "auto":
            return self.buffer.when_full == "block"
        return isinstance(exporter, ExporterSpec) and exporter.name in WRITING_FILES

    @property
    def max_wait_s(self) -> float | None:
        """Seconds that a call waits for room at most: 0 for never, None for no bound."""
        # What takes a flight recorder's records is never far behind, and a gap would be a hole.
        if self.flight_recorder is None and not any(map(self.waits_for, self.exporters)):
            return 0.0
        return None if self.buffer.max_wait_ms is None else self.buffer.max_wait_ms / 1000


def from_process_environment() -> dict[str, str]:
    """Return a copy of this process's environment; nothing else in this package reads it."""
    return dict(os.environ)


@contextmanager
def hidden_variables(unusable: Mapping[str, str]) -> Iterator[None]:
    """Hide variables of this process in a block: OpenTelemetry raises where it reads a bad one.

    Args:
        unusable: name -> what it is for the block; an empty text hides the variable.
    """
    hidden = {name: os.environ.pop(name, None) for name in unusable}
    os.environ.update({name: text for name, text in unusable.items() if text})
    try:
        yield
    finally:
        for name, text in hidden.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text


DORMANT: Final = "dormant"


def wants_auto_start(environ: Mapping[str, str]) -> bool | str | Problem:
    """Return whether ``CODETRACER_AUTO_START`` asks for a session at interpreter start.

    `DORMANT` asks for none, but for commands to be taken.
    """
    if environ.get("CODETRACER_AUTO_START", "").strip().lower() == DORMANT:
        return DORMANT
    return _boolean(environ, "CODETRACER_AUTO_START")


def wants_instrumentation(environ: Mapping[str, str]) -> bool | Problem:
    """Return whether ``CODETRACER_INSTRUMENT`` asks for a session of OpenTelemetry's loader."""
    return _boolean(environ, "CODETRACER_INSTRUMENT")


def wants_json_errors(environ: Mapping[str, str]) -> bool:
    """Return whether ``CODETRACER_JSON_ERRORS`` asks for trailers, before there are settings."""
    return _boolean(environ, "CODETRACER_JSON_ERRORS") is True


def _boolean(environ: Mapping[str, str], variable: str) -> bool | Problem:
    text = environ.get(variable, "").strip()
    return parse_boolean(text, variable) if text else False
