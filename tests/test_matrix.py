"""What the closing table of `make test` says, and which failures are given a second chance."""

import pytest
from tools.matrix import Run, may_be_load, read_run, report

PASSED = (
    "....\nSKIPPED [2] tests/test_a.py:3: no wheel\n6670 passed, 2 skipped in 300.2s (0:05:00)\n"
)
FAILED = "..F\nFAILED tests/test_a.py::test_b[x] - assert 1\n1 failed, 6 passed in 3.21s\n"
CRASHED = "FAILED tests/test_a.py::test_b\nworker 'gw1' crashed while running 'tests/test_a.py'\n"
MANY = "".join(f"FAILED tests/test_a.py::test_{n}\n" for n in range(9))


def test_a_runs_summary_and_reasons_are_read():
    run = read_run("CPython 3.12.1", "c", 0, PASSED)

    assert run.summary == "6670 passed, 2 skipped"
    assert run.skips == ("2 of tests/test_a.py:3: no wheel",)


def test_a_run_that_says_nothing_is_told_by_its_status():
    assert read_run("CPython 3.12.1", "c", 4, "usage error\n").summary == "exit status 4"


def test_the_last_of_several_summaries_counts_with_and_without_its_frame():
    # tests of the runner print summaries of inner runs
    framed = "1 failed in 0.01s\n===== 6 passed, 1 skipped in 3.10s (0:00:03) =====\n"

    assert read_run("CPython 3.12.1", "c", 0, framed).summary == "6 passed, 1 skipped"
    assert read_run("CPython 3.12.1", "c", 0, FAILED + PASSED).summary == "6670 passed, 2 skipped"


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (1, FAILED, True),
        (0, PASSED, False),
        (1, CRASHED, False),
        (1, MANY, False),
        (2, FAILED, False),
    ],
)
def test_only_a_few_failures_without_a_crash_may_be_load(status, output, expected):
    assert may_be_load(status, output) is expected


def test_the_table_names_what_ran_what_failed_and_what_was_not_found():
    runs = [
        Run("CPython 3.12.1", "c", 0, "6 passed", (), ("tests/test_a.py::test_b[x]",)),
        Run("CPython 3.15.2", "python", 1, "1 failed", ("2 of x: no wheel",)),
    ]
    shown = report(runs, ["3.14"]).splitlines()

    assert shown == [
        "",
        "What ran where:",
        "  CPython 3.12.1   c       6 passed",
        "    passed alone, after failing beside others: tests/test_a.py::test_b[x]",
        "  CPython 3.15.2   python  1 failed",
        "    skipped 2 of x: no wheel",
        "  CPython 3.14     not found here; tools/get-python 3.14 fetches it",
    ]
