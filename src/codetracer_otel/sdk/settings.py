"""Turns keywords and the environment into one frozen `Settings`; the only reader of the latter."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, cast

from codetracer_otel.errors import Problem, configuration_error
from codetracer_otel.instrumentation.manual_topics import TOPICS
from codetracer_otel.sdk.diagnostics.topics import parse_output, topic_problems
from codetracer_otel.sdk.exporter_specs import (
    Exporters,
    ExporterSpec,
    exporters_from_environment,
    exporters_from_keyword,
)
from codetracer_otel.sdk.keywords import (
    KEYWORDS,
    parse_capture,
    parse_exact_boolean,
    parse_filters,
    parse_path,
    parse_provider,
    parse_resource,
    parse_text,
    parse_topics,
    split_chain,
    unknown_keyword,
)
from codetracer_otel.sdk.limits import (
    BUFFER_VARIABLES,
    LIMIT_VARIABLES,
    Buffer,
    Limits,
    merge_bounds,
    parse_bound,
)
from codetracer_otel.sdk.otel_environment import (
    OtlpEnvironment,
    otlp_environment,
    remote_parent,
    resource_attributes,
    traces_sampler,
)
from codetracer_otel.sdk.policy.binding import bind_policy
from codetracer_otel.sdk.policy.env import (
    invalid,
    parse_boolean,
    parse_choice,
    policy_from_environment,
)
from codetracer_otel.sdk.policy.model import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.records import RemoteParent


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


class LaunchKind(Enum):
    """Who started a session."""

    API = "api"
    SCRIPT = "script"
    MODULE = "module"
    COMMAND = "command"
    PYTEST = "pytest"
    UNITTEST = "unittest"
    AUTO_START = "auto_start"
    INSTRUMENTOR = "instrumentor"


@dataclass(frozen=True, slots=True)
class Launch:
    """How a session was started: where filters are looked for, and what names the service.

    Attributes:
        kind: who started it.
        target: absolute path of the script, the module's name, or empty.
        arguments: the program's own arguments.
        framework_filter: whether the builtin filter of a test framework is added.
    """

    kind: LaunchKind = LaunchKind.API
    target: str = ""
    arguments: tuple[str, ...] = ()
    framework_filter: bool = True

    @property
    def framework(self) -> str | None:
        """``pytest``, ``unittest``, or None: whose builtin filter the session adds."""
        frameworks = (LaunchKind.PYTEST, LaunchKind.UNITTEST)
        return self.kind.value if self.framework_filter and self.kind in frameworks else None

    @property
    def is_program(self) -> bool:
        """Whether ``codetracer-otel run`` started the session and so owns the process."""
        return self.kind not in (LaunchKind.API, LaunchKind.AUTO_START, LaunchKind.INSTRUMENTOR)

    @property
    def owns_process(self) -> bool:
        """Whether the session was there before the program, and follows it to its end."""
        return self.is_program or self.kind is LaunchKind.AUTO_START


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
    order: str = "end"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a session is started with, valid and complete.

    Equal settings mean the same session, apart from the contents of filter files.

    Attributes:
        disabled: ``OTEL_SDK_DISABLED``: the session starts and does nothing.
        environment_filters: absolute paths from ``CODETRACER_TRACE_FILTER``.
        filters: absolute paths and inline filters from the keyword.
        builtin_filter: whether the builtin filters stand first.
        exporters: `ExporterSpec`, or exporter objects as they were given; empty for none.
        functions: whether function spans are recorded.
        capture: subset of args, return, locals, globals.
        topics: what ``CODETRACER_TRACE`` asks for.
        policy: what happens when we fail.
        service_name: stated name, or None.
        resource: stated attributes or ``Resource``, or None.
        resource_attributes: pairs of ``OTEL_RESOURCE_ATTRIBUTES``.
        tracer_provider: stated provider, or None.
        set_global: whether our provider becomes the global one if none is set.
        session_id: evaluation session of the traced program, or None.
        activation_path: absolute path of the file that starts recording, or None.
        limits: how much of each span is kept.
        buffer: how much may wait for delivery.
        capture_repr: whether ``__repr__`` of the program's classes may run.
        step_values: which locals a step carries.
        value_format: the type of captured values as attributes.
        paths: how ``code.file.path`` is written.
        respect_parent: an incoming parent that is not sampled is respected.
        propagate_threads: a thread's parent is the span that started it.
        signals: SIGTERM delivers what is there.
        remote_parent: from ``TRACEPARENT``, or None.
        otlp: what ``OTEL_EXPORTER_OTLP_*`` says.
        sampler: name from ``OTEL_TRACES_SAMPLER``, or None.
        sampler_argument: text of ``OTEL_TRACES_SAMPLER_ARG``, or None.
        no_color: ``NO_COLOR`` is set.
        launch: how the session was started; no part of equality.
        warnings: what is wrong with the environment; no part of equality.
    """

    disabled: bool = False
    environment_filters: tuple[str, ...] = ()
    filters: tuple[Any, ...] = ()
    builtin_filter: bool = True
    exporters: Exporters = (ExporterSpec("jsonl"),)
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
    buffer: Buffer = field(default_factory=Buffer)
    capture_repr: bool = False
    step_values: StepValues = StepValues.ALL
    value_format: ValueFormat = ValueFormat.NATIVE
    paths: Paths = Paths.ABSOLUTE
    respect_parent: bool = True
    propagate_threads: bool = True
    signals: bool = False
    remote_parent: RemoteParent | None = None
    otlp: OtlpEnvironment = field(default_factory=OtlpEnvironment)
    sampler: str | None = None
    sampler_argument: str | None = None
    no_color: bool = False
    launch: Launch = field(default=Launch(), compare=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)


