"""Events are read one by one, however they are laid out and wherever a piece of the file ends."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.exporters.native.read import events as module
from codetracer_otel.exporters.native.read.events import EventStream, TruncatedError

EVENTS = st.lists(
    st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=2)
    | st.just("DropLastStep"),
    max_size=8,
)
SPACE = st.text(" \n\r\t", max_size=2)


def laid_out(events, gaps):
    """Return the JSON of events with space around each, and where each ends."""
    text, ends = "[", []
    for number, event in enumerate(events):
        gap = gaps[number % len(gaps)]
        text += ("," if number else "") + gap + json.dumps(event)
        ends.append(len(text))
        text += gap
    return text + "]", ends


@settings(max_examples=examples(60))
@given(EVENTS, st.lists(SPACE, min_size=1, max_size=3), st.integers(1, 40))
def test_every_event_comes_with_the_place_of_its_end(events, gaps, chunk):
    text, ends = laid_out(events, gaps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        stream = EventStream(io.BytesIO(text.encode()))
        assert [(event, stream.index, stream.end) for event in stream] == [
            (event, number, end)
            for number, (event, end) in enumerate(zip(events, ends, strict=True), 1)
        ]


@settings(max_examples=examples(60))
@given(EVENTS, st.lists(SPACE, min_size=1, max_size=3), st.integers(1, 40), st.data())
def test_what_stands_before_a_cut_is_read_up_to_the_last_whole_event(events, gaps, chunk, data):
    text, ends = laid_out(events, gaps)
    cut = data.draw(st.integers(0, len(text) - 1))
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        with pytest.raises(TruncatedError) as caught:
            found.extend(EventStream(io.BytesIO(text[:cut].encode())))
    whole = [end for end in ends if end <= cut]
    assert caught.value.size == (whole[-1] if whole else 0)
    assert caught.value.event_index == len(whole)
    assert found == events[: len(whole)]
