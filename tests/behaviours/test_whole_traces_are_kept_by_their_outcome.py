"""`[scope.tail]`: a trace is decided when its local root has ended, and all of it goes one way."""

import asyncio
import contextlib
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from opentelemetry import trace
from tests.behaviours.conftest import told_by_child
from tests.conftest import HEADER, rule

import codetracer_otel as ct
from codetracer_otel.errors import FilterError
from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.types import TailRules
from codetracer_otel.sdk.delivery import tails
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

HERE = f"file:glob:**/{Path(__file__).name}"
TRACED = rf"obj:regex:{__name__}\..*\b(leaf|middle|one|several|numbers|late|open_for_long)$"


def keeping(*lines, of_rule=""):
    return filter_from_text(
        HEADER
        + ("[scope.tail]\n" + "\n".join(lines) + "\n" if lines else "")
        + rule(TRACED)
        + rule(rf"obj:regex:{__name__}\.(.*\.)?handle$", 'exec = "trace"\nroot = true\n' + of_rule)
    )


@pytest.fixture
def exporter():
    made = InMemoryExporter()
    yield made
    shutdown()


def begin(exporter, trace_filter, **options):
    return configure(trace_filter, exporter, policy={"on_recorder_error": "abort"}, **options)


def leaf(number):
    if number is None:
        raise LookupError("planted")
    return number


def middle(number):
    return leaf(number) + leaf(1)


def handle(number):
    return middle(number)


def handle_all(numbers):
    for number in numbers:
        with contextlib.suppress(LookupError):
            handle(number)


def trees(spans):
    """Return the traces: names with parents' names, and values, in the order of their ends."""
    names = {span.span_id: span.name.rpartition(".")[2] for span in spans}
    found = {}
    for span in spans:
        told = {key: value for key, value in span.attributes.items() if "tail" not in key}
        row = (names[span.span_id], names.get(span.parent_span_id), str(sorted(told.items())))
        found.setdefault(span.trace_id, []).append(row)
    return sorted(found.values())


def reasons(spans):
    return [
        span.attributes["codetracer.tail.reason"]
        for span in spans
        if "codetracer.tail.reason" in span.attributes
    ]


@pytest.mark.parametrize("seed", range(5))
def test_of_a_thousand_roots_the_one_that_fails_leaves_and_it_leaves_whole(exporter, seed):
    number = random.Random(seed).randrange(1000)
    numbers = [None if turn == number else turn for turn in range(1000)]
    session = begin(exporter, keeping("keep_errors = true"))
    handle_all(numbers)
    assert session.flush()
    shutdown()
    kept = trees(exporter.spans)
    assert reasons(exporter.spans) == ["error"]
    tail = session.stats()["tail"]
    assert tail["traces"] == {"dropped": 999, "error": 1}
    assert tail["spans"]["kept"] == 3
    unsampled = InMemoryExporter()
    begin(unsampled, keeping())
    handle_all([None])
    shutdown()
    assert kept == trees(unsampled.spans)


def test_the_slow_one_leaves(exporter):
    session = begin(exporter, keeping("keep_errors = false", "slower_than_ms = 400"))
    pause = threading.Event()

    def handle(number):
        if number == 7:
            pause.wait(0.5)  # far beyond what a busy machine takes from the others
        return leaf(number)

    for number in range(30):
        handle(number)
    assert session.flush()
    assert reasons(exporter.spans) == ["slow"]
    assert sorted(span.attributes["codetracer.return"] for span in exporter.spans) == [7, 7]


def test_a_share_of_the_others_leaves_and_tells_its_threshold(exporter):
    session = begin(exporter, keeping("ratio = 0.25"))
    handle_all(range(400))
    assert session.flush()
    shutdown()
    traces = {span.trace_id: span for span in exporter.spans}
    assert 50 < len(traces) < 160
    assert set(reasons(exporter.spans)) == {"ratio"}
    assert {span.trace_state for span in exporter.spans} == {"ot=th:c"}
    assert all(int(trace_id, 16) % 2**56 >= 0.75 * 2**56 for trace_id in traces)


