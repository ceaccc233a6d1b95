"""Real runs with threads, a pool and tasks; `make diff-noise` compares a hundred."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.traced_run import run_traced

from codetracer_otel.analysis.differences.comparison import compare
from codetracer_otel.traces import open_traces

PROGRAM = Path(__file__).parent / "programs" / "workers.py"
TIMES = ("self", "total")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("plain"))


def recorded(folder, *plant):
    path = folder / "spans.jsonl"
    words = ("--quiet", "--exporter", f"jsonl={path}", PROGRAM, *plant)
    done = run_traced(*words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return str(path)


def differences(old, new):
    """Return what differs beside times: a machine that is busy in one run must fail no test."""
    with open_traces([old]) as before, open_traces([new]) as after:
        changes = compare([before], [after]).changes
    return [(c.kind.value, c.name) for c in changes if c.kind.value not in TIMES]


def test_two_runs_of_a_program_that_races_do_not_differ(plain, tmp_path):
    assert differences(plain, recorded(tmp_path)) == []


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        ("no cache", ("calls", "__main__.compute")),
        ("exception", ("errors", "__main__.process")),
    ],
)
def test_what_was_planted_is_named_first(plain, tmp_path, plant, expected):
    assert differences(plain, recorded(tmp_path, plant))[0] == expected
