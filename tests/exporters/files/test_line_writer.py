from __future__ import annotations

import errno
import io
import json
import os
import stat
import sys
import threading

import pytest

from codetracer_otel.bindings import Os
from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.exporters.files.line_writer import (
    DescriptorOutput,
    FileOutput,
    LineWriter,
    StreamOutput,
    rfc3339,
)


def test_a_time_is_written_in_utc_with_six_digits():
    assert rfc3339(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456Z"


@pytest.mark.parametrize(
    ("unix_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1970-01-01T00:00:00.000000Z"),
        (999, "1970-01-01T00:00:00.000000Z"),
        (10**30, "9999-12-31T23:59:59.000000Z"),
    ],
)
def test_a_time_that_has_no_text_is_cut_to_the_nearest_that_has(unix_ns, text):
    assert rfc3339(unix_ns) == text


def test_a_line_goes_to_the_stderr_of_the_moment_in_one_write(monkeypatch):
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text):
            writes.append(text)
            return len(text)

    writer = LineWriter()
    monkeypatch.setattr(sys, "stderr", Stream())
    assert writer.write({"a": 1})
    assert writes == ['{"a":1}\n']


def closed_stream():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream(), object()])
def test_an_unusable_stderr_is_counted_and_never_raises(monkeypatch, stream):
    writer = LineWriter()
    monkeypatch.setattr(sys, "stderr", stream)
    assert not writer.write({"a": 1})
    assert (writer.lines, writer.failures) == (0, 1)


def test_a_stream_that_raises_what_it_likes_is_counted():
    class Broken(io.StringIO):
        def write(self, text):
            raise ZeroDivisionError

    writer = LineWriter(StreamOutput(Broken))
    assert not writer.write({"a": 1})
    assert writer.failures == 1


def test_a_mapping_that_raises_is_counted():
    class Hostile(dict):
        def items(self):
            raise ZeroDivisionError

    writer = LineWriter(StreamOutput(io.StringIO))
    assert not writer.write({"a": Hostile(b=float("nan"))})
    assert writer.failures == 1


def test_flushing_a_missing_stream_is_fine():
    assert LineWriter(StreamOutput(lambda: None)).flush()


