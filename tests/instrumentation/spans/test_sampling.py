"""Which calls a rule keeps, and that nothing hangs on a span that was dropped."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import get_current_span
from tests.depth import examples

from codetracer_otel import Buffer
from codetracer_otel.filters.types import EventRules, Sampling
from codetracer_otel.instrumentation.spans.parents import Parents
from codetracer_otel.instrumentation.spans.sampling import (
    EventGate,
    RuleSampler,
    SamplerTable,
    TokenBucket,
)
from codetracer_otel.model.probability import ratio_key
from codetracer_otel.sdk.delivery import pipeline
from codetracer_otel.sdk.session.configure import active_session
from codetracer_otel.testing import FixedClock

SECOND = 1_000_000_000
FULL_TRACE_IDS = st.integers(min_value=1, max_value=2**128 - 1)


def sampled(name, **table):
    """Return the rule that samples the functions of one name."""
    values = "\n".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
        for key, value in table.items()
    )
    return (
        f"[[scope.rules]]\nselector = 'obj:glob:*.{name}'\nexec = 'trace'\n"
        f"[scope.rules.sampling]\n{values}\n"
    )


def names(spans):
    return [span.name.rpartition(".")[2] for span in spans]


def leaf(n=0):
    return n


def sampler_of(clock=None, bits=lambda: 0, **table):
    sampling = Sampling(**table)
    return RuleSampler(sampling, (clock or FixedClock()).monotonic_ns, bits)


@settings(max_examples=examples(200))
@given(FULL_TRACE_IDS, st.floats(min_value=0, max_value=1))
def test_a_trace_is_kept_where_its_randomness_reaches_the_threshold(trace_id, ratio):
    threshold = 2**56 - round(ratio * 2**56)
    kept = sampler_of(ratio=ratio).keeps(ratio_key(trace_id), 0)
    assert kept == (trace_id % 2**56 >= threshold)


def test_a_ratio_per_span_looks_at_random_bits_and_not_at_the_trace():
    answers = iter([0, 2**64 - 1, 0])
    sampler = sampler_of(bits=lambda: next(answers), ratio=0.5, per_span=True)
    assert [sampler.keeps(2**64 - 1, 0) for _ in range(3)] == [True, False, True]


def test_a_bucket_gives_its_burst_and_then_its_rate():
    clock = FixedClock()
    bucket = TokenBucket(2, clock.monotonic_ns)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.advance(SECOND // 2)
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.advance(100 * SECOND)
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_rate_below_one_lets_one_through_each_time_it_is_earned():
    clock = FixedClock()
    bucket = TokenBucket(0.5, clock.monotonic_ns)
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.advance(2 * SECOND)
    assert bucket.take()


def test_a_rate_applies_to_what_the_ratio_kept():
    sampler = sampler_of(ratio=0.5, max_per_second=1.0)
    assert [sampler.keeps(2**64 - 1, 0), sampler.keeps(1, 0), sampler.keeps(1, 0)] == [
        False,
        True,
        False,
    ]
    assert dict(sampler.counters) == {
        "seen": 3,
        "kept": 1,
        "dropped_ratio": 1,
        "dropped_rate": 1,
    }


def test_the_first_calls_are_kept_whatever_the_ratio_says():
    sampler = sampler_of(ratio=0.0, first=2)
    assert [sampler.keeps(1, n) for n in range(3)] == [True, True, False]


def test_the_sessions_bound_applies_to_rules_and_to_code_without_a_rule():
    table = SamplerTable(FixedClock().monotonic_ns, lambda: 0, lambda _: bool, 2)
    plain, ruled = table.sampler_for(None), table.sampler_for(Sampling())
    assert [plain.keeps(1, 0), ruled.keeps(1, 0), plain.keeps(1, 0)] == [True, True, False]
    assert plain.counters["dropped_session_rate"] == 1


def test_counters_are_read_while_the_program_meets_new_code_and_new_rules():
    table = SamplerTable(FixedClock().monotonic_ns, lambda: 0, lambda _: bool)
    traced_codes = {}

    class TracedCode:
        """Whoever looks at it gives the program's threads the time for another one."""

        ratio_threshold, kept, sampled_out = 1, 2, 1

        @property
        def plan(self):
            sampler = table.sampler_for(Sampling(ratio=0.5, rule_id=f"rule {len(traced_codes)}"))
            traced_codes[len(traced_codes)] = TracedCode()
            self.sampler = sampler
            return object()

    first = TracedCode()
    traced_codes[0] = first
    first.sampler = table.sampler_for(Sampling(ratio=0.5, rule_id="rule 1"))

    counted = table.stats(traced_codes.values())

    assert counted == {"rule 1": {"seen": 3, "dropped_ratio": 1, "kept": 2}}


