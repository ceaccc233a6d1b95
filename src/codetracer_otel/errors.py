"""The exceptions of codetracer-otel, each with a stable code, and words that messages share.

::

    CodetracerError
    ├── UsageError              the caller asked for something that is not accepted
    │   └── ConfigurationError  (also ValueError) settings, policy, filters: all problems at once
    │       └── FilterError     all problems are those of trace filters
    ├── EnvironmentFailure      a file, directory, port or interpreter facility is not available
    ├── TargetError             the traced program did something that ends the recording
    └── InternalError           a defect of this package
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class ErrorCode(StrEnum):
    """Stable identifiers; ``docs/messages.md`` has one paragraph for each."""

    UNKNOWN = "ERR_UNKNOWN"
    ALREADY_TRACING = "ERR_ALREADY_TRACING"
    TRACE_DIR_CONFLICT = "ERR_TRACE_DIR_CONFLICT"
    TRACE_DIR_CREATE_FAILED = "ERR_TRACE_DIR_CREATE_FAILED"
    UNSUPPORTED_FORMAT = "ERR_UNSUPPORTED_FORMAT"
    FRAME_INTROSPECTION_FAILED = "ERR_FRAME_INTROSPECTION_FAILED"
    GLOBALS_INTROSPECTION_FAILED = "ERR_GLOBALS_INTROSPECTION_FAILED"
    TRACER_INSTALL_CONFLICT = "ERR_TRACER_INSTALL_CONFLICT"
    IO = "ERR_IO"
    INVALID_POLICY_VALUE = "ERR_INVALID_POLICY_VALUE"
    INVALID_FILTER = "ERR_INVALID_FILTER"
    UNSUPPORTED_SCHEMA_VERSION = "ERR_UNSUPPORTED_SCHEMA_VERSION"
    TRACE_MISSING = "ERR_TRACE_MISSING"
    TRACE_INCOMPLETE = "ERR_TRACE_INCOMPLETE"
    EXPORT_FAILED = "ERR_EXPORT_FAILED"
    CONTROL_FAILED = "ERR_CONTROL_FAILED"
    NO_SUCH_PROCESS = "ERR_NO_SUCH_PROCESS"
    NOT_PERMITTED = "ERR_NOT_PERMITTED"
    NO_ANSWER = "ERR_NO_ANSWER"
    NO_SESSION = "ERR_NO_SESSION"
    OTHER_INTERPRETER = "ERR_OTHER_INTERPRETER"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a setting or a filter.

    Attributes:
        code: the stable identifier of its kind.
        message: ``<subject>: <rule>, got <value>; expected <what is accepted>``.
        file: absolute path, ``<inline:name>``, or None for a setting.
        line: 1-based line in ``file``, or None.
        column: 1-based column in ``line``, or None.
        table: table path such as ``scope.rules[3].selector``, or None.
        is_partial: the rest of a list applies.
    """

    code: ErrorCode
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    table: str | None = None
    is_partial: bool = False

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        table = f"{self.table}: " if self.table else ""
        return (
            f"{where}: {self.code} {table}{self.message}"
            if where
            else f"{self.code} {table}{self.message}"
        )


@dataclass(eq=False)
class CodetracerError(Exception):
    """The base of everything this package raises on purpose.

    Attributes:
        message: one sentence for a person.
        code: the stable identifier.
        context: facts about the failure, never values of the traced program.
    """

    kind: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 70

    message: str
    code: ErrorCode = ErrorCode.UNKNOWN
    context: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.message, self.code, dict(self.context))

    def __str__(self) -> str:
        facts = ", ".join(f"{key}={value}" for key, value in self.context.items())
        return f"{self.code} {self.message}" + (f" ({facts})" if facts else "")


class UsageError(CodetracerError):
    """The caller asked for something that is not accepted (exit status 2)."""

    kind = "usage"
    exit_status = 2


class EnvironmentFailure(CodetracerError):  # noqa: N818 - EnvironmentError is OSError's old name
    """A file, directory, port or interpreter facility is not available (exit status 10)."""

    kind = "environment"
    exit_status = 10


class TargetError(CodetracerError):
    """The traced program did something that ends the recording (exit status 20)."""

    kind = "target"
    exit_status = 20


class InternalError(CodetracerError):
    """A defect of this package (exit status 70)."""


class ConfigurationError(UsageError, ValueError):
    """Settings, policy or filters that are not accepted, all of them together.

    Attributes:
        problems: every problem that was found, in the order of sources.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        code = self.problems[0].code if self.problems else ErrorCode.UNKNOWN
        super().__init__("\n".join(str(problem) for problem in self.problems), code, {})

    def __str__(self) -> str:
        return self.message


class FilterError(ConfigurationError):
    """Trace filters that cannot be read or are not valid."""


def lines_of(error: CodetracerError) -> list[str]:
    """Return an error for people, one line per problem."""
    if isinstance(error, ConfigurationError):
        return [str(problem) for problem in error.problems]
    return [error.message if error.code is ErrorCode.UNKNOWN else str(error)]


def configuration_error(problems: Sequence[Problem]) -> ConfigurationError:
    """Return the narrowest error that carries all ``problems``."""
    of_filters = all(problem.file is not None for problem in problems)
    return FilterError(problems) if of_filters else ConfigurationError(problems)


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or nothing if no accepted word is close."""
    return _suggest(given[:64], tuple(accepted))


@lru_cache(maxsize=256)
def _suggest(given: str, accepted: tuple[str, ...]) -> str:
    import difflib  # noqa: PLC0415 - only a message needs it

    by_lower = {word.lower(): word for word in accepted}
    close = difflib.get_close_matches(given.lower().strip(), by_lower, n=1, cutoff=0.6)
    return f" (did you mean {by_lower[close[0]]!r}?)" if close else ""


def counted(number: int, noun: str, form: str = "d") -> str:
    """Return ``1 span`` or ``2 spans``; the form ``,`` separates thousands."""
    return f"{number:{form}} {noun}{'' if number == 1 else 's'}"
