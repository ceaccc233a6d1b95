"""Tests that replace `time` in Python, as freezegun does, see no read of ours and move no span."""

import time
from unittest import mock


def leaf():
    return 1


def test_neither_times_nor_durations_follow(record):
    before = time.time_ns()
    with record() as spans:
        leaf()
        names = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
        replaced = {name: mock.Mock(return_value=0) for name in names}
        with mock.patch.multiple(time, **replaced):
            leaf()
        leaf()
    after = time.time_ns()
    times = [moment for span in spans for moment in (span.start_ns, span.end_ns)]
    assert len(spans) == 3
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= after
    assert [clock.call_count for clock in replaced.values()] == [0] * 6