def test_without_any_bound_there_is_no_sampler():
    table = SamplerTable(FixedClock().monotonic_ns, lambda: 0, lambda _: bool)
    assert table.sampler_for(None) is None
    assert table.gate_for(None) is None


def test_one_sampler_serves_all_code_of_a_rule():
    table = SamplerTable(FixedClock().monotonic_ns, lambda: 0, lambda _: bool)
    assert table.sampler_for(Sampling(ratio=0.5)) is table.sampler_for(Sampling(ratio=0.5))


def gate_of(governs=lambda _: True, bits=lambda: 0, clock=None, **table):
    rules = EventRules(**table)
    return EventGate(rules, governs, (clock or FixedClock()).monotonic_ns, bits)


def test_an_event_gate_bounds_events_per_span():
    gate = gate_of(max_per_span=2)
    assert [gate.keeps("e", n) for n in range(3)] == [True, True, False]
    assert gate.dropped == 1


def test_an_event_gate_bounds_events_per_second():
    clock = FixedClock()
    gate = gate_of(clock=clock, max_per_second=1.0)
    assert [gate.keeps("e", 0), gate.keeps("e", 0)] == [True, False]
    clock.advance(SECOND)
    assert gate.keeps("e", 0)


def test_an_event_gate_keeps_a_share():
    answers = iter([0, 2**64 - 1])
    gate = gate_of(bits=lambda: next(answers), ratio=0.5)
    assert [gate.keeps("e", 0), gate.keeps("e", 0)] == [True, False]


def test_events_that_are_not_governed_pass():
    gate = gate_of(governs=lambda name: name.startswith("cache."), ratio=0.0)
    assert [gate.keeps("cache.miss", 0), gate.keeps("other", 0)] == [False, True]


@pytest.mark.parametrize("keeps", [True, False])
def test_exceptions_follow_their_own_switch(keeps):
    gate = gate_of(ratio=0.0, max_per_span=0, exceptions=keeps)
    assert gate.keeps("exception", 99) is keeps


# ---- in a session


def test_all_calls_of_a_rule_in_one_trace_share_the_fate(record, tree):
    def half():
        leaf()

    def main():
        half()
        half()

    with record(sampled("half", ratio=0.5)) as spans:
        for _ in range(40):
            main()
    counts = {
        sum(tree.short(span) == "half" for span in spans if span.trace_id == trace_id)
        for trace_id in {span.trace_id for span in spans}
    }
    assert counts == {0, 2}


def test_kept_spans_say_which_share_they_stand_for(record):
    with record(sampled("leaf", ratio=0.5)) as spans:
        for _ in range(40):
            leaf()
    assert {span.attributes["codetracer.sampling.ratio"] for span in spans} == {0.5}


def test_a_dropped_spans_children_go_to_the_nearest_kept_ancestor(record, tree):
    def gone():
        also_gone()

    def also_gone():
        leaf()

    def main():
        gone()

    with record(sampled("gone", ratio=0.0), sampled("also_gone", ratio=0.0)) as spans:
        main()
    assert tree(spans).shape() == (("main", (("leaf", ()),)),)