def from_process_environment() -> dict[str, str]:
    """Return a copy of this process's environment; nothing else in this package reads it."""
    return dict(os.environ)


def wants_auto_start(environ: Mapping[str, str]) -> bool:
    """Return whether ``CODETRACER_AUTO_START`` asks for a session at interpreter start."""
    text = environ.get("CODETRACER_AUTO_START", "").strip()
    return bool(text) and parse_boolean(text, "CODETRACER_AUTO_START") is True


def wants_json_errors(environ: Mapping[str, str]) -> bool:
    """Return whether ``CODETRACER_JSON_ERRORS`` asks for trailers, before there are settings."""
    text = environ.get("CODETRACER_JSON_ERRORS", "").strip()
    return bool(text) and parse_boolean(text, "CODETRACER_JSON_ERRORS") is True


def resolve(
    keywords: Mapping[str, object], environ: Mapping[str, str], *, launch: Launch | None = None
) -> Settings:
    """Return the settings that keywords and an environment ask for.

    Args:
        keywords: options of ``configure`` by name; None means "not stated".
        environ: the environment, see `from_process_environment`.
        launch: how the session is started.

    Raises:
        ConfigurationError: with every problem of the keywords. What is wrong with the environment
            is in ``warnings`` of the result, and the default stands.
    """
    reader = _Reader(keywords, environ)
    settings = reader.settings(launch or Launch())
    if reader.problems:
        raise configuration_error(reader.problems)
    return settings


