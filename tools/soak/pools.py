"""Runs `pool_rounds.py` under tracing with both cores busy, and counts every job's span.

usage: pools.py [--runs N] [--methods fork,spawn,forkserver] [--exporters jsonl,otlp,...]
                [--rounds N] [--idle]

Each run is one program of ``--rounds`` pools. A run fails when it does not end in two minutes,
when its output differs from plain Python's, when a span is missing or comes twice, or when its
summary does not add up. Prints one line per kind of run, and each failure; the status is 1 if
there was one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(__file__).with_name("pool_rounds.py")
PATIENCE_S = 120
WORKERS, JOBS = 3, 20
FILTER = """
[meta]
name = "soak"
version = 1
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "obj:glob:__main__.*"
exec = "trace"
"""
SUMMARY = re.compile(r"(\d+) (?:spans|calls) recorded(?:, (\d+) exported)?, (\d+) dropped")


class Collector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP and keeps the names of spans."""

    names: list[str] = []  # noqa: RUF012 - of the one collector of this process

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip  # noqa: PLC0415

            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        self.names += [
            span.name
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def collecting() -> Iterator[str]:
    Collector.names = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def of_jsonl(folder: Path) -> Counter[str]:
    files = [*folder.glob("out.*")]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return Counter(line["name"] for line in lines if line["schema"] == "span/1")


def of_chrome(folder: Path) -> Counter[str]:
    files = [*folder.glob("out.*")]
    lines = [line.rstrip(",") for file in files for line in file.read_text().splitlines()]
    events = [json.loads(line) for line in lines if line.startswith('{"ph"')]
    return Counter(event["name"] for event in events if event["ph"] == "X")


def of_native(folder: Path) -> Counter[str]:
    names: Counter[str] = Counter()
    for file in folder.rglob("trace.json"):
        text = file.read_text().rstrip().rstrip(",")
        functions: list[str] = []
        for event in json.loads(text if text.endswith("]") else text + "]"):
            if "Function" in event:
                functions.append(event["Function"]["name"])
            elif "Call" in event:
                names[f"__main__.{functions[event['Call']['function_id']]}"] += 1
    return names


TARGETS: dict[str, tuple[str, Callable[[Path], Counter[str]]]] = {
    "jsonl": ("jsonl={folder}/out.jsonl", of_jsonl),
    "chrome": ("chrome={folder}/out.json", of_chrome),
    "native": ("native={folder}/out", of_native),
    "otlp": ("otlp={url}", lambda _: Counter(Collector.names)),
}


def failures_of(method: str, exporter: str, rounds: int) -> list[str]:
    """Run the program once; return what was wrong."""
    spec, count = TARGETS[exporter]
    arguments = [method, str(rounds), str(WORKERS), str(JOBS)]
    with tempfile.TemporaryDirectory() as name, collecting() as url:
        folder = Path(name)
        (folder / "filter.toml").write_text(FILTER)
        target = spec.format(folder=folder, url=url)
        options = ["--trace-filter", str(folder / "filter.toml"), "--exporter", target]
        command = [sys.executable, "-m", "codetracer_otel", "run", *options, str(PROGRAM)]
        ended = run([*command, *arguments])
        if ended is None:
            return [f"no end within {PATIENCE_S} s"]
        return problems(ended, count(folder), rounds)


def run(command: list[str]) -> tuple[int, str, str] | None:
    ours = ("CODETRACER_", "OTEL_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}  # noqa: TID251
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return None
    return process.returncode, output, errors


def problems(ended: tuple[int, str, str], names: Counter[str], rounds: int) -> list[str]:
    status, output, errors = ended
    jobs = rounds * JOBS
    found = []
    if (status, output) != (0, f"{rounds * sum(range(1, JOBS + 1))}\n"):
        found.append(f"status {status}, output {output!r}")
    if names["__main__.job"] != jobs:
        found.append(f"{names['__main__.job']} spans of {jobs} jobs")
    summary = SUMMARY.search(errors)
    if summary is None or len(errors.splitlines()) != 1:
        found.append(f"stderr {errors!r}")
    elif summary[2] is not None and int(summary[1]) != int(summary[2]) + int(summary[3]):
        found.append(f"sum of {summary[0]!r}")
    return found


@contextlib.contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Keep as many cores busy as there are, with work of the same priority."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--methods", default="fork,spawn,forkserver")
    parser.add_argument("--exporters", default="jsonl,otlp,native,chrome")
    parser.add_argument("--idle", action="store_true", help="do not keep the cores busy")
    options = parser.parse_args(arguments)
    failed = 0
    with contextlib.nullcontext() if options.idle else busy_cores(os.cpu_count() or 1):
        for method in options.methods.split(","):
            for exporter in options.exporters.split(","):
                failed += repeat(method, exporter, options.runs, options.rounds)
    return 1 if failed else 0


def repeat(method: str, exporter: str, runs: int, rounds: int) -> int:
    """Run one kind ``runs`` times, print what came of it, and return how many runs failed."""
    begin = time.monotonic()
    failed = 0
    for number in range(runs):
        found = failures_of(method, exporter, rounds)
        failed += bool(found)
        for each in found:
            print(f"  {method} {exporter} run {number}: {each}", flush=True)
    version = ".".join(map(str, sys.version_info[:3]))
    took = time.monotonic() - begin
    print(f"{version} {method} {exporter}: {runs} runs of {rounds} pools, {failed} failed, "
          f"{took:.0f} s", flush=True)  # fmt: skip
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
