"""What OpenTelemetry's current span is, and whose child a span written by hand becomes."""

import contextvars
import logging
import threading

import opentelemetry.context as context_api
import pytest
from opentelemetry import baggage, trace
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.propagate import inject
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
    use_span,
)
from tests.conftest import rule

from codetracer_otel.instrumentation.context.runtime_context import (
    FunctionRuntimeContext,
    active_runtime,
    install_runtime,
    reader_of,
)
from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan
from codetracer_otel.sdk.session.configure import active_session


@pytest.fixture
def tracer():
    return trace.get_tracer("hand")


def leaf():
    return get_current_span()


def hex_id(span):
    return f"{span.get_span_context().span_id:016x}"


def test_the_current_span_is_the_running_functions(record, tree):
    seen = []

    def outer():
        seen.append(("outer", hex_id(get_current_span())))
        seen.append(("leaf", hex_id(leaf())))
        seen.append(("outer", hex_id(get_current_span())))

    with record() as spans:
        outer()
    ids = {span.span_id: tree.short(span) for span in spans}
    assert [ids[span_id] for _, span_id in seen] == [name for name, _ in seen]


def test_outside_of_traced_code_there_is_no_current_span(record):
    with record():
        assert get_current_span() is trace.INVALID_SPAN
        leaf()
        assert get_current_span() is trace.INVALID_SPAN


def test_the_current_span_is_one_object_while_its_function_runs(record):
    def outer():
        before = get_current_span()
        leaf()
        return before is get_current_span()

    with record():
        assert outer()


def test_a_hand_written_span_is_a_child_of_the_function_it_stands_in(record, tracer, tree):
    def outer():
        with tracer.start_as_current_span("hand"):
            pass

    with record() as spans:
        outer()
    assert tree(spans).shape() == (("outer", (("hand", ()),)),)


def test_a_function_called_under_a_hand_written_span_is_its_child(record, tracer, tree):
    def outer():
        with tracer.start_as_current_span("hand"):
            leaf()
        leaf()

    with record() as spans:
        outer()
    assert tree(spans).shape() == (("outer", (("hand", (("leaf", ()),)), ("leaf", ()))),)


def test_a_hand_written_span_stands_above_functions(record, tracer, tree):
    with record() as spans:
        with tracer.start_as_current_span("above"):
            leaf()
        leaf()
    assert tree(spans).shape() == (("above", (("leaf", ()),)), ("leaf", ()))


def test_hand_written_spans_nest_with_functions_between(record, tracer, tree):
    def inner():
        with tracer.start_as_current_span("second"):
            leaf()

    def outer():
        with tracer.start_as_current_span("first"):
            inner()

    with record() as spans:
        outer()
    expected = ("outer", (("first", (("inner", (("second", (("leaf", ()),)),)),)),))
    assert tree(spans).shape() == (expected,)


def test_all_spans_of_a_mixed_tree_belong_to_one_trace(record, tracer):
    def outer():
        with tracer.start_as_current_span("hand"):
            leaf()

    with record() as spans:
        outer()
    assert len({span.trace_id for span in spans}) == 1


def test_a_span_started_without_becoming_current_is_no_parent(record, tracer, tree):
    def outer():
        span = tracer.start_span("hand")
        leaf()
        span.end()

    with record() as spans:
        outer()
    assert tree(spans).shape() == (("outer", (("hand", ()), ("leaf", ()))),)


def test_a_span_attached_in_a_callee_is_the_parent_in_its_caller_until_it_is_detached(
    record, tracer, tree
):
    def opened():
        span = tracer.start_span("hand")
        return span, context_api.attach(set_span_in_context(span))

    def outer():
        span, token = opened()
        leaf()
        context_api.detach(token)
        span.end()
        leaf()

    with record() as spans:
        outer()
    parents = [tree(spans).ids[span.parent_span_id] for span in tree(spans).named("leaf")]
    assert [tree.short(span) for span in parents] == ["hand", "outer"]


