from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.depth import examples
from tests.exporters.made import batch, plan, record, segment, view

from codetracer_otel.exporters.otel_spans import ReadableSpans
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.model.record import (
    NOT_CAPTURED,
    Ending,
    Event,
    ExceptionRecord,
    Link,
    SpanDetails,
    StatusCode,
    Variable,
)
from codetracer_otel.model.span_view import Batch, SpanView
from codetracer_otel.model.value import DROPPED_NODE, REDACTED_NODE, Node, NodeKind


def parse(body: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return request


def normal(request: ExportTraceServiceRequest) -> bytes:
    """Return bytes that are equal for requests that differ in the order of attributes only.

    And in the W3C flags, which OpenTelemetry's encoder leaves out.
    """

    def sort(holder) -> None:
        holder.attributes.sort(key=lambda attribute: attribute.key)

    for resource in request.resource_spans:
        sort(resource.resource)
        for scope in resource.scope_spans:
            sort(scope.scope)
            for span in scope.spans:
                for holder in (span, *span.events, *span.links):
                    sort(holder)
                for holder in (span, *span.links):
                    holder.flags &= ~0xFF
    return request.SerializeToString(deterministic=True)


def encoded(made: Batch, **limits: int) -> list[bytes]:
    return [request.body() for request in OtlpEncoder(**limits).requests(made)]


def ours(made: Batch) -> ExportTraceServiceRequest:
    [body] = encoded(made)
    return parse(body)


def assert_same_as_opentelemetry(made: Batch) -> None:
    theirs = encode_spans(ReadableSpans().of(made))
    assert normal(ours(made)) == normal(theirs)


def spans_of(request: ExportTraceServiceRequest) -> list:
    return [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]


any_text = st.text(st.characters(codec=None), max_size=30)  # lone surrogates included
keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
long_text = any_text | st.sampled_from(["x" * 127, "é" * 64, "y" * 128, "z" * 20_000])
integers = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-300, 300)
    | st.integers()
    | st.sampled_from([-(2**63), 2**63 - 1, 2**63, -(2**63) - 1, 2**200])
)
scalars = st.none() | st.booleans() | integers | st.floats() | long_text


def node(kinds, items):
    return st.builds(Node, st.sampled_from(kinds), st.just("m.T"), items, st.integers(0, 3))


