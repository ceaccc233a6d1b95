"""Services in processes of their own, on free ports of the loopback interface, and their spans."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from tests.conftest import HEADER, rule
from tests.faults.running import PATIENCE_S, wait_until
from tests.traced_run import environment

from codetracer_otel.cli import main
from codetracer_otel.cli.live.client import find_socket

if TYPE_CHECKING:
    from pathlib import Path

HAS_REMOTE_EXEC = hasattr(sys, "remote_exec")
DORMANT = "from codetracer_otel.sdk.entry_points.autostart import begin\nbegin()\n"
WAYS = (
    "dormant",
    pytest.param(
        "injected",
        marks=pytest.mark.skipif(
            not HAS_REMOTE_EXEC, reason="sys.remote_exec is there from CPython 3.14 on"
        ),
    ),
)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Place:
    """A folder with filters, sockets and what services write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir(mode=0o700)
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(DORMANT)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)

    def filters(self, package: str, hidden: str) -> None:
        """Write ``shows.toml`` and ``hides.toml``, which hides an argument."""
        shows = HEADER + rule(f"pkg:literal:{package}")
        hides = f"[[scope.rules.value_patterns]]\nselector = 'arg:literal:{hidden}'\n"
        self.write(shows_toml=shows, hides_toml=f'{shows}{hides}action = "redact"\n')

    @contextmanager
    def running(self, way: str, *command: str, **variables: str):
        """Run Python with ``command``; it is told to end, and killed if it does not."""
        paths = [str(self.folder), *([str(self.folder / "site")] if way == "dormant" else [])]
        started = {"CODETRACER_AUTO_START": "dormant"} if way == "dormant" else {}
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env=environment(
                    XDG_RUNTIME_DIR=str(self.folder / "run"),
                    PYTHONPATH=os.pathsep.join(paths),
                    **started,
                    **variables,
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            with process:
                try:
                    yield process
                finally:
                    process.terminate()
                    try:
                        process.communicate(timeout=PATIENCE_S)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        raise

    def address(self) -> str:
        """Return where the service listens, as its log says."""
        wait_until(lambda: _ADDRESS.search(self.log()), "an address")
        return _ADDRESS.search(self.log())[0]

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def spans(self, pid: int) -> list[dict]:
        text = (self.folder / f"trace-{pid}.jsonl").read_text()
        return [line for line in map(json.loads, text.splitlines()) if line["schema"] == "span/1"]

    def left_over(self, pid: int) -> list[str]:
        folder = self.folder / "run" / "codetracer-otel"
        return [name for name in os.listdir(folder) if name.startswith(f"{pid}")]


def get(address: str) -> str:
    with _DIRECT.open(address, timeout=PATIENCE_S) as answer:
        return answer.read().decode()


@contextmanager
def kept_busy(work):
    """Do ``work`` on a thread, again and again, within the block; what it raises is raised here."""
    is_over, failed = threading.Event(), []

    def run() -> None:
        while not is_over.is_set():
            try:
                work()
            except Exception as error:
                failed.append(error)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(PATIENCE_S)
    assert failed == []


def held(pid: int) -> set[str]:
    """Return the descriptors of a process, by what they are, and its threads."""
    found = set(os.listdir(f"/proc/{pid}/task"))
    for number in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):  # it is closed meanwhile
            found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found


def attach(pid: int, capsys, *more: str) -> None:
    """Attach to a process, as one that sees nothing of what other tests start."""
    status = main(["attach", str(pid), "--trace-filter", "shows.toml", *more])
    told = capsys.readouterr()
    if "ERR_NOT_PERMITTED" in told.err:
        pytest.skip("this kernel lets no process look into another one")
    assert (status, told.err) == (0, "")


def wait_for_socket(way: str, pid: int) -> None:
    if way == "dormant":
        wait_until(lambda: find_socket(pid) is not None, "its socket")
