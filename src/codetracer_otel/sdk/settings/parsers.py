"""Reads a value of an option: what a caller gave, or the text of a flag or variable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from codetracer_otel.endpoints import without_secrets_of_urls
from codetracer_otel.errors import ErrorCode, Problem, did_you_mean
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.sdk.settings.error_policy import LogLevel, LogLevels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from enum import StrEnum

    type Parser = Callable[[object, str], object]

TRUE_WORDS: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "f", "no", "n", "off"})

CAPTURES: Final = ("args", "return", "locals", "globals", "error_locals")
_BOOLEAN_FORM: Final = "1/true/t/yes/y/on or 0/false/f/no/n/off"
_LEVEL_NAMES: Final = tuple(level.name.lower() for level in LogLevel)
_LONGEST_SHOWN: Final = 80
# What the compiled core, and as ms what a lock that is waited for, can hold.
LARGEST_NUMBER: Final = 10**12


def shown(value: object) -> str:
    """Return a value of a setting as a message may show it: quoted, printable, short, no secret."""
    if isinstance(value, str):
        value = without_secrets(value)
    text = ascii(value) if isinstance(value, str | bool | int | float) else type(value).__name__
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def without_secrets(text: str) -> str:
    """Return a text that somebody may have put in the wrong place, what looks secret replaced."""
    from codetracer_otel.filters.secrets.content_rules import ShapesPattern  # noqa: PLC0415 - of failures only
    from codetracer_otel.filters.secrets.detectors import SHAPES  # noqa: PLC0415
    from codetracer_otel.filters.secrets.redactor import ContentRules  # noqa: PLC0415
    from codetracer_otel.filters.types import Action, ContentCounters  # noqa: PLC0415

    rules = ContentRules([ShapesPattern(SHAPES, Action.REDACT)], ContentCounters())
    return rules.redact_texts([without_secrets_of_urls(text)])[0]


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


def choice_of(kind: type[StrEnum]) -> Parser:
    """Return the parser of a closed choice."""
    return lambda value, subject: parse_choice(kind, value, subject)


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
    if "://" in value:
        return invalid(subject, "a URL instead of a path", value, "a file to write, or stderr")
    return os.path.abspath(value)


def parse_when_full(value: object, subject: str) -> object:
    """Return one of the words of ``WhenFull``; ``drop`` is short for ``drop_newest``."""
    choices = ("auto", "drop_newest", "block")
    if value in choices:
        return value
    if value == "drop":
        return "drop_newest"
    hint = did_you_mean(value, choices) if isinstance(value, str) else ""
    return invalid(subject, "unknown choice", value, f"auto, drop_newest or block{hint}")


_TAIL_UNITS: Final = {"ms": 1e6, "s": 1e9, "us": 1e3, "": 1e6}
_TAIL_FORM: Final = "errors,slower=250ms,ratio=0.01,per_second=5,max_spans=1000"
_TAIL_FIELDS: Final = {
    "keep_errors": "errors",
    "slower_than_ms": "slower",
    "ratio": "ratio",
    "max_per_second": "per_second",
    "max_spans": "max_spans",
}


def parse_tail(value: object, subject: str) -> tuple[tuple[str, object], ...] | Problem:
    """Return the stated fields of `TailRules`, from text or from a mapping as in a filter."""
    if isinstance(value, Mapping):
        if not set(value) <= set(_TAIL_FIELDS):
            return invalid(subject, "unknown key", value, ", ".join(_TAIL_FIELDS))
        value = ",".join(_tail_item(*pair) for pair in value.items())
    if not isinstance(value, str) or not value.strip():
        return invalid(subject, "not a decision", value, _TAIL_FORM)
    fields: dict[str, object] = {"keep_errors": False}
    for item in value.split(","):
        found = _tail_field(item.strip())
        if found is None:
            return invalid(subject, "not a decision", item.strip(), _TAIL_FORM)
        fields.update([found])
    return tuple(fields.items())


def _tail_item(key: object, value: object) -> str:
    name = _TAIL_FIELDS[str(key)]
    if name == "errors":
        return name if value is True else f"{name}={str(value).lower()}"
    return f"{name}={value}"


def _tail_field(item: str) -> tuple[str, object] | None:
    name, _, text = item.partition("=")
    if name == "errors":
        return ("keep_errors", text != "false") if text in ("", "true", "false") else None
    number = text.rstrip("mus") if name == "slower" else text
    unit = _TAIL_UNITS.get(text[len(number) :], 0.0)
    try:
        amount = float(number)
    except ValueError:
        return None
    fields: dict[str, tuple[str, object, bool]] = {
        "slower": ("slower_than_ns", round(min(amount, LARGEST_NUMBER) * unit), unit > 0),
        "ratio": ("ratio", amount, amount <= 1),
        "per_second": ("max_per_second", amount, True),
        "max_spans": ("max_spans", int(min(amount, LARGEST_NUMBER)), amount.is_integer()),
    }
    field, value, is_good = fields.get(name, ("", 0, False))
    return (field, value) if is_good and 0 <= amount < float("inf") else None


def number_from(lowest: int, *, whole: bool = True, optional: bool = False) -> Parser:
    """Return the parser of a finite number; None is one, too, where it is ``optional``.

    A number above ``LARGEST_NUMBER`` means no bound, and is taken for that.
    """
    return partial(_parse_number, lowest=lowest, whole=whole, optional=optional)


def _parse_number(
    value: object, subject: str, *, lowest: int, whole: bool, optional: bool
) -> object:
    if value is None and optional:
        return None
    number = _number(value, whole=whole)
    if number is None or not lowest <= number < float("inf"):
        kind = "a whole number" if whole else "a number"
        return invalid(subject, "out of range", value, f"{kind} from {lowest}")
    return min(number, LARGEST_NUMBER)


def _number(value: object, *, whole: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float) and whole:
        return None
    try:
        return int(value) if whole else float(value)
    except (ValueError, OverflowError):
        return None


def subset_of(known: Sequence[str]) -> Parser:
    """Return the parser of a subset: a sequence, or text with commas; ``none`` is none of them."""
    return partial(_parse_subset, known=known)


def _parse_subset(value: object, subject: str, *, known: Sequence[str]) -> frozenset[str] | Problem:
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, bytes | Mapping) or not isinstance(items, Iterable):
        return invalid(subject, "wrong type", value, f"a subset of {', '.join(known)}")
    names = [item.strip() if isinstance(item, str) else item for item in items]
    chosen = [name for name in names if name not in ("", "none")]
    for name in chosen:
        if name not in known:
            hint = did_you_mean(name, known) if isinstance(name, str) else ""
            return invalid(subject, "unknown part", name, f"any of {', '.join(known)}{hint}")
    return frozenset(chosen)


parse_capture: Final = subset_of(CAPTURES)
parse_dump_on: Final = subset_of(("error", "sigusr2"))

_SIZE: Final = lazy_regex(r"(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?", re.IGNORECASE)
_SMALLEST_RING: Final = 1_000_000
_LARGEST_SIZE: Final = 1 << 48


def parse_size(value: object, subject: str) -> int | Problem:
    """Return a number of bytes, from 1 MB on: 64MB, 64MiB, 1.5GB, or the number itself."""
    found = _SIZE.fullmatch(str(value).strip()) if isinstance(value, str | int) else None
    if found is not None and not isinstance(value, bool):
        number, unit, is_binary = found.groups()
        size = float(number) * (1024 if is_binary else 1000) ** " kmg".index(unit.lower() or " ")
        if _SMALLEST_RING <= size < _LARGEST_SIZE:
            return int(size)
    return invalid(subject, "not a size", value, "64MB, 512MiB or 1GB, from 1MB on")


def parse_share(value: object, subject: str) -> object:
    """Return a share above 0, up to 1, of a number or a text such as ``5%``."""
    text = value.strip() if isinstance(value, str) else value
    is_percent = isinstance(text, str) and text.endswith("%")
    number = _number(text[:-1] if isinstance(text, str) and is_percent else text, whole=False)
    share = None if number is None else number / (100 if is_percent else 1)
    if share is None or not 0 < share <= 1:
        return invalid(subject, "out of range", value, "a share such as 0.05 or 5%")
    return share


def parse_exact_boolean(value: object, subject: str) -> bool | Problem:
    """Return a bool; nothing else is taken for one."""
    if isinstance(value, bool):
        return value
    return invalid(subject, "not a truth value", value, "True or False")


def parse_text(value: object, subject: str) -> str | Problem:
    """Return text that is not blank, without surrounding space."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    return invalid(subject, "not a text", value, "text that is not blank")


def parse_topics(value: object, subject: str) -> str | Problem:
    """Return the directives of ``trace``, still as text."""
    return value if isinstance(value, str) else invalid(subject, "wrong type", value, "text")


def parse_path(value: object, subject: str) -> str | Problem:
    """Return the absolute path of a file."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(path, str) and path.strip() and "\0" not in path:
        # the program may change its working directory, and resolve() would follow links
        return os.path.abspath(path)
    return invalid(subject, "not a path", value, "the path of a file")


def parse_resource(value: object, subject: str) -> object:
    """Return a mapping of attributes or an OpenTelemetry ``Resource``."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(getattr(value, "attributes", None), Mapping):
        return value
    return invalid(subject, "not a resource", value, "a mapping or an OpenTelemetry Resource")


def parse_provider(value: object, subject: str) -> object:
    """Return an OpenTelemetry ``TracerProvider``."""
    if callable(getattr(value, "get_tracer", None)):
        return value
    return invalid(subject, "not a provider", value, "an OpenTelemetry TracerProvider")
