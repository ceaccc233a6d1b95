"""A bound on the overhead: what costs most and tells least goes first, and comes back last."""

from __future__ import annotations

import pytest

from codetracer_otel.model.record import NOT_CAPTURED, Ending, Plan, SpanDetails, TraceOnThread
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.sdk.overhead.budget import FOLD, Budget

SECOND = 1_000_000_000
CODE = compile("", "<tests>", "exec")
SEGMENT = TraceOnThread(7, 0)


def plan(name, **more):
    return Plan(f"app.{name}", f"app.{name}", "/app.py", 1, **more)


TINY, WARM, SLOW, ROOT, FAILING = map(plan, ("tiny", "warm", "slow", "root", "failing"))
ALWAYS = plan("always", always=True)


class Process:
    """A process whose time and CPU stand still until a second is over."""

    def __init__(self, call_ns=1_000_000):
        self.now = self.cpu = self.own = self.untaken = 0
        self.done, self.told = [], []
        self.is_open = False
        self.number = 1
        self.budget = Budget(
            0.05,
            call_ns,
            lambda: self.own,
            lambda: self.untaken,
            self,
            self.notify,
            now=lambda: self.now,
            process_cpu_ns=lambda: self.cpu,
        )

    def notify(self, event, level="info", **facts):
        self.told.append((event, level, facts["message"]))

    def fold(self, which, rules):
        self.done.append(("fold" if rules is FOLD else "unfold", which.name))

    def switch_off(self, which):
        if not self.is_open:
            self.done.append(("off", which.name))
        return not self.is_open

    def switch_on(self, which):
        self.done.append(("on", which.name))

    def record(self, which, parent=1, length=300, details=None):
        self.number += 1
        times = [0, length, NOT_CAPTURED]
        return [CODE, which, self.number, SEGMENT, None, parent, (), *times, details]

    def second(self, *calls, cpu=SECOND, own=0):
        """Let a second pass in which calls (plan, number) are recorded."""
        records = [self.record(which) for which, count in calls for _ in range(count)]
        self.pass_with(records, cpu=cpu, own=own)

    def pass_with(self, records, cpu=SECOND, own=0):
        self.now += SECOND
        self.cpu += cpu
        self.own += own
        self.budget.take(RecordBlock(records))


# A call costs 1 ms, so that 50 of them in a second of CPU are what is allowed.
def busy(process, *calls, seconds=3):
    for _ in range(seconds):
        process.second(*calls)


@pytest.fixture
def process():
    return Process()


def test_after_three_seconds_above_it_the_hottest_is_folded_then_switched_off(process):
    calls = (TINY, 100), (WARM, 3)
    busy(process, *calls, seconds=2)
    assert process.done == []
    busy(process, *calls, seconds=1)
    assert process.done == [("fold", "app.tiny")]
    busy(process, *calls)
    assert process.done[1:] == [("off", "app.tiny"), ("fold", "app.tiny")]
    assert process.budget.stats()["off"] == ["app.tiny"]
    assert process.budget.stats()["steps"] == {"folded": 1, "off": 1}


def test_each_step_is_one_line_with_the_rule_that_makes_it_permanent(process):
    busy(process, (TINY, 100), seconds=6)
    assert [(event, level) for event, level, _ in process.told] == [
        ("overhead_bounded", "warn")
    ] * 2
    assert "[scope.fold] after = 50, shorter_than_us = 100" in process.told[0][2]
    rule = "[[scope.rules]] selector = 'obj:literal:app.tiny', exec = 'skip'"
    assert rule in process.told[1][2]
    assert [step.rule for step in process.budget.steps][1] == rule
    assert [step.seconds for step in process.budget.steps] == [3.0, 6.0]


def test_a_second_below_it_begins_the_three_anew(process):
    busy(process, (TINY, 100), seconds=2)
    process.second((TINY, 10))
    busy(process, (TINY, 100), seconds=2)
    assert process.done == []


