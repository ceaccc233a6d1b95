"""Sessions one after the other: what one skipped, disabled or held is new to the next."""

import asyncio
import gc
import sys
import threading
import weakref

import pytest
from tests.conftest import HEADER, rule

from codetracer_otel.filters import filter_from_text
from codetracer_otel.testing import capture_spans


def leaf():
    return 1


def other():
    return leaf()


def only_function(name):
    return filter_from_text(HEADER + rule(f"obj:glob:*.{name}"))


def names(spans):
    return [span.name.rpartition(".")[2] for span in spans]


def test_functions_skipped_in_the_first_are_traced_in_the_second():
    for name in ("leaf", "other", "leaf", "other"):
        with capture_spans(only_function(name)) as spans:
            other()
            other()
        assert names(spans) == [name, name]


def test_handing_on_works_in_each_session(record, tree):
    async def main():
        done = asyncio.Event()

        def finish():
            leaf()
            done.set()

        asyncio.get_running_loop().call_soon(finish)
        await done.wait()

    for _ in range(3):
        with record() as spans:
            asyncio.run(main())
        assert tree(spans).shape() == (("main", (("finish", (("leaf", ()),)),)),)


def test_threads_of_the_first_session_record_in_the_second(record, tree):
    begin, end = threading.Event(), threading.Event()
    finished = threading.Event()

    def worker():
        leaf()
        end.set()
        begin.wait()
        leaf()
        finished.set()

    with record() as spans:
        thread = threading.Thread(target=worker)
        thread.start()
        end.wait()
    assert names(spans) == ["leaf", "worker"]
    with record() as spans:
        begin.set()
        finished.wait()
        thread.join()
    assert names(spans) == ["leaf"]
    assert spans[0].parent_span_id is None


def test_a_generator_suspended_across_sessions_goes_on(record):
    def steps():
        yield leaf()
        yield leaf()

    generator = steps()
    with record() as spans:
        next(generator)
    assert sorted(names(spans)) == ["leaf", "steps"]
    with record() as spans:
        next(generator)
    assert names(spans) == ["leaf"]
    assert spans[0].parent_span_id is None


def test_no_session_outlives_its_end(record):
    from codetracer_otel.sdk.session.configure import active_session

    with record():
        leaf()
        recorder = weakref.ref(active_session()._leading.recorder)
    gc.collect()
    with record():
        leaf()
    gc.collect()
    assert recorder() is None


def test_nothing_is_left_switched_on(record):
    monitoring = sys.monitoring
    with record():
        other()
    for tool in (3, 4):
        monitoring.use_tool_id(tool, "probe")
        try:
            assert monitoring.get_events(tool) == 0
            assert monitoring.get_local_events(tool, other.__code__) == 0
            assert monitoring.get_local_events(tool, asyncio.run.__code__) == 0
        finally:
            monitoring.free_tool_id(tool)


@pytest.mark.parametrize("rounds", [30])
def test_many_sessions_use_no_more_memory_than_few(record, rounds):
    import tracemalloc

    def session():
        with record():
            other()

    for _ in range(5):
        session()
    tracemalloc.start()
    try:
        session()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(rounds):
            session()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown / rounds < 4_000
