"""Calls with large arguments leave memory where it was."""

import gc
import tracemalloc

import pytest
from tests.conftest import only

import codetracer_otel as ct
from codetracer_otel.sdk.session.configure import active_session


def takes(data, text, number):
    return number


def steps(data):
    yield len(data)


def fails(data):
    raise ValueError(len(data))


def round_of_calls(count):
    for n in range(count):
        takes([n] * 1000, "x" * 10_000, n)
        list(steps([n] * 1000))
        try:
            fails([n] * 1000)
        except ValueError:
            pass


def many_rounds():
    for _ in range(20):
        round_of_calls(500)
        active_session().flush()  # what waits for the worker is not what is looked for


@pytest.fixture
def traced():
    with ct.configure(only(__file__), "none", policy={"on_recorder_error": "abort"}):
        yield


def held():
    active_session().flush()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_after_a_hundred_times_the_calls(traced):
    tracemalloc.start()  # first: what is given back later was taken by then
    try:
        # The compiled core keeps chunks of 256 KiB, and up to 4 MB to compare objects with.
        many_rounds()
        before = held()
        many_rounds()
        grown = held() - before
    finally:
        tracemalloc.stop()
    assert grown < 2_000_000  # 200 bytes a call; each makes lists of 24 KB
