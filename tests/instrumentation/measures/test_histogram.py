"""Durations are counted in the buckets that OpenTelemetry's data model defines."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.instrumentation.measures.histogram import MOST_BUCKETS, DurationHistogram

durations = st.lists(st.integers(0, 10**13), min_size=1, max_size=60)


def is_within(value, index, scale):
    """Return whether a number of seconds is in a bucket, exactly: base**i < v <= base**(i + 1)."""
    power = 2 ** abs(scale)
    raised = value**power if scale >= 0 else value
    low, high = (index, index + 1) if scale >= 0 else (index * power, (index + 1) * power)
    return Fraction(2) ** low < raised <= Fraction(2) ** high


@settings(max_examples=examples(150))
@given(durations)
def test_each_duration_is_in_its_bucket(given_durations):
    found = DurationHistogram()
    found.add(given_durations)
    offset, counts = found.buckets()
    positive = [duration for duration in given_durations if duration]
    assert (found.count, found.zeros) == (
        len(given_durations),
        len(given_durations) - len(positive),
    )
    assert (found.total, found.least, found.most) == (
        sum(given_durations),
        min(given_durations),
        max(given_durations),
    )
    assert sum(counts) == len(positive)
    assert len(counts) <= MOST_BUCKETS
    expected = [0] * len(counts)
    for duration in positive:
        value = Fraction(duration / 1e9)
        places = range(offset, offset + len(counts))
        near = [index for index in places if is_within(value, index, found.scale)]
        assert len(near) == 1
        expected[near[0] - offset] += 1
    assert counts == expected


def test_durations_that_come_later_fit_into_wider_buckets():
    found = DurationHistogram()
    found.add([1_000])
    finest = found.scale
    found.add(range(1, 10**6, 997))
    assert found.scale < finest
    assert sum(found.buckets()[1]) == found.count
