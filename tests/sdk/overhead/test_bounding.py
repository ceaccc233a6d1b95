"""What a bound on the overhead knows belongs to the filter in force."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from codetracer_otel.model.record import NOT_CAPTURED, Plan, TraceOnThread
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.sdk.overhead import bounding
from codetracer_otel.sdk.overhead.budget import Budget

SECOND = 1_000_000_000
CODE = compile("", "<tests>", "exec")
TINY = Plan("app.tiny", "app.tiny", "/app.py", 1)
SEGMENT = TraceOnThread(7, 0)


class Clock:
    now = 0

    def read(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(bounding, "cost_of_a_call", lambda _monitor, _recorder: 1_000_000)
    monkeypatch.setattr(
        bounding, "Budget", partial(Budget, now=made.read, process_cpu_ns=made.read)
    )
    return made


def test_a_filter_that_changes_while_a_function_is_limited_limits_nothing(clock):
    resource = {}
    recording = SimpleNamespace(monitor=None, recorder=None)
    overhead = bounding.Overhead(0.05, lambda: recording, resource, lambda *_, **_facts: None)
    folded = []

    def fold_while_another_thread_reloads(plan, _rules):
        folded.append(plan)
        with overhead.begins_anew():
            pass

    pipeline = SimpleNamespace(
        fold_plan=fold_while_another_thread_reloads, cpu_ns=lambda: 0, watch=None
    )
    counters = {"queue_depth": 0, "dropped_buffer_full": 0}
    recorder = SimpleNamespace(stats=lambda: counters, switch_off=None, switch_on=None)
    overhead.install(pipeline, recorder)
    for _ in range(3):
        clock.now += SECOND
        record = [CODE, TINY, 2, SEGMENT, None, 1, (), 0, 300, NOT_CAPTURED, None]
        pipeline.watch(RecordBlock([record] * 100))
    assert folded == [TINY]
    assert overhead.stats()["folded"] == []
    assert resource == {"codetracer.overhead.folded": (), "codetracer.overhead.off": ()}
