"""A real OpenTelemetry collector (rotel) for tests: start, wait, stop, read its log."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.collector.log import LoggedSpan, read_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 20.0
STOP_SECONDS = 20.0
LOGS_SPANS = ("--debug-log", "traces", "--debug-log-verbosity", "detailed")
ATTEMPTS = 5  # somebody may take a free port between our look and the collector's bind


@dataclass
class Collector:
    """A running collector; `stop` it before reading its log, which is complete only then."""

    http_port: int
    grpc_port: int
    log_file: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def http_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def grpc_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.grpc_port}"

    def stop(self) -> None:
        """Let it write what it received, end it; a second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """Stop it and return everything that it wrote."""
        self.stop()
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def spans(self) -> list[LoggedSpan]:
        """Stop it and return every span of its log, in the order of arrival."""
        return read_spans(self.log())


@contextmanager
def running_collector(log_file: Path, *, logs_spans: bool = True) -> Iterator[Collector]:
    """Start the collector on free loopback ports; skip the test where it cannot run.

    With ``logs_spans`` every span is in its log, which costs it most of its time.

    With ``CODETRACER_CI`` set a collector that cannot run is a failure instead, except where there
    is none: it has no wheels from CPython 3.14 on.
    """
    environment = _environment_or_skip()
    collector = _started(log_file, environment, logs_spans=logs_spans)
    try:
        yield collector
    finally:
        collector.stop()


def _started(log_file: Path, environment: dict[str, str], *, logs_spans: bool) -> Collector:
    for _ in range(ATTEMPTS):
        collector = _launch(log_file, environment, logs_spans=logs_spans)
        if _becomes_ready(collector):
            return collector
        collector.stop()
        if "in use" not in log_file.read_text(errors="replace"):
            break
    pytest.fail(f"the collector did not start:\n{log_file.read_text(errors='replace')}")


def _launch(log_file: Path, environment: dict[str, str], *, logs_spans: bool) -> Collector:
    http_port, grpc_port = _free_ports(2)
    options = [*_options(http_port, grpc_port), *(LOGS_SPANS if logs_spans else ())]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [
                str(_agent_or_skip()),
                "start",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    return Collector(http_port, grpc_port, log_file, process)


def _options(http_port: int, grpc_port: int) -> list[str]:
    return [
        *("--otlp-http-endpoint", f"127.0.0.1:{http_port}"),
        *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc_port}"),
        *("--exporter", "blackhole"),
    ]


def _becomes_ready(collector: Collector) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and collector.process.poll() is None:
        if _accepts(collector.http_port) and _accepts(collector.grpc_port):
            return collector.process.poll() is None
        time.sleep(0.02)
    return False


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _agent_or_skip() -> Path:
    package = find_spec("rotel")
    if package is None or package.origin is None:
        raise _unavailable("rotel is not installed: it has no wheel for this platform or Python")
    return Path(package.origin).with_name("rotel-agent")


def _environment_or_skip() -> dict[str, str]:
    """Return an environment in which the agent finds the libpython that it was linked to."""
    complaint = ""
    for folder in (None, sysconfig.get_config_var("LIBDIR"), Path(sys.base_prefix, "lib")):
        environment = _environment(folder)
        complaint = _complaint(_agent_or_skip(), environment)
        if not complaint:
            return environment
    raise _unavailable(f"the collector needs a shared libpython and did not run: {complaint}")


def _environment(library_folder: str | Path | None) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return kept if library_folder is None else {**kept, "LD_LIBRARY_PATH": str(library_folder)}


def _complaint(agent: Path, environment: dict[str, str]) -> str:
    answer = subprocess.run(
        [str(agent), "version"], env=environment, capture_output=True, text=True, check=False
    )
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"{answer.returncode}"


def _unavailable(reason: str) -> Exception:
    in_ci = os.environ.get("CODETRACER_CI") and sys.version_info < (3, 14)
    return pytest.fail.Exception(reason) if in_ci else pytest.skip.Exception(reason)
