"""Knows the names of options and variables, and what a misspelt one should have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import ErrorCode, Problem, did_you_mean
from codetracer_otel.sdk.settings.options.table import (
    ENVIRONMENT,
    OPTIONS,
    POLICY,
    PREFIX,
    TOPIC_VARIABLES,
)
from codetracer_otel.sdk.settings.parsers import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEAR: Final = 0.8  # variables of the CodeTracer recorder are farther away


def known_variables() -> set[str]:
    """Return every variable of ours; other packages read more of OpenTelemetry's."""
    rows = [
        row for table in (OPTIONS, POLICY, ENVIRONMENT, TOPIC_VARIABLES) for row in table.values()
    ]
    return {name for row in rows for name in row.variables if name.startswith(PREFIX)}


def unknown_keyword(name: str) -> Problem:
    """Return the problem of an option that does not exist."""
    message = (
        f"{shown(name)[1:-1]}: unknown option; expected one of {', '.join(sorted(OPTIONS))}"
        f"{did_you_mean(name, OPTIONS)}"
    )
    return Problem(ErrorCode.INVALID_POLICY_VALUE, message)


def misspelt_variables(names: Iterable[str]) -> list[Problem]:
    """Return a problem for each name that is nearly one of ours; others may be another tool's."""
    known = known_variables()
    unknown = [name for name in names if name.startswith(PREFIX) and name not in known]
    return [
        Problem(
            ErrorCode.INVALID_POLICY_VALUE,
            f"{name}: unknown variable (did you mean '{meant}'?)",
        )
        for name in sorted(unknown)
        if (meant := _nearest(name))
    ]


def _nearest(name: str) -> str | None:
    import difflib  # noqa: PLC0415 - only where something is misspelt

    rest = name.removeprefix(PREFIX)
    known = sorted(variable.removeprefix(PREFIX) for variable in known_variables())
    whole_ends = [word for word in known if rest and word.endswith(f"_{rest}")]
    near = difflib.get_close_matches(rest, known, n=1, cutoff=_NEAR) or whole_ends
    return PREFIX + near[0] if near else None