class _Reader:
    """Reads option by option; collects problems of keywords and warnings of the environment."""

    def __init__(self, keywords: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._keywords = {name: value for name, value in keywords.items() if value is not None}
        self._environ = environ
        self.problems = [unknown_keyword(name) for name in keywords if name not in KEYWORDS]
        self.warnings: list[Problem] = []

    def settings(self, launch: Launch) -> Settings:
        sampler, sampler_argument, wrong = traces_sampler(self._environ)
        self.warnings += wrong
        return Settings(
            disabled=self._environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true",
            environment_filters=tuple(split_chain(self._text("CODETRACER_TRACE_FILTER") or "")),
            filters=self._option("trace_filter", parse_filters, ()),
            builtin_filter=self._boolean("builtin_filter", default=True),
            exporters=self._exporters(),
            functions=self._boolean("functions", default=True),
            capture=self._option("capture", parse_capture, Settings().capture),
            topics=self._topics(),
            policy=self._policy(),
            service_name=self._option("service_name", parse_text, self._text("OTEL_SERVICE_NAME")),
            resource=self._option("resource", parse_resource, None),
            resource_attributes=self._warned(resource_attributes(self._environ)),
            tracer_provider=self._option("tracer_provider", parse_provider, None),
            set_global=self._boolean("set_global", default=True),
            session_id=self._option("session_id", parse_text, self._text("CODETRACER_SESSION_ID")),
            activation_path=self._option("activation_path", parse_path, None),
            limits=self._bounds("limits", Limits(), LIMIT_VARIABLES),
            buffer=self._bounds("buffer", Buffer(), BUFFER_VARIABLES),
            capture_repr=self._boolean("capture_repr", default=False),
            step_values=self._choice("step_values", StepValues.ALL),
            value_format=self._choice("value_format", ValueFormat.NATIVE),
            paths=self._choice("paths", Paths.ABSOLUTE),
            respect_parent=self._boolean("respect_parent", default=True),
            propagate_threads=self._boolean("propagate_threads", default=True),
            signals=self._boolean("signals", default=False),
            remote_parent=self._remote_parent(),
            otlp=self._warned(otlp_environment(self._environ)),
            sampler=sampler,
            sampler_argument=sampler_argument,
            no_color=bool(self._environ.get("NO_COLOR")),
            launch=launch,
            warnings=tuple(self.warnings),
        )

    def _option(self, name: str, parse: Callable[[object, str], Any], default: Any) -> Any:
        if name not in self._keywords:
            return default
        value = parse(self._keywords[name], name)
        if not isinstance(value, Problem):
            return value
        self.problems.append(value)
        return default

    def _boolean(self, name: str, *, default: bool) -> bool:
        return cast("bool", self._option(name, parse_exact_boolean, default))

    def _choice[Choice: StrEnum](self, name: str, default: Choice) -> Choice:
        def parse(value: object, subject: str) -> Choice | Problem:
            return parse_choice(type(default), value, subject)

        return cast("Choice", self._option(name, parse, default))

    def _text(self, variable: str) -> str | None:
        return self._environ.get(variable, "").strip() or None

    def _warned[Value](self, found: tuple[Value, list[Problem]]) -> Value:
        self.warnings += found[1]
        return found[0]

    def _exporters(self) -> Exporters:
        if "exporter" not in self._keywords:
            return self._warned(exporters_from_environment(self._environ))
        exporters, problems = exporters_from_keyword(self._keywords["exporter"])
        self.problems += problems
        return exporters

    def _policy(self) -> Policy:
        environment = self._warned(policy_from_environment(self._environ))
        policy, problems = bind_policy(self._keywords.get("policy"), environment)
        self.problems += problems
        return policy

    def _bounds[Bounds: (Limits, Buffer)](
        self, name: str, default: Bounds, variables: Mapping[str, tuple[str, ...]]
    ) -> Bounds:
        environment = self._bounds_of_environment(variables)
        bounds, problems = merge_bounds(self._keywords.get(name), default, environment, name)
        self.problems += problems
        return bounds

    def _bounds_of_environment(self, variables: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, candidates in variables.items():
            variable = next((item for item in candidates if self._text(item)), None)
            if variable is None:
                continue
            value = parse_bound(name, self._text(variable), variable)
            if isinstance(value, Problem):
                self.warnings.append(value)
            else:
                values[name] = value
        return values

    def _remote_parent(self) -> RemoteParent | None:
        parent = remote_parent(self._environ)
        if not isinstance(parent, Problem):
            return parent
        self.warnings.append(parent)
        return None

    def _topics(self) -> TopicSettings:
        stated = self._option("trace", parse_topics, None)
        by_topic = self._environ.get("CODETRACER_TRACE_TOPICS")
        spec = by_topic if by_topic is not None else self._environ.get("CODETRACER_TRACE")
        topics = TopicSettings(
            spec=spec if stated is None else stated,
            may_be_path=stated is None and by_topic is None,
            strict=stated is not None or self._variable_boolean("CODETRACER_TRACE_STRICT"),
            output=self._topic_output(),
            order=self._order(),
        )
        if topics.strict and topics.spec:
            subject = "trace" if stated is not None else "CODETRACER_TRACE"
            is_directory = os.path.isdir if topics.may_be_path else None
            found = topic_problems(topics.spec, TOPICS, subject, is_directory=is_directory)
            self.problems += found
        return topics

    def _topic_output(self) -> str | None:
        text = self._text("CODETRACER_TRACE_OUTPUT")
        output = None if text is None else parse_output(text, "CODETRACER_TRACE_OUTPUT")
        if not isinstance(output, Problem):
            return output
        self.warnings.append(output)
        return None

    def _variable_boolean(self, variable: str) -> bool:
        text = self._text(variable)
        value = parse_boolean(text, variable) if text else False
        if not isinstance(value, Problem):
            return value
        self.warnings.append(value)
        return False

    def _order(self) -> str:
        text = (self._text("CODETRACER_TRACE_ORDER") or "end").lower()
        if text in ("end", "start"):
            return text
        self.warnings.append(
            invalid("CODETRACER_TRACE_ORDER", "unknown choice", text, "start or end")
        )
        return "end"