def test_the_current_span_in_a_dropped_call_is_the_nearest_kept_ancestors(record, tree):
    def gone():
        get_current_span().set_attribute("from", "gone")
        return get_current_span()

    def main():
        return get_current_span() is gone()

    with record(sampled("gone", ratio=0.0)) as spans:
        assert main()
    (span,) = spans
    assert span.attributes["from"] == "gone"


def test_a_hand_written_span_in_a_dropped_call_goes_to_the_nearest_kept_ancestor(record, tree):
    def gone():
        with trace.get_tracer("t").start_as_current_span("hand"):
            leaf()

    def main():
        gone()

    with record(sampled("gone", ratio=0.0)) as spans:
        main()
    assert tree(spans).shape() == (("main", (("hand", (("leaf", ()),)),)),)


def test_a_dropped_root_leaves_its_children_as_roots_of_one_trace(record, tree):
    def gone():
        leaf(1)
        leaf(2)

    with record(sampled("gone", ratio=0.0)) as spans:
        gone()
    assert tree(spans).shape() == (("leaf", ()), ("leaf", ()))
    assert len({span.trace_id for span in spans}) == 1


def test_an_error_keeps_a_dropped_call_with_its_arguments(record):
    def fails(value):
        raise ValueError("bad")

    with record(sampled("fails", ratio=0.0)) as spans, pytest.raises(ValueError, match="bad"):
        fails("value")
    (span,) = spans
    assert (span.status.name, [event.name for event in span.events]) == ("ERROR", ["exception"])
    assert span.attributes["codetracer.arg.value"] == "value"
    assert "codetracer.sampling.ratio" not in span.attributes
    assert span.end_ns >= span.start_ns


def raising(value):
    raise ValueError(value)


def through(value):
    raising(value + "!")


def catching(value):
    with pytest.raises(ValueError, match="bad"):
        through(value)
    leaf()


@pytest.fixture
def nothing_leaves_before_the_end(monkeypatch):
    """Without the deliveries of a new session: one between two failing calls parts them."""
    monkeypatch.setattr(pipeline, "_FIRST_INTERVAL_S", 3600.0)


# Of this file only: pytest and `re` raise too, as often as no test before has filled their caches.
EVERY_ERROR = sampled("test_sampling.*", ratio=0.0)


@pytest.mark.parametrize("catcher_is_kept", [True, False])
@pytest.mark.usefixtures("nothing_leaves_before_the_end")
def test_calls_that_are_kept_for_an_error_hang_on_each_other(record, tree, catcher_is_kept):
    rules = [EVERY_ERROR, sampled("catching", ratio=1.0)] if catcher_is_kept else [EVERY_ERROR]
    with record(*rules, buffer=Buffer(interval_ms=3_600_000)) as spans:
        catching("bad")
    inner = ("through", (("raising", ()),))
    assert tree(spans).shape() == ((("catching", (inner,)),) if catcher_is_kept else (inner,))
    assert [span.attributes["codetracer.arg.value"] for span in tree(spans).spans[-2:]] == [
        "bad",
        "bad!",
    ]


@pytest.mark.usefixtures("nothing_leaves_before_the_end")
def test_a_call_that_is_always_kept_hangs_on_one_that_is_kept_for_its_error(record, tree):
    with record(sampled("through", ratio=0.0), buffer=Buffer(interval_ms=3_600_000)) as spans:
        catching("bad")
    assert tree(spans).shape() == (("catching", (("through", (("raising", ()),)), ("leaf", ()))),)


def test_an_error_that_is_handled_keeps_the_call_that_failed_alone(record, tree):
    def handles():
        with pytest.raises(ValueError, match="bad"):
            raising("bad")

    def main():
        handles()

    with record(EVERY_ERROR, sampled("main", ratio=1.0)) as spans:
        main()
    assert tree(spans).shape() == (("main", (("raising", ()),)),)


