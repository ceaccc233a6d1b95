"""Reads which exporters a caller or an environment names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import Enum
from typing import Final

from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.endpoints import shown_endpoint, without_secrets_of_urls
from codetracer_otel.errors import ErrorCode, Problem, did_you_mean
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.sdk.settings.parsers import invalid, shown


@dataclass(frozen=True, slots=True, repr=False)
class ExporterSpec:
    """An exporter known by name.

    Attributes:
        name: a builtin name, an entry point or a dotted name.
        target: where it writes: a URL, an absolute path of a file or directory, or None.
        is_fallback: nobody named it; no part of equality.
    """

    name: str
    target: str | None = None
    is_fallback: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        if self.target is None:
            return self.name
        is_url = BUILTIN_EXPORTERS.get(self.name) is _Target.URL
        show = shown_endpoint if is_url else without_secrets_of_urls
        return f"{self.name}={show(self.target)}"

    def __repr__(self) -> str:
        return f"ExporterSpec({str(self)!r})"


class _Target(Enum):
    NONE = "takes no target"
    URL = "may have a URL"
    FILE = "may have a file"
    NEEDED = "needs a path"


BUILTIN_EXPORTERS: Final[Mapping[str, _Target]] = {
    "otlp": _Target.URL,
    "otlp-grpc": _Target.URL,
    "native": _Target.NEEDED,
    "jsonl": _Target.FILE,
    "chrome": _Target.NEEDED,
    "console": _Target.NONE,
    "provider": _Target.NONE,
    "none": _Target.NONE,
}
WRITING_FILES: Final = ("jsonl", "chrome")  # the program waits for them; a child has its own file
ENTRY_POINT_GROUPS: Final = ("codetracer_otel_exporters", "opentelemetry_traces_exporter")

_OTEL_NAMES: Final[Mapping[str, str]] = {
    "otlp_proto_http": "otlp",
    "otlp_proto_grpc": "otlp-grpc",
}
_NAME: Final = lazy_regex(r"[A-Za-z_][\w.:-]*\Z")

_NAME_OR_PAIR: Final = "name or name=target"
_SEVERAL: Final = {
    "--exporter": "; for several repeat the flag",
    "exporter": "; for several a list",
}

Exporters = tuple[object, ...]


def parts_of(text: str) -> list[str]:
    """Return what a text names with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def exporters_from_keyword(
    value: object, subject: str = "exporter"
) -> tuple[Exporters, list[Problem]]:
    """Return the exporters that the keyword names: specs, and exporter objects as they are.

    Args:
        value: a name, an exporter, or several of them.
        subject: what the caller wrote to state it: the keyword, or a flag.
    """
    items = [value] if isinstance(value, str) or _is_exporter(value) else value
    if not isinstance(items, Iterable) or isinstance(items, bytes | Mapping):
        return (), [_not_an_exporter(value, subject)]
    return _collect(items, subject)


def exporters_from_environment(
    environ: Mapping[str, str], *, on_terminal: bool = False
) -> tuple[Exporters, list[Problem]]:
    """Return the exporters for a session whose caller names none.

    ``CODETRACER_EXPORTER`` wins over ``OTEL_TRACES_EXPORTER``; an OTLP endpoint means ``otlp``;
    else people get a tree, and programs JSON lines. Of a variable with a problem nothing is used.
    """
    problems: list[Problem] = []
    for variable, names in (("CODETRACER_EXPORTER", {}), ("OTEL_TRACES_EXPORTER", _OTEL_NAMES)):
        items = _with_options(parts_of(environ.get(variable, "")))
        found, wrong = _collect((names.get(item, item) for item in items), variable)
        problems += wrong
        if items and not wrong:
            return found, problems
    local = "console" if on_terminal else "jsonl"
    name = "otlp" if _has_endpoint(environ) else local
    return (ExporterSpec(name, is_fallback=True),), problems


def _with_options(items: list[str]) -> list[str]:
    """Return the items with the options of a file put back behind it."""
    if len(items) < 2:  # noqa: PLR2004
        return items
    from codetracer_otel.exporters.files.rotation import is_option  # noqa: PLC0415 - seldom

    found: list[str] = []
    for item in items:
        if found and is_option(item):
            found[-1] += f",{item}"
        else:
            found.append(item)
    return found


def may_be_grpc(exporters: Exporters) -> bool:
    """Return whether one of the exporters may be OTLP over gRPC."""
    return any(isinstance(item, ExporterSpec) and item.name == "otlp-grpc" for item in exporters)


def _has_endpoint(environ: Mapping[str, str]) -> bool:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(environ.get(name, "").strip() for name in names)


def _is_exporter(value: object) -> bool:
    return callable(getattr(value, "export", None)) and not isinstance(value, type)


def _collect(items: Iterable[object], subject: str) -> tuple[Exporters, list[Problem]]:
    found, problems = [], []
    for item in items:
        spec = _parse_spec(item, subject) if isinstance(item, str) else item
        if isinstance(spec, Problem):
            problems.append(spec)
        elif isinstance(spec, ExporterSpec) or _is_exporter(spec):
            found.append(spec)
        else:
            problems.append(_not_an_exporter(spec, subject))
    return _without_none(found, problems, subject)


def _without_none(
    found: list[object], problems: list[Problem], subject: str
) -> tuple[Exporters, list[Problem]]:
    none = ExporterSpec("none")
    stated = [item for position, item in enumerate(found) if item not in found[:position]]
    others = tuple(item for item in stated if item != none)
    if others and none in found:
        names = ", ".join(str(item) for item in found if isinstance(item, ExporterSpec))
        problems.append(
            invalid(
                subject,
                "none cannot be combined with exporters",
                names,
                "none alone, or only exporters",
            )
        )
    return others, problems


