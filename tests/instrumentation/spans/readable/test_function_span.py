"""The OpenTelemetry span that stands for a running function."""

import inspect

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)

from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan
from codetracer_otel.instrumentation.values.capture import build_capture
from codetracer_otel.instrumentation.values.limits import ValueLimits
from codetracer_otel.model.bounds import SpanBounds
from codetracer_otel.model.record import (
    EXTRAS,
    PLAN,
    RECORD_LENGTH,
    SEGMENT,
    SPAN_ID,
    Plan,
    TraceOnThread,
)


def record_of(**plan):
    made = [None] * RECORD_LENGTH
    made[PLAN] = Plan("n", "f", "file", 1, **plan)
    made[SPAN_ID], made[SEGMENT] = 5, TraceOnThread(0xABC, 1000)
    return made


def span_of(made=None, **options):
    return FunctionSpan(made or record_of(), lambda: 234, **options)


DEPRECATED = {"instrumentation_info"}
READABLE = {
    name for name, kind in inspect.getmembers(ReadableSpan) if type(kind) is property
} - DEPRECATED


def test_it_is_a_span_of_the_api():
    assert isinstance(span_of(), Span)


def test_it_tells_its_ids():
    context = span_of().get_span_context()
    assert (context.trace_id, context.is_remote, int(context.trace_flags)) == (0xABC, False, 1)
    assert context.span_id == int.from_bytes((5).to_bytes(8, "little"), "big")


def test_attributes_beyond_the_limit_are_counted():
    made = record_of(bounds=SpanBounds(attributes=2))
    span = span_of(made)
    span.set_attributes({"a": 1, "b": 2, "c": 3})
    span.set_attribute("a", 4)
    assert made[EXTRAS].attributes == {"a": 4, "b": 2}
    assert made[EXTRAS].dropped_attributes == 1


def test_events_beyond_the_limit_are_counted():
    made = record_of(bounds=SpanBounds(events=1))
    span = span_of(made)
    span.add_event("first", timestamp=7)
    span.add_event("second")
    assert [(event.name, event.time_ns) for event in made[EXTRAS].events] == [("first", 7)]
    assert made[EXTRAS].dropped_events == 1


def test_an_event_without_a_time_has_the_clocks():
    made = record_of()
    span_of(made).add_event("now")
    assert made[EXTRAS].events[0].time_ns == 1234


def test_an_empty_key_is_dropped_and_counted():
    made = record_of()
    span_of(made).set_attribute("", 1)
    assert (made[EXTRAS].attributes, made[EXTRAS].dropped_attributes) == ({}, 1)


@pytest.mark.parametrize(
    ("calls", "status", "message"),
    [
        ([(StatusCode.ERROR, "bad")], "ERROR", "bad"),
        ([(Status(StatusCode.ERROR, "bad"), None)], "ERROR", "bad"),
        ([(StatusCode.OK, "ignored")], "OK", None),
        ([(StatusCode.OK, None), (StatusCode.ERROR, "late")], "OK", None),
        ([(StatusCode.ERROR, "bad"), (StatusCode.UNSET, None)], "ERROR", "bad"),
        ([(StatusCode.ERROR, "bad"), (StatusCode.OK, None)], "OK", None),
    ],
)
def test_the_status_follows_opentelemetrys_rules(calls, status, message):
    made = record_of()
    span = span_of(made)
    for code, description in calls:
        span.set_status(code, description)
    assert (made[EXTRAS].status.name, made[EXTRAS].status_message) == (status, message)


def test_links_to_valid_spans_are_kept():
    made = record_of()
    span = span_of(made)
    span.add_link(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)), {"k": "v"})
    span.add_link(NonRecordingSpan(SpanContext(0, 0, is_remote=False)).get_span_context())
    assert [(link.trace_id, link.span_id, link.attributes) for link in made[EXTRAS].links] == [
        (1, 2, {"k": "v"})
    ]


def test_a_recorded_exception_is_an_event_and_no_status():
    made = record_of()
    span_of(made).record_exception(ValueError("bad"), {"extra": 1})
    (event,) = made[EXTRAS].events
    assert event.name == "exception"
    assert (event.attributes["exception.message"], event.attributes["extra"]) == ("bad", 1)
    assert made[EXTRAS].status is None


def test_after_the_end_everything_is_ignored():
    made = record_of()
    span = span_of(made)
    span.finish()
    span.set_attribute("a", 1)
    span.add_event("e")
    span.add_link(SpanContext(1, 2, is_remote=False))
    span.set_status(StatusCode.ERROR)
    span.update_name("n")
    span.record_exception(ValueError())
    span.end()
    assert not span.is_recording()
    assert made[EXTRAS] is None


