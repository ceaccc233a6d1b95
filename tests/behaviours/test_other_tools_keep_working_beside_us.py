"""Profilers, debuggers, coverage and other monitoring tools see what they saw without us."""

import bdb
import cProfile
import io
import pdb
import pstats
import sys
import threading

import coverage
import pytest

MONITORING = sys.monitoring


def leaf(n):
    return n + 1


def steps(n):
    for i in range(n):
        yield leaf(i)


def work():
    try:
        total = sum(steps(3))
        raise ValueError(total)
    except ValueError:
        return leaf(2)


EXPECTED_SHAPE = (("work", (("steps", (("leaf", ()),) * 3), ("leaf", ()))),)


def profiled():
    profile = cProfile.Profile()
    profile.runcall(work)
    stats = pstats.Stats(profile, stream=io.StringIO()).stats
    return {name: calls for (file, _, name), (_, calls, *_) in stats.items() if file == __file__}


def events_of(install):
    seen = []

    def trace(frame, event, _argument):
        if frame.f_code.co_filename == __file__ and frame.f_code is not work_with.__code__:
            seen.append((event, frame.f_code.co_name, frame.f_lineno))
            return trace
        return None

    def work_with():
        previous = sys.gettrace() if install is sys.settrace else sys.getprofile()
        install(trace)
        try:
            work()
        finally:
            install(previous)

    work_with()
    return seen


def covered(core, tmp_path):
    coverage_run = coverage.Coverage(
        data_file=str(tmp_path / f"data-{core}"), include=[__file__], config_file=False
    )
    coverage_run.set_option("run:core", core)
    coverage_run.start()
    try:
        work()
    finally:
        coverage_run.stop()
    lines = set(coverage_run.get_data().lines(__file__) or ())
    first, last = work.__code__.co_firstlineno, work.__code__.co_firstlineno + 6
    return {line for line in lines if first <= line <= last}


def test_cprofile_counts_the_same(record, tree):
    untraced = profiled()
    with record() as spans:
        traced = profiled()
        threading.Event().is_set()
    assert traced == untraced
    assert tree(spans).named("work")


@pytest.mark.parametrize("install", [sys.settrace, sys.setprofile])
def test_a_trace_function_sees_the_same_events(record, tree, install):
    untraced = events_of(install)
    with record() as spans:
        traced = events_of(install)
    assert traced == untraced
    assert len(tree(spans).named("leaf")) == 4


@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_coverage_measures_the_same_lines(record, tmp_path, core):
    untraced = covered(core, tmp_path)
    with record() as spans:
        traced = covered(core, tmp_path)
    assert traced == untraced != set()
    assert spans


def test_pdb_stops_and_goes_on(record, tree):
    def debugged():
        commands = io.StringIO("step\nstep\nwhere\nreturn\ncontinue\n")
        output = io.StringIO()
        debugger = pdb.Pdb(stdin=commands, stdout=output, nosigint=True, readrc=False)
        debugger.use_rawinput = False
        try:
            debugger.runcall(leaf, 5)
        except bdb.BdbQuit:
            return "quit"
        finally:
            sys.settrace(None)
        return [line for line in output.getvalue().splitlines() if "leaf" in line]

    previous = sys.gettrace()
    untraced = debugged()
    with record() as spans:
        traced = debugged()
    sys.settrace(previous)
    assert traced == untraced
    assert "codetracer" not in "".join(traced)
    assert len(tree(spans).named("leaf")) == 1


def test_another_monitoring_tool_gets_its_events(record, tree):
    def watched():
        seen = []
        events = MONITORING.events
        MONITORING.use_tool_id(0, "other")
        try:
            MONITORING.register_callback(
                0, events.PY_START, lambda code, _: seen.append(code.co_name)
            )
            MONITORING.set_local_events(0, leaf.__code__, events.PY_START)
            work()
        finally:
            MONITORING.set_local_events(0, leaf.__code__, 0)
            MONITORING.register_callback(0, events.PY_START, None)
            MONITORING.free_tool_id(0)
        return seen

    untraced = watched()
    with record() as spans:
        traced = watched()
    assert traced == untraced == ["leaf"] * 4
    assert tree(spans).named("work")


def test_a_trace_function_set_before_the_session_survives_it(record):
    seen = []

    def trace(frame, event, _argument):
        seen.append(event)

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        with record():
            work()
        assert sys.gettrace() is trace
    finally:
        sys.settrace(previous)
    assert "call" in seen
