"""Binds what a caller and an environment state about policy to one `Policy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Final

from codetracer_otel.errors import ErrorCode, Problem
from codetracer_otel.sdk.settings.error_policy import Origin, Policy, PolicyFlags
from codetracer_otel.sdk.settings.variables import PARSERS, did_you_mean, invalid, shown

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
