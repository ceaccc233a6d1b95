"""Turns keywords and an environment into one frozen `Settings`, with every problem of both."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, cast

from codetracer_otel.errors import Problem, configuration_error
from codetracer_otel.instrumentation.topics import TOPICS
from codetracer_otel.sdk.settings.error_policy import Origin
from codetracer_otel.sdk.settings.exporter_specs import (
    Exporters,
    exporters_from_environment,
    exporters_from_keyword,
    may_be_grpc,
    missing_plugins,
)
from codetracer_otel.sdk.settings.keywords import (
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
from codetracer_otel.sdk.settings.launch import StartMode
from codetracer_otel.sdk.settings.limits import (
    BUFFER_VARIABLES,
    LIMIT_VARIABLES,
    Buffer,
    Limits,
    bounds_from_environment,
    merge_bounds,
    text_lengths,
)
from codetracer_otel.sdk.settings.model import (
    Core,
    Paths,
    Settings,
    StepValues,
    TopicSettings,
    ValueFormat,
    asked_core,
)
from codetracer_otel.sdk.settings.otel_environment import (
    is_disabled,
    misspelt_variables,
    otlp_environment,
    remote_parent,
    resource_attributes,
    traces_sampler,
)
from codetracer_otel.sdk.settings.topic_directives import stated_output, topic_problems
from codetracer_otel.sdk.settings.variables import (
    bind_policy,
    invalid,
    parse_boolean,
    parse_choice,
    policy_from_environment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum

    from codetracer_otel.model.record import RemoteParent
    from codetracer_otel.sdk.settings.error_policy import Policy

# OpenTelemetry, too, leaves out the bad items among the pairs of these.
_PARTLY_USED: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")


def resolve(
    keywords: Mapping[str, object], environ: Mapping[str, str], *, launch: StartMode | None = None
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
    settings = reader.settings(launch or StartMode())
    if reader.problems:
        raise configuration_error(reader.problems)
    return settings


def _variables_in(problems: Iterable[Problem]) -> tuple[str, ...]:
    """Return the variables of OpenTelemetry that are bad; a message begins with its subject."""
    subjects = [problem.message.partition(":")[0] for problem in problems]
    return tuple(name for name in subjects if name.startswith("OTEL_") and name not in _PARTLY_USED)


class _Reader:
    """Reads option by option; collects problems of keywords and warnings of the environment."""

    def __init__(self, keywords: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._keywords = {name: value for name, value in keywords.items() if value is not None}
        self._environ = environ
        self.problems = [unknown_keyword(name) for name in keywords if name not in KEYWORDS]
        self.warnings = misspelt_variables(environ)

    def settings(self, launch: StartMode) -> Settings:
        sampler, sampler_argument = self._sampler()
        exporters = self._exporters()
        otlp = otlp_environment(self._environ, may_be_grpc=may_be_grpc(exporters))
        return Settings(
            disabled=self._warned(is_disabled(self._environ)),
            environment_filters=tuple(split_chain(self._text("CODETRACER_TRACE_FILTER") or "")),
            filters=self._option("trace_filter", parse_filters, ()),
            builtin_filter=self._boolean("builtin_filter", default=True),
            exporters=exporters,
            exporters_origin=self._origin_of_exporters(),
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
            text_lengths=text_lengths(self._environ),
            buffer=self._bounds("buffer", Buffer(), BUFFER_VARIABLES),
            capture_repr=self._boolean("capture_repr", default=False),
            step_values=self._choice("step_values", StepValues.ALL),
            value_format=self._choice("value_format", ValueFormat.NATIVE),
            paths=self._choice("paths", Paths.ABSOLUTE),
            respect_parent=self._boolean("respect_parent", default=True),
            propagate_threads=self._boolean("propagate_threads", default=True),
            signals=self._boolean("signals", default=False),
            learn_secrets=self._boolean(
                "learn_secrets",
                default=self._variable_boolean("CODETRACER_LEARN_SECRETS", default=True),
            ),
            remote_parent=self._remote_parent(),
            otlp=self._warned(otlp),
            sampler=sampler,
            sampler_argument=sampler_argument,
            no_color=bool(self._environ.get("NO_COLOR")),
            core=self._core(),
            launch=launch,
            warnings=tuple(self.warnings),
            unusable=_variables_in(self.warnings),
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

    def _sampler(self) -> tuple[str | None, str | None]:
        missing = missing_plugins(self._environ)
        self.warnings += missing
        stated = self._warned(traces_sampler(self._environ))
        return (None, None) if "OTEL_TRACES_SAMPLER" in _variables_in(missing) else stated

    def _origin_of_exporters(self) -> Origin:
        return Origin.KEYWORD if "exporter" in self._keywords else Origin.ENVIRONMENT

    def _policy(self) -> Policy:
        environment = self._warned(policy_from_environment(self._environ))
        policy, problems = bind_policy(self._keywords.get("policy"), environment)
        self.problems += problems
        return policy

    def _bounds[Bounds: (Limits, Buffer)](
        self, name: str, default: Bounds, variables: Mapping[str, tuple[str, ...]]
    ) -> Bounds:
        environment = self._warned(bounds_from_environment(self._environ, variables))
        bounds, problems = merge_bounds(self._keywords.get(name), default, environment, name)
        self.problems += problems
        return bounds

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
        output = None if text is None else stated_output(text, "CODETRACER_TRACE_OUTPUT")
        if not isinstance(output, Problem):
            return output
        self.warnings.append(output)
        return None

    def _variable_boolean(self, variable: str, *, default: bool = False) -> bool:
        text = self._text(variable)
        value = parse_boolean(text, variable) if text else default
        if not isinstance(value, Problem):
            return value
        self.warnings.append(value)
        return default

    def _core(self) -> Core:
        choice = asked_core(self._environ)
        if not isinstance(choice, Problem):
            return choice
        self.warnings.append(choice)
        return Core.AUTO

    def _order(self) -> str:
        text = (self._text("CODETRACER_TRACE_ORDER") or "end").lower()
        if text in ("end", "start"):
            return text
        self.warnings.append(
            invalid("CODETRACER_TRACE_ORDER", "unknown choice", text, "start or end")
        )
        return "end"
