"""Compiled code writes the spans of a block as the Python encoder writes their records."""

import threading
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import attach, detach
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState
from tests._core import test_span_recorder as recorded
from tests._core.test_record_block import Keeping
from tests.conftest import only, rule
from tests.depth import examples

from codetracer_otel._core import load
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Limits

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
OTHERS = rule(f"file:glob:**{recorded.__file__}")
RESOURCE = {"service.name": "shop"}


@dataclass
class Record:
    first: object
    second: object


class Colour(Enum):
    RED = "red"


def wide(a, b, c=None, *rest, **more):
    return a


def program_of(values):
    def traced(values):
        for value in values:
            wide(value, value, c=value)
            recorded.echo(value)

    return lambda: traced(values)


def delivered(program, *rules, **options):
    exporter = Keeping()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODETRACER_OTEL_CORE", "c")
        with configure(only(__file__, OTHERS, *rules), exporter, **options):
            program()
    return exporter.blocks


def bodies(encoder, records):
    return [request.body() for request in encoder.requests(Batch(records, (), RESOURCE))]


def check(blocks, encoder=OtlpEncoder, **options):
    assert blocks
    for block in blocks:
        assert block.native is not None
        compiled, python = encoder(**options), encoder(**options)
        written = bodies(compiled, block)
        assert written == bodies(python, list(block))
        assert written == bodies(compiled, block)  # in the memory that is used again
        assert compiled.unencodable == 2 * python.unencodable
        for body in written:
            ExportTraceServiceRequest.FromString(body)


keys = st.one_of(
    st.text(max_size=3), st.integers(), st.sampled_from(["...", "1", 1, True, None, (1, 2), "é"])
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.binary(max_size=5),
    st.sampled_from([2**70, "x" * 200, "\ud800", b"'\"\t\xff" * 9, Path("/a"), range(2)]),
)  # fmt: skip
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.lists(st.integers(0, 9), min_size=30, max_size=40),
        st.builds(Record, inner, inner),
    ),
    max_leaves=8,
)
flat = st.one_of(
    *(st.lists(of, max_size=6) for of in (st.integers(), st.floats(), st.booleans(), st.text())),
    st.sets(st.integers()),
    st.sampled_from([["x" * 70] * 3, [-1, 2**63 - 1], [2**63], [[]], {}, (), set()]),
)
values = st.one_of(
    recorded.values,
    nested,
    flat,
    st.sampled_from([-1, 0, 127, 128, 2**31, -(2**63), 2**63 - 1, 2**63, float("nan"), -0.0]),
    st.text(min_size=100, max_size=140),
    st.sampled_from(
        [Colour.RED, UUID(int=5), Decimal("1.50"), b"x" * 3000, "y" * 9000, "é" * 5000]
    ),
    st.sampled_from(["é" * 128, "\U0001f600" * 128, "x" * 128, "", "password=hunter2", "\ud800"]),
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=4).map(tuple),
)


@settings(max_examples=examples(50))
@given(st.lists(values, max_size=8))
def test_any_values_are_written_alike(values):
    check(delivered(program_of(values)))


@settings(max_examples=examples(40))
@given(recorded.programs)
def test_any_calls_are_written_alike(program):
    check(delivered(lambda: recorded.run(program)))


class Counting(OtlpEncoder):
    """Counts the records that Python encodes."""

    in_python = 0

    def _span_of(self, record):
        self.in_python += 1
        return super()._span_of(record)


def test_containers_and_instances_are_written_in_c():
    values = [[1, 2], {"a": [None, "b"]}, Record(1, True), (), b"x", Path("/a")]
    (block, *_) = delivered(program_of(values))
    encoder = Counting()
    bodies(encoder, block)
    assert encoder.in_python == 1  # the root


def test_large_requests_are_divided_alike():
    blocks = delivered(program_of(["text" * 20, 1.5, None] * 100))
    check(blocks, max_bytes=9_000)
    check(blocks, max_bytes=300)


