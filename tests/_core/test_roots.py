"""The first call of a trace begins in compiled code, as Python would begin it."""

import ast
import asyncio
import contextvars
import ctypes
import gc
import os
import sys
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from functools import partial

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from tests.conftest import only, rule

import codetracer_otel as ct
from codetracer_otel._core import load
from codetracer_otel.model.probability import ratio_bound, ratio_key
from codetracer_otel.model.record import RANDOM, SAMPLED, SEGMENT, StatusCode
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.testing import InMemoryExporter

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
TRACE_ID, SPAN_ID = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
REMOTE = f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"


def leaf(value):
    return value


def root(value):
    return leaf(value)


def fails(value):
    raise ValueError(value)


def deep(value):
    return deep(value)


async def waits(value):
    await asyncio.sleep(0)
    return leaf(value)


def numbers(count):
    yield from range(count)


HELPERS = rule(
    r"obj:regex:.*\.(attached|in_child|recorder_stats|fate|<lambda>.*|Numbered\..*)$",
    "exec = 'skip'",
)
TRACED = only(__file__, HELPERS)


@pytest.fixture
def record(record):
    return partial(record, HELPERS)


@pytest.fixture(params=["c", "python"])
def core(request, monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", request.param)
    return request.param


def recorder_stats():
    return active_session().stats()["recorder"]


def fate(spans):
    """Return how many spans each trace has and whether its root has a parent, in any order."""
    traces = {}
    ids = {span.span_id for span in spans}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return sorted(
        (len(found), [span.parent_span_id for span in found if span.parent_span_id not in ids])
        for found in traces.values()
    )


def test_only_the_first_root_of_a_thread_is_begun_in_python(record, monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record():
        list(map(root, range(50)))
        thread = threading.Thread(target=lambda: list(map(root, range(50))))
        thread.start()
        thread.join()
        stats = recorder_stats()
    assert stats["native_calls"] == 2 * 2 * 50 - 2
    assert stats["boxed"]["parent"] == 2
    assert stats["boxed_calls"] == 0


def test_each_root_has_a_trace_of_its_own(record, core):
    with record() as spans:
        for number in range(20):
            root(number)
    assert fate(spans) == [(2, [None])] * 20
    assert all(len(span.trace_id) == 32 and int(span.trace_id, 16) for span in spans)


def test_a_root_carries_what_python_gives_one(core):
    exporter = InMemoryExporter()
    segments = []
    with configure(TRACED, exporter) as session:
        for _ in range(2):
            root(1)
        session.flush()
        before = time.time_ns()
        for _ in range(3):
            root(1)
            segments.append(trace.get_current_span())
        session.flush()
        after = time.time_ns()
    assert all(not span.get_span_context().is_valid for span in segments)
    for span in exporter.spans:
        assert span.trace_flags == SAMPLED | RANDOM
        assert "thread.id" not in span.attributes
    assert all(before <= span.start_ns <= span.end_ns <= after for span in exporter.spans[4:])


def test_a_thread_is_told_with_each_of_its_roots(record, core):
    def many():
        for number in range(3):
            root(number)

    with record() as spans:
        started = threading.Thread(target=many, name="of my own")
        started.start()
        started.join()
    told = {(span.attributes["thread.name"], span.attributes["thread.id"]) for span in spans}
    assert told == {("of my own", started.ident)}


def test_calls_of_a_thread_that_a_call_started_hang_on_that_call(record, core, tree):
    def starts():
        thread = threading.Thread(target=lambda: [root(number) for number in range(3)])
        thread.start()
        thread.join()

    with record() as spans:
        starts()
    below = ("root", (("leaf", ()),))
    assert tree(spans).shape() == (("starts", (below, below, below)),)
    assert len({span.attributes.get("thread.id") for span in spans}) == 2


def test_tasks_coroutines_and_generators_may_be_roots(record, core, tree):
    async def main():
        return await asyncio.gather(*[waits(number) for number in range(3)])

    with record(rule("obj:glob:*.main", "exec = 'skip'")) as spans:
        asyncio.run(main())
        assert list(numbers(2)) == [0, 1]
        interleaved = [numbers(2), numbers(2)]
        assert [next(each) for each in interleaved] == [0, 0]
        assert [list(each) for each in interleaved] == [[1], [1]]
    task = ("waits", (("leaf", ()),))
    assert sorted(tree(spans).shape()) == [("numbers", ())] * 3 + [task] * 3
    assert len({span.trace_id for span in spans}) == 6


def test_a_copied_context_changes_nothing(record, core):
    with record() as spans:
        for number in range(3):
            contextvars.copy_context().run(root, number)
            contextvars.Context().run(root, number)
    assert fate(spans) == [(2, [None])] * 6


@contextmanager
def attached(context):
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def test_a_context_without_a_span_begins_a_trace_and_one_with_a_span_goes_on(record, core):
    remote = SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=TraceFlags(1))
    with record() as spans:
        root(0)
        with attached(baggage.set_baggage("user", "ada")):
            root(1)
        with attached(trace.set_span_in_context(NonRecordingSpan(remote))):
            root(2)
            root(3)
        with attached(trace.set_span_in_context(trace.INVALID_SPAN)):
            root(4)
        root(5)
    parent = f"{SPAN_ID:016x}"
    assert fate(spans) == [(2, [None])] * 4 + [(4, [parent, parent])]
    below = {span.trace_id for span in spans if span.parent_span_id == parent}
    assert below == {f"{TRACE_ID:032x}"}


def test_a_parent_that_is_not_sampled_is_respected(record, core):
    remote = SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=TraceFlags(0))
    with record() as spans:
        root(0)
        with attached(trace.set_span_in_context(NonRecordingSpan(remote))):
            root(1)
        root(2)
    assert fate(spans) == [(2, [None])] * 2


