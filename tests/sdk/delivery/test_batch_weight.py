"""What a waiting batch takes is known well enough to bound it."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider

from codetracer_otel.exporters.otel_spans import views_of
from codetracer_otel.instrumentation.spans.record_buffer import RECORD_BYTES
from codetracer_otel.model.record import (
    ARGUMENTS,
    EXTRAS,
    NOT_CAPTURED,
    RECORD_LENGTH,
    RESULT,
    SpanDetails,
)
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.delivery.batch_weight import batch_bytes


def span_with(text):
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s")
    span.set_attribute("text", text)
    span.end()
    return span


def test_the_weight_of_a_batch_counts_every_text_in_it():
    extras = SpanDetails()
    extras.locals, extras.attributes = ("l" * 1000, NOT_CAPTURED), {"a": "a" * 2000}
    record = [None] * RECORD_LENGTH
    record[ARGUMENTS], record[RESULT], record[EXTRAS] = ("x" * 5000, 1), "y" * 7000, extras
    spans = list(views_of([span_with("z" * 10_000)]))
    assert batch_bytes(Batch([record], spans, {})) == 25_000 + 2 * RECORD_BYTES
