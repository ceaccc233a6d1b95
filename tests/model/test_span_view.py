"""Views of finished spans: what a record says, for readers that may take their time."""

from __future__ import annotations

import pytest
from tests.exporters.made import TRACE_ID, WALL_OFFSET, plan, record, segment, view

from codetracer_otel.model.record import (
    NOT_CAPTURED,
    Ending,
    ExceptionRecord,
    SpanDetails,
    StatusCode,
    Variable,
)
from codetracer_otel.model.span_view import Batch, span_view


def test_ids_are_hexadecimal_and_times_are_unix_time():
    seen = span_view(record(span_id=1, parent_id=0x0200, start=5, end=9))
    assert (seen.trace_id, seen.span_id) == (f"{TRACE_ID:032x}", "0100000000000000")
    assert seen.parent_span_id == "0002000000000000"
    assert (seen.start_ns, seen.end_ns) == (WALL_OFFSET + 5, WALL_OFFSET + 9)


def test_the_root_of_a_trace_has_no_parent():
    assert span_view(record(parent_id=0)).parent_span_id is None


@pytest.mark.parametrize(("parent", "is_remote"), [(7, True), (8, False), (0, False)])
def test_a_parent_in_another_process_is_told_apart(parent, is_remote):
    seen = span_view(record(parent_id=parent, on=segment(remote_parent_id=7)))
    assert seen.parent_is_remote is is_remote


def test_arguments_stand_in_the_order_of_the_signature_and_redacted_ones_show_no_value():
    seen = span_view(record(("u",), of=plan("user", "pin", redacted=("pin",)), result="ok"))
    captured = {k: v for k, v in seen.attributes.items() if k.startswith("codetracer.")}
    assert captured == {
        "codetracer.arg.user": "u",
        "codetracer.arg.pin": "<redacted>",
        "codetracer.return": "ok",
    }


def test_what_was_not_captured_is_no_attribute():
    extras = SpanDetails()
    extras.locals = (1, NOT_CAPTURED)
    names = (Variable("a", "codetracer.local.a"), Variable("b", "codetracer.local.b"))
    seen = span_view(record(of=plan(locals=names), extras=extras))
    captured = {k: v for k, v in seen.attributes.items() if k.startswith("codetracer.")}
    assert captured == {"codetracer.local.a": 1}


@pytest.mark.parametrize(
    ("ending", "key"),
    [
        (Ending.CANCELLED, "codetracer.cancelled"),
        (Ending.ABANDONED, "codetracer.abandoned"),
        (Ending.UNFINISHED, "codetracer.unfinished"),
    ],
)
def test_an_unusual_end_is_an_attribute(ending, key):
    extras = SpanDetails()
    extras.ending = ending
    assert span_view(record(extras=extras)).attributes[key] is True


@pytest.mark.parametrize(("innermost", "events"), [(True, ["exception"]), (False, [])])
def test_an_exception_is_the_status_of_every_frame_and_an_event_of_the_innermost(innermost, events):
    extras = SpanDetails()
    extras.ending = Ending.RAISED
    extras.exception = ExceptionRecord("shop.Empty", "no items", (), 1, innermost)
    seen = span_view(record(extras=extras))
    assert (seen.status, seen.status_message) == (StatusCode.ERROR, "shop.Empty")
    assert seen.attributes["error.type"] == "shop.Empty"
    assert [event.name for event in seen.events] == events


def test_a_status_that_the_program_set_wins():
    extras = SpanDetails()
    extras.ending = Ending.RAISED
    extras.exception = ExceptionRecord("shop.Empty", "no items", (), 1, innermost=False)
    extras.status, extras.status_message = StatusCode.OK, "handled"
    seen = span_view(record(extras=extras))
    assert (seen.status, seen.status_message) == (StatusCode.OK, "handled")


def test_a_batch_counts_and_shows_records_and_spans():
    made = Batch([record(), record()], [view("by hand")], {})
    assert len(made) == 3
    assert [seen.name for seen in made.views()] == ["shop.tax", "shop.tax", "by hand"]
