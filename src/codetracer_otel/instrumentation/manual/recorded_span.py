"""Records fields, events, an error and a result of a hand-written span while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.instrumentation.manual.backend import HappenedEvent, LocalRoot
from codetracer_otel.instrumentation.manual.content import SpanContent
from codetracer_otel.instrumentation.manual.noop import OffSpan
from codetracer_otel.instrumentation.manual.session_scope import child_environment
from codetracer_otel.instrumentation.manual.span_end import emit_event
from codetracer_otel.instrumentation.topics import Level, level_named, topic_named
from codetracer_otel.instrumentation.values.exceptions import describe_exception
from codetracer_otel.model.record import Ending
from codetracer_otel.model.value import REDACTED, REDACTED_NODE
from codetracer_otel.model.value_texts import text_of_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicy


class RecordedSpan(OffSpan):
    """A span that fields, events and errors are added to.

    Args:
        backend: where it goes.
        name: of the line, and of the OpenTelemetry span unless its start says another.
        topic: full name.
        level: of the line; an exception makes it ERROR.
        field_policy: what may be said.

    Attributes:
        otel_span: carries the ids; recorded if there is a provider.
        content: what it says.
        root: of its trace in this process.
        number: counts the spans of this process as they begin.
        parent_id: 64-bit integer, 0 for none.
    """

    __slots__ = (
        "backend",
        "content",
        "field_policy",
        "level",
        "number",
        "otel_span",
        "parent_id",
        "root",
        "topic",
    )

    otel_span: Span
    root: LocalRoot
    number: int
    parent_id: int

    def __init__(
        self, backend: SpanBackend, name: str, topic: str, level: Level, field_policy: FieldPolicy
    ) -> None:
        self.backend = backend
        self.topic = topic
        self.level = level
        self.field_policy = field_policy
        self.content = SpanContent(name, None)

    def record(self, /, **fields: object) -> None:
        """Add fields to the span and its line; a later value of the same name wins."""
        self.add_fields(fields)

    def add_fields(
        self,
        fields: Mapping[str, object],
        attribute_names: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Add fields whose OpenTelemetry attributes may have other keys than their names."""
        try:
            content = self.content
            if attribute_names:
                content.attribute_names.update(attribute_names)
            if len(content.fields) + len(fields) > self.backend.max_fields:
                fields = self._fitting(fields)
            content.fields.update(self.field_policy.fields(fields.items()))
        except Exception as failure:  # noqa: BLE001 - the program goes on
            self.backend.failed(failure)

    def _fitting(self, fields: Mapping[str, object]) -> dict[str, object]:
        known = self.content.fields
        room = self.backend.max_fields - len(known)
        fitting = {
            name: value
            for name, value in fields.items()
            if name in known or (room := room - 1) >= 0
        }
        self.content.dropped += len(fields) - len(fitting)
        return fitting

    def event(
        self, name: str, /, *, topic: str | None = None, level: str = "info", **fields: object
    ) -> None:
        """Add an event to the span, and print a line of its own.

        Raises:
            ValueError: unknown topic or level.
        """
        full, rank = self.topic if topic is None else topic_named(topic), level_named(level)
        try:
            self.emit_event(name, full, rank, fields)
        except Exception as failure:  # noqa: BLE001 - the program goes on
            self.backend.failed(failure)

    def emit_event(self, name: str, topic: str, level: Level, fields: dict[str, object]) -> None:
        """Add an event whose topic and level are known to exist."""
        happened = HappenedEvent(
            topic,
            level,
            self.content.name,
            0,
            0,
            self.parent_id,
            self.content.session_id,
            self.backend.clock.monotonic_ns() + self.root.wall_offset_ns,
            self.field_policy.fields(fields.items()),
            text_of_name(name),
            self.number,
            self.root,
        )
        emit_event(self.backend, self.otel_span, self.field_policy, happened)

    def set_error(self, error: BaseException) -> None:
        """Mark the span as failed by ``error``, which the program has handled."""
        try:
            self.keep_error(error, Ending.RAISED)
        except Exception as failure:  # noqa: BLE001 - the program goes on
            self.backend.failed(failure)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment for a child process, whose spans are then below this span.

        Args:
            environ: to start from; its variables for topics are left out.
        """
        return child_environment(self.otel_span, environ)

    def add_result(self, value: object) -> None:
        """Add the return value to the line."""
        hidden = self.field_policy.hides_messages
        self.content.result = (REDACTED_NODE if hidden else self.field_policy.capture(value),)

    def keep_error(self, error: BaseException, ending: Ending) -> None:
        """Tell what left the body, unless that is how it ends."""
        if ending is not Ending.RAISED:
            return
        wall_ns = self.backend.clock.monotonic_ns() + self.root.wall_offset_ns
        described = describe_exception(error, wall_ns, with_text=self.backend.exception_text)
        if self.field_policy.hides_messages:
            described.message = REDACTED
        self.content.error = described
