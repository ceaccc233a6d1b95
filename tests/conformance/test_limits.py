"""OpenTelemetry's limits hold on every span, whoever made it, and what is left out is counted."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext, TraceFlags
from tests.conformance.validator import assert_valid
from tests.conftest import only
from tests.exporters.collector import running_collector

import codetracer_otel
from codetracer_otel.model.bounds import DEFAULT_BOUNDS, SpanBounds

LINKED = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(3))
VALUES = {f"k{number:03}": number for number in range(150)}
PARTS = 130  # events and links of each span
NAMES = [f"a{number:03}" for number in range(140)]
BUILT = {}
exec(f"def many({', '.join(NAMES)}):\n    write(trace.get_current_span())\n", globals(), BUILT)
many = BUILT["many"]


def write(span):
    span.set_attributes(VALUES)
    for number in range(PARTS):
        span.add_event(f"e{number}", VALUES if number == 0 else {})
        span.add_link(LINKED, VALUES if number == 0 else {})


def fail(text):
    raise ValueError(text)


def program():
    many(*range(len(NAMES)))
    with trace.get_tracer("library").start_as_current_span("library's") as span:
        write(span)
    with codetracer_otel.span("ours", **VALUES) as span:
        write(trace.get_current_span())
    with pytest.raises(ValueError, match="bad"):
        fail("bad")


def delivered(bounds=DEFAULT_BOUNDS, **options):
    """Return the spans of the program by name, as a collector has them."""
    with running_collector() as collector:
        with codetracer_otel.configure(only(__file__), f"otlp={collector.url}", **options):
            many.__code__ = many.__code__.replace(co_filename=__file__)
            program()
        return {span.name: span for span in assert_valid(collector.requests, bounds)}


COUNTS = {
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "attributes",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "events",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "links",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "event_attributes",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "link_attributes",
}
CODE = 3  # attributes of a call that say where it is, and the result
ADDED = {"many": CODE + len(NAMES) + 1, "library's": 0, "ours": 0}


def counts(limit):
    """Return what each span has and has dropped where every limit is the same."""
    kept = {}
    for name, more in ADDED.items():
        made = len(VALUES) + more
        kept[name] = {
            "attributes": (min(made, limit), made - min(made, limit)),
            "events": (min(PARTS, limit), PARTS - min(PARTS, limit)),
            "links": (min(PARTS, limit), PARTS - min(PARTS, limit)),
        }
    return kept


@pytest.mark.parametrize("limit", [0, 1, 5, None])
def test_counts_hold_on_every_span_and_what_is_dropped_is_counted(monkeypatch, limit):
    if limit is not None:
        for variable in COUNTS:
            monkeypatch.setenv(variable, str(limit))
    bound = 128 if limit is None else limit
    spans = delivered(SpanBounds(**dict.fromkeys(COUNTS.values(), bound)))
    shown = {
        name.rpartition(".")[2]: {
            "attributes": (len(span.attributes), span.dropped_attributes_count),
            "events": (len(span.events), span.dropped_events_count),
            "links": (len(span.links), span.dropped_links_count),
        }
        for name, span in spans.items()
        if not name.endswith((".fail", ".program", ".write"))
    }
    expected = counts(bound)
    expected["ours"]["attributes"] = (bound, shown["ours"]["attributes"][1])
    assert shown == expected
    for span in spans.values():
        for part in [*span.events, *span.links][:1]:
            kept = len(part.attributes)
            if kept + part.dropped_attributes_count == len(VALUES):
                assert kept == min(bound, len(VALUES))


def test_what_a_span_by_hand_was_given_beyond_its_limit_is_counted(monkeypatch):
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "5")
    with running_collector() as collector:
        with (
            codetracer_otel.configure(only("nothing"), f"otlp={collector.url}"),
            codetracer_otel.span("ours") as span,
        ):
            span.record(a=1, b=2, c=3)
            span.record(d=4, e=5, f=6, g=7, a=8)
            span.event("told", a=1, b=2, c=3, d=4, e=5, f=6)
        bounds = SpanBounds(attributes=5, event_attributes=5, link_attributes=5)
        (made,) = assert_valid(collector.requests, bounds)
    assert (len(made.attributes), made.dropped_attributes_count) == (5, 2)
    (event,) = made.events
    assert (len(event.attributes), event.dropped_attributes_count) == (5, 1)


def test_an_exception_is_the_event_that_is_dropped_where_there_is_no_room(monkeypatch):
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "0")
    (failed,) = [span for name, span in delivered(SpanBounds(events=0)).items() if "fail" in name]
    assert (len(failed.events), failed.dropped_events_count) == (0, 1)
    assert failed.status.code == 2


LONG = "x" * 500
NESTED = {"text": LONG, "deep": [LONG, {"more": LONG}], "raw": LONG.encode()}


def speak(text, short, items, mapping, raw, nothing, number, password):
    span = trace.get_current_span()
    span.set_attribute("own", NESTED)
    span.add_event("told", {"own": NESTED})
    span.add_link(LINKED, {"own": NESTED})
    return text, items


def talk():
    speak(LONG, "x" * 60, [LONG] * 3, NESTED, LONG.encode(), None, 10**40, "s3cret")
    with trace.get_tracer("library").start_as_current_span("library's") as span:
        span.set_attribute("own", NESTED)
        span.add_event("told", {"own": NESTED})
    with codetracer_otel.span("ours", own=NESTED, text=LONG):
        codetracer_otel.event("told", own=NESTED)
    with pytest.raises(ValueError, match="x"):
        fail(LONG)


@pytest.mark.parametrize("value_format", ["native", "text"])
@pytest.mark.parametrize("limit", [0, 1, 5, 48])
@pytest.mark.parametrize("is_stated", [True, False])
def test_no_text_is_longer_than_its_limit(monkeypatch, limit, value_format, is_stated):
    options = {"value_format": value_format, "capture": ["args", "return", "locals"]}
    if is_stated:
        options["limits"] = codetracer_otel.Limits(max_string=limit)
    else:
        monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", str(limit))
    with running_collector() as collector:
        with codetracer_otel.configure(only(__file__), f"otlp={collector.url}", **options):
            talk()
        spans = assert_valid(collector.requests, SpanBounds(text=limit, part_text=limit))
    assert len(spans) == 5


def test_a_text_that_was_cut_says_so_within_the_limit_where_there_is_room(record):
    with record(limits=codetracer_otel.Limits(max_string=48)) as spans:
        speak(LONG, "x" * 60, [LONG] * 3, NESTED, b"", None, 1, "")
    shown = spans[0].attributes
    assert shown["codetracer.arg.text"] == "x" * 32 + "... [500 in all]"
    assert shown["codetracer.arg.short"] == "x" * 33 + "... [60 in all]"
    assert len(shown["codetracer.arg.mapping"]) == 48
    assert shown["codetracer.arg.nothing"] == "None"


def test_by_default_a_text_with_its_mark_is_within_the_limit(record):
    with record() as spans:
        speak("x" * 2000, "x" * 1024, [], {}, b"", None, 1, "")
    shown = spans[0].attributes
    assert len(shown["codetracer.arg.text"]) == 1024
    assert shown["codetracer.arg.text"].endswith("x... [2000 in all]")
    assert shown["codetracer.arg.short"] == "x" * 1024
