"""Reads policy values from text, and from the variables of a mapping that is an environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codetracer_otel.endpoints import without_secrets_of_urls
from codetracer_otel.errors import ErrorCode, Problem
from codetracer_otel.sdk.settings.error_policy import (
    CaptureIo,
    LogLevel,
    LogLevels,
    OnRecorderError,
    Origin,
    Policy,
    PolicyFlags,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import StrEnum

TRUE_WORDS: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "f", "no", "n", "off"})

_BOOLEAN_FORM: Final = "1/true/t/yes/y/on or 0/false/f/no/n/off"
_LEVEL_NAMES: Final = tuple(level.name.lower() for level in LogLevel)
_LONGEST_SHOWN: Final = 80


def shown(value: object) -> str:
    """Return a value of a setting as a message may show it: quoted, printable, short."""
    text = ascii(value) if isinstance(value, str | bool | int | float) else type(value).__name__
    if "://" in text:  # the rest of a URL, and the quote after it, is not shown
        text = f"{without_secrets_of_urls(text)}{text[0]}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known word, or nothing."""
    import difflib  # noqa: PLC0415 - only where something is misspelt

    nearest = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def invalid(subject: str, rule: str, value: object, expected: str) -> Problem:
    """Return the problem of a setting or policy value that is not accepted."""
    message = f"{subject}: {rule}, got {shown(value)}; expected {expected}"
    return Problem(ErrorCode.INVALID_POLICY_VALUE, message)


def parse_boolean(value: object, subject: str) -> bool | Problem:
    """Return the truth value of a bool or of one of the accepted words in any case."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    return invalid(subject, "not a truth value", value, _BOOLEAN_FORM)


def parse_choice[Choice: StrEnum](
    kind: type[Choice], value: object, subject: str
) -> Choice | Problem:
    """Return the member of a closed choice that ``value`` names in any case."""
    names = [member.value for member in kind]
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in names:
        return kind(word)
    hint = did_you_mean(word, names)
    return invalid(subject, "unknown choice", value, " or ".join(names) + hint)


def parse_log_levels(value: object, subject: str) -> LogLevels | Problem:
    """Return the limits of ``[target=]level,...``."""
    if isinstance(value, LogLevels):
        return value
    if not isinstance(value, str) or not value.strip():
        return invalid(subject, "not a log level", value, "[target=]level,...")
    default, targets = LogLevels().default, []
    for item in filter(None, (part.strip() for part in value.split(","))):
        target, equals, name = item.rpartition("=")
        level = _level(name.strip())
        if level is None or (equals and not target.strip()):
            return _unknown_level(subject, item, name.strip())
        if equals:
            targets.append((target.strip(), level))
        else:
            default = level
    return LogLevels(default, tuple(targets))


def _level(name: str) -> LogLevel | None:
    upper = {"WARNING": "WARN"}.get(name.upper(), name.upper())
    return LogLevel.__members__.get(upper)


def _unknown_level(subject: str, item: str, name: str) -> Problem:
    expected = "[target=]" + "|".join(_LEVEL_NAMES) + did_you_mean(name, _LEVEL_NAMES)
    return invalid(subject, "unknown log level", item, expected)


def parse_file(value: object, subject: str) -> str | Problem | None:
    """Return the absolute path of a file to write, None for stderr."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None or value in ("-", "stderr"):
        return None
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        return invalid(subject, "not a path", value, "a file to write, or stderr")
    return os.path.abspath(value)


def _on_recorder_error(value: object, subject: str) -> OnRecorderError | Problem:
    return parse_choice(OnRecorderError, value, subject)


def _capture_io(value: object, subject: str) -> CaptureIo | Problem:
    return parse_choice(CaptureIo, value, subject)


PARSERS: Final[Mapping[str, Callable[[object, str], object]]] = {
    "on_recorder_error": _on_recorder_error,
    "require_trace": parse_boolean,
    "keep_partial_trace": parse_boolean,
    "log_level": parse_log_levels,
    "log_file": parse_file,
    "json_errors": parse_boolean,
    "capture_io": _capture_io,
    "module_name_from_globals": parse_boolean,
    "propagate_script_exit": parse_boolean,
}
"""Field of `Policy` -> parser that returns its value or the problem."""


def variable_of(name: str) -> str:
    """Return the environment variable of a policy field."""
    return f"CODETRACER_{name.upper()}"


def policy_from_environment(
    environ: Mapping[str, str],
) -> tuple[dict[str, object], list[Problem]]:
    """Return the policy values that an environment states, and what is wrong with the others.

    A blank variable states nothing.
    """
    values: dict[str, object] = {}
    problems = []
    for name, parse in PARSERS.items():
        variable = variable_of(name)
        text = environ.get(variable, "")
        if not text.strip():
            continue
        value = parse(text, variable)
        if isinstance(value, Problem):
            problems.append(value)
        else:
            values[name] = value
    return values, problems


_DEFAULTS: Final = Policy()


def bind_policy(
    stated: object, environment: Mapping[str, object]
) -> tuple[Policy, tuple[Problem, ...]]:
    """Return the policy in force and every problem of what the caller stated.

    Args:
        stated: what the caller gave: a mapping, a `Policy`, `PolicyFlags` or None.
        environment: valid values by field name, see `env.policy_from_environment`.

    A value that is not accepted counts as not stated, so the policy is usable either way.
    """
    origin = Origin.FLAG if isinstance(stated, PolicyFlags) else Origin.KEYWORD
    given, problems = _given(stated, origin)
    values = {**environment, **given}
    origins = {name: origin if name in given else Origin.ENVIRONMENT for name in values}
    policy = Policy(**values, origins=MappingProxyType(origins))  # type: ignore[arg-type]
    return policy, tuple(problems)


def _given(stated: object, origin: Origin) -> tuple[dict[str, object], list[Problem]]:
    if stated is None:
        return {}, []
    if isinstance(stated, Policy):
        return _parsed(_differences(stated), origin)
    if isinstance(stated, PolicyFlags):
        return _parsed(stated.values, origin)
    if isinstance(stated, Mapping):
        return _parsed(stated, origin)
    return {}, [invalid("policy", "not a policy", stated, "a mapping or a Policy")]


def _differences(policy: Policy) -> dict[str, object]:
    stated = {field.name: getattr(policy, field.name) for field in fields(policy) if field.compare}
    return {
        name: value
        for name, value in stated.items()
        if value != getattr(_DEFAULTS, name) or policy.origin_of(name) is Origin.KEYWORD
    }


def _parsed(
    stated: Mapping[str, object], origin: Origin
) -> tuple[dict[str, object], list[Problem]]:
    values: dict[str, object] = {}
    problems = []
    for name, value in stated.items():
        parsed = _parse(name, value, origin)
        if isinstance(parsed, Problem):
            problems.append(parsed)
        else:
            values[name] = parsed
    return values, problems


def _parse(name: object, value: object, origin: Origin) -> object:
    parse = PARSERS.get(name) if isinstance(name, str) else None
    if parse is None or not isinstance(name, str):
        return _unknown(name)
    return parse(value, subject_of(name, origin))


def subject_of(name: str, origin: Origin) -> str:
    """Return how the caller wrote the field: ``--log-level`` or ``policy.log_level``."""
    return f"--{name.replace('_', '-')}" if origin is Origin.FLAG else f"policy.{name}"


def _unknown(name: object) -> Problem:
    hint = did_you_mean(name, PARSERS) if isinstance(name, str) else ""
    message = f"policy: unknown key {shown(name)}; expected one of {', '.join(PARSERS)}{hint}"
    return Problem(ErrorCode.INVALID_POLICY_VALUE, message)