def test_what_waits_for_the_fate_of_its_caller_is_delivered_with_the_rest(record):
    seen = []

    def handles(session, spans):
        with pytest.raises(ValueError, match="bad"):
            raising("bad")
        session.flush()
        seen.extend(span.name.rpartition(".")[2] for span in spans)

    with record(EVERY_ERROR) as spans:
        handles(active_session(), spans)
    assert seen == ["raising"]
    assert len(spans) == 1


def test_an_argument_that_the_call_has_deleted_leaves_the_others_out(record):
    def fails(first, second):
        del first
        raise ValueError("bad")

    with record(sampled("fails", ratio=0.0)) as spans, pytest.raises(ValueError, match="bad"):
        fails(1, 2)
    assert [key for key in spans[0].attributes if "arg" in key] == []


def test_an_error_keeps_nothing_where_the_rule_says_so(record):
    def fails():
        raise ValueError("bad")

    rule = sampled("fails", ratio=0.0, keep_errors=False)
    with record(rule) as spans, pytest.raises(ValueError, match="bad"):
        fails()
    assert spans == []


def test_a_call_below_one_kept_for_its_error_stays_with_the_kept_ancestor(record, tree):
    def fails():
        leaf()
        raise ValueError("bad")

    def main():
        with pytest.raises(ValueError, match="bad"):
            fails()

    with record(sampled("fails", ratio=0.0)) as spans:
        main()
    ids = {span.span_id for span in spans}
    assert names(spans) == ["leaf", "fails", "main"]
    assert all(span.parent_span_id in ids for span in spans[:2])


def test_the_first_calls_are_kept_and_stand_for_themselves(record):
    with record(sampled("leaf", ratio=0.0, first=3)) as spans:
        for n in range(10):
            leaf(n)
    assert [span.attributes["codetracer.arg.n"] for span in spans] == [0, 1, 2]
    assert all("codetracer.sampling.ratio" not in span.attributes for span in spans)


def test_the_rate_bounds_kept_calls(record):
    with record(sampled("leaf", max_per_second=5)) as spans:
        for _ in range(50):
            leaf()
    assert 5 <= len(spans) < 50


def test_a_short_call_is_dropped_when_it_ends(record):
    with record(sampled("leaf", min_duration_ms=1000)) as spans:
        leaf()
    assert spans == []


def test_a_long_call_is_kept_when_it_ends(record):
    def long():
        leaf()

    with record(sampled("long", min_duration_ms=0.000001)) as spans:
        long()
    assert names(spans) == ["leaf", "long"]


def test_a_kept_child_keeps_an_ancestor_whose_fate_is_open(record, tree):
    def short():
        leaf()

    def main():
        short()

    rules = [sampled(name, min_duration_ms=1000) for name in ("short", "main")]
    with record(*rules) as spans:
        main()
    assert tree(spans).shape() == (("main", (("short", (("leaf", ()),)),)),)


def test_a_short_child_does_not_keep_a_short_parent(record):
    def short():
        return 1

    def main():
        short()

    rules = [sampled(name, min_duration_ms=1000) for name in ("short", "main")]
    with record(*rules) as spans:
        main()
    assert spans == []


def test_a_dropped_call_between_open_fates_keeps_nobody(record):
    def gone():
        short()

    def short():
        return 1

    def main():
        gone()

    rules = [sampled(name, min_duration_ms=1000) for name in ("short", "main")]
    with record(sampled("gone", ratio=0.0), *rules) as spans:
        main()
    assert spans == []


def test_a_kept_call_below_a_dropped_one_keeps_the_open_ancestor(record, tree):
    def gone():
        leaf()

    def main():
        gone()

    rules = [sampled("gone", ratio=0.0), sampled("main", min_duration_ms=1000)]
    with record(*rules) as spans:
        main()
    assert tree(spans).shape() == (("main", (("leaf", ()),)),)


