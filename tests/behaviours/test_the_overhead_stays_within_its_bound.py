"""`max_overhead`: what is switched off costs no event, and everything else is recorded whole."""

import contextlib
import json
import sys

import pytest
from tests.conftest import HEADER, rule
from tests.traced_run import run_traced, spans_in

from codetracer_otel.errors import ConfigurationError
from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.types import FoldRules
from codetracer_otel.instrumentation.plan_builder import PlanBuilder
from codetracer_otel.sdk.overhead import budget as budgets
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

TRACED = rule(
    rf"obj:regex:^{__name__}\.(tiny|fails|works|numbers|goes_deeper|goes_on|calls_often|other)$"
)
HERE = filter_from_text(HEADER + TRACED)


@pytest.fixture
def exporter():
    made = InMemoryExporter()
    yield made
    shutdown()


def begin(exporter, trace_filter=HERE, **options):
    return configure(trace_filter, exporter, policy={"on_recorder_error": "abort"}, **options)


def tiny(number):
    return number


def fails(number):
    raise LookupError(number)


def works(number):
    with contextlib.suppress(LookupError):
        fails(number)
    return tiny(number)


def numbers(count):
    yield from range(count)


def all_numbers(count):
    return list(numbers(count))


def goes_deeper(levels, then=bool):
    return then() if not levels else goes_deeper(levels - 1, then)


def names(session, exporter):
    assert session.flush()
    return sorted(span.name.rpartition(".")[2] for span in exporter.spans)


def plan_of(session, function, call=None):
    """Return the plan of a function, after a call of it that is there to be seen."""
    pipeline, plans = session._pipeline, {}
    before, call = pipeline.watch, call or function
    pipeline.watch = lambda block: plans.update({plan.name: plan for plan, _ in block.plans()})
    call(1)
    assert session.flush()
    pipeline.watch = before
    return plans[f"{__name__}.{function.__name__}"]


def recorder_of(session):
    return session._leading.recorder


def test_what_is_switched_off_has_no_events_and_its_callers_stay(exporter):
    session = begin(exporter)
    plan, recorder = plan_of(session, tiny), recorder_of(session)
    works(1)
    assert recorder.switch_off(plan)
    works(2)
    tool = session._leading.monitor.tool_id
    assert sys.monitoring.get_local_events(tool, tiny.__code__) == 0
    assert names(session, exporter) == ["fails"] * 2 + ["tiny"] * 2 + ["works"] * 2
    recorder.switch_on(plan)
    works(3)
    assert names(session, exporter) == ["fails"] * 3 + ["tiny"] * 3 + ["works"] * 3
    assert plan_of(session, tiny) is plan


def test_what_is_open_is_not_switched_off(exporter):
    session = begin(exporter)
    recorder, answers = recorder_of(session), []
    deep, suspends = plan_of(session, goes_deeper), plan_of(session, numbers, all_numbers)
    goes_deeper(3, lambda: answers.append(recorder.switch_off(deep)))
    suspended = numbers(3)
    next(suspended)
    answers.append(recorder.switch_off(suspends))
    assert list(suspended) == [1, 2]
    assert answers == [False, False]
    assert recorder.switch_off(suspends)
    list(numbers(3))
    found = names(session, exporter)
    assert (found.count("numbers"), found.count("goes_deeper")) == (2, 6)
    assert session.stats()["recorder"]["healed_stack_entries"] == 0


def test_another_filter_has_everything_recorded_again(exporter):
    session = begin(exporter, max_overhead=0.5)
    assert recorder_of(session).switch_off(plan_of(session, tiny))
    tiny(2)
    session.reload(HERE)
    tiny(3)
    assert names(session, exporter) == ["tiny"] * 2


def test_a_plan_that_is_not_in_force_is_not_switched_off(exporter):
    session = begin(exporter)
    plan, recorder = plan_of(session, tiny), recorder_of(session)
    session.reload(HERE)
    assert not recorder.switch_off(plan)
    tiny(2)
    assert names(session, exporter) == ["tiny"] * 2


