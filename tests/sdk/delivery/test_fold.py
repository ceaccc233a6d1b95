"""Short calls of one function below one parent become one span, and nothing of them is lost."""

from __future__ import annotations

import threading
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from tests.conftest import HEADER, rule
from tests.depth import examples

from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.types import FoldRules
from codetracer_otel.model.record import (
    END,
    NOT_CAPTURED,
    START,
    Ending,
    Plan,
    SpanDetails,
    TraceOnThread,
    hex_span_id,
)
from codetracer_otel.model.span_view import span_view
from codetracer_otel.sdk.delivery import fold as folding
from codetracer_otel.sdk.delivery import pipeline as pipelines
from codetracer_otel.sdk.delivery.fold import BusiestFunction, Fold
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.sdk.settings.limits import Buffer
from codetracer_otel.testing import InMemoryExporter, capture_spans

RULES = FoldRules(after=3, shorter_than_ns=1_000)
CODE = compile("", "<tests>", "exec")
PLANS = {name: Plan(f"app.{name}", f"app.{name}", "/app.py", 1) for name in "abc"}
SEGMENTS = [TraceOnThread(7, 0), TraceOnThread(7, 0, 99, "worker")]


def record(number, parent, name="a", start=0, length=10, details=None, thread=0):
    plan, segment = PLANS[name], SEGMENTS[thread]
    times = [start, start + length, NOT_CAPTURED]
    return [CODE, plan, number, segment, None, parent, (), *times, details]


def raised():
    details = SpanDetails()
    details.ending = Ending.RAISED
    return details


def figures(records):
    """Return calls and ns by name and parent, the calls of folded spans included."""
    calls, lengths = Counter(), Counter()
    for view in map(span_view, records):
        key = view.name, view.parent_span_id
        count = view.attributes.get("codetracer.folded.count")
        total = view.attributes.get("codetracer.folded.total_us", 0)
        calls[key] += count or 1
        lengths[key] += round(total * 1000) if count else view.end_ns - view.start_ns
    return calls, lengths


def is_folded(found):
    return "codetracer.folded.count" in ((found[-1] and found[-1].attributes) or {})


CALLS = st.recursive(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2_000), st.booleans(), st.just([])),
    lambda inner: st.tuples(
        st.sampled_from("abc"), st.integers(0, 2_000), st.booleans(), st.lists(inner, max_size=12)
    ),
    max_leaves=60,
)


def ended(call, parent, ids, records):
    """Append the records of a tree of calls in the order of their ends."""
    name, length, has_failed, below = call
    number = next(ids)
    for each in below:
        ended(each, number, ids, records)
    details = raised() if has_failed else None
    records.append(record(number, parent, name, 5 * number, length, details))


@settings(max_examples=examples(200))
@given(call=CALLS, size=st.integers(1, 40), step=st.sampled_from([0, 1, 10**10]))
def test_counts_and_times_add_up_to_those_of_a_run_without_it(call, size, step):
    records, ids, clock = [], iter(range(1, 10**6)), [0]
    ended(call, 0, ids, records)
    fold = Fold(RULES, lambda: clock[0])
    given_out = []
    for begin in range(0, len(records), size):
        clock[0] += step
        given_out += [*fold.take([list(it) for it in records[begin : begin + size]])]
        given_out += fold.take_spans(everything=False)
    given_out += fold.take_spans(everything=True)
    assert fold.waiting == 0
    assert figures(given_out) == figures(records)
    known = {it[2] for it in given_out} | {0}
    assert all(it[5] in known for it in given_out)
    whole = [it for it in given_out if not is_folded(it)]
    assert len(records) - len(whole) == fold.calls
    assert sum(it[-1] is not None for it in whole) == sum(it[-1] is not None for it in records)
    assert {it[2] for it in records if it[END] - it[START] >= 1_000} <= {it[2] for it in whole}


