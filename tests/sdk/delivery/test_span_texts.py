from __future__ import annotations

from codetracer_otel.model.record import (
    ARGUMENTS,
    EXTRAS,
    NOT_CAPTURED,
    RECORD_LENGTH,
    RESULT,
    Event,
    ExceptionRecord,
    Link,
    SpanDetails,
)
from codetracer_otel.model.span_view import SpanView
from codetracer_otel.model.value import Node, NodeKind
from codetracer_otel.sdk.delivery.span_texts import (
    replace_in_record,
    replace_in_view,
    texts_of_extras,
    texts_of_view,
)

SEQUENCE = Node(NodeKind.LIST, "list", ("in a list", 7))


def full_view():
    return SpanView(
        "name",
        "0" * 32,
        "0" * 16,
        None,
        0,
        1,
        {"a": "attribute", "b": ("first", 2, "third"), "c": SEQUENCE, "d": 3},
        [Event("event", 0, {"e": "of an event"})],
        [Link(1, 2, "x=of a link", attributes={"l": "of a link"})],
        status_message="status",
        trace_state="x=of a span",
        scope="library",
        scope_version="version",
    )


def full_extras():
    extras = SpanDetails()
    extras.locals, extras.globals = ("local", NOT_CAPTURED), (SEQUENCE,)
    extras.attributes = {"a": "attribute"}
    extras.events, extras.links = (
        [Event("event", 0, {"e": 1})],
        [Link(1, 2, "x=1", attributes={"l": "x"})],
    )
    extras.name, extras.status_message = "renamed", "status"
    extras.exception = ExceptionRecord("E", "message", (), 0, True, "trace", message_is_cut=True)
    return extras


def collecting(seen):
    def change(text, cut):
        seen.add((text, cut))
        return text.upper()

    return change


def test_what_is_found_in_a_view_is_what_is_replaced():
    view, seen = full_view(), set()
    found = set(texts_of_view(view))
    replace_in_view(view, collecting(seen))
    assert seen == found
    assert {text for text, _ in texts_of_view(view)} == {text.upper() for text, _ in found}


def test_what_is_found_in_extras_is_what_is_replaced_and_a_cut_is_kept():
    record, seen = [None] * RECORD_LENGTH, set()
    record[ARGUMENTS], record[RESULT], record[EXTRAS] = (), NOT_CAPTURED, full_extras()
    found = set(texts_of_extras(record[EXTRAS]))
    replace_in_record(record, collecting(seen))
    assert seen == found
    assert ("MESSAGE", True) in set(texts_of_extras(record[EXTRAS]))


def test_arguments_and_results_of_a_record_are_replaced_at_any_depth():
    record = [None] * RECORD_LENGTH
    record[ARGUMENTS], record[RESULT] = ("a", 1, SEQUENCE), "r"
    replace_in_record(record, collecting(set()))
    assert record[ARGUMENTS][:2] == ("A", 1)
    assert record[ARGUMENTS][2].items == ("IN A LIST", 7)
    assert record[RESULT] == "R"