def _parse_spec(text: str, subject: str) -> ExporterSpec | Problem:
    name, equals, target = (part.strip() for part in text.partition("="))
    if not _NAME.match(name) or (equals and not target):
        return invalid(subject, "not an exporter", text, _NAME_OR_PAIR + _SEVERAL.get(subject, ""))
    builtin, colon, rest = name.partition(":")
    if colon and builtin in BUILTIN_EXPORTERS:
        return invalid(subject, "not an exporter", text, f"{builtin}={rest}")
    takes = BUILTIN_EXPORTERS.get(name)
    if takes is None and not _is_known_elsewhere(name):
        return _unknown_name(name, subject)
    problem = _problem_of_target(name, target, text, subject)
    return problem or ExporterSpec(name, _absolute(target, takes) if target else None)


def _problem_of_target(name: str, target: str, text: str, subject: str) -> Problem | None:
    takes = BUILTIN_EXPORTERS.get(name)
    if takes is _Target.NEEDED and not target:
        return invalid(subject, f"{name} {takes.value}", text, f"{name}=PATH")
    if takes is _Target.NONE and target:
        return invalid(subject, f"{name} {takes.value}", text, name)
    if takes in (_Target.FILE, _Target.NEEDED) and "://" in target:
        expected = f"{name}=PATH, or otlp=URL for a collector"
        return invalid(subject, "a URL instead of a path", text, expected)
    if takes is _Target.FILE and "," in target and not _is_file(target):
        expected = f"{name}=FILE,max=100MB,keep=5,gzip, of which max is at least 1KB"
        return invalid(subject, "not a valid rotation", text, expected)
    return None


def _is_file(target: str) -> bool:
    """Return whether a target has a form that the exporter of JSON lines understands."""
    from codetracer_otel.exporters.files.rotation import read_target  # noqa: PLC0415 - seldom

    try:
        read_target(target)
    except ValueError:
        return False
    return True


def _absolute(target: str, takes: _Target | None) -> str:
    # the program may change its working directory before the file is opened
    is_path = takes in (_Target.FILE, _Target.NEEDED)
    return os.path.abspath(target) if is_path else target


def _is_known_elsewhere(name: str) -> bool:
    is_dotted = "." in name or ":" in name
    return is_dotted or any(_is_installed(group, name) for group in ENTRY_POINT_GROUPS)


def _unknown_name(name: str, subject: str) -> Problem:
    known = ", ".join(BUILTIN_EXPORTERS)
    message = (
        f"{subject}: unknown exporter, got {shown(name)}; expected one of {known}, "
        f"an entry point or a dotted name{did_you_mean(name, BUILTIN_EXPORTERS)}"
    )
    return Problem(ErrorCode.UNSUPPORTED_FORMAT, message)


def _not_an_exporter(value: object, subject: str) -> Problem:
    expected = "a name, name=target, an exporter object or a sequence of those"
    return invalid(subject, "not an exporter", value, expected)


SAMPLER_GROUP: Final = "opentelemetry_traces_sampler"

NAMED_SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
"""The samplers that OpenTelemetry knows without an entry point."""
RULES_SAMPLER: Final = "codetracer_rules"

# Variable -> (entry point group, names that are known without looking).
_PLUGINS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "OTEL_PYTHON_TRACER_PROVIDER": ("opentelemetry_tracer_provider", ()),
    "OTEL_PYTHON_METER_PROVIDER": ("opentelemetry_meter_provider", ()),
    "OTEL_PROPAGATORS": ("opentelemetry_propagator", ("none", "tracecontext", "baggage")),
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": ("opentelemetry_resource_detector", ("otel", "*")),
    "OTEL_TRACES_SAMPLER": (SAMPLER_GROUP, (*NAMED_SAMPLERS, RULES_SAMPLER)),
}
_PROPAGATORS: Final = "OTEL_PROPAGATORS"
_LISTS: Final = (_PROPAGATORS, "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS")
# Of which OpenTelemetry reads the names in any case; of the others only this one.
_ANY_CASE: Final = ("OTEL_TRACES_SAMPLER",)
_NONE: Final = "none"


def missing_plugins(environ: Mapping[str, str]) -> list[Problem]:
    """Return the problem of each variable that names a plugin which is not installed."""
    found = (_missing(variable, environ.get(variable, "")) for variable in _PLUGINS)
    return [problem for problem in found if problem is not None]


def _missing(variable: str, text: str) -> Problem | None:
    names, (group, known) = _missing_names(variable, text), _PLUGINS[variable]
    if not names:
        return None
    expected = f"an entry point of {group}{did_you_mean(names[0], known)}"
    problem = invalid(variable, "not installed", ",".join(names) or text, expected)
    return replace(problem, is_partial=bool(usable_part(variable, text)))


def _missing_names(variable: str, text: str) -> list[str]:
    group, known = _PLUGINS[variable]
    stated = [part.strip() for part in text.split(",")]
    if variable != _PROPAGATORS or not text:  # whose reader takes nothing between commas for a name
        stated = [name for name in stated if name]
    return [n for n in stated if _folded(variable, n) not in known and not _is_installed(group, n)]


def _folded(variable: str, name: str) -> str:
    is_in_any_case = variable in _ANY_CASE or name.lower() == _NONE
    return name.lower() if is_in_any_case else name


def usable_part(variable: str, text: str) -> str:
    """Return what OpenTelemetry may read of a variable that has a problem; often nothing."""
    if variable not in _LISTS:
        return ""
    missing = _missing_names(variable, text)
    return ",".join(name for part in text.split(",") if (name := part.strip()) not in missing)


def _is_installed(group: str, name: str) -> bool:
    from importlib.metadata import entry_points  # noqa: PLC0415 - seldom needed, and 10 ms

    return bool(entry_points(group=group, name=name))
