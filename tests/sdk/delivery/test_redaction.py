"""Secrets by shape are replaced before any exporter sees a value."""

from __future__ import annotations

import threading
from importlib import import_module
from types import SimpleNamespace

import pytest
from opentelemetry import trace

import codetracer_otel
from codetracer_otel.model import record as model_record
from codetracer_otel.model.record import (
    EXTRAS,
    RECORD_LENGTH,
    SEGMENT,
    ExceptionRecord,
    SpanDetails,
)
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.delivery import redaction

TOKEN = "ghp_" + "a1B2c3D4e5" * 4
CARD = "4111 1111 1111 1111"


class Refused(Exception):
    pass


def told(text):
    return {"message": text, "list": [text, 1], text: "as a key"}


def refuse(text):
    raise Refused(text)


def everything_of(spans):
    return repr(spans)


@pytest.mark.parametrize("secret", [TOKEN, CARD])
def test_a_secret_shape_stands_nowhere_in_what_is_delivered(record, secret):
    with record() as spans:
        told(f"before {secret} after")
        with pytest.raises(Refused):
            refuse(f"cannot use {secret}")
        span = trace.get_tracer("library").start_span(f"GET {secret}")
        span.set_attribute("note", f"with {secret}")
        span.add_event("seen", {"value": secret, "values": [secret, "x"]})
        span.record_exception(Refused(secret))
        span.end()
    assert len(spans) == 3
    assert secret not in everything_of(spans)
    assert secret.replace(" ", "") not in everything_of(spans).replace(" ", "")


def test_a_secret_in_a_key_or_about_a_scope_is_replaced_too(record):
    def keyed():
        trace.get_current_span().set_attribute(f"key {TOKEN}", 1)

    scope = {"password": "scope's own", "note": f"with {TOKEN}"}
    with record() as spans:
        keyed()
        with trace.get_tracer("library", attributes=scope).start_as_current_span("GET") as span:
            span.set_attribute(f"key {TOKEN}", 1)
            span.add_event("seen", {f"key {TOKEN}": 1})
    assert len(spans) == 2
    assert TOKEN not in everything_of(spans)
    library = next(span for span in spans if span.scope == "library")
    assert library.attributes == {f"key {REDACTED}": 1}
    assert library.scope_attributes == {"password": REDACTED, "note": f"with {REDACTED}"}


def test_only_the_secret_part_of_a_text_is_replaced(record):
    with record() as spans:
        told(f"before {TOKEN} after")
    assert f"before {REDACTED} after" == spans[0].attributes["codetracer.arg.text"]


class Markup(str):
    """As template engines and enums have it."""

    __slots__ = ()


def test_texts_of_other_classes_are_judged_like_any_text(record):
    text = Markup(f"with {TOKEN}")
    with record() as spans:
        span = trace.get_tracer("library").start_span(text, links=[])
        span.set_attribute("note", text)
        span.set_attribute("notes", [text, text])
        span.add_event(text, {"value": text})
        span.set_status(trace.StatusCode.ERROR, text)
        span.end()
    assert spans[0].attributes["note"] == "with <redacted>"
    assert TOKEN not in everything_of(spans)


class Asked(type):
    asked: list[str] = []

    def __eq__(cls, other):
        Asked.asked.append("==")
        return cls is other

    __hash__ = type.__hash__


def test_no_class_of_the_program_is_compared(record):
    class Text(str, metaclass=Asked):
        __slots__ = ()

    with record() as spans:
        trace.get_tracer("library").start_span("s", attributes={"note": Text("x")}).end()
    assert (Asked.asked, spans[0].attributes["note"]) == ([], "x")


def test_attribute_keys_of_library_spans_are_judged_and_reserved_ones_are_not(record):
    with record() as spans, trace.get_tracer("library").start_as_current_span("request") as span:
        span.set_attribute("http.request.header.authorization", "anything")
        span.set_attribute("session.id", "s-1")
        span.set_attribute("http.route", "/orders")
        span.add_event("login", {"password": "x", "user": "ada"})
    (request,) = spans
    assert request.attributes == {
        "http.request.header.authorization": REDACTED,
        "session.id": "s-1",
        "http.route": "/orders",
    }
    assert request.events[0].attributes == {"password": REDACTED, "user": "ada"}


def test_a_user_pattern_with_drop_leaves_the_structure_only(record):
    rule = """
[[scope.rules]]
selector = "pkg:**"
[[scope.rules.value_patterns]]
selector = "value:regex:internal-[0-9]+"
action = "drop"
"""
    with record(rule) as spans:
        told("see internal-4711 for more")
    assert spans[0].attributes["codetracer.arg.text"] == "<dropped>"
    assert "4711" not in everything_of(spans)