def test_a_file_is_created_for_its_owner_only(tmp_path):
    path = tmp_path / "lines.jsonl"
    writer = LineWriter(FileOutput(path))
    writer.write({"a": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == '{"a":1}\n'


def test_a_file_that_exists_is_appended_to(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text("before\n")
    LineWriter(FileOutput(path)).write({"a": 1})
    assert path.read_text() == 'before\n{"a":1}\n'


def test_a_file_that_cannot_be_opened_is_an_environment_failure_that_names_it(tmp_path):
    with pytest.raises(EnvironmentFailure) as caught:
        FileOutput(tmp_path / "absent" / "lines.jsonl")
    assert caught.value.code is ErrorCode.IO
    assert "absent" in str(caught.value)
    assert "No such file" in str(caught.value)


def test_a_fifo_nobody_reads_is_an_error_instead_of_a_hang(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(EnvironmentFailure):
        FileOutput(path)


def test_a_full_disk_is_counted():
    writer = LineWriter(FileOutput("/dev/full"))
    assert not writer.write({"a": 1})
    assert writer.failures == 1


def test_a_write_that_broke_off_does_not_damage_the_next_line(tmp_path, monkeypatch):
    path = tmp_path / "lines.jsonl"
    writer = LineWriter(FileOutput(path))
    real_write = os.write

    def write_three_bytes_once(descriptor, data):
        if data != b'{"a":1}\n':
            raise OSError(errno.ENOSPC, "full")
        return real_write(descriptor, data[:3])

    monkeypatch.setattr(Os, "write", write_three_bytes_once)
    assert not writer.write({"a": 1})
    monkeypatch.setattr(Os, "write", real_write)
    assert writer.write({"b": 2})
    assert writer.write({"c": 3})
    assert path.read_text() == '{"a\n{"b":2}\n{"c":3}\n'


def test_a_file_is_opened_again_when_the_program_reused_its_descriptor(tmp_path):
    path, other = tmp_path / "lines.jsonl", tmp_path / "other"
    output = FileOutput(path)
    writer = LineWriter(output)
    stolen = os.open(other, os.O_RDWR | os.O_CREAT)
    os.dup2(stolen, output._file.use())
    assert writer.write({"secret": 1})
    assert other.read_text() == ""
    assert path.read_text() == '{"secret":1}\n'
    os.close(stolen)


def test_a_descriptor_stays_usable_after_the_program_closed_its_own(tmp_path):
    path = tmp_path / "lines.jsonl"
    theirs = os.open(path, os.O_RDWR | os.O_CREAT)
    writer = LineWriter(DescriptorOutput(theirs))
    os.close(theirs)
    assert writer.write({"a": 1})
    assert path.read_text() == '{"a":1}\n'
    writer.close()
    assert not writer.write({"b": 2})


def test_a_descriptor_that_is_not_open_is_an_environment_failure():
    with pytest.raises(EnvironmentFailure):
        DescriptorOutput(99_999)


def test_a_closed_file_stays_closed(tmp_path):
    path = tmp_path / "lines.jsonl"
    writer = LineWriter(FileOutput(path))
    writer.close()
    assert not writer.write({"a": 1})
    assert path.read_text() == ""


def test_after_a_fork_the_child_writes_its_own_file_even_if_the_lock_was_held(tmp_path):
    path, child = tmp_path / "lines.jsonl", tmp_path / "lines.jsonl.77"
    writer = LineWriter(FileOutput(path))
    holder = threading.Thread(target=writer._lock.acquire)
    holder.start()
    holder.join()
    assert writer.reopen_after_fork(str(child))
    assert writer.write({"a": 1})
    assert (path.read_text(), child.read_text()) == ("", '{"a":1}\n')


def test_a_forked_child_names_its_file_by_its_process_and_so_does_its_own_child(
    tmp_path, monkeypatch
):
    path = tmp_path / "lines.jsonl"
    writer = LineWriter(FileOutput(path))
    for pid in (77, 78):
        monkeypatch.setattr(Os, "getpid", lambda pid=pid: pid)
        assert writer.reopen_after_fork()
        assert writer.write({"a": pid})
    names = sorted(found.name for found in tmp_path.iterdir())
    assert names == ["lines.jsonl", "lines.jsonl.77", "lines.jsonl.78"]


def test_lines_of_several_threads_stay_whole(tmp_path):
    path = tmp_path / "lines.jsonl"
    writer = LineWriter(FileOutput(path))

    def write(thread):
        for n in range(200):
            writer.write({"thread": thread, "n": n, "text": "x" * 500})

    threads = [threading.Thread(target=write, args=(t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 800 == writer.lines
    assert {(line["thread"], line["n"]) for line in lines} == {
        (t, n) for t in range(4) for n in range(200)
    }


def test_a_file_that_ends_within_a_line_gets_its_end_first(tmp_path):
    file = tmp_path / "lines.jsonl"
    file.write_text('{"a":1}\n{"b":')
    writer = LineWriter(FileOutput(file))
    writer.write({"c": 3})
    writer.write({"d": 4})
    assert file.read_text() == '{"a":1}\n{"b":\n{"c":3}\n{"d":4}\n'


def test_the_reason_of_a_failure_is_the_systems_or_a_type_and_no_text_of_the_program():
    full = LineWriter(FileOutput("/dev/full"))
    full.write({"a": 1})
    assert full.reason == "No space left on device"
    broken = LineWriter(StreamOutput(lambda: 1 / 0))
    broken.write({"a": 1})
    assert broken.reason == "ZeroDivisionError"
