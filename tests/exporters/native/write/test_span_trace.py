"""Spans of anybody become a native trace that readers of the format accept."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.native_run import plain
from tests.native_trace import read_trace

from codetracer_otel.exporters.native.directory import TraceDirectory
from codetracer_otel.exporters.native.write.metadata import TraceMetadata
from codetracer_otel.exporters.native.write.span_trace import NO_FILE, SpanTrace
from codetracer_otel.model.record import Event, StatusCode
from codetracer_otel.model.span_view import SpanView
from codetracer_otel.model.value import DROPPED, REDACTED

ROOT = 0


def view(number, parent=None, name=None, start=None, **fields):
    """Return span ``number`` of one trace; ``parent`` is the number of another."""
    return SpanView(
        name=name or f"span {number}",
        trace_id="a" * 32,
        span_id=f"{number + 1:016x}",
        parent_span_id=None if parent is None else f"{parent + 1:016x}",
        start_ns=number if start is None else start,
        end_ns=1000,
        attributes=fields.pop("attributes", {}),
        **fields,
    )


@pytest.fixture
def written(tmp_path):
    """Write batches of spans; return the validated trace."""

    def write(*batches):
        trace = SpanTrace(TraceDirectory(str(tmp_path / "trace")), TraceMetadata("/app.py"))
        for batch in batches:
            trace.add(batch)
        trace.finish()
        return read_trace(tmp_path / "trace")

    return write


def shape(call):
    return (call.name, tuple(shape(child) for child in call.children))


def names_below(trace):
    return tuple(shape(call) for call in trace.root.children)


def test_a_span_below_another_is_a_call_in_its_call(written):
    trace = written([view(2, 1), view(1, 0), view(3, 0)], [view(0)])

    inner = ("span 1", (("span 2", ()),))
    assert names_below(trace) == (("span 0", (inner, ("span 3", ()))),)


def test_siblings_stand_in_the_order_of_their_starts(written):
    trace = written([view(1, 0, start=9), view(2, 0, start=5), view(0)])

    assert names_below(trace) == (("span 0", (("span 2", ()), ("span 1", ()))),)


def test_a_remote_parent_is_no_reason_to_wait(written, tmp_path):
    trace = written([view(1, 0, parent_is_remote=True)])

    assert names_below(trace) == (("span 1", ()),)


def test_a_span_whose_root_never_came_is_written_at_the_end(written):
    trace = written([view(2, 1), view(1, 0)], [view(5)])

    assert names_below(trace) == (("span 5", ()), ("span 1", (("span 2", ()),)))


def test_what_waits_is_bounded(written, monkeypatch):
    monkeypatch.setattr("codetracer_otel.exporters.native.write.span_trace.MAX_WAITING", 3)

    trace = written([view(number, 0) for number in range(1, 5)], [view(0)])

    assert [call.name for call in trace.root.children] == [f"span {n}" for n in (1, 2, 3, 4, 0)]


def test_parents_that_are_each_others_end_no_trace(written):
    trace = written([view(1, 2), view(2, 1), view(0)])

    assert names_below(trace) == (("span 0", ()),)


def test_where_the_code_is_known_the_call_is_there(written):
    code = {"code.file.path": "/shop.py", "code.line.number": 7, "code.function.name": "shop.pay"}
    trace = written([view(0, attributes=code), view(1)])

    assert [(call.path, call.line) for call in trace.root.children] == [
        ("/shop.py", 7),
        (NO_FILE, 1),
    ]


def test_attributes_are_arguments_and_the_return_value_is_returned(written):
    attributes = {
        "codetracer.arg.amount": 3,
        "note": "x",
        "list": (1, 2.5, True),
        "password": REDACTED,
        "gone": DROPPED,
        "codetracer.return": (1, None),
    }
    (call,) = written([view(0, attributes=attributes)]).root.children

    assert {name: plain(value) for name, value in call.arguments.items()} == {
        "amount": 3,
        "note": "x",
        "list": [1, 2.5, True],
        "password": REDACTED,
        "gone": DROPPED,
    }
    assert plain(call.result) == [1, None]


def test_an_exception_is_an_error_and_the_call_returns_one(written):
    raised = Event("exception", 5, {"exception.type": "ValueError", "exception.message": "no"})
    failed = view(0, events=[raised], status=StatusCode.ERROR)
    (call,) = written([failed]).root.children

    assert call.result["kind"] == "Error"
    assert plain(call.result) == "ValueError: no"


def test_an_error_without_an_exception_has_its_message(written):
    failed = view(0, status=StatusCode.ERROR, status_message="refused")
    (call,) = written([failed]).root.children

    assert plain(call.result) == "refused"


def test_a_deep_tree_is_no_deep_recursion(written):
    trace = written([view(number, number - 1) for number in range(3000, 0, -1)], [view(0)])

    assert sum(1 for _ in trace.root.walk()) == 3002


@settings(max_examples=examples(30))
@given(parents=st.lists(st.integers(0, 30), max_size=30), seed=st.integers(0, 9))
def test_any_tree_in_any_order_of_ends_is_that_tree(tmp_path_factory, parents, seed):
    spans = [view(0)] + [
        view(number, min(parent, number - 1)) for number, parent in enumerate(parents, 1)
    ]
    random.Random(seed).shuffle(spans)
    root = spans.pop(next(index for index, span in enumerate(spans) if not span.parent_span_id))
    folder = tmp_path_factory.mktemp("trace")
    trace = SpanTrace(TraceDirectory(str(folder)), TraceMetadata("/app.py"))
    trace.add([*spans, root])
    trace.finish()

    found = read_trace(folder).root

    edges = {
        (child.name, call.name)
        for call in found.walk()
        for child in call.children
        if call is not found
    }
    assert edges == {
        (f"span {number}", f"span {min(parent, number - 1)}")
        for number, parent in enumerate(parents, 1)
    }
