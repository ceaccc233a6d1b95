from __future__ import annotations

import inspect
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
    use_span,
)
from tests.depth import examples

from codetracer_otel.exporters.otel_spans import views_of
from codetracer_otel.sdk.otel.light_span import LightSpan
from codetracer_otel.sdk.otel.tracer_provider import OurProvider
from codetracer_otel.sdk.settings.limits import Limits
from codetracer_otel.testing import SequentialIds as PlainIds


class SequentialIds(PlainIds, IdGenerator):
    pass


class IdsCalledRandom(SequentialIds):
    def is_trace_id_random(self):
        return True


LIMITS = Limits(max_attributes=6, max_events=3, max_links=2, max_event_attributes=3)


class Both:
    """The starter of own spans and the tracer of OpenTelemetry, with equal ids and limits."""

    def __init__(self, limits=LIMITS, sampler=None, ids=SequentialIds):
        self.taken = []
        own, tracer = (
            OurProvider(Resource({}), ids(), self.taken.append, limits, sampler) for _ in range(2)
        )
        self.own = own.own_starter("scope", "1")
        self.sdk = tracer.get_tracer("scope", "1").start_span

    def run(self, act, **start):
        """Do the same with a span of each kind; return what becomes of them in a batch."""
        views = []
        for starter in (self.own, self.sdk):
            self.taken.clear()
            options = {"context": Context(), "attributes": None, "links": (), "start_time": 5}
            span = starter("span", **{**options, **start})
            act(span)
            views.append((views_of(self.taken), span.get_span_context(), span.is_recording()))
        return views

    def agree(self, act, **start):
        own, sdk = self.run(act, **start)
        assert own == sdk
        return own[0]


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL", "opentelemetry")


class Text(str):
    __slots__ = ()


texts = st.text(max_size=3)
values = st.one_of(
    texts, st.integers(), st.booleans(), st.floats(allow_nan=False), st.none(), st.binary(),
    texts.map(Text), st.lists(st.integers(), max_size=2), st.lists(texts, max_size=2).map(tuple),
    st.lists(st.one_of(texts, st.integers(), st.none()), max_size=2).map(tuple),
    st.dictionaries(texts, st.integers(), max_size=1), st.just(object),
)  # fmt: skip
attribute_maps = st.dictionaries(st.one_of(texts, texts.map(Text)), values, max_size=4)
STATE = TraceState([("a", "b")])
LINKED = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))
steps = st.one_of(
    st.tuples(st.just("set_attributes"), st.tuples(attribute_maps)),
    st.tuples(st.just("set_attribute"), st.tuples(texts, values)),
    st.tuples(
        st.just("add_event"),
        st.tuples(texts, st.one_of(st.none(), attribute_maps), st.integers(1, 9)),
    ),
    st.tuples(st.just("add_link"), st.tuples(st.just(LINKED), attribute_maps)),
    st.tuples(st.just("update_name"), st.tuples(texts)),
    st.tuples(st.just("set_status"), st.tuples(st.sampled_from(StatusCode), texts)),
    st.tuples(st.just("set_status"), st.tuples(st.builds(Status, st.sampled_from(StatusCode)))),
    st.tuples(st.just("end"), st.tuples(st.integers(6, 9))),
)


@settings(max_examples=examples(150))
@given(st.lists(steps, max_size=8), st.one_of(st.none(), attribute_maps))
def test_whatever_is_done_with_it_gives_the_span_that_the_sdk_gives(todo, attributes):
    def act(span):
        for method, arguments in todo:
            getattr(span, method)(*arguments)
        span.end(9)

    Both().agree(act, attributes=attributes)


@pytest.mark.parametrize(
    "parent",
    [
        SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)),
        SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(3), trace_state=STATE),
        SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0)),
        SpanContext(0, 0, is_remote=False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "sampler",
    [None, ALWAYS_ON, ALWAYS_OFF, TraceIdRatioBased(0.5), ParentBased(ALWAYS_OFF)],
    ids=["default", "on", "off", "ratio", "parent"],
)
@pytest.mark.parametrize("ids", [SequentialIds, IdsCalledRandom])
def test_parent_flags_state_and_sampling_are_those_of_the_sdk(parent, sampler, ids):
    context = set_span_in_context(NonRecordingSpan(parent), Context())
    both = Both(sampler=sampler, ids=ids)
    both.agree(lambda span: span.end(9), context=context)


