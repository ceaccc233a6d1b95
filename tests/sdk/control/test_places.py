"""Where a process offers its control socket: a folder that is the user's alone."""

import os

import pytest

from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.sdk.control import places

ME = os.geteuid()


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setattr(
        places, "candidates", lambda environ, _user: [os.path.join(environ["X"], "folder")]
    )
    return {"X": str(tmp_path)}


def test_the_runtime_folder_goes_before_the_temporary_ones():
    found = places.candidates({"XDG_RUNTIME_DIR": "/run/mine", "TMPDIR": "/var/tmp"}, 7)
    assert found == [
        "/run/mine/codetracer-otel",
        "/run/user/7/codetracer-otel",
        "/var/tmp/codetracer-otel-7",
        "/tmp/codetracer-otel-7",
    ]


def test_relative_folders_are_no_places():
    found = places.candidates({"XDG_RUNTIME_DIR": "run", "TMPDIR": ""}, 7)
    assert found == ["/run/user/7/codetracer-otel", "/tmp/codetracer-otel-7"]


def test_the_folder_is_made_with_mode_0700(runtime):
    folder = places.make_folder(runtime, ME)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert places.make_folder(runtime, ME) == folder


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file"])
def test_a_folder_that_others_may_have_made_is_refused(runtime, tmp_path, kind):
    place = tmp_path / "folder"
    if kind == "a link":
        (tmp_path / "real").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "real")
    elif kind == "a file":
        place.write_text("")
    else:
        place.mkdir()
        place.chmod(0o755)
    with pytest.raises(EnvironmentFailure, match="mode 0700") as raised:
        places.make_folder(runtime, ME)
    assert raised.value.code is ErrorCode.CONTROL_FAILED


def test_a_folder_of_another_user_is_not_private(tmp_path):
    tmp_path.chmod(0o700)
    assert places.is_private(str(tmp_path), ME)
    assert not places.is_private(str(tmp_path), ME + 1)


def test_sockets_of_processes_that_are_gone_are_removed(tmp_path):
    gone = 2**22 + 1  # beyond the largest number that Linux gives
    for name in (f"{gone}.sock", f"{os.getpid()}.sock", "other.sock", "12"):
        (tmp_path / name).write_text("")
    places.remove_stale(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted([f"{os.getpid()}.sock", "other.sock", "12"])


def test_what_is_no_number_of_a_process_is_not_there():
    assert places.is_there(os.getpid())
    assert not places.is_there(2**40)