def test_inject_writes_the_ids_of_the_running_function(record):
    def outer():
        carrier = {}
        inject(carrier)
        return carrier["traceparent"]

    with record() as spans:
        header = outer()
    assert header == f"00-{spans[0].trace_id}-{spans[0].span_id}-03"


def test_a_log_record_carries_the_ids_of_the_function_that_wrote_it(record):
    seen = []

    class Handler(logging.Handler):
        def emit(self, _record):
            seen.append(hex_id(get_current_span()))

    logger = logging.getLogger("test_runtime_context")
    handler = Handler()
    logger.addHandler(handler)

    def outer():
        logger.warning("hello")

    with record() as spans:
        outer()
    logger.removeHandler(handler)
    # The handler's own `emit` is a function of this file, so it is the innermost.
    assert seen == [span.span_id for span in spans if span.name.endswith(".emit")]


def test_what_is_set_on_the_current_span_lands_on_the_functions_span(record):
    def outer():
        span = get_current_span()
        span.set_attribute("color", "red")
        span.set_attributes({"size": 2})
        span.add_event("cache.miss", {"key": "k"})
        span.update_name("renamed")

    with record() as spans:
        outer()
    (span,) = spans
    assert (span.name, span.attributes["color"], span.attributes["size"]) == ("renamed", "red", 2)
    assert [(event.name, event.attributes) for event in span.events] == [
        ("cache.miss", {"key": "k"})
    ]


def test_a_span_object_handed_to_a_callee_stays_the_callers(record, tree):
    def callee(span):
        span.set_attribute("from", "callee")

    def outer():
        callee(get_current_span())

    with record() as spans:
        outer()
    assert tree(spans).named("outer")[0].attributes["from"] == "callee"
    assert "from" not in tree(spans).named("callee")[0].attributes


def test_a_span_object_kept_beyond_its_function_takes_nothing_more(record):
    with record() as spans:
        span = leaf()
        assert isinstance(span, FunctionSpan)
        assert not span.is_recording()
        span.set_attribute("late", 1)
    assert "late" not in spans[0].attributes


def test_a_kept_span_still_tells_its_ids(record):
    with record() as spans:
        span = leaf()
    assert hex_id(span) == spans[0].span_id


def test_a_context_kept_beyond_its_function_still_names_it_as_parent(record, tracer, tree):
    def outer():
        return context_api.get_current()

    with record() as spans:
        kept = outer()
        tracer.start_span("later", context=kept).end()
    assert tree(spans).shape() == (("outer", (("later", ()),)),)


def test_a_context_attached_in_another_thread_makes_the_parent_there(record, tree):
    def work(context):
        token = context_api.attach(context)
        leaf()
        context_api.detach(token)

    def outer():
        thread = threading.Thread(target=work, args=(context_api.get_current(),))
        thread.start()
        thread.join()

    with record(propagate_threads=False) as spans:
        outer()
    assert tree(spans).parent_of("leaf") == "outer"
    assert tree(spans).parent_of("work") is None


def test_a_context_attached_after_its_function_returned_makes_the_parent(record, tree):
    def outer():
        return context_api.get_current()

    with record() as spans:
        token = context_api.attach(outer())
        leaf()
        context_api.detach(token)
        leaf()
    assert tree(spans).shape() == (("outer", (("leaf", ()),)), ("leaf", ()))


def test_a_span_with_an_explicit_context_ignores_the_running_function(record, tracer, tree):
    def inner(context):
        tracer.start_span("explicit", context=context).end()

    def outer():
        inner(context_api.get_current())

    with record() as spans:
        outer()
    assert tree(spans).parent_of("explicit") == "outer"


def test_a_span_with_an_empty_context_is_a_root(record, tracer, tree):
    def outer():
        tracer.start_span("root", context=context_api.Context()).end()

    with record() as spans:
        outer()
    assert tree(spans).parent_of("root") is None


def test_baggage_set_around_functions_is_seen_inside_and_changes_no_parent(record, tree):
    seen = []

    def inner():
        seen.append(baggage.get_baggage("user"))

    def outer():
        token = context_api.attach(baggage.set_baggage("user", "ada"))
        inner()
        context_api.detach(token)
        seen.append(baggage.get_baggage("user"))

    with record() as spans:
        outer()
    assert seen == ["ada", None]
    assert tree(spans).shape() == (("outer", (("inner", ()),)),)


