"""A full file gets a number; what is old is packed, then goes; no line is lost or torn."""

from __future__ import annotations

import errno
import gzip
import json
import os
import stat
from itertools import accumulate

import pytest
from tests.traced_run import run_traced

from codetracer_otel.bindings import Fcntl
from codetracer_otel.exporters.files import rotation
from codetracer_otel.exporters.files.line_writer import LineWriter
from codetracer_otel.exporters.files.rotation import RotatedFile, Rotation, read_target
from codetracer_otel.traces import open_traces
from codetracer_otel.traces.inputs import parts_of

HEAD = {"timestamp": "2026-11-30T00:00:00Z", "program": "a", "schema": "run/1"}


def numbers(path):
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0] == HEAD
    return [line["n"] for line in lines[1:]]


def written(path, count, rotation):
    writer = LineWriter(RotatedFile(path, rotation))
    writer.write(HEAD)
    for number in range(count):
        assert writer.write({"n": number, "text": "x" * 80})
    writer.close()


def test_every_line_is_in_one_file_and_each_begins_with_the_run(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, 100, Rotation(1_000, 50, packs=True))
    files = [*sorted(tmp_path.glob("a.jsonl.part-*")), path]
    assert [number for file in files for number in numbers(file)] == list(range(100))
    assert [file.suffix for file in files[:-2]] == [".gz"] * (len(files) - 2)
    assert files[-2].name.endswith(f"part-{len(files) - 1:06d}")
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.stat().st_size <= 1_000 for file in files)


def test_the_oldest_go(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, 100, Rotation(1_000, 3))
    files = [*sorted(tmp_path.glob("a.jsonl.part-*")), path]
    assert len(files) == 4
    found = [number for file in files for number in numbers(file)]
    assert found == list(range(found[0], 100))


def test_two_writers_of_one_file_lose_no_line(tmp_path):
    path = tmp_path / "a.jsonl"
    writers = [LineWriter(RotatedFile(path, Rotation(2_000, 100))) for _ in range(2)]
    for writer in writers:
        writer.write(HEAD)
    for number in range(200):
        assert writers[number % 2].write({"n": number, "text": "x" * 50})
    lines = [
        json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()
    ]
    assert sorted(line["n"] for line in lines if "n" in line) == list(range(200))


def test_numbers_go_on_after_an_earlier_run(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, 30, Rotation(1_000, 100))
    before = len(list(tmp_path.iterdir()))
    written(path, 30, Rotation(1_000, 100))
    names = sorted(file.name for file in tmp_path.glob("*.part-*"))
    assert len(names) == len(set(names)) > before


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/x/a.jsonl", ("/x/a.jsonl", None)),
        ("/x/a,b.jsonl", ("/x/a,b.jsonl", None)),
        ("/x/a.jsonl,max=100MB", ("/x/a.jsonl", Rotation(100_000_000))),
        ("/x/a,b,max=2kb,keep=1,gzip", ("/x/a,b", Rotation(2_000, 1, packs=True))),
    ],
)
def test_a_target_is_read(target, expected):
    assert read_target(target) == expected


@pytest.mark.parametrize(
    "options",
    [
        "keep=3",
        "gzip",
        "max=10",
        "max=5MB,keep=0",
        "max=5MB,zip",
        "max=nan",
        "max=-1",
        "keep =x,gzip",
    ],
)
def test_options_of_no_use_stop_the_start(tmp_path, options):
    done = run_traced("--exporter", f"jsonl={tmp_path}/a.jsonl,{options}", "-c", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert "not a valid rotation" in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_traced_program_rotates_and_is_read_as_one_run(tmp_path):
    (tmp_path / "app.py").write_text("def f(n): pass\nfor n in range(20_000): f(n)\n")
    spec = "jsonl=a.jsonl,max=200KB,keep=1000,gzip"
    done = run_traced("--quiet", "app.py", cwd=tmp_path, CODETRACER_EXPORTER=spec)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.glob("a.jsonl.part-*"))) > 3
    with open_traces([str(tmp_path / "a.jsonl")]) as traces:
        assert [run.spans for run in traces.spans.runs] == [20_001]
        assert traces.spans.runs[0].is_whole


