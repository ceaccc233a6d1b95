"""A process belongs to its user: who asks as another one is turned away, by three locks in turn."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.live.services import HAS_REMOTE_EXEC
from tests.conftest import HEADER, rule
from tests.faults.running import PATIENCE_S
from tests.traced_run import environment

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="only root can begin processes of two users",
)
# of this process of tests alone: a folder below /tmp is named after each
ONE = 20_000 + os.getpid() % 20_000 * 2
OTHER = ONE + 1
# The interpreter may lie where only root can read: all is imported before the user changes.
BECOME = """
import ctypes, glob, io, json, os, sys, time
import codetracer_otel.cli.live.commands, codetracer_otel.sdk.session.assembly
import codetracer_otel.exporters.files.jsonl, codetracer_otel.sdk.session.control
from codetracer_otel.cli import main
from codetracer_otel.sdk.session import configure
def warm():
    configure.configure(exporter="none").shutdown()
    sys.stdout = sys.stderr = io.StringIO()
    main(["status"]); main(["attach", str(2**22 + 1)])
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
def become(user):
    os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
    if "is_closed" not in globals():  # the kernel closes what changes its user to all but root
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
"""
TARGET = (
    BECOME
    + """
warm()
user, *options = sys.argv[1:]
if "closed" in options:
    is_closed = True
become(int(user))
if "offers" in options:
    configure.offer_control()
def work():
    return 1
print(os.getpid(), flush=True)
while not sys.stdin.closed:
    work(); time.sleep(0.001)
"""
)
ASKER = (
    BECOME
    + """
warm()
user, *words = sys.argv[1:]
become(int(user))
sys.exit(main(words))
"""
)


@pytest.fixture
def folder():
    """Give a folder that everybody may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        file = Path(made) / "shows.toml"
        file.write_text(HEADER + rule("pkg:literal:__main__"))
        file.chmod(0o644)
        yield made
    for user in (ONE, OTHER):
        shutil.rmtree(place_of(user), ignore_errors=True)


def place_of(user):
    return f"/tmp/codetracer-otel-{user}"


@contextmanager
def target(folder, user, *options):
    with subprocess.Popen(
        [sys.executable, "-c", TARGET, str(user), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env=environment(XDG_RUNTIME_DIR=""),
        text=True,
    ) as process:
        try:
            assert int(process.stdout.readline()) == process.pid
            yield process.pid
        finally:
            process.kill()


@dataclass
class Asked:
    status: int
    told: list[str]

    def is_refused(self, code="ERR_NOT_PERMITTED"):
        return self.status == 10 and len(self.told) == 1 and code in self.told[0]


def ask(folder, user, *words):
    done = subprocess.run(
        [sys.executable, "-c", ASKER, str(user), *map(str, words)],
        cwd=folder,
        env=environment(XDG_RUNTIME_DIR=""),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    # without what the log says of the session that was for imports
    return Asked(done.returncode, [x for x in done.stderr.splitlines() if x[0] != "{"])


def test_commands_of_another_user_are_refused_by_folder_socket_and_process_in_turn(folder):
    with target(folder, ONE, "offers") as pid:
        place = place_of(ONE)
        socket = f"{place}/{pid}.sock"
        assert ask(folder, ONE, "status", "--json", pid).status == 0
        # it sees no socket
        assert ask(folder, OTHER, "status", pid).is_refused("ERR_NO_SESSION")
        # the folder opened: no longer trusted by who asks, so it is asked directly
        os.chmod(place, 0o755)
        assert connect(folder, OTHER, socket) == "PermissionError"
        # the socket opened, too: the process looks who is there
        os.chmod(socket, 0o666)
        assert connect(folder, OTHER, socket) == "nothing"
        assert json.loads(connect(folder, ONE, socket))["state"] == "dormant"
        assert json.loads(connect(folder, 0, socket))["state"] == "dormant"


CONNECT = (
    BECOME
    + """
import socket
user, path = sys.argv[1:]
become(int(user))
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(path)
    connection.sendall(b'{"command": "status"}\\n')
    print(connection.recv(10000).decode() or "nothing")
except ConnectionError:
    print("nothing")
except OSError as error:
    print(type(error).__name__)
"""
)


def connect(folder, user, path):
    done = subprocess.run(
        [sys.executable, "-c", CONNECT, str(user), path],
        cwd=folder,
        env=environment(XDG_RUNTIME_DIR=""),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_root_may_ask_a_process_of_another_user(folder):
    with target(folder, ONE, "offers") as pid:
        done = ask(folder, 0, "attach", pid, "--trace-filter", "shows.toml", "--exporter", "none")
        assert (done.status, done.told) == (0, [])
        assert ask(folder, 0, "detach", pid).status == 0


def test_a_socket_that_another_user_made_is_not_talked_to(folder):
    """Somebody answers in a process's place, to see filters: the folder is not that user's."""
    with target(folder, ONE) as pid:
        false = place_of(ONE)
        os.mkdir(false, 0o700)
        os.chown(false, OTHER, -1)
        open(f"{false}/{pid}.sock", "w").close()
        assert ask(folder, 0, "status", pid).is_refused("ERR_NO_SESSION")


@pytest.mark.skipif(not HAS_REMOTE_EXEC, reason="sys.remote_exec is there from CPython 3.14 on")
def test_nobody_attaches_to_an_unprepared_process_of_another_user(folder):
    words = ("--trace-filter", "shows.toml", "--exporter", "none")
    with target(folder, ONE) as pid:
        assert ask(folder, OTHER, "attach", pid, *words).is_refused()
        assert not os.path.exists(place_of(OTHER)) or not os.listdir(place_of(OTHER))
        # the interpreter's own file is read to find the way into it
        is_for_all = all(path.stat().st_mode & 1 for path in Path(sys.executable).resolve().parents)
        for user in (0, ONE) if is_for_all else (0,):
            done = ask(folder, user, "attach", pid, *words)
            assert (done.status, done.told) == (0, [])
            assert ask(folder, user, "detach", pid).status == 0
        assert os.listdir(place_of(ONE)) == []
        assert os.stat(place_of(ONE)).st_uid == ONE


@pytest.mark.skipif(not HAS_REMOTE_EXEC, reason="sys.remote_exec is there from CPython 3.14 on")
def test_what_the_kernel_does_not_permit_is_told_and_leaves_nothing(folder):
    words = ("--trace-filter", "shows.toml", "--exporter", "none")
    with target(folder, ONE, "closed") as pid:
        assert ask(folder, ONE, "attach", pid, *words).is_refused()
        assert os.listdir(place_of(ONE)) == []
        assert ask(folder, 0, "attach", pid, *words).status == 0
        assert ask(folder, 0, "detach", pid).status == 0
        assert os.listdir(place_of(ONE)) == []
