"""What samplers say of a span besides keeping it stays on it; ratios tell what they stand for."""

from __future__ import annotations

from functools import partial

import pytest
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import TraceState
from tests.conformance.sending import sent_by

import codetracer_otel

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def inner():
    carrier = {}
    inject(carrier)
    with trace.get_tracer("library").start_as_current_span("library's"):
        return carrier.get("tracestate")


def outer():
    return inner()


sent = partial(sent_by, __file__)


def states(spans):
    return {name: span.trace_state for name, span in spans.items()}


class Telling(Sampler):
    """Keeps everything, and says so."""

    def __init__(self):
        self.seen = []

    def should_sample(
        self, parent_context, trace_id, name, kind=None, attributes=None, links=None,
        trace_state=None,
    ):  # fmt: skip
        parent = trace.get_current_span(parent_context).get_span_context()
        self.seen.append((parent.is_valid and parent.is_remote, trace_state and dict(trace_state)))
        given = {"sampler.rule": "telling", "password": "s3cret-of-the-sampler"}
        return SamplingResult(Decision.RECORD_AND_SAMPLE, given, TraceState([("told", "1")]))

    def get_description(self):
        return "Telling"


def shown(span):
    return {
        item.key: item.value.string_value
        for item in span.attributes
        if item.key in ("sampler.rule", "password")
    }


@pytest.mark.parametrize("is_remote", [False, True])
def test_a_hosts_sampler_gives_the_state_of_the_trace_and_attributes_of_its_first_span(
    monkeypatch, is_remote
):
    if is_remote:
        monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-01")
        monkeypatch.setenv("TRACESTATE", "up=1")
    sampler = Telling()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    state, spans = sent(outer, tracer_provider=provider)
    assert state == "told=1"
    assert states(spans) == {"outer": "told=1", "inner": "told=1"}
    assert shown(spans["outer"]) == {"sampler.rule": "telling", "password": "<redacted>"}
    assert shown(spans["inner"]) == {}
    assert sampler.seen[0] == (is_remote, {"up": "1"} if is_remote else None)


def test_a_sampler_that_asks_the_parent_keeps_its_state(monkeypatch):
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-01")
    monkeypatch.setenv("TRACESTATE", "up=1")
    provider = TracerProvider(sampler=ParentBased(Telling()), shutdown_on_exit=False)
    state, spans = sent(outer, tracer_provider=provider)
    assert state == "up=1"
    assert states(spans) == {"outer": "up=1", "inner": "up=1"}


def ratio(name, value, **more):
    lines = "".join(f"{key} = {text}\n" for key, text in more.items())
    return (
        f"[[scope.rules]]\nselector = 'obj:{__name__}.{name}'\nexec = 'trace'\n"
        f"[scope.rules.sampling]\nratio = {value}\n{lines}"
    )


# the last 56 bits of its id decide: kept by every ratio
ALL_ONES = "0" * 15 + "1" + "00" + "f" * 14


@pytest.mark.parametrize("core", ["auto", "python"])
def test_a_ratio_tells_on_its_spans_what_they_stand_for_and_hands_nothing_on(monkeypatch, core):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", core)
    monkeypatch.setenv("TRACEPARENT", f"00-{ALL_ONES}-{SPAN}-03")
    monkeypatch.setenv("TRACESTATE", "up=1,ot=th:c")
    state, spans = sent(outer, ratio("outer", 0.5), ratio("inner", 0.125))
    assert state == "up=1,ot=th:c"  # what others do below does not depend on our rule
    assert states(spans) == {
        "outer": "ot=th:c,up=1",
        "inner": "ot=th:e,up=1",
        "library's": "up=1,ot=th:c",
    }


@pytest.mark.parametrize(
    "more", [{"per": "'span'"}, {"first": 1}, {"max_per_second": 1000}, {"min_duration_ms": 0.0001}]
)
def test_where_more_than_the_ratio_decides_nothing_is_told(monkeypatch, more):
    monkeypatch.setenv("TRACEPARENT", f"00-{ALL_ONES}-{SPAN}-03")
    _, spans = sent(outer, ratio("inner", 0.9999999999999, **more))
    assert spans["outer"].trace_state == ""
    assert "inner" not in spans or spans["inner"].trace_state == ""


def failing():
    raise ValueError


def test_a_call_that_is_kept_for_its_error_stands_for_itself():
    def catch():
        with pytest.raises(ValueError):
            failing()

    _, spans = sent(catch, ratio("failing", 0.0))
    assert spans["failing"].trace_state == ""


def test_a_bound_of_the_whole_session_leaves_the_share_unknown():
    limits = codetracer_otel.Limits(max_spans_per_second=1e6)
    _, spans = sent(outer, ratio("outer", 0.9999999999999), limits=limits)
    assert "outer" not in spans or spans["outer"].trace_state == ""
