from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from codetracer_otel.bindings import Os
from codetracer_otel.descriptors import OwnDescriptor, identity, open_to_append, path_in_child
from codetracer_otel.exporters.files.line_writer import FileOutput, LineWriter

PROGRAM = """
import json, os, sys
from codetracer_otel.descriptors import beyond_the_standard_ones
report = os.dup(1)
os.closerange(0, 2)
opened = os.open(os.devnull, os.O_RDONLY)
kept = beyond_the_standard_ones(opened)
again = beyond_the_standard_ones(kept)
free = os.open(os.devnull, os.O_RDONLY)
found = [opened, kept > 2, again == kept, free, os.get_inheritable(kept), os.read(kept, 1) == b""]
os.write(report, json.dumps(found).encode())
"""


def test_a_descriptor_that_takes_the_place_of_a_closed_stream_is_moved_away():
    # a process of its own: this one's streams are pytest's
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
    assert json.loads(answer.stdout) == [0, True, True, 0, False, True]


def test_a_descriptor_has_another_identity_when_something_else_is_open_under_it():
    first, second = socket.socketpair()
    with first, second:
        before = identity(first.fileno())
        assert before == identity(first.fileno())
        assert before != identity(second.fileno())
        os.dup2(second.fileno(), first.fileno())
        assert identity(first.fileno()) == identity(second.fileno()) != before
    assert identity(first.fileno()) is None
    assert identity(10**9) is None


def write(path, data=b"x"):
    descriptor = open_to_append(str(path))
    os.write(descriptor, data)
    os.close(descriptor)


def test_a_symbolic_link_is_refused_and_its_target_stays(tmp_path):
    target = tmp_path / "target"
    target.write_text("its")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "absent")
    for name in ("link", "dangling"):
        with pytest.raises(OSError, match="symbolic link"):
            write(tmp_path / name)
    assert target.read_text() == "its"
    assert not (tmp_path / "absent").exists()


def test_a_file_that_others_may_read_or_write_is_made_private(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a")
    path.chmod(0o666)
    write(path)
    assert path.read_bytes() == b"ax"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_with_another_name_is_refused(tmp_path):
    (tmp_path / "file").write_text("its")
    os.link(tmp_path / "file", tmp_path / "second")
    with pytest.raises(OSError, match="another name"):
        write(tmp_path / "second")
    assert (tmp_path / "file").read_text() == "its"


def test_a_file_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Os, "geteuid", lambda: os.geteuid() + 1)
    with pytest.raises(OSError, match="another user"):
        write(tmp_path / "file")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_devices_and_links_of_the_kernel_are_opened_as_they_are(tmp_path, path):
    own = tmp_path / "own"
    program = f"""
import os
from codetracer_otel.descriptors import open_to_append
os.write(open_to_append({path!r}), b"line")
"""
    with own.open("wb") as stdout:
        own.chmod(0o644)
        subprocess.run([sys.executable, "-c", program], stdout=stdout, check=True, timeout=60)
    assert own.read_bytes() == (b"" if path == "/dev/null" else b"line")
    assert stat.S_IMODE(own.stat().st_mode) == 0o644


def test_a_fifo_of_ours_may_be_written_to(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write(path)
    assert os.read(reader, 9) == b"x"
    os.close(reader)


def test_a_number_that_is_another_file_is_neither_used_nor_closed(tmp_path):
    own = OwnDescriptor(os.open(tmp_path / "own", os.O_WRONLY | os.O_CREAT))
    number = own.use()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    os.dup2(other, number)
    with pytest.raises(OSError, match="closed by the program") as caught:
        own.use()
    assert caught.value.errno == errno.EBADF
    own.close()
    os.write(number, b"its")
    os.close(number)
    os.close(other)


def test_pipes_and_sockets_are_told_apart():
    first, second = os.pipe(), os.pipe()
    own = OwnDescriptor(first[1])
    assert own.is_ours
    os.dup2(second[1], first[1])
    assert not own.is_ours
    for number in (*first, *second):
        os.close(number)


def test_a_file_is_opened_again_under_its_name_and_only_if_it_is_the_same(tmp_path):
    path, flags = str(tmp_path / "own"), os.O_RDWR | os.O_APPEND
    own = OwnDescriptor(os.open(path, flags | os.O_CREAT), path, flags)
    os.close(own.use())
    os.write(own.use(), b"again")
    assert (tmp_path / "own").read_bytes() == b"again"
    os.close(own.use())
    os.rename(path, tmp_path / "kept")
    (tmp_path / "own").write_text("")
    with pytest.raises(OSError, match="replaced by the program"):
        own.use()


def test_a_relative_path_stays_the_same_file_when_the_program_changes_its_directory(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    writer = LineWriter(output := FileOutput("lines.jsonl"))
    os.close(output._file.use())
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert writer.write({"a": 1})
    writer.close()
    assert (tmp_path / "lines.jsonl").read_text() == '{"a":1}\n'


def test_a_child_writes_beside_a_file_and_to_the_same_device(tmp_path, monkeypatch):
    monkeypatch.setattr(Os, "getpid", lambda: 77)
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    beside = [tmp_path, tmp_path / "file", tmp_path / "not there"]
    assert [path_in_child(str(path)) for path in beside] == [f"{path}.77" for path in beside]
    shared = ["/dev/full", str(tmp_path / "pipe")]
    assert [path_in_child(path) for path in shared] == shared