def test_reading_the_ids_of_an_open_fate_keeps_it(record):
    def main():
        return get_current_span().get_span_context().span_id

    with record(sampled("main", min_duration_ms=1000)) as spans:
        span_id = main()
    assert [span.span_id for span in spans] == [f"{span_id:016x}"]


def test_a_hand_written_child_keeps_an_open_ancestor(record, tree):
    def main():
        with trace.get_tracer("t").start_as_current_span("hand"):
            pass

    with record(sampled("main", min_duration_ms=1000)) as spans:
        main()
    assert tree(spans).shape() == (("main", (("hand", ()),)),)


def test_an_error_keeps_a_short_call_with_its_arguments(record):
    def fails(n):
        raise ValueError(n)

    with record(sampled("fails", min_duration_ms=1000)) as spans, pytest.raises(ValueError):
        fails(5)
    assert spans[0].attributes["codetracer.arg.n"] == 5


def test_open_fates_of_generators_and_tasks_are_settled(record, tree):
    def steps():
        yield leaf()

    async def child():
        await asyncio.sleep(0)
        return list(steps())

    async def main():
        await asyncio.gather(child(), child())

    rules = [sampled(name, min_duration_ms=10_000) for name in ("steps", "child", "main")]
    with record(*rules) as spans:
        asyncio.run(main())
    expected = ("child", (("steps", (("leaf", ()),)),))
    assert tree(spans).shape() == (("main", (expected, expected)),)


def test_an_open_generator_follows_its_consumer(record, tree):
    def steps():
        yield
        leaf()
        yield

    def first(generator):
        next(generator)

    def second(generator):
        next(generator)
        get_current_span().set_attribute("mine", 1)

    def main():
        generator = steps()
        first(generator)
        with trace.get_tracer("t").start_as_current_span("hand"):
            second(generator)

    with record(sampled("steps", min_duration_ms=10_000)) as spans:
        main()
    assert tree(spans).parent_of("leaf") == "steps"
    assert tree(spans).named("second")[0].attributes["mine"] == 1


def test_every_parent_is_there_whatever_is_sampled(record):
    def tower(n):
        if n:
            middle(n - 1)
            leaf(n)

    def middle(n):
        other(n)

    def other(n):
        tower(n)

    rules = [
        sampled("tower", ratio=0.5, per="span"),
        sampled("middle", min_duration_ms=0.05),
        sampled("other", ratio=0.5, per="span", min_duration_ms=0.02),
        sampled("leaf", ratio=0.2, per="span", first=1),
    ]
    with record(*rules) as spans:
        for _ in range(50):
            tower(8)
    ids = {span.span_id for span in spans}
    assert {span.parent_span_id for span in spans} - ids == {None}


def test_the_sessions_rate_bounds_all_functions(record):
    from codetracer_otel import Limits

    with record(limits=Limits(max_spans_per_second=3)) as spans:
        for _ in range(30):
            leaf()
    assert 3 <= len(spans) < 30


def test_counters_say_what_was_seen_kept_and_dropped(record):
    with record(sampled("leaf", ratio=0.0, first=2)):
        for _ in range(5):
            leaf()
        (counters,) = active_session().stats()["recorder"]["sampling"].values()
    assert counters == {"seen": 5, "kept": 2, "dropped_ratio": 3}


def test_a_call_below_one_whose_fate_is_open_is_counted_once(record):
    def main():
        leaf()

    with record(sampled("main", min_duration_ms=1000), sampled("leaf", ratio=0.0)):
        main()
        main()
        counters = active_session().stats()["recorder"]["sampling"].values()
    assert {"seen": 2, "kept": 0, "dropped_ratio": 2} in list(counters)