class Lines(list):
    """Written lines as the compiled core gives them: where each ends in the bytes of all."""

    def __init__(self, numbers):
        written = [
            json.dumps({"n": number, "text": "x" * 80}).encode() + b"\n" for number in numbers
        ]
        super().__init__(accumulate(map(len, written)))
        self._bytes = b"".join(written)

    def __buffer__(self, _flags):
        return memoryview(self._bytes)


def every_number(folder):
    found = []
    for file in folder.glob("a.jsonl*"):
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
        found += [line["n"] for line in map(json.loads, text.splitlines()) if "n" in line]
    return sorted(found)


def test_a_batch_that_finds_no_file_counts_none_of_its_lines_as_written(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    writer = LineWriter(RotatedFile(folder / "a.jsonl", Rotation(100_000, 3)))
    assert writer.write_lines(Lines(range(20))) == 0
    folder.rename(tmp_path / "moved")
    assert writer.write_lines(Lines(range(20, 30))) == 10
    assert (writer.lines, every_number(tmp_path / "moved")) == (20, list(range(20)))


def test_what_cannot_be_packed_costs_no_line_and_is_packed_later(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    writer = LineWriter(RotatedFile(path, Rotation(1_000, 100, packs=True)))
    writer.write(HEAD)

    def has_no_room(_descriptor, _data):
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as full:
        full.setattr(rotation, "_write_all", has_no_room)
        assert [writer.write_lines(Lines(range(n, n + 8))) for n in range(0, 80, 8)] == [0] * 10
    assert [writer.write_lines(Lines(range(n, n + 8))) for n in range(80, 160, 8)] == [0] * 10
    assert every_number(tmp_path) == list(range(160))
    parts = sorted(file.name for file in tmp_path.glob("*.part-*"))
    assert [name for name in parts if not name.endswith(".gz")] == [parts[-1]]


def test_a_process_that_was_killed_while_it_packed_hinders_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, 30, Rotation(1_000, 100))
    full = sorted(tmp_path.glob("*.part-*"))
    for part in full[:2]:
        part.with_name(f"{part.name}.gz").write_bytes(b"\x1f\x8b half")
    written(path, 30, Rotation(1_000, 100, packs=True))
    assert every_number(tmp_path) == sorted([*range(30), *range(30)])


def test_what_cannot_be_removed_hinders_no_other_part(tmp_path):
    path = tmp_path / "a.jsonl"
    path.with_name("a.jsonl.part-000000").mkdir()
    written(path, 100, Rotation(1_000, 3, packs=True))
    parts = sorted(tmp_path.glob("*.part-*"))[1:]
    assert [part.suffix == ".gz" for part in parts] == [True, True, False]


@pytest.mark.skipif(not Fcntl.is_there, reason="no locks on this system")
def test_what_another_process_packs_is_left_to_it(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, 30, Rotation(1_000, 100))
    part = min(tmp_path.glob("*.part-*"))
    half = part.with_name(f"{part.name}.gz")
    half.write_bytes(b"\x1f\x8b half")
    with part.open("rb") as packed_by_another:
        Fcntl.flock(packed_by_another.fileno(), Fcntl.LOCK_EX_NB)
        written(path, 30, Rotation(1_000, 100, packs=True))
        assert half.read_bytes() == b"\x1f\x8b half"
        assert part.exists()
    written(path, 30, Rotation(1_000, 100, packs=True))
    assert not part.exists()
    assert every_number(tmp_path) == sorted([*range(30)] * 3)


def test_a_file_that_is_just_being_packed_is_read_once(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, 30, Rotation(1_000, 100))
    path.with_name("a.jsonl.part-000001.gz").write_bytes(b"\x1f\x8b half")
    assert parts_of(str(path)) == sorted(map(str, tmp_path.glob("*.part-??????")))
