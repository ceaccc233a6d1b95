"""A span of a session's own provider: cheap until more than text and numbers is needed."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, SpanKind, Status, StatusCode

from codetracer_otel.bindings import Time
from codetracer_otel.instrumentation.manual.field_policy import changed_texts, shown_text
from codetracer_otel.instrumentation.values.attribute_values import attribute_texts, map_attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.util.types import AttributeValue

    from codetracer_otel.filters.types import ContentRules

_UNSET: Final = Status(StatusCode.UNSET)


def _reading(name: str, of_own: Callable[[Any], Any]) -> Any:
    """Return a property that reads what `LightSpan` has, or what a span of the SDK has for it."""
    return property(lambda own: of_own(own) if own._full is None else getattr(own._full, name))  # noqa: SLF001


if TYPE_CHECKING:
    _Readable = Span
else:

    class _Readable(Span, ReadableSpan):
        """What libraries ask for before they read a span."""


class SpanOwner(Protocol):
    """What a span asks of the tracer that started it."""

    scope: InstrumentationScope
    take: Callable[[Any], None]
    max_attributes: int
    max_events: int
    max_event_attributes: int

    @property
    def resource(self) -> Resource: ...  # noqa: D102

    def full(self, span: LightSpan) -> SdkSpan:
        """Return a span of the SDK that replaces ``span``."""

    def readable(self, span: LightSpan) -> ReadableSpan:
        """Return what a span of the SDK would be now that it has ended."""


class LightSpan(_Readable):
    """A span whose values are text and numbers, at a third of what OpenTelemetry's SDK takes.

    By ``isinstance`` it is a span of the SDK.

    What is more than that (another value, a link, a status, a recorded exception, more than the
    limits allow) makes a span of the SDK with the same ids, which does everything from then on.

    Attributes:
        content_rules: what judges its texts beside the rules that the worker finds, or None.

    Args:
        spans: of the session.
        name: exact text.
        context: the ids.
        parent: its ids, or None for a root.
        start_time: Unix time in ns.
        attributes: exact text and numbers; becomes the span's.
    """

    __slots__ = (
        "_attributes",
        "_events",
        "_full",
        "_name",
        "_spans",
        "content_rules",
        "context",
        "end_time",
        "parent",
        "start_time",
    )

    def __init__(
        self,
        spans: SpanOwner,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        start_time: int,
        attributes: dict[str, Any],
    ) -> None:
        self._spans = spans
        self._name = name
        self.context = context
        self.parent = parent
        self.start_time = start_time
        self.end_time: int | None = None
        self._attributes = attributes
        self._events: list[OwnEvent] = []
        self._full: SdkSpan | None = None
        self.content_rules: ContentRules | None = None

    def get_span_context(self) -> SpanContext:
        """Return the identifiers, valid after the end too."""
        return self.context

    def is_recording(self) -> bool:
        """Return whether it has not ended."""
        return self.end_time is None if self._full is None else self._full.is_recording()

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes."""
        if self._full is None and self.end_time is None and self._takes(attributes):
            own = self._attributes
            if own:
                for key in attributes:
                    own.pop(key, None)  # what is set again comes last
            own.update(attributes)
            if self._full is None:  # nobody made one meanwhile
                return
        self._writable().set_attributes(self.redacted(attributes))

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set an attribute."""
        self.set_attributes({key: value})

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Add an event; ``timestamp`` is Unix time in ns."""
        if self._full is None and self.end_time is None and self._takes_event(name, attributes):
            moment = Time.time_ns() if timestamp is None else timestamp
            self._events.append(OwnEvent(name, dict(attributes or {}), moment))
        else:
            (name,) = self.redacted({name: None})
            self._writable().add_event(name, attributes and self.redacted(attributes), timestamp)

    def add_link(
        self, context: SpanContext, attributes: Mapping[str, AttributeValue] | None = None
    ) -> None:
        """Add a link to another span."""
        self._writable().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Give the span another name."""
        if self._full is None and self.end_time is None and type(name) is str:
            self._name = name
        else:
            self._writable().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status."""
        self._writable().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Add an event about an exception."""
        self._writable().record_exception(exception, attributes, timestamp, escaped)

    def end(self, end_time: int | None = None) -> None:
        """End the span, once; ``end_time`` is Unix time in ns."""
        if self._full is not None:
            self._full.end(end_time)
            self.end_time = self._full.end_time
        elif self.end_time is None:
            self.end_time = Time.time_ns() if end_time is None else end_time
            self._spans.take(self)

    def __exit__(self, *raised: Any) -> None:  # noqa: PYI036 - as they come
        self._writable().__exit__(*raised)
        self.end()

    name = _reading("name", lambda own: own._name)  # noqa: SLF001 - of this class
    attributes = _reading("attributes", lambda own: MappingProxyType(own._attributes))  # noqa: SLF001
    events = _reading("events", lambda own: tuple(own._events))  # noqa: SLF001
    links = _reading("links", lambda _: ())
    status = _reading("status", lambda _: _UNSET)
    dropped_attributes = _reading("dropped_attributes", lambda _: 0)
    dropped_events = _reading("dropped_events", lambda _: 0)
    dropped_links = _reading("dropped_links", lambda _: 0)
    kind = SpanKind.INTERNAL

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """The scope of the session's spans."""
        return self._spans.scope

    @property
    def resource(self) -> Resource:
        """The session's."""
        return self._spans.resource

    def to_json(self, indent: int | None = 4) -> str:
        """Return it as the SDK writes it."""
        text: str = self._read().to_json(indent)
        return text

    def _readable_span(self) -> ReadableSpan:
        return self._spans.readable(self) if self._full is None else self._full._readable_span()  # noqa: SLF001

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, context={self.context})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._read(), name)

    def _read(self) -> ReadableSpan:
        """Return a span of the SDK with what this one holds; an open one can be written to."""
        if self._full is None and self.end_time is not None:
            return self._spans.readable(self)
        return cast("ReadableSpan", self._writable())

    def redacted(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return attributes for a span of the SDK: `content_rules` are not applied to it later."""
        rules = self.content_rules
        if rules is None or type(attributes) is not dict:
            return attributes
        return _redacted(attributes, rules)

    def takes_rules(self, rules: ContentRules) -> bool:
        """Let ``rules`` judge it as it is delivered; return False where that cannot be."""
        if self._full is not None or self.content_rules not in (None, rules):
            return False
        self.content_rules = rules
        return True

    def _takes(self, attributes: object) -> bool:
        room = self._spans.max_attributes - len(self._attributes)
        return _are_plain(attributes, room)

    def _takes_event(self, name: object, attributes: object) -> bool:
        spans = self._spans
        if type(name) is not str or len(self._events) >= spans.max_events:
            return False
        return attributes is None or _are_plain(attributes, spans.max_event_attributes)

    def _writable(self) -> Span:
        """Return a span of the SDK with what this one holds, or one that takes nothing."""
        if self._full is None:
            if self.end_time is not None:
                return INVALID_SPAN
            # of two threads that come here at once both get the same one
            self._full = vars(self).setdefault("full", self._spans.full(self))
        return self._full


SdkSpan.register(LightSpan)  # no subclass: its __new__ is Python code, which takes 0.1 us


class OwnEvent:
    """An event of an `LightSpan`."""

    __slots__ = ("attributes", "name", "timestamp")

    dropped_attributes = 0  # with more than may be there, it is one of the SDK's

    def __init__(self, name: str, attributes: dict[str, Any], timestamp: int) -> None:
        self.name = name
        self.attributes = attributes
        self.timestamp = timestamp


def redacted_on_worker(span: Span, rules: ContentRules) -> bool:
    """Let a span's texts be judged by ``rules`` on the worker's thread; see `SpanBackend`."""
    return type(span) is LightSpan and span.takes_rules(rules)


def count_dropped(span: Span, count: int) -> None:
    """Count attributes that were left out before the span could see them."""
    full = span._writable() if type(span) is LightSpan else span  # noqa: SLF001 - of this module
    attributes = getattr(full, "_attributes", None)
    if isinstance(attributes, BoundedAttributes):
        attributes.dropped += count


def _redacted(attributes: Mapping[str, Any], rules: ContentRules) -> dict[str, Any]:
    texts = [text for value in attributes.values() for text, _ in attribute_texts(value)]
    changes = changed_texts([*attributes, *texts], rules)
    if not changes:
        return dict(attributes)
    return {
        shown_text(key, changes): map_attribute(
            value, lambda text, is_cut: shown_text(text, changes, is_cut=is_cut)
        )
        for key, value in attributes.items()
    }


def _are_plain(attributes: object, room: int) -> bool:
    """Return whether attributes fit and need no cleaning; no code of the program runs."""
    if type(attributes) is not dict or len(attributes) > room:
        return False
    for key, value in attributes.items():
        kind = type(value)
        is_plain = kind is str or kind is int or kind is bool or kind is float
        if type(key) is not str or not key or not (is_plain or _is_plain_tuple(value)):
            return False
    return True


def _is_plain_tuple(value: object) -> bool:
    """Return whether it is one of a single type: older releases of OpenTelemetry drop others."""
    if type(value) is not tuple:
        return False
    kind: type = type(value[0]) if value else str
    is_plain = kind is str or kind is int or kind is bool or kind is float
    return is_plain and all(type(item) is kind for item in value)
