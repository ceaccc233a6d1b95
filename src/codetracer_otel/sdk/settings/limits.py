"""The bounds of a session: how much of a value is kept, and how much may wait for delivery."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from codetracer_otel.errors import Problem
from codetracer_otel.sdk.settings.variables import did_you_mean, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WhenFull = Literal["drop_newest", "block"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each span is kept.

    A field that stands at its default is open to ``OTEL_SPAN_*_LIMIT``, ``OTEL_ATTRIBUTE_*_LIMIT``.

    Attributes:
        max_depth: levels of containers inside a value.
        max_items: items per container.
        max_string: code points per text.
        max_attributes: attributes per span.
        max_events: events per span.
        max_links: links per span.
        max_spans_per_second: spans per second of the whole session, or None for no bound.
        max_event_attributes: attributes per event of a hand-written or library span.
        max_link_attributes: attributes per link of a hand-written or library span.
    """

    max_depth: int = 4
    max_items: int = 32
    max_string: int = 1024
    max_attributes: int = 128
    max_events: int = 128
    max_links: int = 128
    max_spans_per_second: float | None = None
    max_event_attributes: int = 128
    max_link_attributes: int = 128


@dataclass(frozen=True, slots=True)
class Buffer:
    """How much may wait for delivery, and what happens beyond.

    A field that stands at its default is open to ``OTEL_BSP_*``.

    Attributes:
        records: finished records that wait, over all threads.
        bytes: bytes that wait, over all threads.
        when_full: leave out the newest record, or let the program wait for as long as every
            exporter goes on delivering. One that delivers nothing for 5 s is waited for no more:
            from then on, until it delivers again, what does not fit into its queue is left out.
        max_wait_ms: ms that one call waits at most when ``when_full`` is ``block``, or None.
        interval_ms: ms between two deliveries.
        batch_records: records per batch at most.
        export_timeout_ms: ms that an exporter has for one batch.
    """

    records: int = 65_536
    bytes: int = 64 * 1024 * 1024
    when_full: WhenFull = "drop_newest"
    max_wait_ms: float | None = None
    interval_ms: float = 500
    batch_records: int = 4096
    export_timeout_ms: float = 30_000

    @property
    def max_wait_s(self) -> float | None:
        """Seconds that the program waits for room at most: 0 for never, None for no bound."""
        if self.when_full != "block":
            return 0.0
        return None if self.max_wait_ms is None else self.max_wait_ms / 1000


class TextLengths(NamedTuple):
    """How long the texts of attributes may be that programs write, in code points; None for any.

    Attributes:
        of_spans: in attributes of spans.
        of_parts: in attributes of events and links.
    """

    of_spans: int | None = None
    of_parts: int | None = None


NO_BOUNDS: Final = TextLengths()

LIMIT_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "max_attributes": ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
    "max_string": ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    "max_events": ("OTEL_SPAN_EVENT_COUNT_LIMIT",),
    "max_links": ("OTEL_SPAN_LINK_COUNT_LIMIT",),
    "max_event_attributes": ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",),
    "max_link_attributes": ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",),
}
"""Field of `Limits` -> variables, the first one with a good value wins."""

BUFFER_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "records": ("OTEL_BSP_MAX_QUEUE_SIZE",),
    "interval_ms": ("OTEL_BSP_SCHEDULE_DELAY",),
    "batch_records": ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE",),
    "export_timeout_ms": ("OTEL_BSP_EXPORT_TIMEOUT",),
}
"""Field of `Buffer` -> variables."""

_LOWEST: Final[Mapping[str, int]] = {
    "records": 1,
    "bytes": 1,
    "interval_ms": 1,
    "batch_records": 1,
    "export_timeout_ms": 1,
}
_MAY_BE_NONE: Final = frozenset({"max_spans_per_second", "max_wait_ms"})
_FRACTIONS: Final = frozenset({"max_wait_ms", "interval_ms", "export_timeout_ms"})


def parse_bound(name: str, value: object, subject: str) -> object:
    """Return the value of a field of `Limits` or `Buffer`, or the problem; text is read too."""
    if name == "when_full":
        return _parse_when_full(value, subject)
    if name in _MAY_BE_NONE:
        return value if value is None else _parse_number(value, subject, 0, whole=False)
    return _parse_number(value, subject, _LOWEST.get(name, 0), whole=name not in _FRACTIONS)


def _parse_when_full(value: object, subject: str) -> object:
    if value in ("drop_newest", "block"):
        return value
    hint = did_you_mean(value, ("drop_newest", "block")) if isinstance(value, str) else ""
    return invalid(subject, "unknown choice", value, f"drop_newest or block{hint}")


def _parse_number(value: object, subject: str, lowest: int, *, whole: bool) -> object:
    number = _number(value, whole=whole)
    if number is None or not lowest <= number < float("inf"):
        kind = "a whole number" if whole else "a number"
        return invalid(subject, "out of range", value, f"{kind} from {lowest}")
    return number


def _number(value: object, *, whole: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float) and whole:
        return None
    try:
        return int(value) if whole else float(value)
    except (ValueError, OverflowError):
        return None


def bounds_from_environment(
    environ: Mapping[str, str], variables: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, object], list[Problem]]:
    """Return what variables say about fields of `Limits` or `Buffer`, and what is wrong with them.

    A blank variable says nothing.
    """
    values: dict[str, object] = {}
    problems = []
    for name, candidates in variables.items():
        for variable in candidates:
            text = environ.get(variable, "").strip()
            value = parse_bound(name, text, variable) if text else None
            if isinstance(value, Problem):
                problems.append(value)
            elif value is not None:
                values.setdefault(name, value)
    return values, problems


def text_lengths(environ: Mapping[str, str]) -> TextLengths:
    """Return what an environment says; a bad value says nothing, as `Limits` has told already."""
    of_all, of_spans = (
        parse_bound("max_string", environ.get(variable, "").strip(), variable)
        for variable in reversed(LIMIT_VARIABLES["max_string"])
    )
    others = of_all if isinstance(of_all, int) else None
    return TextLengths(of_spans if isinstance(of_spans, int) else others, others)


def merge_bounds[Bounds: (Limits, Buffer)](
    stated: object,
    default: Bounds,
    environment: Mapping[str, object],
    subject: str,
) -> tuple[Bounds, list[Problem]]:
    """Return the bounds in force and every problem of those the caller stated.

    Args:
        stated: an instance of the bounds' class, or None.
        default: the bounds when nothing is stated.
        environment: valid values by field name.
        subject: the keyword's name.
    """
    base = replace(default, **environment)  # type: ignore[arg-type]
    if stated is None:
        return base, []
    if not isinstance(stated, type(default)):
        return base, [invalid(subject, "wrong type", stated, f"a {type(default).__name__}(...)")]
    values, problems = _checked(_differences(stated, default), subject, parse_bound)
    return replace(base, **values), problems  # type: ignore[arg-type]


def _differences(stated: object, default: Limits | Buffer) -> dict[str, object]:
    names = [field.name for field in fields(default)]
    values = {name: getattr(stated, name) for name in names}
    return {name: value for name, value in values.items() if value != getattr(default, name)}


def _checked(
    stated: Mapping[str, object], subject: str, parse: Callable[[str, object, str], object]
) -> tuple[dict[str, object], list[Problem]]:
    parsed = {name: parse(name, value, f"{subject}.{name}") for name, value in stated.items()}
    problems = [value for value in parsed.values() if isinstance(value, Problem)]
    return {k: v for k, v in parsed.items() if not isinstance(v, Problem)}, problems
