"""The spans in a collector's debug log: text for people, good for counting and for showing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class LoggedEvent:
    name: str = ""
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass
class LoggedSpan:
    """One span as the collector printed it; ``parent_id`` is None for the root of a trace."""

    trace_id: str = ""
    span_id: str = ""
    parent_id: str | None = None
    name: str = ""
    kind: str = ""
    start_ns: int = 0
    end_ns: int = 0
    status: str = ""
    status_message: str = ""
    attributes: dict[str, object] = field(default_factory=dict)
    events: list[LoggedEvent] = field(default_factory=list)
    links: list[LoggedEvent] = field(default_factory=list)
    resource: dict[str, object] = field(default_factory=dict)
    scope: str = ""


SCALARS = {
    "Str": str,
    "Int": int,
    "Double": float,
    "Bool": lambda text: text == "true",
}
ATTRIBUTE = re.compile(
    r"(?P<indent>(?: {5}| {10}))-> (?P<key>[^:\n]+): (?P<kind>\w+)\((?P<text>.*)", re.DOTALL
)
FIELD = re.compile(
    r"    (?P<label>Trace ID|Parent ID|ID|Name|Kind|Status code|Status message) +: (?P<text>.*)",
    re.DOTALL,
)
TIME = re.compile(r"(?P<label>Start|End) time: (?P<text>\d+)")
DETAIL = re.compile(
    r"     -> (?P<label>Name|Timestamp|Trace ID|ID|TraceState|DroppedAttributesCount|Attributes:)"
    r": ?(?P<text>.*)",
    re.DOTALL,
)
HEADINGS = re.compile(
    r"(?P<heading>ResourceSpans|ScopeSpans|Span|SpanEvent|SpanLink) #\d+"
    r"|Resource (?:SchemaURL|attributes):.*|ScopeSpans SchemaURL:.*"
    r"|InstrumentationScope (?P<scope>.*)|Attributes:|Events:|Links:"
    r"|(?:\x1b\[2m)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*"
)
FIELDS = {
    "Trace ID": "trace_id",
    "ID": "span_id",
    "Name": "name",
    "Kind": "kind",
    "Status code": "status",
    "Status message": "status_message",
}


def read_spans(text: str) -> list[LoggedSpan]:
    """Return every span of a log, in the order of arrival."""
    reader = _Reader()
    for entry in _entries(text):
        reader.read(entry)
    return reader.spans


def _entries(text: str) -> list[str]:
    """Return the log's entries; a text value with line ends in it stays in one piece."""
    entries: list[str] = []
    for line in text.split("\n"):
        if not entries or any(
            p.fullmatch(line) for p in (HEADINGS, FIELD, TIME, DETAIL, ATTRIBUTE)
        ):
            entries.append(line)
        else:
            entries[-1] += "\n" + line
    return entries


class _Reader:
    def __init__(self) -> None:
        self.spans: list[LoggedSpan] = []
        self.resource: dict[str, object] = {}
        self.scope = ""
        self.detail: LoggedEvent | None = None
        self.target: dict[str, object] = {}

    def read(self, entry: str) -> None:
        if match := HEADINGS.fullmatch(entry):
            self._heading(match)
        elif match := FIELD.fullmatch(entry):
            self._field(match["label"], match["text"])
        elif match := TIME.fullmatch(entry):
            setattr(self.spans[-1], f"{match['label'].lower()}_ns", int(match["text"]))
        elif match := DETAIL.fullmatch(entry):
            self._detail(match["label"], match["text"])
        elif match := ATTRIBUTE.fullmatch(entry):
            self.target[match["key"]] = _value(match["kind"], match["text"])

    def _heading(self, match: re.Match[str]) -> None:
        if match["scope"] is not None:
            self.scope = match["scope"]
        elif match["heading"] == "ResourceSpans":
            self.resource = self.target = {}
        elif match["heading"] == "Span":
            self._new_span()
        elif match["heading"] in ("SpanEvent", "SpanLink"):
            self._new_detail(match["heading"])

    def _new_span(self) -> None:
        span = LoggedSpan(resource=self.resource, scope=self.scope)
        self.spans.append(span)
        self.target, self.detail = span.attributes, None

    def _new_detail(self, heading: str) -> None:
        span = self.spans[-1]
        self.detail = LoggedEvent()
        (span.events if heading == "SpanEvent" else span.links).append(self.detail)
        self.target = self.detail.attributes

    def _field(self, label: str, text: str) -> None:
        if label == "Parent ID":
            self.spans[-1].parent_id = text or None
        else:
            setattr(self.spans[-1], FIELDS[label], text)

    def _detail(self, label: str, text: str) -> None:
        if self.detail is not None and label in ("Name", "ID"):
            self.detail.name = text


def _value(kind: str, text: str) -> object:
    inner = text.removesuffix(")")
    return SCALARS[kind](inner) if kind in SCALARS else inner