def test_no_more_of_them_leave_than_a_second_may_have(exporter):
    session = begin(exporter, keeping("ratio = 1.0", "max_per_second = 3"))
    handle_all(range(300))
    assert session.flush()
    assert 3 <= session.stats()["tail"]["traces"]["ratio"] <= 30


def test_threads_tasks_and_generators_of_a_trace_go_with_it(exporter):
    session = begin(exporter, keeping("keep_errors = true"))

    def numbers():
        yield leaf(1)
        yield leaf(2)

    async def one(number):
        await asyncio.sleep(0)
        return leaf(number)

    async def several():
        return await asyncio.gather(one(1), one(2))

    def handle(number):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(leaf, 5).result()
        asyncio.run(several())
        list(numbers())
        return leaf(number)

    for number in (1, None, 2):
        with contextlib.suppress(LookupError):
            handle(number)
    assert session.flush()
    shutdown()
    assert len({span.trace_id for span in exporter.spans}) == 1
    names = sorted(span.name.rpartition(".")[2] for span in exporter.spans)
    assert names == sorted(["handle", "several", "one", "one", "numbers", *["leaf"] * 6])


def test_what_ends_after_the_root_follows_it(exporter):
    session = begin(exporter, keeping("keep_errors = true"))
    gate, threads = threading.Event(), []

    def late(number):
        gate.wait(20)
        return number

    def handle(number):
        threads.append(threading.Thread(target=late, args=(number,)))
        threads[-1].start()
        return leaf(number)

    for number in (1, None):
        with contextlib.suppress(LookupError):
            handle(number)
    assert session.flush()
    gate.set()
    for thread in threads:
        thread.join()
    assert session.flush()
    assert [span.name.rpartition(".")[2] for span in exporter.spans].count("late") == 1


def test_a_root_of_another_instrumentation_decides_about_calls_below_it(exporter):
    session = begin(exporter, keeping("keep_errors = true"))
    tracer = trace.get_tracer("a library's")
    for number in (1, None):
        with contextlib.suppress(LookupError), tracer.start_as_current_span("GET /"):
            middle(number)
    assert session.flush()
    names = sorted(span.name.rpartition(".")[2] for span in exporter.spans)
    assert names == ["GET /", "leaf", "middle"]
    assert reasons(exporter.spans) == ["error"]


def test_a_hand_written_root_does_so_too(exporter):
    session = begin(exporter, keeping("keep_errors = true"))
    for number in (1, None):
        with contextlib.suppress(LookupError), ct.span("job"):
            middle(number)
    assert session.flush()
    assert {span.trace_id for span in exporter.spans} == {exporter.named("job")[0].trace_id}
    assert len(exporter.spans) == 3


def test_a_rule_says_it_for_its_own_roots(exporter):
    of_rule = "[scope.rules.tail]\nkeep_errors = false\nratio = 1.0\n"
    session = begin(exporter, keeping("keep_errors = true", of_rule=of_rule))
    handle_all([1])
    middle(2)
    with contextlib.suppress(LookupError):
        middle(None)
    assert session.flush()
    assert sorted(reasons(exporter.spans)) == ["error", "ratio"]


def test_of_a_trace_that_is_too_large_the_newest_leaves_go(exporter):
    session = begin(exporter, keeping("ratio = 1.0", "max_spans = 10"))

    def handle(number):
        for turn in range(number):
            middle(turn)

    handle(100)
    assert session.flush()
    shutdown()
    assert len(exporter.spans) == 10
    (root,) = exporter.named(f"{__name__}.{handle.__qualname__}")
    assert root.attributes["codetracer.tail.dropped_spans"] == 291
    known = {span.span_id for span in exporter.spans}
    assert all(span.parent_span_id in known for span in exporter.spans if span is not root)


