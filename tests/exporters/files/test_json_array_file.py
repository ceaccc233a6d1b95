from __future__ import annotations

import json
import os
import stat

import pytest

from codetracer_otel.bindings import Os
from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.exporters.files.json_array_file import JsonArrayFile


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "items.json")


@pytest.fixture
def file(path):
    made = JsonArrayFile(path, '{"items":[', "\n]}\n")
    yield made
    made.close()


def items(path):
    with open(path, encoding="ascii") as text:
        return json.load(text)["items"]


def test_the_document_is_valid_after_each_write(file, path):
    found = [items(path)]
    for part in ([b"1", b"2"], [], [b"3"]):
        file.append(part)
        found.append(items(path))
    assert found == [[], [1, 2], [1, 2], [1, 2, 3]]


def test_only_the_owner_may_read_it_whatever_was_there_before(path):
    with open(path, "w", encoding="ascii") as before:
        before.write('{"items":[' + "1" * 1000)
    os.chmod(path, 0o666)
    JsonArrayFile(path, '{"items":[', "]}").close()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert items(path) == []


def test_a_link_is_replaced_and_its_target_stays(tmp_path, path):
    target = tmp_path / "target"
    target.write_text("precious")
    os.symlink(target, path)
    JsonArrayFile(path, '{"items":[', "]}").close()
    assert (target.read_text(), items(path)) == ("precious", [])


@pytest.mark.parametrize("path", ["/dev/null", "/", "/nowhere/items.json"])
def test_what_is_no_file_or_cannot_be_made_is_said(path):
    with pytest.raises(EnvironmentFailure, match=r"expected a file that can be written") as raised:
        JsonArrayFile(path, "[", "]")
    assert raised.value.code is ErrorCode.IO


def test_a_write_that_breaks_off_leaves_the_document_as_it_was(file, path, monkeypatch):
    file.append([b"1"])
    write = os.pwrite
    room = [7]  # bytes that fit; -1: all of them again

    def limited(descriptor, data, position):
        if room[0] == 0:
            room[0] = -1
            raise OSError(28, "No space left on device")
        if room[0] > 0:
            data, room[0] = data[: room[0]], 0
        return write(descriptor, data, position)

    monkeypatch.setattr(Os, "pwrite", limited)
    with pytest.raises(OSError, match="No space"):
        file.append([b'"a long item that does not fit"'])
    assert items(path) == [1]
    file.append([b"2"])
    assert items(path) == [1, 2]


def test_it_goes_on_when_the_program_closed_its_descriptor(file, path):
    os.close(file._file.use())
    file.append([b"1"])
    assert items(path) == [1]


def test_it_never_writes_into_a_file_that_took_its_number(file, path, tmp_path):
    number = file._file.use()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    os.dup2(other, number)
    os.close(other)
    file.append([b"1"])
    os.close(number)
    assert ((tmp_path / "other").read_text(), items(path)) == ("", [1])


def test_it_does_not_go_on_in_a_file_that_took_its_name(file, path, tmp_path):
    (tmp_path / "other").write_text("mine")
    os.replace(tmp_path / "other", path)
    os.close(file._file.use())
    with pytest.raises(OSError, match="replaced by the program"):
        file.append([b"1"])


def test_a_closed_file_takes_nothing(file):
    file.close()
    with pytest.raises(OSError, match="closed"):
        file.append([b"1"])


def test_moving_begins_a_document_of_its_own(file, path):
    file.append([b"1"])
    file.move(f"{path}.2")
    file.append([b"2"])
    assert (items(path), items(f"{path}.2")) == ([1], [2])
