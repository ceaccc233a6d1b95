"""Compiled code finds every place where a window of a known secret may stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetracer_otel._core import load
from codetracer_otel.filters.secrets.known.index import bit_of, bits_of

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")


@given(
    st.binary(max_size=60),
    st.lists(st.integers(0, 2**64 - 1), max_size=4),
    st.lists(st.integers(0, 59), max_size=3),
    st.permutations(range(256)),
)
def test_compiled_code_finds_the_windows_that_python_finds(text, others, places, order):
    substitution = bytes(order)
    hidden = text.translate(substitution)
    own = [int.from_bytes(hidden[place : place + 8]) for place in places]
    bits = bits_of([*others, *own])
    named = [bit_of(int.from_bytes(hidden[begin : begin + 8])) for begin in range(len(text) - 7)]
    expected = [begin for begin, bit in enumerate(named) if bits[bit >> 3] >> (bit & 7) & 1]
    assert NATIVE.module.find_windows(text, substitution, bits) == expected
    assert {place for place in places if place + 8 <= len(text)} <= set(expected)


def test_a_small_table_is_read_within_its_bounds():
    text = bytes(range(256)) * 3
    for size in (1, 2, 64):
        found = NATIVE.module.find_windows(text, bytes(range(256)), b"\xff" * size)
        assert found == list(range(len(text) - 7))


@pytest.mark.parametrize(
    "wrong",
    [(), ("text", bytes(256), b"0"), (b"", bytes(255), b"0"), (b"", bytes(256), bytearray(1))],
)
def test_what_it_cannot_read_is_refused(wrong):
    with pytest.raises(TypeError):
        NATIVE.module.find_windows(*wrong)


@pytest.mark.parametrize("size", [0, 3, 12])
def test_a_number_of_bits_that_is_no_power_of_two_is_refused(size):
    with pytest.raises(ValueError, match="power of two"):
        NATIVE.module.find_windows(b"x" * 20, bytes(256), bytes(size))