def test_as_many_go_as_it_takes(process):
    other = plan("other")
    busy(process, (TINY, 60), (other, 50), (WARM, 1))
    assert process.done == [("fold", "app.tiny"), ("fold", "app.other")]


def test_below_it_for_a_minute_the_last_one_comes_back(process):
    busy(process, (TINY, 100), seconds=6)
    for _ in range(59):
        process.second()
    assert process.done[-1] == ("fold", "app.tiny")
    process.second()
    assert process.done[-2:] == [("on", "app.tiny"), ("unfold", "app.tiny")]
    assert process.budget.stats()["off"] == []


def test_what_came_back_and_costs_as_much_goes_at_once_and_for_longer(process):
    busy(process, (TINY, 100), seconds=6)
    for _ in range(60):
        process.second()
    done = len(process.done)
    busy(process, (TINY, 100))
    assert process.done[done:] == [("off", "app.tiny"), ("fold", "app.tiny")]
    for _ in range(119):
        process.second()
    assert len(process.done) == done + 2
    process.second()
    assert process.done[-2:] == [("on", "app.tiny"), ("unfold", "app.tiny")]


def test_a_fold_that_was_enough_is_undone_alone(process):
    busy(process, (TINY, 100))
    for _ in range(60):
        process.second()
    assert process.done == [("fold", "app.tiny"), ("unfold", "app.tiny")]


@pytest.mark.parametrize("kept", [ALWAYS, plan("served", root=True)])
def test_what_a_rule_keeps_stays(process, kept):
    busy(process, (kept, 100), seconds=9)
    assert process.done == []


def test_roots_and_what_has_calls_below_it_stay(process):
    for _ in range(6):
        roots = [process.record(ROOT, parent=0) for _ in range(100)]
        pairs = []
        for _ in range(100):
            parent = process.record(WARM)
            pairs += [process.record(SLOW, parent=parent[2], length=200_000), parent]
        process.pass_with([*roots, *pairs])
    assert process.done == []


def test_what_has_failed_is_folded_but_never_switched_off(process):
    details = SpanDetails()
    details.ending = Ending.RAISED
    process.pass_with([process.record(FAILING, details=details)])
    busy(process, (FAILING, 100), seconds=9)
    assert process.done == [("fold", "app.failing")]


def test_a_call_that_is_open_puts_it_off(process):
    process.is_open = True
    busy(process, (TINY, 100), seconds=6)
    assert process.done == [("fold", "app.tiny")]
    process.is_open = False
    process.budget.take(RecordBlock())
    assert process.done[1] == ("off", "app.tiny")


def test_a_process_at_rest_keeps_everything(process):
    for _ in range(100):
        process.second((TINY, 5), cpu=10_000_000, own=4_000_000)
    assert process.done == []


def test_calls_that_were_lost_cost_as_well(process):
    for _ in range(3):
        process.untaken += 60
        process.second((TINY, 10))
    assert process.done == [("fold", "app.tiny")]


def test_calls_that_wait_cost_when_they_are_made_and_not_when_they_are_taken(process):
    for _ in range(2):
        process.untaken += 100
        process.second()
    for _ in range(3):
        process.untaken -= 40
        process.second((TINY, 40))
    assert process.done == []


def test_what_is_off_and_still_waits_costs_no_other_function_its_calls(process):
    other = plan("other")
    busy(process, (TINY, 100), (other, 20), seconds=6)
    done = len(process.done)
    for _ in range(6):
        process.second((TINY, 100), (other, 20), own=SECOND // 10)
    assert process.done[done:] == []


def test_a_forked_child_measures_itself_and_knows_what_is_off(process):
    busy(process, (TINY, 100), seconds=6)
    process.cpu = process.own = process.untaken = 0
    process.budget.begin_in_child()
    assert process.budget.stats()["off"] == ["app.tiny"]
    for _ in range(60):
        process.second()
    assert process.done[-2:] == [("on", "app.tiny"), ("unfold", "app.tiny")]
    assert process.budget.stats()["steps"] == {"back": 1}