def test_the_first_calls_stay_and_the_rest_is_one_span_when_the_parent_ends():
    fold = Fold(RULES, lambda: 0)
    block = fold.take([record(n, 1, start=100 * n, length=n) for n in range(10, 20)])
    assert [it[2] for it in block] == [10, 11, 12]
    assert fold.take_spans(everything=False) == []
    assert fold.waiting == 7
    assert [it[2] for it in fold.take([record(1, 0, "b", length=5_000)])] == [1]
    [made] = map(span_view, fold.take_spans(everything=False))
    assert (made.name, made.span_id, made.parent_span_id) == (
        "app.a", hex_span_id(13), hex_span_id(1),
    )  # fmt: skip
    assert (made.start_ns, made.end_ns) == (1_300, 1_919)
    shown = {k.rpartition(".")[2]: v for k, v in made.attributes.items() if ".folded." in k}
    assert shown == {"count": 7, "total_us": 0.112, "max_us": 0.019, "errors": 0}


def test_what_fails_takes_long_says_more_or_has_calls_below_it_stays():
    told, counted = SpanDetails(), SpanDetails()
    told.attributes, counted.busy_ns = {"by hand": 1}, 5
    fold = Fold(FoldRules(0, 1_000), lambda: 0)
    kept = [
        record(2, 1, details=raised()),
        record(3, 1, length=1_000),
        record(4, 1, details=told),
        record(5, 6, "b", length=5_000),
        record(6, 1),
        record(7, 0),
    ]
    gone = [record(8, 1, details=counted), record(9, 1)]
    assert [it[2] for it in fold.take([*kept, *gone])] == [it[2] for it in kept]


def test_each_thread_has_a_span_of_its_own():
    fold = Fold(FoldRules(0, 1_000), lambda: 0)
    fold.take([record(n, 1, thread=n % 2) for n in range(10, 20)])
    made = [span_view(it) for it in fold.take_spans(everything=True)]
    assert [it.attributes.get("thread.name") for it in made] == [None, "worker"]


def test_what_goes_on_is_told_in_parts_every_five_seconds():
    clock = [0]
    fold = Fold(FoldRules(0, 1_000), lambda: clock[0])
    counts = []
    for second in range(12):
        clock[0] = second * 1_000_000_000
        fold.take([record(100 + second, 1)])
        counts += [
            it[-1].attributes["codetracer.folded.count"] for it in fold.take_spans(everything=False)
        ]
    assert counts == [6, 6]


def test_a_call_that_ends_after_the_folded_one_it_is_in_goes_below_the_folded_span():
    fold = Fold(FoldRules(0, 1_000), lambda: 0)
    fold.take([record(2, 1), record(3, 1)])
    [late] = fold.take([record(4, 3, "b", length=5_000)])
    assert late[5] == 2
    view = span_view(record(5, 3, "c"))
    fold.adopt([view])
    assert view.parent_span_id == hex_span_id(2)


def test_memory_is_bounded_and_what_is_given_up_is_told(monkeypatch):
    monkeypatch.setattr(folding, "_MOST_PARENTS", 10)
    monkeypatch.setattr(folding, "_MOST_MOVED", 10)
    fold = Fold(FoldRules(0, 1_000), lambda: 0)
    for parent in range(1, 100):
        fold.take([record(1_000 * parent + n, parent) for n in range(5)])
    made = [*fold.take_spans(everything=False), *fold.take_spans(everything=True)]
    assert figures(made)[0].total() == fold.calls == 99 * 5
    assert (len(fold._children), len(fold._moved)) == (10, 10)


def test_a_forked_child_begins_with_nothing():
    fold = Fold(FoldRules(0, 1_000), lambda: 0)
    fold.take([record(2, 1)])
    fold.forget()
    assert (fold.waiting, fold.calls, fold.take_spans(everything=True)) == (0, 0, [])


def test_other_rules_hold_from_then_on_and_none_loses_nothing():
    fold = Fold(FoldRules(0, 1_000), lambda: 0)
    fold.take([record(2, 1)])
    fold.rules = None
    assert [it[2] for it in fold.take([record(3, 1)])] == [3]
    assert len(fold.take_spans(everything=True)) == 1


def test_the_busiest_function_is_known_however_many_there_are(monkeypatch):
    monkeypatch.setattr(folding, "_MOST_FUNCTIONS", 10)
    busiest = BusiestFunction()
    assert busiest.stats() == {}
    for number in range(100):
        other = Plan(f"app.f{number}", f"app.f{number}", "/app.py", 1)
        busiest.add([record(1, 0, "b"), record(2, 0, "b"), [CODE, other, *record(3, 0)[2:]]], 1)
    assert busiest.stats() == {"function": "app.b", "spans": 200, "of": 400}


