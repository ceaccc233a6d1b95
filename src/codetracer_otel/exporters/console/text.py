"""The words of the console tree: durations, names and values in short form, safe to print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.attributes import plain
from codetracer_otel.model.record import StatusCode
from codetracer_otel.model.value_texts import UNQUOTED, visible

if TYPE_CHECKING:
    from codetracer_otel.model.span_view import SpanView

_ARGUMENT: Final = "codetracer.arg."
_RETURN: Final = "codetracer.return"
_KNOWN: Final = ("code.", "codetracer.", "thread.", "error.type")
_MAX_VALUE: Final = 40
_MAX_VALUES: Final = 6
_MAX_NAME: Final = 120
_MAX_MESSAGE: Final = 100
_INDENT: Final = "  "

_DIM: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"
_RED: Final = "\x1b[31m"
_RESET: Final = "\x1b[0m"


def printable(text: str, limit: int) -> str:
    """Return ``text`` cut to ``limit`` characters, control and layout characters as escapes."""
    return visible(text if len(text) <= limit else text[:limit] + "...")


def short(value: Any) -> str:
    """Return an attribute value in at most some forty printable characters."""
    found = plain(value)
    if not isinstance(found, str):
        return printable(repr(found), _MAX_VALUE)
    if found.startswith(UNQUOTED):
        return printable(found, _MAX_VALUE)
    return repr(found) if len(found) <= _MAX_VALUE else repr(found[:_MAX_VALUE]) + "..."


def call_text(view: SpanView) -> str:
    """Return name, arguments and result of a span."""
    given = {
        name.removeprefix(_ARGUMENT): value
        for name, value in view.attributes.items()
        if name.startswith(_ARGUMENT)
    }
    extra = {k: v for k, v in view.attributes.items() if not k.startswith(_KNOWN)}
    name = printable(view.name, _MAX_NAME)
    text = f"{name}({_pairs(given)})" if "code.function.name" in view.attributes else name
    if extra:
        text += f" {{{_pairs(extra)}}}"
    if _RETURN in view.attributes:
        text += f" -> {short(view.attributes[_RETURN])}"
    return text


def _pairs(values: dict[str, Any]) -> str:
    shown = [
        f"{printable(name, _MAX_VALUE)}={short(value)}"
        for name, value in list(values.items())[:_MAX_VALUES]
    ]
    return ", ".join(shown + ["..."] * (len(values) > _MAX_VALUES))


def error_text(view: SpanView) -> str:
    """Return what failed, or nothing for a span that did not."""
    if view.status is not StatusCode.ERROR:
        return ""
    kind = view.attributes.get("error.type") or view.status_message or "error"
    found = (e.attributes.get("exception.message") for e in view.events if e.name == "exception")
    message = next((text for text in found if isinstance(text, str)), "")
    text = f"{kind}: {message}" if message else str(kind)
    return printable(text, _MAX_MESSAGE)


def duration_text(ns: int) -> str:
    """Return a duration with its unit, three digits that count."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if ns >= size:
            number = ns / size
            return f"{number:.{max(3 - len(str(int(number))), 0)}f} {unit}"
    return f"{ns} ns"


class Style:
    """Puts lines together, with colours or without."""

    def __init__(self, *, is_colored: bool) -> None:
        self._is_colored = is_colored

    def heading(self, trace_id: str, note: str) -> str:
        """Return the line above a tree."""
        return self._in(_BOLD, f"trace {printable(trace_id, _MAX_NAME)}") + note

    def span(self, depth: int, duration_ns: int, call: str, error: str) -> str:
        """Return the line of a span."""
        time = self._in(_DIM, f"{duration_text(duration_ns):>9}")
        mark = " " + self._in(_RED, f"!! {error}") if error else ""
        return f"{time}  {_INDENT * depth}{call}{mark}"

    def folded(self, depth: int, name: str, count: int, duration_ns: int, errors: int) -> str:
        """Return the line in place of the calls of one function that are not shown."""
        calls = "call" if count == 1 else "calls"
        text = f"... {count:,} more {calls} of {name}, {duration_text(duration_ns)} total"
        mark = ", " + self._in(_RED, f"{errors:,} failed") if errors else ""
        return f"{'':>9}  {_INDENT * depth}{self._in(_DIM, text)}{mark}"

    def deeper(self, depth: int, count: int) -> str:
        """Return the line in place of everything that is too deep to be shown."""
        spans = "span" if count == 1 else "spans"
        return f"{'':>9}  {_INDENT * depth}{self._in(_DIM, f'... {count:,} {spans} deeper')}"

    def _in(self, color: str, text: str) -> str:
        return f"{color}{text}{_RESET}" if self._is_colored else text
