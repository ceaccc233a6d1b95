"""Trace flags are those of W3C's level 2, on the wire and in OTLP's low eight bits."""

from __future__ import annotations

from functools import partial

import pytest
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from tests.conformance.sending import sent_by
from tests.conformance.validator import KNOWN, RANDOM, REMOTE, SAMPLED

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def inner():
    carrier = {}
    inject(carrier)
    return carrier["traceparent"]


def outer():
    return inner()


sent = partial(sent_by, __file__)


def flags_of(spans):
    return {name: span.flags for name, span in spans.items()}


def test_a_trace_of_ours_is_said_to_be_random():
    traceparent, spans = sent(outer)
    assert traceparent == f"00-{spans['inner'].trace_id.hex()}-{spans['inner'].span_id.hex()}-03"
    assert flags_of(spans) == {"outer": 0x103, "inner": 0x103}


@pytest.mark.parametrize(("given", "kept"), [("01", 1), ("03", 3), ("ff", 3), ("05", 1)])
def test_flags_of_a_remote_parent_are_handed_on_as_far_as_they_are_known(monkeypatch, given, kept):
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-{given}")
    traceparent, spans = sent(outer)
    assert traceparent.endswith(f"-{kept:02}")
    assert flags_of(spans) == {"outer": KNOWN | REMOTE | kept, "inner": KNOWN | kept}


class Counting(IdGenerator):
    """Ids that nobody could call random."""

    def __init__(self):
        self.last = 0

    def generate_span_id(self):
        self.last += 1
        return self.last

    generate_trace_id = generate_span_id


@pytest.mark.parametrize(
    ("generator", "flags"), [(Counting(), SAMPLED), (RandomIdGenerator(), SAMPLED | RANDOM)]
)
def test_a_trace_is_as_random_as_the_generator_of_its_host_says(generator, flags):
    provider = TracerProvider(id_generator=generator, shutdown_on_exit=False)
    traceparent, spans = sent(outer, tracer_provider=provider)
    assert traceparent.endswith(f"-0{flags}")
    assert flags_of(spans) == {"outer": KNOWN | flags, "inner": KNOWN | flags}


def link():
    context = SpanContext(
        int(TRACE, 16),
        int(SPAN, 16),
        is_remote=True,
        trace_flags=TraceFlags(SAMPLED | RANDOM),
        trace_state=TraceState([("a", "1")]),
    )
    trace.get_current_span().add_link(context, {"why": "because"})
    with trace.get_tracer("library").start_as_current_span("library's") as span:
        span.add_link(context)
        span.add_link(SpanContext(1, 2, is_remote=False))


def test_links_keep_whether_they_are_remote_their_flags_and_their_state():
    _, spans = sent(link)
    (own,) = spans["link"].links
    assert (own.flags, own.trace_state) == (KNOWN | REMOTE | SAMPLED | RANDOM, "a=1")
    theirs = spans["library's"].links
    assert [it.flags for it in theirs] == [KNOWN | REMOTE | SAMPLED | RANDOM, KNOWN]
    assert [it.trace_state for it in theirs] == ["a=1", ""]


def test_a_root_of_its_own_links_to_the_remote_span_it_would_have_been_below(monkeypatch):
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-01")
    rule = f"[[scope.rules]]\nselector = 'obj:{__name__}.outer'\nroot = true\n"
    _, spans = sent(outer, rule)
    (made,) = spans["outer"].links
    assert (made.trace_id.hex(), made.flags) == (TRACE, KNOWN | REMOTE | SAMPLED)
    assert spans["inner"].flags == KNOWN | SAMPLED | RANDOM
