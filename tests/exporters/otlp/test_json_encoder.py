"""OTLP's JSON says what its protobuf says, through protobuf's own mapping."""

from __future__ import annotations

import base64
import json
import warnings

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.depth import examples
from tests.exporters.made import batch, plan, record, view
from tests.exporters.otlp.test_encoder import attribute_maps, normal, records, views

from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.exporters.otlp.exception_logs import ExceptionLog
from codetracer_otel.exporters.otlp.json_encoder import JsonEncoder
from codetracer_otel.model.record import Event
from codetracer_otel.model.span_view import Batch

IDS = {"traceId", "spanId", "parentSpanId"}


def as_protobuf_has_it(value):
    """Return JSON with ids as bytes of protobuf's mapping: OTLP writes them in hexadecimal."""
    if isinstance(value, list):
        return [as_protobuf_has_it(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in IDS
        else as_protobuf_has_it(item)
        for key, item in value.items()
    }


def parsed(body, message=ExportTraceServiceRequest):
    """Return what a collector reads; unknown names and wrong types raise."""
    with warnings.catch_warnings():
        # protobuf reads standard Base64 by a function for another alphabet; 3.15 will refuse that
        warnings.simplefilter("ignore", FutureWarning)
        return json_format.ParseDict(as_protobuf_has_it(json.loads(body)), message())


def both(made):
    [ours] = JsonEncoder().requests(made)
    [theirs] = OtlpEncoder().requests(made)
    read = parsed(ours.body()), ExportTraceServiceRequest.FromString(theirs.body())
    for request in read:
        normal(request)
    return tuple(map(json_format.MessageToDict, read))  # where every NaN is the same


@settings(max_examples=examples(60))
@given(st.lists(records(), max_size=3), st.lists(views, max_size=3), attribute_maps)
def test_it_is_the_message_that_protobuf_carries(made, more, resource):
    if made or more:
        ours, theirs = both(Batch(made, more, resource, "https://opentelemetry.io/schemas/1.44.0"))
        assert ours == theirs


def test_ids_are_hexadecimal_and_64_bits_are_text():
    made = record((2**63 - 1,), of=plan("n"), parent_id=5)
    [request] = JsonEncoder().requests(batch(made))
    [resource] = json.loads(request.body())["resourceSpans"]
    [span] = resource["scopeSpans"][0]["spans"]
    assert span["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert (len(span["spanId"]), len(span["parentSpanId"])) == (16, 16)
    assert span["startTimeUnixNano"] == "1700000000000001000"
    assert (span["kind"], span["flags"]) == (1, 0x101)
    values = {item["key"]: item["value"] for item in span["attributes"]}
    assert values["codetracer.arg.n"] == {"intValue": str(2**63 - 1)}


def test_a_span_that_cannot_be_encoded_is_counted_and_the_others_go_out():
    encoder = JsonEncoder()
    spans = (view("good"), view("bad", trace_id="zz"), view("good too"))
    [request] = encoder.requests(batch(spans=spans))
    [scope] = parsed(request.body()).resource_spans[0].scope_spans
    assert [span.name for span in scope.spans] == ["good", "good too"]
    assert encoder.unencodable == 1


def test_requests_stay_below_the_limit_and_lose_nothing():
    made = [record((f"{n}" * 50,), of=plan("n"), span_id=n + 1) for n in range(60)]
    bodies = [it.body() for it in JsonEncoder(max_bytes=8_000).requests(batch(*made))]
    assert max(map(len, bodies)) <= 8_000
    found = [
        span.span_id
        for body in bodies
        for resource in parsed(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert len({*found}) == len(found) == 60


@pytest.mark.parametrize("encoder", [JsonEncoder(), OtlpEncoder()])
def test_a_log_record_has_the_ids_of_its_span(encoder):
    told = view("shop.pay", scope="codetracer_otel", trace_flags=3)
    event = Event("exception", 1_700_000_000_000_000_000, {"exception.type": "shop.Bad"}, 2)
    [request] = encoder.log_requests(batch(spans=(told,)), [ExceptionLog(told, event)])
    message = ExportLogsServiceRequest
    is_json = isinstance(encoder, JsonEncoder)
    read = parsed(request.body(), message) if is_json else message.FromString(request.body())
    [scope] = read.resource_logs[0].scope_logs
    [log] = scope.log_records
    assert scope.scope.name == "codetracer_otel"
    assert (log.trace_id.hex(), log.span_id.hex()) == (told.trace_id, told.span_id)
    assert (log.flags, log.severity_number, log.severity_text) == (3, 17, "ERROR")
    assert (log.event_name, log.dropped_attributes_count) == ("exception", 2)
    assert log.time_unix_nano == log.observed_time_unix_nano == event.time_ns
    assert [(a.key, a.value.string_value) for a in log.attributes] == [
        ("exception.type", "shop.Bad")
    ]


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "no"}}', 3),
        (b'{"partialSuccess": {"rejectedLogRecords": 2}}', 2),
        (b'{"partialSuccess": {"rejectedSpans": -1}}', 0),
        (b'{"partialSuccess": {}}', 0),
        (b"{}", 0),
        (b"[]", 0),
        (b"", 0),
        (b"\xff", 0),
        (b"<html>", 0),
    ],
)
def test_what_an_answer_refuses_is_read(body, rejected):
    assert JsonEncoder().rejected(body) == rejected