# ------------------------------------------------------------------ a whole session


def tiny(number):
    return number + 1


def fails(number):
    raise ValueError(number)


def outer(calls):
    for number in range(calls):
        tiny(number)
        if number % 10 == 0:
            with pytest.raises(ValueError, match="0"):
                fails(number)


def with_own_span(calls):
    for _ in range(calls):
        makes_span()


def makes_span():
    with trace.get_tracer("test").start_as_current_span("own"):
        return 1


def folding_session(after=5, **options):
    text = HEADER + f"[scope.fold]\nafter = {after}\nshorter_than_us = 1000000\n"
    return capture_spans(filter_from_text(text + rule(f"file:glob:**{__file__}")), **options)


def test_a_session_folds_what_its_filter_says(tree):
    with folding_session() as spans:
        outer(200)
        thread = threading.Thread(target=outer, args=(100,))
        thread.start()
        thread.join()
        active_session().flush()
        stats = active_session().stats()
    folded = [it for it in spans if "codetracer.folded.count" in it.attributes]
    assert sorted(it.attributes["codetracer.folded.count"] for it in folded) == [95, 195]
    assert {it.name.rpartition(".")[2] for it in folded} == {"tiny"}
    assert len(tree(spans).named("fails")) == 30
    assert len(tree(spans).named("tiny")) == 10 + 2
    assert stats["folded"] == {"calls": 290, "spans": 2}
    assert stats["recorded"] == 302 + 30
    assert not any("codetracer.arg.number" in it.attributes for it in folded)


def test_calls_with_hand_written_spans_in_them_stay(tree):
    with folding_session(after=0) as spans:
        with_own_span(20)
    assert len(tree(spans).named("makes_span")) == 20
    assert len([it for it in spans if it.name == "own"]) == 20


def test_what_stands_for_folded_calls_is_no_batch_of_its_own(monkeypatch):
    monkeypatch.setattr(pipelines, "_FIRST_DRAINS", 0)
    exporter = InMemoryExporter()
    batches, export = [], exporter.export
    exporter.export = lambda batch: (batches.append(len(batch)), export(batch))[1]
    text = HEADER + "[scope.fold]\nafter = 0\nshorter_than_us = 1000000\n"
    chain = filter_from_text(text + rule(f"file:glob:**{__file__}"))
    with configure(chain, exporter, buffer=Buffer(interval_ms=600_000)) as session:
        assert session.flush()  # what was recorded as the session began
        batches.clear()
        outer(20)
        assert session.flush()
    assert batches == [1 + 1 + 2]


class Going:
    """A recorder whose program goes on behind each look: its last calls end, then their parent."""

    def __init__(self, records):
        self.records, self.behind = records, lambda: None

    def stats(self):
        return {}

    @property
    def waiting(self):
        return len(self.records)

    def drain(self, limit):
        taken, self.records[:] = self.records[:limit], self.records[limit:]
        self.behind()
        return taken


def test_a_parent_of_another_source_ends_behind_the_calls_below_it():
    given_out = []
    recorder = Going([record(number, 1) for number in range(10, 20)])
    pipeline = pipelines.Pipeline(
        [],
        list,
        lambda records, views: given_out.extend([*records, *views]) or views,
        {},
        interval_s=60,
        batch_records=100,
        max_spans=1000,
        on_thread_start=lambda: None,
        on_error=given_out.append,
        on_failure=given_out.append,
    )
    pipeline.fold = Fold(RULES, lambda: 0)
    pipeline.recorder = recorder
    parent = SimpleNamespace(span_id=hex_span_id(1), parent_span_id=None, parent=None)

    def end():
        recorder.behind = lambda: None
        recorder.records += [record(number, 1) for number in range(20, 30)]
        pipeline.add_span(parent)

    recorder.behind = end
    pipeline.start()
    assert pipeline.flush(5)
    assert pipeline.stop(5)
    assert pipeline.folded() == {"calls": 17, "spans": 1}
    assert given_out[-1] is parent or is_folded(given_out[-1])
    assert len(given_out) == 5
