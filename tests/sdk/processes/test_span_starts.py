"""A forked child delivers the spans that it began."""

from types import SimpleNamespace

from codetracer_otel.sdk.processes import span_starts
from codetracer_otel.sdk.processes.span_starts import SpanStarts


def span(number):
    return SimpleNamespace(context=SimpleNamespace(span_id=number))


def test_a_span_is_taken_once_where_it_began():
    starts = SpanStarts()
    starts.begin_in_child()
    starts.note(1)
    assert [starts.takes(span(number)) for number in (2, 1, 1)] == [False, True, False]


def test_what_a_child_has_open_is_not_its_own_childs():
    starts = SpanStarts()
    starts.begin_in_child()
    starts.note(1)
    starts.begin_in_child()
    starts.note(2)
    assert [starts.takes(span(number)) for number in (1, 2)] == [False, True]


def test_spans_that_never_end_take_no_memory_without_bound(monkeypatch):
    monkeypatch.setattr(span_starts, "_MOST_OPEN", 3)
    starts = SpanStarts()
    starts.begin_in_child()
    for number in range(5):
        starts.note(number)
    assert [starts.takes(span(number)) for number in range(5)] == [False, False, True, True, True]