captured = st.recursive(
    scalars,
    lambda inner: (
        node([NodeKind.LIST, NodeKind.TUPLE, NodeKind.SET], st.lists(inner, max_size=4).map(tuple))
        | node(
            [NodeKind.MAPPING, NodeKind.STRUCT],
            st.lists(st.tuples(keys, inner), max_size=3).map(tuple),
        )
        | node([NodeKind.BYTES], st.binary(max_size=5))
        | node([NodeKind.CUT_TEXT, NodeKind.TEXT], keys)
        | st.just(REDACTED_NODE)
        | st.just(DROPPED_NODE)
    ),
    max_leaves=6,
)
# what OpenTelemetry's API lets through
attribute_values = st.recursive(
    scalars | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
attribute_maps = st.dictionaries(keys, attribute_values, max_size=4)
times = st.integers(0, 2**63)
dropped = st.sampled_from([0, 0, 1, 300])
events = st.builds(Event, any_text, st.integers(-5, 2**65), attribute_maps, dropped)
links = st.builds(
    Link,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.just(""),
    st.integers(0, 1),
    attribute_maps,
    st.booleans(),
    dropped,
)
exceptions = st.builds(
    ExceptionRecord,
    st.just("shop.Bad"),
    any_text,
    st.just((("<x>", 3, "f"),)),
    times,
    st.booleans(),
)
segments = st.builds(
    lambda trace_id, state, thread_id, name, remote: segment(
        trace_id=trace_id,
        trace_state=state,
        thread_id=thread_id,
        thread_name=name,
        remote_parent_id=remote,
    ),
    st.integers(1, 2**128 - 1),
    st.sampled_from(["", "a=1", "a=1,b@c=2"]),
    st.sampled_from([0, 140_000_000_000]),
    any_text,
    st.sampled_from([0, 7]),
)


@st.composite
def extras(draw, attribute_names):
    made = SpanDetails()
    made.attributes = draw(
        st.none() | st.dictionaries(st.sampled_from(attribute_names) | keys, attribute_values)
    )
    made.events = draw(st.none() | st.lists(events, max_size=2))
    made.links = draw(st.none() | st.lists(links, max_size=2))
    made.exception = draw(st.none() | exceptions)
    made.ending = draw(st.sampled_from(Ending))
    made.status = draw(st.none() | st.sampled_from(StatusCode))
    made.status_message = draw(st.none() | any_text)
    made.name = draw(st.none() | any_text)
    made.busy_ns = draw(st.sampled_from([0, 5]))
    made.suspensions = draw(st.sampled_from([0, 2]))
    made.sampling_ratio = draw(st.sampled_from([None, 1.0]))
    made.dropped_attributes = draw(st.sampled_from([0, 3]))
    made.dropped_events = draw(st.sampled_from([0, 300, 2**31]))
    made.locals = (draw(captured | st.just(NOT_CAPTURED)),)
    return made


@st.composite
def records(draw):
    count = draw(st.integers(0, 3))
    names = [f"a{n}" for n in range(count)]
    used = plan(
        *names,
        redacted=("a0",) if count == 3 else (),
        name=draw(any_text),
        file=draw(any_text),
        kind=draw(st.sampled_from(["function", "coroutine"])),
        sampling_ratio=draw(st.sampled_from([1.0, 0.25])),
        locals=(Variable("x", "codetracer.local.x"),),
    )
    wanted = len(used.argument_names)
    values = draw(st.lists(captured, min_size=wanted, max_size=wanted).map(tuple))
    if wanted and draw(st.sampled_from([False] * 9 + [True])):
        values = ()
    known = ["code.line.number", "codetracer.return", "codetracer.arg.a0", "thread.id"]
    return record(
        values,
        of=used,
        span_id=draw(st.integers(1, 2**64 - 1)),
        parent_id=draw(st.sampled_from([0, 7, 2**64 - 1])),
        on=draw(segments),
        start=draw(st.integers(0, 2**62)),
        end=draw(st.integers(0, 2**62)),
        result=draw(captured | st.just(NOT_CAPTURED)),
        extras=draw(st.none() | extras(known)),
    )


views = st.builds(
    SpanView,
    any_text,
    st.integers(1, 2**128 - 1).map("{:032x}".format),
    st.integers(1, 2**64 - 1).map("{:016x}".format),
    st.none() | st.integers(1, 2**64 - 1).map("{:016x}".format),
    st.integers(-9, 2**65),
    times,
    attribute_maps,
    st.lists(events, max_size=2),
    st.lists(links, max_size=2),
    st.sampled_from(StatusCode),
    st.none() | any_text,
    st.sampled_from(["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]),
    st.sampled_from(["", "a=1,b=2"]),
    st.integers(0, 1),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.integers(0, 300),
    st.integers(0, 300),
    st.sampled_from(["codetracer_otel", "lib", "other"]),
    st.sampled_from(["", "1.0"]),
    st.sampled_from(["", "https://schema"]),
    st.sampled_from([{}, {"s": 1}]),
)


@settings(max_examples=examples(250))
@given(records())
def test_a_record_encodes_to_the_message_that_opentelemetry_makes_of_it(made):
    assert_same_as_opentelemetry(batch(made))


@settings(max_examples=examples(80))
@given(st.lists(records(), max_size=4), st.lists(views, max_size=4), attribute_maps)
def test_a_batch_of_records_and_views_groups_as_opentelemetry_groups_it(made, more, resource):
    if made or more:
        assert_same_as_opentelemetry(Batch(made, more, resource or {"service.name": "s"}))


@settings(max_examples=examples(50))
@given(st.lists(records(), min_size=1, max_size=6))
def test_an_encoder_that_has_seen_other_batches_encodes_the_same(made):
    encoder = OtlpEncoder()
    encoder.requests(batch(*reversed(made)))
    [request] = encoder.requests(batch(*made))
    assert normal(parse(request.body())) == normal(encode_spans(ReadableSpans().of(batch(*made))))


def test_a_lone_surrogate_becomes_visible_where_opentelemetry_loses_the_batch():
    made = [record(("fine",), of=plan("n")), record(("x\udc80",), of=plan("n"))]
    spans = spans_of(ours(batch(*made)))
    values = [{a.key: a.value for a in span.attributes} for span in spans]
    assert [found["codetracer.arg.n"].string_value for found in values] == ["fine", "x\\udc80"]


@pytest.mark.parametrize("value", [0, 127, 128, -1, 2**14, 2**63 - 1, -(2**63)])
def test_integers_keep_their_value(value):
    [span] = spans_of(ours(batch(record((value,)))))
    found = {a.key: a.value for a in span.attributes}
    assert found["codetracer.arg.a0"].int_value == value


def test_a_true_and_a_one_stay_what_they_are():
    made = [record((value,), of=plan("n")) for value in (1, True, 1.0, 0, False, 0.0)]
    spans = spans_of(ours(batch(*made)))
    kinds = [
        next(a.value.WhichOneof("value") for a in span.attributes if a.key == "codetracer.arg.n")
        for span in spans
    ]
    assert kinds == ["int_value", "bool_value", "double_value"] * 2


def test_times_beyond_64_bits_are_cut_to_what_the_field_holds():
    [span] = spans_of(ours(batch(record(start=-(2**63), end=2**70))))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (0, 2**64 - 1)


def test_a_span_that_cannot_be_encoded_is_counted_and_the_others_go_out():
    encoder = OtlpEncoder()
    spans = (view("good"), view("bad", trace_id="zz"), view("good too"))
    [request] = encoder.requests(batch(spans=spans))
    assert [span.name for span in spans_of(parse(request.body()))] == ["good", "good too"]
    assert encoder.unencodable == 1


def test_a_record_that_cannot_be_encoded_is_counted_and_the_others_go_out():
    encoder, broken = OtlpEncoder(), record((1,), of=plan("n"))
    broken[6] = None
    [request] = encoder.requests(batch(record(), broken, record()))
    assert len(spans_of(parse(request.body()))) == 2
    assert encoder.unencodable == 1


@pytest.mark.parametrize("parent_id", [0, 7])
@pytest.mark.parametrize("has_extras", [False, True])
def test_an_ordinary_record_never_takes_the_long_way(monkeypatch, parent_id, has_extras):
    monkeypatch.setattr(OtlpEncoder, "_encode_slowly", None)
    extras = SpanDetails() if has_extras else None
    made = record((1, "x", 2.5, True, None), parent_id=parent_id, extras=extras, result=3)
    assert len(OtlpEncoder().requests(batch(made))[0]) == 1


def test_a_batch_without_spans_makes_no_request():
    assert encoded(batch()) == []


def test_requests_stay_below_the_limit_and_lose_nothing():
    made = [record((f"{n}" * 50,), of=plan("n"), span_id=n + 1) for n in range(300)]
    more = tuple(view(f"v{n}", scope=f"lib{n % 3}") for n in range(30))
    bodies = encoded(batch(*made, spans=more), max_bytes=4_000)
    assert max(map(len, bodies)) <= 4_000
    assert sum(map(len, bodies)) > 3_000 * (len(bodies) - 1)
    spans = [span for body in bodies for span in spans_of(parse(body))]
    assert len(spans) == 330
    assert len({span.span_id + span.name.encode() for span in spans}) == 330
    for body in bodies:
        [resource] = parse(body).resource_spans
        assert [a.key for a in resource.resource.attributes] == ["service.name", "process.pid"]


def test_a_span_larger_than_the_limit_stands_alone():
    made = [record((text,), of=plan("n")) for text in ("a", "b" * 9_000, "c")]
    counts = [len(spans_of(parse(b))) for b in encoded(batch(*made), max_bytes=2_000)]
    assert counts == [1, 1, 1]


def test_half_requests_together_carry_every_span_once():
    made = [record((n,), of=plan("n"), span_id=n + 1) for n in range(5)]
    more = tuple(view(f"v{n}", scope="lib") for n in range(4))
    [request] = OtlpEncoder().requests(batch(*made, spans=more))
    left, right = request.halves()
    assert (len(left), len(right)) == (4, 5)
    names = [span.name for half in (left, right) for span in spans_of(parse(half.body()))]
    assert names == ["shop.tax"] * 5 + ["v0", "v1", "v2", "v3"]


def test_tables_stay_bounded_whatever_the_program_does():
    encoder = OtlpEncoder()
    for turn in range(8):
        made = [
            record((n * 7919 + turn,), of=plan(f"n{n}", f"m{n}", redacted=(f"m{n}",)))
            for n in range(3_000)
        ]
        encoder.requests(batch(*made))
    kept = sum(len(key.texts) + len(key.integers) for key in encoder._keys.values())
    assert kept + len(encoder._forms) <= 100_000
    assert encoder._budget.left > -100_000