class Hostile(type):
    """Says something about the class whenever somebody asks."""

    asked = []

    def __hash__(cls):
        Hostile.asked.append("hash of the class")
        return 0

    def __eq__(cls, other):
        Hostile.asked.append("class ==")
        return True


def trap(name):
    def method(self, *_arguments):
        Hostile.asked.append(name)
        return 0

    return method


def hostile(base):
    names = ("__hash__", "__eq__", "__getattribute__", "__str__", "__repr__", "__bool__", "__len__")
    return Hostile("Trapped", (base,), {name: trap(name) for name in names})


@pytest.mark.parametrize(
    ("build", "clean"),
    [
        (hostile(object), f"<{__name__}.Trapped>"),
        (lambda: hostile(str)("text"), "text"),
        (lambda: hostile(int)(5), 5),
        (lambda: hostile(float)(0.5), 0.5),
        (lambda: hostile(bytes)(b"b"), b"b"),
        (lambda: hostile(dict)(a=1), {"a": 1}),
        (lambda: {hostile(str)("a"): hostile(bytes)(b"b")}, {"a": b"b"}),
        (lambda: hostile(list)([1]), (1,)),
        (lambda: [hostile(object)(), 1], (f"<{__name__}.Trapped>", 1)),
        (lambda: (hostile(str)("text"),), ("text",)),
    ],
)
def test_no_code_of_a_class_runs_to_tell_what_an_attribute_is(build, clean):
    made, value = record_of(), build()
    Hostile.asked.clear()
    capture = build_capture(ValueLimits(), None, allow_repr=False)
    span_of(made, capture=capture).set_attribute("k", value)
    asked = list(Hostile.asked)
    assert asked == []
    kept = (made[EXTRAS].attributes or {}).get("k")
    assert (type(kept), kept) == (type(clean), clean)


def test_names_are_kept_as_exact_texts():
    made = record_of()
    span = span_of(made)
    name = hostile(str)("name")
    Hostile.asked.clear()
    span.set_attribute(name, 1)
    span.add_event(name, {"a": 1}, timestamp=7)
    span.update_name(name)
    span.set_status(StatusCode.ERROR, name)
    extras = made[EXTRAS]
    assert Hostile.asked == []
    told = (*extras.attributes, extras.events[0].name, extras.name, extras.status_message)
    assert told == ("name",) * 4
    assert {type(text) for text in told} == {str}


def test_a_list_that_holds_itself_is_no_error():
    made = record_of()
    endless = [1]
    endless.append(endless)
    span_of(made).set_attribute("k", endless)
    kept = made[EXTRAS].attributes["k"]
    assert kept[:1] == (1,)
    assert repr(kept).count("1") == 16


@pytest.mark.parametrize(("action", "kept"), [("redact", "<redacted>"), ("drop", None)])
def test_attributes_of_the_program_are_judged_by_the_filter(record, action, kept):
    def main():
        span = get_current_span()
        span.set_attribute("password", "s3cret")
        span.add_event("login", {"password": "s3cret"})

    rules = (
        "[[scope.rules]]\nselector = 'obj:glob:*.main'\n"
        f"[[scope.rules.value_patterns]]\nselector = 'attr:password'\naction = '{action}'\n"
    )
    with record(rules) as spans:
        main()
    assert spans[0].attributes.get("password") == kept
    assert spans[0].events[0].attributes.get("password") == kept


def test_a_running_functions_span_can_be_read_as_one_of_the_sdk(record):
    def child():
        span = get_current_span()
        span.set_attribute("seen", 1)
        span.add_event("happened", {"n": 2}, 7)
        span.add_link(SpanContext(1, 2, is_remote=True), {"l": 3})
        span.set_status(StatusCode.ERROR, "bad")
        return span, {name: getattr(span, name) for name in READABLE - DEPRECATED}, span.to_json()

    def parent():
        return get_current_span().get_span_context(), child()

    with record() as spans:
        above, (span, read, text) = parent()
    assert dict(read["attributes"]) == {"seen": 1}
    assert [(it.name, dict(it.attributes), it.timestamp) for it in read["events"]] == [
        ("happened", {"n": 2}, 7)
    ]
    assert [dict(it.attributes) for it in read["links"]] == [{"l": 3}]
    assert read["parent"].span_id == above.span_id
    assert read["context"] == span.get_span_context()
    assert read["status"].status_code is StatusCode.ERROR
    assert (read["kind"], read["end_time"]) == (SpanKind.INTERNAL, None)
    assert read["instrumentation_scope"].name == "codetracer_otel"
    (shown,) = [it for it in spans if it.name.endswith("child")]
    assert (read["start_time"], '"seen"' in text) == (shown.start_ns, True)
    assert (span.attributes, span.start_time, span.name) == ({}, None, None)
    assert not hasattr(span, "_private")
    assert not hasattr(span, "no_such_thing")