def test_roots_go_on_from_the_parent_that_the_environment_names(record, core, monkeypatch):
    monkeypatch.setenv("TRACEPARENT", REMOTE)
    monkeypatch.setenv("TRACESTATE", "vendor=1")
    with record() as spans:
        for number in range(4):
            root(number)
        with attached(baggage.set_baggage("user", "ada")):
            root(4)
        stats = recorder_stats()
    parent = f"{SPAN_ID:016x}"
    assert fate(spans) == [(10, [parent] * 5)]
    assert {span.trace_state for span in spans} == {"vendor=1"}
    assert core == "python" or stats["boxed"]["parent"] == 1


def test_a_root_is_the_current_span_of_whoever_asks(record, core):
    def asks():
        seen.append(trace.get_current_span().get_span_context())

    seen = []
    with record() as spans:
        root(0)
        asks()
        asks()
    told = {(f"{context.trace_id:032x}", f"{context.span_id:016x}") for context in seen}
    assert len(told) == 2
    assert told == {(span.trace_id, span.span_id) for span in spans if "asks" in span.name}


def test_spans_of_others_hang_on_the_root_around_them(core):
    def handles():
        with trace.get_tracer("others").start_as_current_span("by hand"):
            leaf(1)

    exporter = InMemoryExporter()
    with configure(TRACED, exporter) as session:
        for _ in range(3):
            handles()
        session.flush()
    assert fate(exporter.spans) == [(3, [None])] * 3


def test_a_root_that_raises_tells_the_error(record, core):
    with record() as spans:
        for number in range(3):
            with suppress(ValueError):
                fails(number)
    assert [span.status for span in spans] == [StatusCode.ERROR] * 3
    messages = [span.events[0].attributes["exception.message"] for span in spans]
    assert messages == ["0", "1", "2"]
    assert fate(spans) == [(1, [None])] * 3


