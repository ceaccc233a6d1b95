"""The clock of calls: the system's, carried on by a counter, and one that lets anything happen."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codetracer_otel._core import load
from codetracer_otel.bindings import Time

NATIVE = load()
PROJECT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
# In a process of its own: what fails ends it.
PROGRAM = """
from codetracer_otel.bindings import Time
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.testing import InMemoryExporter

looks = False

def read():
    if looks:
        active_session()._leading.recorder.stacks.open_entries()
    return Time.monotonic_ns()

SystemClock.monotonic_ns = staticmethod(read)
FILTER = '''
[meta]
name = "clock"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "file:literal:<string>"
exec = "trace"
capture = CAPTURE
[[scope.rules]]
selector = "obj:*.{read,<module>}"
exec = "skip"
'''

def inner(value):
    if value == 3:
        raise ValueError(value)
    return value

def items(value):
    yield value
    yield value

def outer():
    for value in range(5):
        try:
            list(items(inner(value)))
        except ValueError:
            pass

kept = InMemoryExporter()
with configure(filter_from_text(FILTER), kept) as session:
    outer()
    looks = True
    for _ in range(50):
        outer()
    looks = False
    assert session.stats()["recorder"]["healed_stack_entries"] == 0
    assert not session.has_failed
assert len(kept.named("__main__.inner")) == 255, len(kept.spans)
assert len(kept.named("__main__.items")) == 204, len(kept.spans)
assert len(kept.named("__main__.outer")) == 51, len(kept.spans)
"""


@pytest.mark.parametrize("capture", ["[]", "['args', 'return']"])
def test_open_calls_may_become_records_while_a_clock_is_read(capture):
    source = PROGRAM.replace("CAPTURE", capture)
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])


WINDOW_NS = 1_000_000  # for which the clock is carried on


def readings(counts, clock):
    return [(count, clock(count), count + 40) for count in counts]


def counts_of(number, *, step=2_000, seed=1):
    chance = random.Random(seed)
    count = 10**12
    for _ in range(number):
        count += chance.randrange(1, 2 * step)
        yield count


def test_a_clock_is_carried_on_within_some_ns():
    def clock(count):
        return int(5 + count / 2.6)

    told = readings(counts_of(50_000), clock)
    off = [at - ns for at, (_, ns, _) in zip(NATIVE.module.carried_times(told), told, strict=True)]
    assert max(map(abs, off)) <= 25
    assert len(set(off)) > 1  # or nothing was carried on


def test_a_clock_that_is_adjusted_is_followed():
    def clock(count):  # 500 ppm faster from the middle on, as much as Linux ever adjusts it
        return int(count / 2.6 + max(0, count - 10**12 - 50_000_000) / 2.6 * 5e-4)

    told = readings(counts_of(50_000), clock)
    off = [at - ns for at, (_, ns, _) in zip(NATIVE.module.carried_times(told), told, strict=True)]
    assert max(map(abs, off)) <= 600


@pytest.mark.parametrize("jump", [-(10**12), -500_000, 500_000, 3_000_000, 10**12])
def test_a_counter_that_jumps_is_wrong_by_no_more_than_a_window(jump):
    """As where a machine sleeps, or moves to another one."""
    told = [
        (count + by, ns, after + by)
        for count, ns, after in readings(counts_of(100_000), lambda count: int(count / 2.6))
        for by in [jump if count > 10**12 + 50_000_000 else 0]
    ]
    times = NATIVE.module.carried_times(told)
    assert jump < 0 or times == sorted(times)
    off = [at - ns for at, (_, ns, _) in zip(times, told, strict=True)]
    assert max(map(abs, off)) <= WINDOW_NS
    assert max(map(abs, off[-10_000:])) <= 25


@pytest.mark.parametrize("awake_ns", [5_000_000, 2_000_000_000])
@pytest.mark.parametrize("slept_s", [10, 60, 3_600])
@pytest.mark.parametrize("first_calls", [1, 2, 3])
def test_a_machine_that_sleeps_before_the_rate_is_known_makes_no_time_wrong(
    first_calls, slept_s, awake_ns
):
    """The counter goes on meanwhile, and the clock stands still."""
    told, ns = [], 10**15
    for number in range(10_000):
        slept = int(slept_s * 2.6e9) if number >= first_calls else 0
        count = int(ns * 2.6) + slept
        told.append((count, ns, count + 40))
        ns += 2_000_000 if number < first_calls else awake_ns // 10_000
    off = [at - ns for at, (_, ns, _) in zip(NATIVE.module.carried_times(told), told, strict=True)]
    assert max(map(abs, off)) <= 25


def test_a_counter_that_stands_still_is_not_used():
    told = [(10**12, ns, 10**12) for ns in range(0, 10**8, 50_000)]
    assert NATIVE.module.carried_times(told) == [ns for _, ns, _ in told]


def test_a_reading_in_whose_middle_something_else_ran_is_not_carried_on():
    told, count = [], 10**12
    for number in range(30_000):
        count += 20_000
        pause = 10**7 if number % 300 == 0 else 40
        told.append((count, int((count + pause // 3) / 2.6), count + pause))
        count += pause
    for at, (count, ns, _) in zip(NATIVE.module.carried_times(told), told, strict=True):
        assert at == ns or abs(at - count / 2.6) <= 25


def called():
    return None


def calls_between_readings():
    around = []
    for number in range(2_000):
        before = Time.monotonic_ns()
        called()
        around.append((before, Time.monotonic_ns()))
        if number % 500 == 0:
            time.sleep(0.003)  # longer than the clock is carried on
    return around


def test_calls_lie_between_readings_of_the_clock_around_them(record):
    with record() as spans:
        around = calls_between_readings()
    inner = [span for span in spans if span.name.endswith("called")]
    # What was added to make Unix time of it is the same for all of them, and not told.
    most = min(span.start_ns - before for span, (before, _) in zip(inner, around, strict=True))
    least = max(span.end_ns - after for span, (_, after) in zip(inner, around, strict=True))
    assert least <= most + WINDOW_NS