def test_the_counters_tell_how_many_values_of_each_kind_were_redacted(record):
    from codetracer_otel.sdk.session.configure import active_session

    def login(user, password):
        return user

    with record() as spans:
        login("ada", "x")
        login(TOKEN, "y")
        session = active_session()
        assert session.flush()
        counts = session.stats()["value_redactions"]
    assert len(spans) == 2
    assert counts == {"argument": 2, "content": 2}  # two passwords, TOKEN given and returned


def test_a_secret_is_counted_where_it_is_shown_in_however_many_batches(record):
    from codetracer_otel.sdk.session.configure import active_session

    def look(text):
        return None

    session_counts = []
    for batches in (1, 3):
        with record() as spans:
            session = active_session()
            for number in range(6):
                look(TOKEN)
                if number % (6 // batches) == 0:
                    assert session.flush()
            assert session.flush()
            session_counts.append(session.stats()["value_redactions"])
        assert len(spans) == 6
    assert session_counts == [{"content": 6}, {"content": 6}]


def test_rules_that_share_their_counters_are_counted_once(record):
    from codetracer_otel.sdk.session.configure import active_session

    more = """
[[scope.rules]]
selector = "obj:**.other"
[[scope.rules.value_patterns]]
selector = "value:literal:nothing"
action = "redact"
"""

    def look(text):
        with codetracer_otel.span("by hand") as span:
            span.record(text=TOKEN)

    def other(text):
        return None

    with record(more):
        look("x")
        other("x")
        session = active_session()
        assert session.flush()
        counts = session.stats()["value_redactions"]
    assert counts == {"content": 1}


def test_a_token_that_the_cut_of_a_message_goes_through_is_replaced(record):
    with record(capture=[]) as spans, pytest.raises(Refused):
        refuse("x" * (1024 - 20) + TOKEN)
    assert "ghp_" not in everything_of(spans)


def test_source_lines_in_a_stack_trace_are_judged_too(record):
    def fail():
        raise Refused("x", "password=hunter2hunter2")

    with record() as spans, pytest.raises(Refused):
        fail()
    assert "hunter2hunter2" not in everything_of(spans)


def raised(message):
    record = [None] * RECORD_LENGTH
    record[SEGMENT] = SimpleNamespace(root_attributes=None)
    record[EXTRAS] = SpanDetails()
    frames = ((__file__, 1, "test"),)
    record[EXTRAS].exception = ExceptionRecord("ValueError", message, frames, 0, innermost=True)
    return record


def test_exceptions_that_are_told_alike_have_one_stack_trace(monkeypatch):
    lines_read = []
    monkeypatch.setattr(
        model_record, "source_line", lambda *place: lines_read.append(place) or "code"
    )
    records = [raised(message) for message in "xxyx"]
    redaction._complete(RecordBlock(records))
    traces = [record[EXTRAS].exception.stack_trace for record in records]
    assert [text.rpartition(" ")[2] for text in traces] == ["x", "x", "y", "x"]
    assert len(lines_read) == 2


def login(user, password):
    with trace.get_tracer("library").start_as_current_span("GET", attributes={"password": "x"}):
        trace.get_current_span().set_attribute("note", TOKEN)
    return [user]


def counts_of(record, **options):
    from codetracer_otel.sdk.session.configure import active_session

    with record(**options) as spans:
        login(TOKEN, "y")
        session = active_session()
        assert session.flush()
        counts = session.stats()["value_redactions"]
    assert len(spans) == 2
    return counts


def failing_once(function):
    """Return ``function``, whose first call finds no room on the stack."""
    deferred_ends = [True]

    def call(*arguments):
        if deferred_ends:
            deferred_ends.clear()
            raise RecursionError
        return function(*arguments)

    return call


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ("delivery.redaction.replace_in_record", {}),
        ("delivery.redaction.replace_in_view", {}),
        ("delivery.redaction._complete_events", {}),
        ("delivery.span_texts.text_of", {"value_format": "text"}),
    ],
)
def test_what_is_judged_again_is_counted_once(record, monkeypatch, place, options):
    module, _, name = place.rpartition(".")
    home = import_module(f"codetracer_otel.sdk.{module}")
    undisturbed = counts_of(record, **options)
    monkeypatch.setattr(home, name, failing_once(getattr(home, name)))
    assert counts_of(record, **options) == undisturbed
    assert undisturbed == {"argument": 1, "attribute": 1, "content": 3}


def test_a_secret_in_the_name_of_a_thread_is_replaced(record):
    def work(name):
        thread = threading.Thread(target=told, args=("x",), name=name)
        thread.start()
        thread.join()

    with record() as spans:
        for name in (f"for {TOKEN}", "plain", f"for {TOKEN}", "password=hunter2hunter2"):
            work(name)
    names = [span.attributes["thread.name"] for span in spans if span.name.endswith("told")]
    assert sorted(names) == sorted(
        [f"for {REDACTED}", f"for {REDACTED}", "plain", f"password={REDACTED}"]
    )