def test_what_is_still_open_at_the_end_is_decided_then(exporter):
    session = begin(exporter, keeping("keep_errors = true"))

    def handle(number):
        with contextlib.suppress(LookupError):
            leaf(number)
        shutdown()

    handle(None)
    names = sorted(span.name.rpartition(".")[2] for span in exporter.spans)
    assert names == ["handle", "leaf"]
    assert session.stats()["tail"]["open"] == 0


def test_the_flag_says_the_same(exporter):
    session = begin(exporter, keeping(), tail="errors,ratio=0")
    handle_all([1, None, 2])
    assert session.flush()
    assert reasons(exporter.spans) == ["error"]
    assert len(exporter.spans) == 3


def test_too_much_that_is_undecided_gives_up_the_oldest_and_counts_it(exporter):
    limits = ct.Buffer(bytes=300_000)
    session = begin(exporter, keeping("keep_errors = true"), buffer=limits)

    def open_for_long(depth):
        with ct.span("inner"):
            for _ in range(20_000):
                leaf(1)

    handle(1)
    open_for_long(1)
    assert session.flush()
    stats = session.stats()
    shutdown()
    assert stats["dropped"].get("tail_memory", 0) + stats["dropped"].get("buffer_full", 0) > 0


def test_a_table_on_a_rule_that_begins_no_trace_is_refused():
    text = HEADER + rule(HERE, 'exec = "trace"\n[scope.rules.tail]\nratio = 0.5')
    with pytest.raises(FilterError, match="root = true"):
        configure(filter_from_text(text), "none")


@pytest.mark.parametrize("before", ["every trace", "another share"])
def test_another_filter_decides_about_the_traces_that_end_under_it(exporter, before):
    others = [] if before == "every trace" else ["ratio = 1.0"]
    session = begin(exporter, keeping(*others))
    handle_all([1])
    assert session.flush()
    session.reload(keeping("keep_errors = true"))
    handle_all([2, None, 3])
    assert session.flush()
    assert len({span.trace_id for span in exporter.spans}) == 2
    assert reasons(exporter.spans)[-1] == "error"


@pytest.mark.parametrize("fails", ["first", "last", "in a span"])
def test_a_span_of_others_around_many_calls_leaves_for_the_one_that_failed(exporter, fails):
    calls = 3_000  # several batches, and no delivery ends between them
    session = begin(exporter, keeping("keep_errors = true"))
    tracer = trace.get_tracer("framework")
    with tracer.start_as_current_span("GET /"):
        for number in [*([None] if fails == "first" else []), *range(calls)]:
            with contextlib.suppress(LookupError):
                leaf(number)
        with contextlib.suppress(LookupError):
            if fails == "last":
                leaf(None)
            elif fails == "in a span":
                with tracer.start_as_current_span("SELECT"):
                    raise LookupError
    shutdown()
    assert reasons(exporter.spans) == ["error"]
    assert session.stats()["tail"]["traces"] == {"error": 1}
    assert len(exporter.spans) == calls + 2


def test_a_call_around_many_spans_of_others_leaves_for_the_one_that_failed(exporter):
    spans = 1_500
    session = begin(exporter, keeping("keep_errors = true"))
    tracer = trace.get_tracer("library")

    def handle(count):
        for number in range(count):
            with contextlib.suppress(LookupError), tracer.start_as_current_span("SELECT"):
                if number == count - 1:
                    raise LookupError

    handle(spans)
    shutdown()
    assert reasons(exporter.spans) == ["error"]
    assert session.stats()["tail"]["traces"] == {"error": 1}
    assert len(exporter.spans) == spans + 1