def test_nothing_is_limited_while_everything_is_planned_anew(exporter, monkeypatch):
    session = begin(exporter, max_overhead=0.5)
    works(1)
    plan = plan_of(session, tiny)
    switches = session._pipeline.watch.__self__._switches
    plan_again, answers = PlanBuilder.build_again, []

    def limit(which):
        switches.fold(which, FoldRules(0, 1_000_000_000))
        answers.append(switches.switch_off(which))

    def build_again(plans, code, hint):
        if code is works.__code__:
            limit(plan)  # as the worker may
        return plan_again(plans, code, hint)

    monkeypatch.setattr(PlanBuilder, "build_again", build_again)
    session.reload(HERE)
    limit(plan_of(session, tiny))  # the worker was about to
    works(2)
    assert set(answers) == {False}
    assert session._pipeline.fold is None
    assert names(session, exporter) == ["fails"] * 2 + ["tiny"] * 4 + ["works"] * 2


def calls_often():
    for number in range(300):
        tiny(number)
        other(number)


def other(number):
    return number


def test_one_function_alone_is_folded(exporter):
    session = begin(exporter)
    plan = plan_of(session, tiny)
    calls_often()
    assert session.flush()
    session._pipeline.fold_plan(plan, FoldRules(10, 1_000_000_000))
    calls_often()
    assert session.flush()
    session._pipeline.fold_plan(plan, None)
    calls_often()
    assert session.flush()
    spans = exporter.named(f"{__name__}.tiny")
    folded = [span.attributes.get("codetracer.folded.count") for span in spans]
    assert len(spans) == 1 + 300 + 10 + 1 + 300
    assert [count for count in folded if count] == [290]
    assert session.stats()["folded"] == {"calls": 290, "spans": 1}


class Clock:
    now = cpu = 0

    def advance(self, seconds):
        self.now += int(seconds * 1e9)
        self.cpu += int(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    defaults = budgets.Budget.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "now", lambda: clock.now)
    monkeypatch.setitem(defaults, "process_cpu_ns", lambda: clock.cpu)
    return clock


def busy_second(session, clock, calls):
    goes_on(calls)
    clock.advance(1 if calls < 100 else 0.001)
    clock.now += 0 if calls < 100 else 999_000_000
    assert session.flush()


def goes_on(calls):
    works(1)
    for number in range(calls):
        tiny(number)


def test_a_session_folds_then_switches_off_and_tells_it_in_the_trace(exporter, clock, monkeypatch):
    monkeypatch.setattr(budgets, "_NEGLIGIBLE", 0.0)
    session = begin(exporter, max_overhead="5%")
    for _ in range(6):
        busy_second(session, clock, 2_000)
    exporter.clear()
    goes_on(100)
    overhead = session.stats()["overhead"]
    assert overhead["off"] == [f"{__name__}.tiny"]
    assert overhead["call_ns"] > 0
    assert names(session, exporter) == ["fails", "goes_on", "works"]
    assert exporter.resource["codetracer.overhead.off"] == (f"{__name__}.tiny",)
    for _ in range(61):
        busy_second(session, clock, 1)
    assert session.stats()["overhead"]["off"] == []
    exporter.clear()
    goes_on(1)
    assert names(session, exporter) == ["fails", "goes_on", "tiny", "tiny", "works"]


def test_a_rule_keeps_a_function_whatever_it_costs(exporter, clock, monkeypatch):
    monkeypatch.setattr(budgets, "_NEGLIGIBLE", 0.0)
    always = rule(f"obj:literal:{__name__}.tiny", "always = true")
    session = begin(exporter, filter_from_text(HEADER + TRACED + always), max_overhead=0.05)
    for _ in range(9):
        busy_second(session, clock, 2_000)
    assert session.stats()["overhead"]["steps"] == {}


def test_calibration_leaves_nothing_in_the_trace(exporter):
    session = begin(exporter, max_overhead=0.05)
    tiny(1)
    assert names(session, exporter) == ["tiny"]
    assert session.stats()["recorder"]["code_objects_traced"] == 1


@pytest.mark.parametrize("share", [0, -1, 1.5, "much", "500%", True, ""])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(ConfigurationError, match="max_overhead"):
        configure(HERE, "none", max_overhead=share)


PROGRAM = """
def tiny(number):
    return number

def main():
    for number in range(10):
        tiny(number)

main()
"""


def test_a_run_within_its_bound_says_nothing_of_it(tmp_path):
    program, trace = tmp_path / "program.py", tmp_path / "trace.jsonl"
    program.write_text(PROGRAM)
    run = run_traced("--max-overhead", "50%", "--exporter", f"jsonl={trace}", program)
    assert run.returncode == 0
    assert "overhead" not in run.stderr
    assert "overhead" not in json.loads(trace.read_text().splitlines()[-1])
    assert len(spans_in(trace)) == 12
