"""Windows and macOS by emulation: names are taken away before anything of ours is imported."""

import json
from pathlib import Path

import pytest
from tests.behaviours.programs.lacking import ALL, LACKS
from tests.collector.receiver import running_receiver
from tests.traced_run import run_python, spans_in

LACKING = Path(__file__).parent / "programs" / "lacking.py"
PROGRAM = "def work(n):\n    return n + 1\n\nprint(work(41))\n"
# All that has to work, in one interpreter: it is started once for each name.
EVERYTHING = """
import sys
import codetracer_otel as ct
from codetracer_otel.cli import main

def work(n):
    return n + 1

session = ct.configure(exporter=["jsonl=own.jsonl", "native=own", "chrome=own.json"])
work(1)
ct.shutdown()
for command in (
    "run --exporter jsonl=out.jsonl --exporter chrome=out.json --exporter console"
    " --exporter otlp={endpoint} program.py",
    "check filter.toml",
    "explain program.py",
    "report own.jsonl -o page.html",
    "report own -o own.html",
    "show own.jsonl",
):
    try:
        status = main(command.split())
    except SystemExit as end:
        status = end.code
    print(command.split()[0], status or 0, flush=True)
"""
FILTER = """
[meta]
name = "test"
version = 2
[scope]
default_exec = "trace"
default_value_action = "allow"
[[scope.rules]]
selector = 'file:glob:**/lacking.py'
exec = "skip"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "filter.toml").write_text(FILTER)
    return tmp_path


def lacking(names, folder, kind, *arguments, **options):
    return run_python(
        LACKING, names, kind, *arguments, cwd=folder,
        CODETRACER_TRACE_FILTER=str(folder / "filter.toml"), **options,
    )  # fmt: skip


def spans_of(path):
    return [span["name"] for span in spans_in(path)]


@pytest.mark.parametrize("names", [*LACKS, ALL])
def test_everything_works_without(names, folder):
    with running_receiver() as receiver:
        script = folder / "everything.py"
        script.write_text(EVERYTHING.replace("{endpoint}", receiver.endpoint))
        done = lacking(names, folder, "script", script)
        received = [span.name for span in receiver.spans()]
    said = done.stdout.splitlines()
    commands = [line for line in said if line.endswith(" 0")]
    assert len(commands) == 6, done.stdout + done.stderr
    assert "42" in said
    assert "__main__.work" in spans_of(folder / "out.jsonl")
    assert "__main__.work" in spans_of(folder / "own.jsonl")
    assert any("work" in name for name in received)
    for chrome in ("out.json", "own.json"):
        events = json.loads((folder / chrome).read_text())["traceEvents"]
        assert any(event["name"].endswith("work") for event in events)
    assert "work" in done.stderr  # the console's tree
    assert (folder / "page.html").stat().st_size
    assert not [line for line in done.stderr.splitlines() if "Error" in line]


PRINTING = """
import os
import codetracer_otel as ct

def work():
    print("said")
    os.write(1, b"written\\n")

session = ct.configure(
    exporter="jsonl=out.jsonl",
    policy={"capture_io": "proxies+fd"},
)
work()
work()
ct.shutdown()
"""


@pytest.mark.parametrize("names", [ALL, "fork", "proc"])
def test_what_is_off_is_said_once(names, folder):
    script = folder / "printing.py"
    script.write_text(PRINTING)
    done = lacking(names, folder, "script", script)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == ["said", "said", "written", "written"]
    said = [line for line in done.stderr.splitlines() if "descriptor" in line]
    is_off = "fork" in names  # both streams are pipes
    assert len(said) == 2 * is_off, done.stderr
    assert all("on this platform" in line for line in said)
    assert spans_of(folder / "out.jsonl").count("__main__.work") == 2