def test_a_sampler_may_add_attributes_and_record_without_sampling():
    class Adding(Sampler):
        def should_sample(
            self, _context, _trace_id, _name, _kind=None, attributes=None, links=None
        ):
            added = {**(attributes or {}), "links": len(links), "rule": "r"}
            return SamplingResult(Decision.RECORD_ONLY, added)

        def get_description(self):
            return "Adding"

    (view,) = Both(sampler=Adding()).agree(lambda span: span.end(9), attributes={"a": 1})
    assert view.attributes == {"a": 1, "links": 0, "rule": "r"}
    assert view.trace_flags == 0


def test_links_are_those_of_the_sdk():
    (view,) = Both().agree(lambda span: span.end(9), links=[Link(LINKED, {"a": [1]})] * 3)
    assert len(view.links) == 2


def test_an_exception_that_leaves_use_span_is_recorded():
    def act(span):
        with pytest.raises(ValueError, match="no"), use_span(span, end_on_exit=True):
            raise ValueError("no")

    both = Both()
    (own,), (sdk,) = (views for views, *_ in both.run(act))
    assert [event.name for event in own.events] == [event.name for event in sdk.events]
    assert (own.status, own.status_message) == (sdk.status, sdk.status_message)


def test_it_ends_as_a_context_manager_does():
    both = Both()

    def act(span):
        with span:
            span.set_attribute("a", 1)

    own, sdk = both.run(act)
    assert own[0][0].attributes == sdk[0][0].attributes == {"a": 1}


def test_text_and_numbers_make_no_span_of_the_sdk():
    both = Both()

    def act(span):
        span.set_attributes({"a": 1, "b": "text", "c": (1, 2)})
        span.add_event("event", {"n": 0.5}, 7)
        span.end(9)

    both.own("span", context=Context(), attributes=None, links=(), start_time=5)
    both.run(act)
    own = both.own("span", context=Context(), attributes=None, links=(), start_time=5)
    act(own)
    assert type(own) is LightSpan
    assert both.taken[-1] is own


def test_what_the_sdk_offers_can_be_read_while_it_runs_and_afterwards():
    both = Both()
    span = both.own("span", context=Context(), attributes={"a": 1}, links=(), start_time=5)
    assert (span.name, dict(span.attributes), span.kind.name) == ("span", {"a": 1}, "INTERNAL")
    span.end(9)
    assert span.resource.attributes == {}
    assert '"start_time"' in span.to_json()
    span.set_attribute("late", 1)
    span.set_status(StatusCode.ERROR)
    assert (dict(span.attributes), span.end_time) == ({"a": 1}, 9)
    open_one = both.own("span", context=Context(), attributes={"a": 1}, links=(), start_time=5)
    assert open_one.resource.attributes == {}
    assert not hasattr(open_one, "no_such_thing")
    open_one.end(9)
    assert (open_one.end_time, open_one.is_recording()) == (9, False)


DEPRECATED = {"instrumentation_info"}
PUBLIC = {name for name, kind in inspect.getmembers(SdkSpan) if type(kind) is property} - DEPRECATED


@pytest.mark.parametrize("has_ended", [False, True])
def test_to_whoever_asks_it_is_a_span_of_the_sdk(has_ended):
    both = Both()
    read = []
    for starter in (both.own, both.sdk):
        span = starter("s", context=Context(), attributes={"a": 1}, links=(), start_time=5)
        span.add_event("e", {"b": 2}, 7)
        if has_ended:
            span.end(9)
        assert isinstance(span, SdkSpan)
        assert isinstance(span, ReadableSpan)
        fields = {name: getattr(span, name) for name in PUBLIC}
        fields["attributes"] = dict(span.attributes)
        fields["events"] = [(it.name, dict(it.attributes), it.timestamp) for it in span.events]
        fields["status"] = span.status.status_code
        fields["json"], fields["text"] = span.to_json(), span._readable_span().to_json()
        fields["ids"] = span.get_span_context()
        read.append(fields)
        assert "name='s'" in repr(span) or 'name="s"' in repr(span)
    assert read[0] == read[1]


def test_two_threads_get_one_span_of_the_sdk():
    both = Both(limits=Limits())
    spans = [
        both.own("s", context=Context(), attributes=None, links=(), start_time=5) for _ in range(50)
    ]
    barrier = threading.Barrier(4)

    def work(number):
        barrier.wait()
        for span in spans:
            span.set_attribute(f"k{number}", [number])

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert {len(span.attributes) for span in spans} == {4}


def test_texts_are_left_whole_for_who_judges_and_cuts_them(monkeypatch):
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2")
    taken = []
    provider = OurProvider(Resource({}), SequentialIds(), taken.append, LIMITS, None)
    for start in (provider.own_starter("scope", "1"), provider.get_tracer("scope").start_span):
        own = {"context": Context(), "links": (), "start_time": 1}
        span = start("span", attributes={"a": "long"}, **own)
        assert span.attributes["a"] == "long"
