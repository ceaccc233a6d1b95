"""What the closing table of `make test` says, and which failures are given a second chance."""

import re

import pytest
from tests.traced_run import PROJECT
from tools.matrix import Run, may_be_load, names_tests, read_run, report
from tools.suite_plan import ANY_INTERPRETER, NAMES_ITS_CORE, Plan, plans

PASSED = (
    "....\nSKIPPED [2] tests/test_a.py:3: no wheel\n6670 passed, 2 skipped in 300.2s (0:05:00)\n"
)
FAILED = "..F\nFAILED tests/test_a.py::test_b[x] - assert 1\n1 failed, 6 passed in 3.21s\n"
CRASHED = "FAILED tests/test_a.py::test_b\nworker 'gw1' crashed while running 'tests/test_a.py'\n"
MANY = "".join(f"FAILED tests/test_a.py::test_{n}\n" for n in range(9))
PART = Plan(("tests/a.py", "tests/b"), is_whole=False)
STARTS_ITS_SUBJECT = ("tests/test_build.py", "tests/test_capacity.py", "tests/test_make.py")
NAMES_IT = ("tests/test_matrix.py", "tests/test_seams.py")  # the words below, in texts
RECORDS = re.compile(
    r"run_traced|run_python|subprocess|configure\(|capture_spans|record\(|monitoring|\b_core\b"
)


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
        Run("CPython 3.15.2", "python", 1, "1 failed", ("2 of x: no wheel",), (), PART),
    ]
    shown = report(runs, ["3.14"]).splitlines()

    assert shown == [
        "",
        "What ran where:",
        "  CPython 3.12.1   c       6 passed",
        "    passed alone, after failing beside others: tests/test_a.py::test_b[x]",
        "  CPython 3.15.2   python  1 failed",
        "    left out: 2 files and folders, see tools/suite_plan.py",
        "    random tests: a quarter of the examples that the first interpreter tried",
        "    skipped 2 of x: no wheel",
        "  CPython 3.14     not found here; tools/get-python 3.14 fetches it",
    ]


def test_the_oldest_and_the_newest_interpreter_run_everything_and_each_test_runs_on_both_cores():
    oldest, between, other, newest, python = plans(5, ends_with_python=True)
    assert oldest == Plan()
    assert between == other == Plan(tuple(ANY_INTERPRETER), is_whole=False)
    assert newest == Plan(is_whole=False)
    assert python == Plan((*ANY_INTERPRETER, *NAMES_ITS_CORE))
    assert plans(1, ends_with_python=False) == [Plan()]


def files_at(path):
    place = PROJECT / path
    return list(place.rglob("test_*.py")) if place.is_dir() else [place]


@pytest.mark.parametrize("path", ANY_INTERPRETER)
def test_what_two_interpreters_run_records_nothing_and_starts_nothing(path):
    files = files_at(path)
    assert files
    if path not in STARTS_ITS_SUBJECT + NAMES_IT:
        assert [file for file in files if RECORDS.search(file.read_text("utf-8"))] == []


@pytest.mark.parametrize("path", NAMES_ITS_CORE)
def test_what_the_other_recorder_need_not_run_again_is_there(path):
    assert files_at(path)


def test_tests_that_are_named_run_everywhere():
    assert names_tests(["-q", "tests/test_matrix.py::test_a"])
    assert not names_tests(["-q", "-n", "4", "--dist", "worksteal"])