def test_baggage_attached_outside_of_traced_code_leaves_one_trace(record, tree):
    def outer():
        leaf()

    with record() as spans:
        token = context_api.attach(baggage.set_baggage("user", "ada"))
        outer()
        context_api.detach(token)
    assert tree(spans).shape() == (("outer", (("leaf", ()),)),)


def test_attaching_the_current_context_again_leaves_the_function_current(record, tree):
    def outer():
        token = context_api.attach(context_api.get_current())
        inside = hex_id(get_current_span())
        context_api.detach(token)
        return [inside, hex_id(get_current_span())]

    with record() as spans:
        seen = outer()
    assert seen == [tree(spans).named("outer")[0].span_id] * 2


def test_use_span_of_the_current_span_gives_children_to_it(record, tree):
    def outer():
        with use_span(get_current_span()):
            leaf()

    with record() as spans:
        outer()
    assert tree(spans).shape() == (("outer", (("leaf", ()),)),)


def test_the_end_of_the_current_span_by_hand_does_nothing(record, tree):
    def outer():
        get_current_span().end()
        leaf()

    with record() as spans:
        outer()
    assert tree(spans).shape() == (("outer", (("leaf", ()),)),)


def test_a_remote_parent_from_a_context_is_the_parent_and_its_state_goes_on(record):
    remote = SpanContext(
        0x1234,
        0x5678,
        is_remote=True,
        trace_flags=TraceFlags(1),
        trace_state=trace.TraceState([("a", "b")]),
    )
    with record() as spans:
        token = context_api.attach(set_span_in_context(NonRecordingSpan(remote)))
        leaf()
        context_api.detach(token)
    (span,) = spans
    assert (span.trace_id, span.parent_span_id) == (f"{0x1234:032x}", f"{0x5678:016x}")
    assert span.parent_is_remote
    assert span.trace_state == "a=b"


def test_a_trace_state_is_sent_on_as_it_came_and_stored_without_its_secret(record):
    token = "ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
    state = trace.TraceState([("vendor", token), ("ot", "rv:0a1b2c3d4e5f60")])
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)

    def sends():
        headers = {}
        inject(headers)
        return headers["tracestate"]

    def serves():
        leaf()
        active_session().flush()
        sent = [sends()]
        work = contextvars.copy_context()
        thread = threading.Thread(target=work.run, args=(lambda: sent.append(sends()),))
        thread.start()
        thread.join()
        return sent

    pattern = (
        "[[scope.rules.value_patterns]]\nselector = 'value:literal:@shapes'\naction = 'redact'"
    )
    with record(rule("file:glob:**", pattern)) as spans:
        attached = context_api.attach(set_span_in_context(NonRecordingSpan(remote)))
        assert serves() == [state.to_header()] * 2
        context_api.detach(attached)
    assert {span.name.rpartition(".")[2] for span in spans} >= {"leaf", "serves", "sends"}
    assert {span.trace_state for span in spans} == {"vendor=<redacted>,ot=rv:0a1b2c3d4e5f60"}


def test_nothing_below_a_parent_that_is_not_sampled_is_recorded(record, tree):
    remote = SpanContext(0x1234, 0x5678, is_remote=True, trace_flags=TraceFlags(0))

    def outer():
        leaf()

    with record() as spans:
        token = context_api.attach(set_span_in_context(NonRecordingSpan(remote)))
        outer()
        context_api.detach(token)
        leaf()
    assert tree(spans).shape() == (("leaf", ()),)


def test_a_hand_written_span_below_a_parent_that_is_not_sampled_brings_no_root(record, tree):
    remote = SpanContext(0x1234, 0x5678, is_remote=True, trace_flags=TraceFlags(0))

    def outer():
        token = context_api.attach(baggage.set_baggage("user", "ada"))
        leaf()
        context_api.detach(token)

    with record() as spans:
        token = context_api.attach(set_span_in_context(NonRecordingSpan(remote)))
        outer()
        context_api.detach(token)
    assert tree(spans).shape() == ()