def test_counters_of_a_plain_ratio_add_up(record):
    with record(sampled("leaf", ratio=0.5)) as spans:
        for _ in range(50):
            leaf()
        (counters,) = active_session().stats()["recorder"]["sampling"].values()
    assert counters["seen"] == 50
    assert counters["kept"] == len(spans)
    assert counters["kept"] + counters["dropped_ratio"] == 50


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, ["a", "b"]), (0.0, ["b"])])
def test_events_of_matched_spans_are_gated_by_name(record, ratio, expected):
    def main():
        get_current_span().add_event("a")
        get_current_span().add_event("b")

    rules = (
        "[[scope.rules]]\nselector = 'obj:glob:*.main'\n"
        f"[scope.rules.events]\nnames = ['a*']\nratio = {ratio}\n"
    )
    with record(rules) as spans:
        main()
    assert [event.name for event in spans[0].events] == expected
    assert spans[0].dropped_events == 2 - len(expected)


def test_exception_events_are_left_out_where_the_rule_says_so(record):
    def fails():
        raise ValueError("bad")

    rules = (
        "[[scope.rules]]\nselector = 'obj:glob:*.fails'\n[scope.rules.events]\nexceptions = false\n"
    )
    with record(rules) as spans, pytest.raises(ValueError, match="bad"):
        fails()
    assert (spans[0].events, spans[0].status.name) == ([], "ERROR")


def test_a_root_rule_starts_a_trace_with_a_link_to_where_it_was_called(record):
    def job():
        leaf()

    def main():
        job()

    rules = "[[scope.rules]]\nselector = 'obj:glob:*.job'\nroot = true\n"
    with record(rules) as spans:
        main()
    inner, root, caller = spans
    assert root.parent_span_id is None
    assert inner.parent_span_id == root.span_id
    assert inner.trace_id == root.trace_id != caller.trace_id
    assert [(link.trace_id, f"{link.span_id:016x}") for link in root.links] == [
        (int(caller.trace_id, 16), caller.span_id)
    ]


def test_a_root_rule_without_a_caller_has_no_link(record):
    def job():
        return 1

    rules = "[[scope.rules]]\nselector = 'obj:glob:*.job'\nroot = true\n"
    with record(rules) as spans:
        job()
    assert spans[0].links == []


@pytest.fixture
def restless():
    """Let threads take turns wherever they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def on_threads(run):
    """Call a function on four threads; return what it returned."""
    with ThreadPoolExecutor(4) as pool:
        return [done.result() for done in [pool.submit(run) for _ in range(4)]]


@pytest.mark.usefixtures("restless")
def test_threads_take_no_token_twice():
    bucket = TokenBucket(2_000, FixedClock().monotonic_ns)
    assert sum(on_threads(lambda: sum([bucket.take() for _ in range(3_000)]))) == 2_000


@pytest.mark.usefixtures("restless")
def test_a_thread_that_reads_the_clock_late_earns_nothing_twice():
    clock = FixedClock()
    bucket = TokenBucket(2, clock.monotonic_ns)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    times = iter([clock.monotonic_ns() + SECOND // 2, clock.monotonic_ns()])
    bucket._monotonic_ns = lambda: next(times)
    assert [bucket.take() for _ in range(2)] == [True, False]


@pytest.mark.usefixtures("restless")
def test_threads_lose_no_count_of_a_sampler():
    sampler = sampler_of(ratio=0.5, max_per_second=100.0)
    on_threads(lambda: [sampler.keeps(key << 62, 0) for key in range(4)] * 1000)
    assert sampler.counters["seen"] == sum(
        count for name, count in sampler.counters.items() if name != "seen"
    )


def test_threads_keep_no_more_first_calls_than_one_does(record, monkeypatch):
    link = Parents.new_linked_root

    def link_late(*arguments):
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(leaf).result()
        return link(*arguments)

    rule = sampled("leaf", ratio=0.0, first=1).replace("'trace'\n", "'trace'\nroot = true\n")
    with record(rule) as spans:
        monkeypatch.setattr(Parents, "new_linked_root", link_late)
        leaf()
    assert names(spans).count("leaf") == 1