def test_halves_are_the_same_spans():
    (block, *_) = delivered(program_of(range(20)))
    halves = []
    for records in (block, list(block)):
        (request,) = OtlpEncoder().requests(Batch(records, (), RESOURCE))
        halves.append([part.body() for half in request.halves() for part in half.halves()])
    assert halves[0] == halves[1]
    assert len(halves[0]) == 4


def test_threads_are_told_by_their_spans():
    def threads():
        for name in ("one", "twö"):
            thread = threading.Thread(target=program_of([1, "x"]), name=name)
            thread.start()
            thread.join()

    check(delivered(threads))


@pytest.mark.parametrize("bound", [0, 4, 5, 6, 7, 8, 9])
def test_limits_of_attributes_hold(bound):
    check(delivered(program_of([1, "text"]), limits=Limits(max_attributes=bound)))


@pytest.mark.parametrize(
    "body",
    [
        "exec = 'trace'\nvalue_default = 'redact'",
        "exec = 'trace'\nvalue_default = 'drop'",
        "exec = 'trace'\nsampling = {ratio = 0.999999}",
    ],
)
def test_what_is_hidden_or_sampled_is_told_alike(body):
    check(delivered(program_of(["a", 2, recorded.Thing()]), rule("obj:glob:*", body)))


@pytest.mark.parametrize("state", [[], [("a", "1"), ("ot", "rv:80000000000000")]])
@pytest.mark.parametrize("is_remote", [True, False])
@pytest.mark.parametrize("ratio", ["", "\nsampling = {ratio = 0.75}"])
def test_what_a_trace_brings_along_is_told_alike(state, is_remote, ratio):
    parent = SpanContext(7 << 64 | 5, 3, is_remote, TraceFlags(3), TraceState(state))

    def below():
        token = attach(set_span_in_context(NonRecordingSpan(parent)))
        try:
            program_of(["x", 1])()
        finally:
            detach(token)

    check(delivered(below, rule("obj:glob:*", f"exec = 'trace'{ratio}")))


def test_a_request_that_is_kept_stays_as_it_was():
    encoder = OtlpEncoder()
    (block, *_) = delivered(program_of(["first"]))
    (other, *_) = delivered(program_of(["second"] * 5))
    (kept,) = encoder.requests(Batch(block, (), RESOURCE))
    before = kept.body()
    (later,) = encoder.requests(Batch(other, (), RESOURCE))
    assert kept.body() == before
    assert later.body() == bodies(OtlpEncoder(), list(other))[0]


def test_forms_that_do_not_fit_are_refused():
    (block, *_) = delivered(program_of([1]))
    native, output = block.native, block.native.new_output()
    plans, segments = [None] * len(native.plans), [None] * len(native.segments)
    layout = (0, 8, 16, 24)
    head = bytes(32)
    one = lambda _: None
    for wrong in (
        (plans[:-1], segments, [], layout),
        (plans, segments, [b""], layout),
        ([b""] * len(plans), segments, [], layout),
        ([(b"", None, ("key",), b"", b"", b"", b"", b"")] * len(plans), segments, [], layout),
        (plans, [(head, head, b"", b"", 0, 0)] * len(segments), [], (0, 8, 16, 25)),
        (plans, [(head, head + b"x", b"", b"", 0, 0)] * len(segments), [], layout),
        (plans, segments, [], (0, 8)),
    ):
        with pytest.raises((TypeError, ValueError)):
            native.encode(output, *wrong, one)
    native.encode(output, plans, segments, [], layout, one)
    assert len(output) == 0
    native.encode(output, plans, segments, [], layout, lambda _: b"span")
    assert bytes(memoryview(output)) == b"span" * len(native)
    assert list(output) == [4 * (number + 1) for number in range(len(native))]
    with memoryview(output), pytest.raises(BufferError):
        output.clear()
    with pytest.raises(ZeroDivisionError):
        native.encode(output, plans, segments, [], layout, lambda _: 1 // 0)