def test_the_recursion_limit_costs_no_root(record, core):
    with record() as spans:
        for number in range(3):
            with suppress(RecursionError):
                deep(number)
            root(number)
    roots = [span for span in spans if span.parent_span_id is None]
    assert sorted(span.name.rpartition(".")[2] for span in roots) == ["deep"] * 3 + ["root"] * 3


def in_child(fork, check):
    """Fork, and let the child alone say whether a check holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads
        child = fork()
    if not child:
        has_held = False
        try:
            has_held = check()
        finally:
            os._exit(not has_held)
    assert os.waitpid(child, 0)[1] == 0


@contextmanager
def nobody_asking_for_the_gil(session):
    """Let threads wait for it as long as they have to.

    A child that is forked while one asks gives the GIL up and waits until that thread, which it has
    not, has taken it; the interpreter's hooks would prevent this.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        session.flush()  # what began to wait before asks by now
        yield
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("fork", ["Python", "C"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_begins_traces_of_its_own(core, fork):
    def begun():
        return trace.get_current_span().get_span_context().trace_id

    # With the GIL held, as by an extension module that forks; no hook of Python runs then.
    function = os.fork if fork == "Python" else ctypes.PyDLL(None).fork
    with configure(TRACED, InMemoryExporter()) as session:
        for number in range(3):
            root(number)
        read, write = os.pipe()
        with nobody_asking_for_the_gil(session):
            in_child(function, lambda: os.write(write, repr([begun() for _ in range(3)]).encode()))
        of_child = ast.literal_eval(os.read(read, 10_000).decode())
        of_parent = [begun() for _ in range(3)]
    assert len({*of_child, *of_parent}) == 6
    assert 0 not in of_child


def test_a_fork_inside_of_a_root_leaves_both_processes_their_calls(core):
    def forks():
        in_child(os.fork, lambda: root(1) == 1)
        return root(2)

    exporter = InMemoryExporter()
    with configure(TRACED, exporter) as session:
        root(0)
        forks()
        session.flush()
    shapes = [size for size, parents in fate(exporter.spans) if parents == [None]]
    assert shapes == [2, 3]


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_a_sampler_by_ratio_decides_as_opentelemetrys_does(record, core, monkeypatch, sampler):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.3")
    with record() as spans:
        for number in range(400):
            root(number)
        refused = active_session()._leading.refused_by_sampler
        stats = recorder_stats()
    theirs = sampling.TraceIdRatioBased(0.3)
    kept = {span.trace_id for span in spans}
    assert len(spans) == 2 * len(kept)
    assert len(kept) + refused == 400
    assert 60 < len(kept) < 190
    for trace_id in kept:
        decision = theirs.should_sample(None, int(trace_id, 16), "").decision
        assert decision is sampling.Decision.RECORD_AND_SAMPLE
    assert core == "python" or stats["native_calls"] >= len(spans) - 2


@pytest.mark.parametrize("arguments", ["0.0", "1.0"])
def test_a_sampler_may_keep_nothing_and_everything(record, core, monkeypatch, arguments):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", arguments)
    with record() as spans:
        for number in range(20):
            root(number)
            assert list(numbers(2)) == [0, 1]
    assert len(spans) == 60 * float(arguments)


def test_the_ratio_of_a_rule_decides_by_the_id_of_the_trace(record, core):
    sampled = rule("obj:glob:*.root", "exec = 'trace'\nsampling = {ratio = 0.5}")
    with record(sampled) as spans:
        for number in range(200):
            root(number)
    kept = {span.trace_id for span in spans if span.name.endswith(".root")}
    assert 60 < len(kept) < 140
    for span in spans:
        is_below = ratio_key(int(span.trace_id, 16)) < ratio_bound(0.5)
        assert is_below is (span.trace_id in kept)


class Numbered(IdGenerator):
    """Ids that somebody else gives."""

    def __init__(self):
        self.last = 0

    def generate_span_id(self):
        self.last += 1
        return self.last

    def generate_trace_id(self):
        self.last += 1
        return 1 << 100 | self.last


def test_ids_of_somebody_elses_generator_are_taken(core):
    exporter = InMemoryExporter()
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(id_generator=Numbered(), shutdown_on_exit=False)
    with configure(TRACED, exporter, tracer_provider=provider) as session:
        for number in range(3):
            root(number)
        session.flush()
    assert all(int(span.trace_id, 16) >> 100 == 1 for span in exporter.spans)
    assert len({span.trace_id for span in exporter.spans}) == 3


def test_a_provider_that_comes_later_gives_the_ids_from_then_on(core):
    """The core made its own before."""
    exporter = InMemoryExporter()
    with configure(TRACED, exporter) as session:
        recorder = session._leading.recorder
        for _ in range(3):
            root(1)
        session.flush()
        before = len(exporter.spans)
        recorder.follow(Numbered(), None)
        for _ in range(3):
            root(1)
        session.flush()
    assert all(int(span.trace_id, 16) >> 100 == 1 for span in exporter.spans[before:])
    assert not any(int(span.trace_id, 16) >> 100 == 1 for span in exporter.spans[:before])


def test_a_tail_decides_about_each_root(core):
    exporter = InMemoryExporter()
    with configure(TRACED, exporter, tail="errors") as session:
        for number in range(100):
            with suppress(ValueError):
                (fails if number % 25 == 7 else root)(number)
        session.flush()
        stats = session.stats()["tail"]
    assert sorted(span.attributes["codetracer.arg.value"] for span in exporter.spans) == [
        7,
        32,
        57,
        82,
    ]
    assert stats["traces"] == {"dropped": 96, "error": 4}
    assert stats["spans"] == {"dropped": 192, "kept": 4}


def test_a_tail_keeps_slow_roots_and_a_share_of_the_others(core):
    def slow():
        time.sleep(0.06)

    exporter = InMemoryExporter()
    with configure(TRACED, exporter, tail="slower=50ms,ratio=0.25") as session:
        root(0)
        slow()
        for number in range(200):
            root(number)
        session.flush()
    by_reason = {}
    for span in exporter.spans:
        if (reason := span.attributes.get("codetracer.tail.reason")) is not None:
            by_reason.setdefault(reason, []).append(span)
    assert any(span.name.endswith("slow") for span in by_reason["slow"])
    for span in by_reason["ratio"]:
        assert ratio_key(int(span.trace_id, 16)) < ratio_bound(0.25)
        assert span.parent_span_id is None
    assert 20 < len(by_reason["ratio"]) < 85


def test_an_error_of_a_root_in_c_asks_for_a_dump(core):
    exporter = InMemoryExporter()
    options = {"flight_recorder": "8MB", "dump_on": ["error"]}
    with configure(TRACED, exporter, **options) as session:
        root(0)
        root(1)
        session.flush()
        assert exporter.spans == []
        with suppress(ValueError):
            fails(2)
        session.flush()
        session.flush()
        assert len(exporter.spans) == 5


def test_roots_are_counted_as_such_for_the_budget(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with configure(TRACED, InMemoryExporter(), buffer=ct.Buffer(interval_ms=600_000)) as it:
        it._pipeline.park()
        for number in range(10):
            root(number)
        block = it._leading.recorder.drain(1_000)
        roots = sum(tally.roots for tally in block.tallies())
        assert roots == 10
        assert len(block.local_roots()) == 10
        assert len({segment.trace_id for segment in block.segments()}) == 10


def test_segments_of_roots_are_no_work_for_the_collector(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with configure(TRACED, InMemoryExporter(), buffer=ct.Buffer(interval_ms=600_000)) as it:
        it._pipeline.park()
        root(0)
        for number in range(10):
            root(number)
        records = list(it._leading.recorder.drain(1_000))
    native = [record[SEGMENT] for record in records[2:]]
    assert not any(map(gc.is_tracked, native))
    assert sys.getrefcount(native[0].trace_id) < 10
