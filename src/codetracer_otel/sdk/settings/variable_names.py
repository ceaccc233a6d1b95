"""Finds variables of the environment whose names are probably slips of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import ErrorCode, Problem
from codetracer_otel.sdk.settings.variables import PARSERS, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "CODETRACER_"
VARIABLES: Final = frozenset(
    {
        "CODETRACER_AUTO_START",
        "CODETRACER_EXPORTER",
        "CODETRACER_LEARN_SECRETS",
        "CODETRACER_SESSION_ID",
        "CODETRACER_TRACE",
        "CODETRACER_TRACE_FILTER",
        "CODETRACER_TRACE_ORDER",
        "CODETRACER_OTEL_CORE",
        "CODETRACER_TRACE_OUTPUT",
        "CODETRACER_TRACE_STRICT",
        "CODETRACER_TRACE_TOPICS",
        *map(variable_of, PARSERS),
    }
)
"""Every variable of ours; OpenTelemetry's are not judged, other packages read more of them."""

_NEAR: Final = 0.8  # variables of the CodeTracer recorder are farther away


def misspelt_variables(names: Iterable[str]) -> list[Problem]:
    """Return a problem for each name that is nearly one of ours; others may be another tool's."""
    unknown = [name for name in names if name.startswith(PREFIX) and name not in VARIABLES]
    return [
        Problem(
            ErrorCode.INVALID_POLICY_VALUE,
            f"{name}: unknown variable; did you mean '{meant}'?",
        )
        for name in sorted(unknown)
        if (meant := _nearest(name))
    ]


def _nearest(name: str) -> str | None:
    import difflib  # noqa: PLC0415 - only where something is misspelt

    rest = name.removeprefix(PREFIX)
    known = sorted(variable.removeprefix(PREFIX) for variable in VARIABLES)
    whole_ends = [word for word in known if rest and word.endswith(f"_{rest}")]
    near = difflib.get_close_matches(rest, known, n=1, cutoff=_NEAR) or whole_ends
    return PREFIX + near[0] if near else None
