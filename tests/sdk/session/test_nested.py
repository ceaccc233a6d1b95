"""A program that configures a session under ``run``: both have their calls."""

from __future__ import annotations

from tests.traced_run import run_traced, spans_in

PROGRAM = """
import codetracer_otel as ct

def a(): pass
def b(): pass
def c(): pass
def d(): pass

a()
with ct.configure(exporter="jsonl=first.jsonl"):
    b()
c()
ct.configure(exporter="jsonl=second.jsonl")
b()
ct.configure(exporter="jsonl=third.jsonl")
d()
"""


def names(folder, file):
    found = [span["name"].removeprefix("__main__.") for span in spans_in(folder / file)]
    return [name for name in found if name != "<__main__>"]


def test_the_programs_session_is_in_force_until_it_ends_and_then_the_outer_one_goes_on(tmp_path):
    (tmp_path / "app.py").write_text(PROGRAM)
    done = run_traced("--exporter", "jsonl=outer.jsonl", "app.py", cwd=tmp_path)
    assert done.returncode == 0
    told, summary = done.stderr.splitlines()
    assert "the program began a session of its own" in told
    assert summary.startswith("codetracer-otel: 3 spans recorded, 3 exported, 0 dropped")
    assert names(tmp_path, "outer.jsonl") == ["a", "c"]
    assert names(tmp_path, "first.jsonl") == names(tmp_path, "second.jsonl") == ["b"]
    assert names(tmp_path, "third.jsonl") == ["d"]


def test_a_session_that_cannot_begin_leaves_the_outer_one_at_work(tmp_path):
    (tmp_path / "app.py").write_text(
        "import codetracer_otel as ct\n"
        "def a(): pass\n"
        "try:\n    ct.configure(exporter='jsonl=/nowhere/at/all.jsonl')\n"
        "except ct.CodetracerError:\n    a()\n"
    )
    done = run_traced("--quiet", "--exporter", "jsonl=outer.jsonl", "app.py", cwd=tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    assert names(tmp_path, "outer.jsonl") == ["a"]