def test_a_trace_that_is_open_at_the_end_is_slow_if_it_is_so_by_then(exporter):
    session = begin(exporter, keeping("keep_errors = false", "slower_than_ms = 400"))
    now = at(session)
    with trace.get_tracer("a library's").start_as_current_span("GET /"):
        leaf(1)
        assert session.flush()
        now[0] += 500_000_000
        shutdown()
    assert [span.name.rpartition(".")[2] for span in exporter.spans] == ["leaf"]
    assert session.stats()["tail"]["traces"] == {"slow": 1}


def test_spans_of_others_alone_are_slow_at_the_end_if_they_are_so_by_then(exporter):
    session = begin(exporter, keeping("keep_errors = false", "slower_than_ms = 400"))
    now, tracer = at(session), trace.get_tracer("a library's")
    with tracer.start_as_current_span("GET /"):
        tracer.start_span("SELECT").end()
        assert session.flush()
        now[0] += 500_000_000
        shutdown()
    assert [span.name for span in exporter.spans] == ["SELECT"]
    assert session.stats()["tail"]["traces"] == {"slow": 1}


def test_a_trace_that_is_open_at_the_end_goes_if_it_was_short_by_then(exporter):
    session = begin(exporter, keeping("keep_errors = false", "slower_than_ms = 400000"))
    with trace.get_tracer("a library's").start_as_current_span("GET /"):
        leaf(1)
        assert session.flush()
        shutdown()
    assert exporter.spans == []
    assert session.stats()["tail"]["traces"] == {"dropped": 1}


def at(session):
    """Let the tail's clocks go on by what is added to the returned list's only item."""
    added, hold = [0], session._pipeline.hold
    clock, wall_clock = hold._now, hold._unix_now
    hold._now = lambda: clock() + added[0]
    hold._unix_now = lambda: wall_clock() + added[0]
    return added


@pytest.mark.parametrize("root", ["a call", "a span"])
def test_a_dump_decides_nothing_about_traces_that_may_still_fail(exporter, root):
    session = begin(exporter, keeping("keep_errors = true"), flight_recorder="1MB")

    def handle(number):
        leaf(1)
        assert session.flush()
        assert session.dump() == 0
        leaf(number)

    def work(number):
        if root == "a call":
            handle(number)
        else:
            with trace.get_tracer("a library's").start_as_current_span("GET /"):
                leaf(1)
                assert session.flush()
                assert session.dump() == 0
                leaf(number)

    work(2)
    with contextlib.suppress(LookupError):
        work(None)
    assert session.flush()
    assert session.dump() == 3
    assert len({span.trace_id for span in exporter.spans}) == 1
    assert session.stats()["tail"]["traces"] == {"dropped": 1, "error": 1}


def test_a_dump_has_what_has_failed_of_a_trace_that_goes_on(exporter):
    session = begin(exporter, keeping("keep_errors = true"), flight_recorder="1MB")

    def handle(number):
        with contextlib.suppress(LookupError):
            leaf(number)
        assert session.flush()
        assert session.dump() == 2
        leaf(3)

    handle(None)
    assert [span.name.rpartition(".")[2] for span in exporter.spans] == ["leaf", "handle"]
    assert "codetracer.unfinished" in exporter.spans[1].attributes
    assert session.dump() == 2
    assert reasons(exporter.spans) == ["error", "error"]  # of the copy, and of the call
    assert session.stats()["tail"] == {
        "traces": {"error": 1}, "spans": {"dropped": 0, "kept": 4}, "open": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("root", "spans"), [("handle", 4), ("GET /", 3)])
def test_what_a_dump_kept_of_an_open_trace_stays_decided(exporter, monkeypatch, root, spans):
    monkeypatch.setattr(tails, "_REMEMBERED", 3)
    session = begin(exporter, keeping("keep_errors = true"), flight_recorder="1MB")

    def works():
        with contextlib.suppress(LookupError):
            leaf(None)
        assert session.flush()
        assert session.dump()
        decide_others(session, 10)
        leaf(1)

    run_below(root, works)
    assert session.flush()
    assert session.dump() == 2
    assert len(exporter.spans) == spans
    assert session.stats()["tail"]["traces"] == {"dropped": 10, "error": 1}
    assert not session._pipeline.hold._foretold


