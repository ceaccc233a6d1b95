"""Turns keywords and an environment into one frozen `Settings`, with every problem of both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.errors import ErrorCode, Problem, configuration_error, did_you_mean
from codetracer_otel.instrumentation.topics import TOPICS
from codetracer_otel.sdk.settings.error_policy import Origin, Policy, PolicyFlags
from codetracer_otel.sdk.settings.exporter_specs import (
    Exporters,
    exporters_from_environment,
    exporters_from_keyword,
    may_be_grpc,
    missing_plugins,
    usable_part,
)
from codetracer_otel.sdk.settings.filter_loading import filters_of_environment
from codetracer_otel.sdk.settings.launch import StartMode
from codetracer_otel.sdk.settings.limits import Buffer, Limits, TextLengths, bounds_of
from codetracer_otel.sdk.settings.model import Settings, TopicSettings
from codetracer_otel.sdk.settings.options.names import misspelt_variables, unknown_keyword
from codetracer_otel.sdk.settings.options.option import Options, read_stated, read_variables
from codetracer_otel.sdk.settings.options.table import (
    BUFFER,
    ENVIRONMENT,
    LIMITS,
    OPTIONS,
    POLICY,
    TOPIC_VARIABLES,
)
from codetracer_otel.sdk.settings.otel_environment import (
    baggage,
    exception_logs,
    is_disabled,
    otlp_environment,
    ratio_to_state,
    remote_parent,
    resource_attributes,
    traces_sampler,
)
from codetracer_otel.sdk.settings.parsers import invalid, shown
from codetracer_otel.sdk.settings.topic_directives import topic_problems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.model.record import RemoteParent

# OpenTelemetry, too, leaves out the bad items among the pairs of these.
_PARTLY_USED: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_BOUNDS: Final[Mapping[str, Options]] = {"limits": LIMITS, "buffer": BUFFER}


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
    reader = _Reader(keywords, environ, launch or StartMode())
    settings = reader.settings()
    if reader.problems:
        raise configuration_error(reader.problems)
    return settings


def _variables_in(problems: Iterable[Problem]) -> tuple[str, ...]:
    """Return the variables of OpenTelemetry that are bad; a message begins with its subject."""
    subjects = [problem.message.partition(":")[0] for problem in problems]
    return tuple(name for name in subjects if name.startswith("OTEL_") and name not in _PARTLY_USED)


def bind_policy(
    stated: object, environment: Mapping[str, object]
) -> tuple[Policy, tuple[Problem, ...]]:
    """Return the policy in force and every problem of what the caller stated.

    Args:
        stated: what the caller gave: a mapping, a `Policy`, `PolicyFlags` or None.
        environment: valid values by field name.

    A value that is not accepted counts as not stated, so the policy is usable either way.
    """
    origin = Origin.FLAG if isinstance(stated, PolicyFlags) else Origin.KEYWORD
    mapping = _stated_policy(stated)

    def subject(name: str) -> str:
        return f"--{name.replace('_', '-')}" if origin is Origin.FLAG else f"policy.{name}"

    unknown = partial(_unknown_key, "policy", POLICY)
    given, problems = read_stated(POLICY, mapping or {}, subject, unknown)
    if mapping is None:
        problems = [invalid("policy", "not a policy", stated, "a mapping or a Policy")]
    values = {**environment, **given}
    origins = {name: origin if name in given else Origin.ENVIRONMENT for name in values}
    policy = Policy(**values, origins=MappingProxyType(origins))  # type: ignore[arg-type]
    return policy, tuple(problems)


def _stated_policy(stated: object) -> Mapping[str, object] | None:
    if stated is None:
        return {}
    if isinstance(stated, PolicyFlags):
        return stated.values
    if isinstance(stated, Policy):
        return _differences(stated, Policy(), kept=stated.origins)
    return stated if isinstance(stated, Mapping) else None


def _differences(stated: Any, default: Any, kept: Mapping[str, Origin]) -> dict[str, object]:
    """Return the fields that differ from their defaults, and those a keyword has stated."""
    values = {field.name: getattr(stated, field.name) for field in fields(default) if field.compare}
    return {
        name: value
        for name, value in values.items()
        if value != getattr(default, name) or kept.get(name) is Origin.KEYWORD
    }


def _unknown_key(subject: str, options: Options, name: object) -> Problem:
    hint = did_you_mean(name, options) if isinstance(name, str) else ""
    message = f"{subject}: unknown key {shown(name)}; expected one of {', '.join(options)}{hint}"
    return Problem(ErrorCode.INVALID_POLICY_VALUE, message)


def merge_bounds[Bounds: (Limits, Buffer)](
    stated: object,
    default: Bounds,
    environment: Mapping[str, object],
    subject: str,
    *,
    by_flags: bool = False,
) -> tuple[Bounds, list[Problem]]:
    """Return the bounds in force and every problem of those the caller stated.

    Args:
        stated: an instance of the bounds' class, values by field, or None.
        default: the bounds when nothing is stated.
        environment: valid values by field name.
        subject: the keyword's name.
        by_flags: name the flags in messages.
    """
    base = replace(default, **environment)  # type: ignore[arg-type]
    if stated is None:
        return base, []
    if isinstance(stated, Mapping):
        options = _BOUNDS[subject]
        name_of = partial(_name_of, options, by_flags=by_flags, prefix=f"{subject}.")
        unknown = partial(_unknown_key, subject, options)
        values, problems = read_stated(options, stated, name_of, unknown)
        return replace(base, **values), problems  # type: ignore[arg-type]
    if not isinstance(stated, type(default)):
        return base, [invalid(subject, "wrong type", stated, f"a {type(default).__name__}(...)")]
    given = _differences(stated, default, kept={})
    values, problems = read_stated(_BOUNDS[subject], given, lambda name: f"{subject}.{name}")
    return replace(base, **values), problems  # type: ignore[arg-type]


def _name_of(options: Options, name: str, *, by_flags: bool, prefix: str = "") -> str:
    """Return what the caller wrote to state an option."""
    flag = options[name].flag
    return flag.name if by_flags and flag is not None else f"{prefix}{name}"


def text_lengths(environ: Mapping[str, str]) -> TextLengths:
    """Return what an environment states; a bad value, which `Limits` reports, counts as none."""
    option = LIMITS["max_string"]
    of_spans, of_all = (
        read_variables({variable: replace(option, variables=(variable,))}, environ)[0].get(
            option.name
        )
        for variable in option.variables
    )
    others = of_all if isinstance(of_all, int) else None
    return TextLengths(of_spans if isinstance(of_spans, int) else others, others)


class _Reader:
    """Reads option by option; collects problems of keywords and warnings of the environment."""

    def __init__(
        self, keywords: Mapping[str, object], environ: Mapping[str, str], launch: StartMode
    ) -> None:
        self._launch = launch
        self._name_of = partial(_name_of, OPTIONS, by_flags=launch.has_flags)
        self._keywords = {name: value for name, value in keywords.items() if value is not None}
        self._config_file = environ.get("OTEL_CONFIG_FILE", "").strip() or None
        self._environ = environ
        if self._config_file:  # which says instead what other variables of OpenTelemetry would
            own = (pair for pair in environ.items() if not pair[0].startswith("OTEL_"))
            self._environ = dict(own)
        self.problems = [unknown_keyword(name) for name in keywords if name not in OPTIONS]
        self.warnings = misspelt_variables(environ)

    def settings(self) -> Settings:
        stated = self._refused(read_stated(OPTIONS, self._keywords, self._name_of))
        sampler, sampler_argument = self._sampler()
        exporters = self._exporters()
        otlp = otlp_environment(self._environ, may_be_grpc=may_be_grpc(exporters))
        limits = self._bounds("limits", Limits())
        values: dict[str, Any] = {
            "disabled": self._warned(is_disabled(self._environ)),
            "environment_filters": self._refused(filters_of_environment(self._environ)),
            "exporters": exporters,
            "exporters_origin": (
                Origin.KEYWORD if "exporter" in self._keywords else Origin.ENVIRONMENT
            ),
            "topics": self._topics(stated.pop("trace", None)),
            "policy": self._policy(),
            "resource_attributes": self._warned(resource_attributes(self._environ)),
            "limits": limits,
            "bounds": bounds_of(limits, text_lengths(self._environ)),
            "buffer": self._bounds("buffer", Buffer()),
            "remote_parent": self._remote_parent(),
            "baggage": baggage(self._environ),
            "otlp": self._warned(otlp),
            "exception_logs": self._warned(exception_logs(self._environ)),
            "sampler": sampler,
            "sampler_argument": sampler_argument,
            "config_file": self._config_file,
            "no_color": bool(self._environ.get("NO_COLOR")),
            **self._warned(read_variables({**OPTIONS, **ENVIRONMENT}, self._environ)),
            **stated,
        }
        found = tuple(self.warnings)
        unusable = self._unusable(found) | ratio_to_state(sampler, sampler_argument)
        return Settings(**values, launch=self._launch, warnings=found, unusable=unusable)

    def _unusable(self, found: Iterable[Problem]) -> dict[str, str]:
        names = _variables_in(found)
        return {name: usable_part(name, self._environ.get(name, "")) for name in names}

    def _warned[Value](self, found: tuple[Value, list[Problem]]) -> Value:
        self.warnings += found[1]
        return found[0]

    def _refused[Value](self, found: tuple[Value, Iterable[Problem]]) -> Value:
        self.problems += found[1]
        return found[0]

    def _exporters(self) -> Exporters:
        if "exporter" in self._keywords:
            subject, stated = self._name_of("exporter"), self._keywords["exporter"]
            return self._refused(exporters_from_keyword(stated, subject))
        is_watched = self._launch.on_terminal
        return self._warned(exporters_from_environment(self._environ, on_terminal=is_watched))

    def _sampler(self) -> tuple[str | None, str | None]:
        missing = missing_plugins(self._environ)
        self.warnings += missing
        stated = self._warned(traces_sampler(self._environ))
        return (None, None) if "OTEL_TRACES_SAMPLER" in _variables_in(missing) else stated

    def _policy(self) -> Policy:
        environment = self._warned(read_variables(POLICY, self._environ))
        return self._refused(bind_policy(self._keywords.get("policy"), environment))

    def _bounds[Bounds: (Limits, Buffer)](self, name: str, default: Bounds) -> Bounds:
        environment = self._warned(read_variables(_BOUNDS[name], self._environ))
        stated = self._keywords.get(name)
        by_flags = self._launch.has_flags
        return self._refused(merge_bounds(stated, default, environment, name, by_flags=by_flags))

    def _remote_parent(self) -> RemoteParent | None:
        parent = remote_parent(self._environ)
        if not isinstance(parent, Problem):
            return parent
        self.warnings.append(parent)
        return None

    def _topics(self, stated: object) -> TopicSettings:
        by_topic = self._environ.get("CODETRACER_TRACE_TOPICS")
        spec = by_topic if by_topic is not None else self._environ.get("CODETRACER_TRACE")
        values: dict[str, Any] = {
            "spec": spec if stated is None else stated,
            "may_be_path": stated is None and by_topic is None,
            **self._warned(read_variables(TOPIC_VARIABLES, self._environ)),
        }
        if stated is not None:
            values["strict"] = True
        topics = TopicSettings(**values)
        if topics.strict and topics.spec:
            subject = self._name_of("trace") if stated is not None else "CODETRACER_TRACE"
            is_directory = os.path.isdir if topics.may_be_path else None
            found = topic_problems(topics.spec, TOPICS, subject, is_directory=is_directory)
            self.problems += found
        return topics
