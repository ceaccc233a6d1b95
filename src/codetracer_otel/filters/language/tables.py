"""Reading TOML tables key by key, collecting every problem instead of stopping at the first."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import ErrorCode, Problem, did_you_mean
from codetracer_otel.filters.language.positions import path_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codetracer_otel.filters.language.positions import Positions, TablePath

MAX_PROBLEMS: Final = 1000
_TYPE_NAMES = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "a table",
}


class Report:
    """The problems of one filter file."""

    def __init__(self, file: str, positions: Positions) -> None:
        self._file = file
        self._positions = positions
        self._problems: list[Problem] = []
        self._omitted = 0

    def add(
        self, path: TablePath, message: str, code: ErrorCode = ErrorCode.INVALID_FILTER
    ) -> None:
        """Note a problem with the key or table at ``path``."""
        if len(self._problems) >= MAX_PROBLEMS:
            self._omitted += 1
            return
        line, column = self._positions.of(path)
        self._problems.append(
            Problem(code, message, self._file, line, column, path_text(path) or None)
        )

    @property
    def problems(self) -> list[Problem]:
        """What was found, in order; beyond `MAX_PROBLEMS` only their number."""
        if not self._omitted:
            return self._problems
        rest = f"{self._omitted} more problems in this file"
        return [*self._problems, Problem(ErrorCode.INVALID_FILTER, rest, self._file)]

    def line(self, path: TablePath) -> int:
        """Return the 1-based line of a key or table."""
        return self._positions.of(path)[0]


class Table:
    """One TOML table with the keys it may have.

    Args:
        report: receives the problems.
        content: the table as the parser gave it.
        path: where it stands.
        keys: accepted keys.
        second: keys accepted in version 2 only.
        version: schema version of the file.
    """

    def __init__(
        self,
        report: Report,
        content: Mapping[str, Any],
        path: TablePath,
        keys: Iterable[str],
        second: Iterable[str] = (),
        version: int = 2,
    ) -> None:
        self.report = report
        self.path = path
        self.version = version
        self._content = content
        self._meant = ""
        accepted = (*keys, *(second if version > 1 else ()))
        for key in content:
            if key in accepted:
                continue
            if key in second:
                self.problem(key, "this key needs `version = 2` in [meta]")
            else:
                self._unknown(key, accepted)

    def _unknown(self, key: str, accepted: tuple[str, ...]) -> None:
        hint = did_you_mean(key, accepted)
        self._meant += hint
        self.problem(key, f"unknown key {shown(key)}; expected {quoted_list(accepted)}{hint}")

    def problem(self, key: str, message: str) -> None:
        """Note a problem with one key of this table."""
        where = (*self.path, key) if key in self._content else self.path
        self.report.add(where, message)

    def given(self, key: str, kind: type, *, required: bool = False, expected: str = "") -> Any:
        """Return the value of ``key``, or None with a problem noted when its type is wrong."""
        expected = expected or _TYPE_NAMES[kind]
        if key not in self._content:
            # A misspelt key is one problem, not two.
            if required and f"{key!r}" not in self._meant:
                self.problem(key, f"the key `{key}` is missing; expected {expected}")
            return None
        value = self._content[key]
        if _is_a(value, kind):
            return value
        self.problem(key, f"wrong type, got {shown(value)}; expected {expected}")
        return None

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Return a string."""
        value: str | None = self.given(key, str, required=required)
        return value

    def flag(self, key: str) -> bool | None:
        """Return a boolean."""
        value: bool | None = self.given(key, bool)
        return value

    def choice(self, key: str, accepted: Iterable[str], *, required: bool = False) -> str | None:
        """Return a string that is one of ``accepted``."""
        choices = tuple(accepted)
        value: str | None
        value = self.given(key, str, required=required, expected=quoted_list(choices))
        if value is None or value in choices:
            return value
        hint = did_you_mean(value, choices)
        self.problem(
            key, f"not accepted, got {shown(value)}; expected {quoted_list(choices)}{hint}"
        )
        return None

    def number(self, key: str, low: float, high: float = math.inf) -> float | None:
        """Return a finite number from ``low`` to ``high``, both included."""
        value: float | None = self.given(key, float)
        if value is None or (math.isfinite(value) and low <= value <= high):
            return value
        upper = f" to {high:g}" if math.isfinite(high) else " or more"
        self.problem(key, f"out of range, got {shown(value)}; expected {low:g}{upper}")
        return None

    def count(self, key: str) -> int | None:
        """Return an integer of 0 or more."""
        value: int | None = self.given(key, int)
        if value is None or value >= 0:
            return value
        self.problem(key, f"out of range, got {shown(value)}; expected 0 or more")
        return None

    def texts(self, key: str, accepted: Iterable[str] = ()) -> tuple[str, ...] | None:
        """Return an array of strings, each once; all of ``accepted`` if that is given."""
        values = self.given(key, list)
        if values is None:
            return None
        choices = tuple(accepted)
        good = [self._element(key, index, value, choices) for index, value in enumerate(values)]
        return tuple(dict.fromkeys(values)) if all(good) else None

    def _element(self, key: str, index: int, value: object, choices: tuple[str, ...]) -> bool:
        path = (*self.path, key, index)
        if not isinstance(value, str):
            self.report.add(path, f"wrong type, got {shown(value)}; expected a string")
        elif choices and value not in choices:
            hint = did_you_mean(value, choices)
            self.report.add(
                path, f"not accepted, got {shown(value)}; expected {quoted_list(choices)}{hint}"
            )
        else:
            return True
        return False

    def table(self, key: str, *, required: bool = False) -> Mapping[str, Any] | None:
        """Return a table."""
        value: Mapping[str, Any] | None = self.given(key, dict, required=required)
        return value

    def tables(self, key: str) -> list[tuple[TablePath, Mapping[str, Any]]]:
        """Return the tables of an array, with their paths."""
        found: list[tuple[TablePath, Mapping[str, Any]]] = []
        if isinstance(self._content.get(key), dict):
            self._single_table(key)
            return found
        for index, value in enumerate(self.given(key, list) or ()):
            path = (*self.path, key, index)
            if isinstance(value, dict):
                found.append((path, value))
            else:
                self.report.add(path, f"wrong type, got {shown(value)}; expected a table")
        return found

    def _single_table(self, key: str) -> None:
        name = ".".join(part for part in (*self.path, key) if isinstance(part, str))
        self.problem(key, f"wrong type, got one table; expected an array of them, [[{name}]]")


def _is_a(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def shortened(text: str) -> str:
    """Return a text as it is quoted in a message: in one line."""
    return repr(text if len(text) <= 80 else text[:77] + "...")  # noqa: PLR2004 - one line


def quoted_list(accepted: Iterable[object]) -> str:
    """Return ``'a', 'b' or 'c'``."""
    words = [repr(word.value if isinstance(word, Enum) else word) for word in accepted]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def shown(value: object) -> str:
    """Return a short text of what a file gave, booleans as TOML writes them."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line