@pytest.mark.parametrize("root", ["handle", "GET /"])
def test_what_was_delivered_of_a_trace_that_is_open_for_too_long_is_followed_by_the_rest(
    exporter, monkeypatch, root
):
    monkeypatch.setattr(tails, "_REMEMBERED", 3)
    session = begin(exporter, keeping("keep_errors = true"))
    time_added = at(session)

    def works():
        leaf(1)
        assert session.flush()
        time_added[0] += 3600 * 10**9
        assert session.flush()
        assert len(exporter.spans) == 1
        decide_others(session, 10)

    run_below(root, works)
    assert session.flush()
    assert exporter.spans[-1].name.endswith(root)
    assert session.stats()["tail"]["traces"] == {"dropped": 10, "open": 1}
    assert not session._pipeline.hold._foretold


def decide_others(session, count):
    """Let so many other traces begin, end and be decided."""

    def handle_each():
        for number in range(count):
            handle_all([number])
            assert session.flush()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(handle_each).result()


def run_below(root, works):
    """Run something below a traced call, or below a span of a library's."""

    def handle():
        works()

    if root == "handle":
        handle()
    else:
        with trace.get_tracer("a library's").start_as_current_span(root):
            works()


def test_a_dump_has_a_trace_that_is_slow_by_now(exporter):
    session = begin(exporter, keeping("slower_than_ms = 400"), flight_recorder="1MB")
    now = at(session)
    with trace.get_tracer("a library's").start_as_current_span("GET /"):
        leaf(1)
        assert session.dump() == 0
        now[0] += 500_000_000
        assert session.dump() == 1
    assert session.dump() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
# a thread of a test before may not have ended yet
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(("seconds", "expected"), [(0.03, "slow 1"), (0, "dropped 0")])
def test_a_forked_child_keeps_what_was_slow_in_it(exporter, seconds, expected):
    limit = "slower_than_ms = 20" if seconds else "slower_than_ms = 20000"
    session = begin(exporter, keeping("keep_errors = false", limit))

    def works():
        late(seconds)
        shutdown()
        return f"{next(iter(session.stats()['tail']['traces']))} {len(exporter.spans)}"

    with trace.get_tracer("a library's").start_as_current_span("job"):
        told = told_by_child(works)
    assert told == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(("where", "expected"), [("child", "slow 1"), ("parent", "dropped 0")])
def test_an_open_trace_of_a_forked_child_is_slow_at_its_end_as_elsewhere(exporter, where, expected):
    session = begin(exporter, keeping("keep_errors = false", "slower_than_ms = 400000"))

    def works():
        leaf(1)
        assert session.flush()
        at(session)[0] += 500_000_000_000
        shutdown()
        return f"{next(iter(session.stats()['tail']['traces']))} {len(exporter.spans)}"

    def works_in_a_span_of_its_own():
        context = trace.set_span_in_context(trace.INVALID_SPAN)
        with trace.get_tracer("a library's").start_as_current_span("GET /", context):
            return works()

    def handle():
        return told_by_child(works if where == "parent" else works_in_a_span_of_its_own)

    assert handle() == expected


def late(seconds):
    threading.Event().wait(seconds)


def test_a_rate_of_a_filter_that_is_gone_bounds_no_other(exporter):
    session = begin(exporter, keeping("ratio = 1.0"))
    tails = session._pipeline.hold
    for rate in (1.0, 200.0):
        tails.default = None  # as another filter is read, at the same place in memory
        tails.default = TailRules(ratio=1.0, max_per_second=rate)
        handle_all(range(50))
        assert session.flush()
    assert session.stats()["tail"]["traces"]["ratio"] >= 51
