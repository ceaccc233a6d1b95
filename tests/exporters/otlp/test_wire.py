"""The wire form of attributes."""

from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTracePartialSuccess

from codetracer_otel.exporters.otlp.wire import Attribute, Budget, last_field, varint


def looped_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


@given(st.integers(0, 2**64 - 1))
@example(2**14 - 1)
@example(2**14)
@example(2**28)
@example(2**64 - 1)
def test_a_varint_has_seven_bits_a_byte_lowest_first(value):
    assert varint(value) == looped_varint(value)


@given(st.integers(-(2**70), 2**70))
@example(2**28 - 1)
@example(2**28)
@example(2**35)
@example(2**42 - 1)
@example(2**42)
@example(-1)
def test_the_table_of_numbers_holds_what_a_number_encodes_to(number):
    attribute = Attribute(b"\x4a", "codetracer.arg.count", Budget(1_000))
    assert attribute.integers[number] == attribute.encode(number)


@given(st.integers(0, 2**63 - 1), st.text())
def test_the_last_value_of_a_field_is_what_protobuf_reads(rejected, message):
    success = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    assert (last_field(success.SerializeToString(), 1) or 0) == rejected
    assert (last_field(success.SerializeToString(), 2) or b"").decode() == message
    assert last_field(success.SerializeToString() * 2, 3) is None


@given(st.binary(max_size=100))
def test_bytes_that_are_no_message_are_a_value_error_and_nothing_else(data):
    try:
        last_field(data, 1)
    except ValueError:
        pass
