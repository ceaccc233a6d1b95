"""An exporter may fail, raise or hang: neither the program nor its neighbour notices."""

from __future__ import annotations

import pytest
from tests.faults.collectors import arrived_once, collecting
from tests.faults.running import SHUTDOWN_S, running, worked
from tests.traced_run import spans_in

WORK = "__main__.work"


@pytest.mark.parametrize(
    ("exporter", "events"),
    [("Raising", ["exporter raised"]), ("Failing", [])],
)
def test_an_exporter_that_raises_or_fails(tmp_path, exporter, events):
    with running(tmp_path, [f"faulty_exporters:{exporter}"]) as program:
        program.do(100)
        ended = program.end()
    assert ended.output == worked(100)
    assert (ended.recorded, ended.exported, ended.dropped) == (100, 0, {"export_failed": 100})
    assert ended.told_of("exporter ") == events


def test_an_exporter_that_hangs_in_every_method(tmp_path):
    with running(tmp_path, ["faulty_exporters:Hanging"]) as program:
        program.do(100)
        ended = program.end()
    assert ended.output == worked(100)
    assert ended.seconds > SHUTDOWN_S - 1
    assert (ended.recorded, ended.exported, ended.dropped) == (100, 0, {"shutdown": 100})


def test_a_hanging_exporter_takes_nothing_from_its_neighbours(tmp_path):
    file = tmp_path / "spans.jsonl"
    with collecting() as collector:
        exporters = ["faulty_exporters:Hanging", f"jsonl={file}", f"otlp={collector.url}"]
        with running(tmp_path, exporters) as program:
            program.do(2000)
            ended = program.end()
    assert ended.output == worked(2000)
    assert arrived_once(collector) == {WORK: 2000}
    lines = spans_in(file)
    assert len({line["span_id"] for line in lines}) == len(lines) == 2000
    lost = {"shutdown by faulty_exporters:Hanging": 2000}
    assert (ended.recorded, ended.exported, ended.dropped) == (2000, 4000, lost)


def test_a_disk_that_is_full(tmp_path):
    with running(tmp_path, ["jsonl=/dev/full"]) as program:
        program.do(100)
        ended = program.end()
    assert ended.output == worked(100)
    assert (ended.recorded, ended.exported, ended.dropped) == (100, 0, {"export_failed": 100})


@pytest.mark.parametrize(
    "target", ["jsonl=/proc/x", "jsonl=/proc/version", "chrome=/dev/full", "native=/proc/x"]
)
def test_a_target_that_cannot_be_written_is_told_before_the_program_begins(tmp_path, target):
    with running(tmp_path, [target]) as program:
        ended = program.end()
    stdout, stderr, status = ended.output
    assert (stdout, status) == ("", 10)
    assert stderr.count("\n") == 1
    assert target.partition("=")[2] in stderr


def test_a_closed_stderr_loses_the_lines_on_it_and_nothing_else(tmp_path):
    file = tmp_path / "spans.jsonl"
    with running(tmp_path, ["jsonl", f"jsonl={file}"]) as program:
        program.do(100)
        program.do("close stderr")
        program.do(50)
        ended = program.end()
    stdout, _, status = ended.output
    assert (stdout, status) == ("total 150\ngoodbye\n", 7)  # print(file=None) is print()
    assert len(spans_in(file)) == 150