def test_a_parent_that_is_not_sampled_is_recorded_below_where_asked(record, tree):
    remote = SpanContext(0x1234, 0x5678, is_remote=True, trace_flags=TraceFlags(0))
    with record(respect_parent=False) as spans:
        token = context_api.attach(set_span_in_context(NonRecordingSpan(remote)))
        leaf()
        context_api.detach(token)
    assert [span.parent_span_id for span in spans] == [f"{0x5678:016x}"]


def test_a_generator_follows_its_consumers_hand_written_span(record, tracer, tree):
    def numbers():
        yield leaf()
        yield leaf()

    def outer():
        generator = numbers()
        with tracer.start_as_current_span("first"):
            next(generator)
            leaf()
        list(generator)

    with record() as spans:
        outer()
    first = tree(spans).named("first")[0]
    assert [tree.short(span) for span in tree(spans).children(first.span_id)] == [
        "numbers",
        "leaf",
    ]
    assert len(tree(spans).children(tree(spans).named("numbers")[0].span_id)) == 2


def test_a_hand_written_span_held_across_a_yield_stays_the_generators(record, tracer, tree):
    def numbers():
        with tracer.start_as_current_span("held"):
            yield
            leaf()

    def outer():
        for _ in numbers():
            pass

    with record() as spans:
        outer()
    assert tree(spans).parent_of("leaf") == "held"


def test_a_call_alone_puts_nothing_of_ours_into_the_programs_contexts(record):
    def outer():
        get_current_span()
        return len(contextvars.Context().run(contextvars.copy_context))

    before = len(contextvars.Context().run(contextvars.copy_context))
    with record():
        assert outer() == before


def test_threads_that_attach_their_own_context_do_not_disturb_each_other(record, tracer, tree):
    def work(name):
        with tracer.start_as_current_span(name):
            leaf()

    def outer():
        threads = [threading.Thread(target=work, args=(f"hand{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with record() as spans:
        outer()
    assert sorted(
        tree.short(tree(spans).ids[span.parent_span_id]) for span in tree(spans).named("leaf")
    ) == ["hand0", "hand1", "hand2", "hand3"]


def test_the_runtime_context_is_opentelemetrys_again_after_the_session(record):
    before = context_api._RUNTIME_CONTEXT
    with record():
        assert isinstance(context_api._RUNTIME_CONTEXT, FunctionRuntimeContext)
    assert context_api._RUNTIME_CONTEXT is before


def test_a_token_of_the_session_is_good_after_it(record):
    token = None

    def outer():
        nonlocal token
        token = context_api.attach(baggage.set_baggage("user", "ada"))

    with record():
        outer()
    assert baggage.get_baggage("user") == "ada"
    context_api.detach(token)
    assert baggage.get_baggage("user") is None


def test_uninstalling_below_somebody_elses_runtime_leaves_theirs():
    before = context_api._RUNTIME_CONTEXT
    ours = FunctionRuntimeContext(active_runtime(), lambda: None, lambda _record: None)
    uninstall = install_runtime(ours)
    theirs = ContextVarsRuntimeContext()
    context_api._RUNTIME_CONTEXT = theirs
    try:
        uninstall()
        assert context_api._RUNTIME_CONTEXT is theirs
    finally:
        context_api._RUNTIME_CONTEXT = before


def test_any_runtime_context_can_be_read():
    class Other(ContextVarsRuntimeContext):
        pass

    other = Other()
    assert reader_of(other)() is other.get_current()
    plain = ContextVarsRuntimeContext()
    assert reader_of(plain)() is plain.get_current()


def test_programs_find_in_it_what_opentelemetrys_own_has(record):
    plain = context_api._RUNTIME_CONTEXT
    with record():
        ours = context_api._RUNTIME_CONTEXT
        assert isinstance(ours, ContextVarsRuntimeContext)
        assert ours._current_context is plain._current_context
        assert not hasattr(ours, "no_such_thing")
    assert context_api._RUNTIME_CONTEXT is plain
