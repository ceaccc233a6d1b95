"""The thread that takes steps to native traces."""

import pytest
from tests.traced_run import run_python

from codetracer_otel.sdk.parts.step_delivery import StepDelivery


class Recorder:
    is_delivering = False
    wake = None

    def __init__(self, error=None):
        self.error = error
        self.drained = 0

    def drain(self, take, *, is_last):
        self.drained += 1
        if self.error is not None:
            raise self.error

    def take_ended_threads(self):
        return []

    def wake_with_next(self):
        pass

    def give_up(self):
        self.has_given_up = True


def delivery_of(recorder, errors):
    return StepDelivery(recorder, [], 60, lambda: None, errors.append)


def test_a_flush_ends_when_everything_is_delivered():
    recorder = Recorder()
    delivery = delivery_of(recorder, [])
    delivery.start()
    assert delivery.flush(60)
    assert delivery.stop(60)
    assert recorder.drained >= 2


def test_after_a_failure_nobody_waits_and_nothing_more_is_taken():
    errors = []
    recorder = Recorder(ValueError("full"))
    delivery = delivery_of(recorder, errors)
    delivery.start()
    assert not delivery.flush(60)
    assert not delivery.flush(60)
    assert delivery.stop(60)
    assert recorder.drained == 1
    assert errors == [recorder.error]
    assert recorder.has_given_up


PROGRAM = """
import sys
from codetracer_otel.exporters.native.write.writer import NativeTrace

write, takes = NativeTrace.write, iter([True] * {good})
def failing(self, thread, entries):
    if not next(takes, False):
        raise ValueError("a defect")
    write(self, thread, entries)
NativeTrace.write = failing

import codetracer_otel as ct
from codetracer_otel.sdk.parts import step_delivery
step_delivery._FIRST_INTERVAL_S = 600
session = ct.configure(exporter="native=" + sys.argv[1], policy=dict(on_recorder_error="disable"),
    buffer=ct.Buffer(interval_ms=600_000))
def work(number):
    return number
for _ in range(7):
    work(1)
session.flush()
for _ in range(5):
    work(2)
session.shutdown()
native = session.stats()["native"]
print(native["calls"], native["lost_calls"])
"""


@pytest.mark.parametrize(("good", "calls", "lost"), [(1000, 12, 0), (0, 0, 7), (1, 7, 5)])
def test_what_a_failing_delivery_leaves_is_counted(tmp_path, good, calls, lost):
    (tmp_path / "app.py").write_text(PROGRAM.format(good=good))
    done = run_python(tmp_path / "app.py", tmp_path / "trace")
    assert done.stdout == f"{calls} {lost}\n"
