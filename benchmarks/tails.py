"""Times what a span costs whose trace is not kept: by its outcome here, by a ratio, by a collector.

usage: python -m benchmarks.tails [--rounds N] [--roots N] [--calls N]

The work: requests, each a root with 99 calls of three arguments and a result below it; one in a
thousand fails. Added CPU ns per span: of the thread that makes the calls, of the whole process
until everything is flushed, and of the collector beside it. The collector is `rotel`, which the
tests use: it receives and decodes every span and throws it away. It has no tail sampling, so
its figure is what a collector that decides about whole traces takes at the least, without holding
them or deciding. Where it is not installed, a receiver in Python stands in, whose CPU is not shown.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.collector import rotel
from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series
from benchmarks.scale import cpu_ns_of
from benchmarks.workloads.field import fib_20
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CALLS = 99  # below each root
ONE_IN = 1_000
FILTER = f"""{HEADER}
[[scope.rules]]
selector = "obj:**.{{request,step}}"
exec = "trace"
"""
RATIO = "[scope.rules.sampling]\nratio = 0.001\n"
RECEIVER = """
import gzip, http.server
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        zipped = self.headers.get("Content-Encoding") == "gzip"
        ExportTraceServiceRequest.FromString(gzip.decompress(body) if zipped else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments): pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def step(number: int, user: str, amount: float) -> str:
    if number < 0:
        raise LookupError("planted")
    return user


def request(number: int, call: Callable[..., Any]) -> int:
    for turn in range(CALLS):
        call(number if turn else -(number % ONE_IN == 0), "ada", 12.5)
    return number


class Cost(NamedTuple):
    """CPU in ns for a span: of this thread, of the process, of the collector."""

    thread: float
    process: float
    collector: float


class Collector(NamedTuple):
    """Something that receives and decodes spans."""

    name: str
    url: str
    pid: int

    def cpu_ns(self) -> int:
        """Return what it has used."""
        return cpu_ns_of(self.pid)


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    with contextlib.ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory()), "log")
        try:
            started = stack.enter_context(rotel.running_collector(log, logs_spans=False))
        except pytest.skip.Exception:  # none runs here
            command = [sys.executable, "-c", RECEIVER]
            process = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.terminate)
            port = int(process.stdout.readline())
            yield Collector("receiver in Python", f"http://127.0.0.1:{port}", process.pid)
        else:
            yield Collector("rotel", started.http_endpoint, started.process.pid)


def untraced() -> Iterator[tuple[Callable[..., Any], Callable[..., Any]]]:
    yield request, step


def ours(text: str = "", **options: Any) -> Callable[[Collector], Any]:
    def run(where: Collector) -> Iterator[tuple[Callable[..., Any], Callable[..., Any]]]:
        exporter = f"otlp={where.url}"
        options.setdefault("buffer", Buffer(when_full="block"))
        session = configure(filter_from_text(FILTER + text), exporter, set_global=False, **options)
        yield request, step
        assert session.flush(60)
        assert not session.dropped(), session.dropped()
        session.shutdown()

    return run


def opentelemetry(ratio: float) -> Callable[[Collector], Any]:
    def run(where: Collector) -> Iterator[tuple[Callable[..., Any], Callable[..., Any]]]:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        from benchmarks.peers import _decorated

        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(f"{where.url}/v1/traces")
        provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=1_000_000, max_export_batch_size=2048)
        )
        tracer = provider.get_tracer("tails")
        calls = [_decorated(tracer, function, with_values=True) for function in (request, step)]
        calls[0] = _plain(tracer, request)
        yield calls[0], calls[1]
        provider.force_flush(120_000)
        provider.shutdown()

    return run


def _plain(tracer: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(number: int, inner: Callable[..., Any]) -> Any:
        with tracer.start_as_current_span("request") as span:
            span.set_attribute("arg.number", number)
            return function(number, inner)

    return call


def requests(count: int, call: Callable[..., Any], inner: Callable[..., Any]) -> None:
    for number in range(count):
        with contextlib.suppress(LookupError):
            call(number, inner)


VARIANTS: dict[str, Callable[[Collector], Any]] = {
    "untraced": lambda _where: untraced(),
    "ours, everything delivered": ours(),
    "ours, a ratio of 0.001": ours(RATIO),
    "ours, errors by tail": ours(tail="errors"),
    "OpenTelemetry SDK, a ratio of 0.001": opentelemetry(0.001),
    "OpenTelemetry SDK, everything to the collector": opentelemetry(1.0),
}


def measure(name: str, where: Collector, roots: int) -> Cost:
    variant = VARIANTS[name](where)
    call, inner = next(variant)
    requests(50, call, inner)
    before = time.thread_time_ns(), time.process_time_ns(), where.cpu_ns()
    requests(roots, call, inner)
    thread = time.thread_time_ns() - before[0]
    next(variant, None)
    time.sleep(0.3)  # the collector decodes what it has accepted
    process, beside = time.process_time_ns() - before[1], where.cpu_ns() - before[2]
    spans = roots * (CALLS + 1)
    return Cost(thread / spans, process / spans, beside / spans)


def fib_ns() -> float:
    """Return what an untraced call of `fib` takes: how fast the machine is just now."""
    began = time.thread_time_ns()
    fib_20(0)
    return (time.thread_time_ns() - began) / 21_891


def rows(figures: dict[str, list[Cost]]) -> Iterator[str]:
    plain = figures.pop("untraced")
    for name, costs in figures.items():
        thread, process, beside = (
            Series(tuple(cost[i] - base[i] for cost, base in zip(costs, plain, strict=True)))
            for i in range(3)
        )
        yield f"{name:48} {thread.text():>22} {process.text():>22} {beside.text():>22}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=whole_from(1), default=5)
    parser.add_argument("--roots", type=whole_from(1), default=1_000)
    parser.add_argument("--calls", type=whole_from(1), default=CALLS, help="below each root")
    asked = parser.parse_args(arguments)
    globals()["CALLS"] = asked.calls
    with collector() as where:
        figures: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
        speeds = []
        for _ in range(asked.rounds):
            for name, costs in figures.items():
                is_slow = name.startswith("OpenTelemetry")
                speeds.append(fib_ns())
                costs.append(measure(name, where, asked.roots // (10 if is_slow else 1)))
        print(f"{asked.roots} requests of {CALLS + 1} spans; the collector is {where.name}")
        print(
            f"{'added CPU ns a span':48} {'the thread':>22} {'the process':>22} {'collector':>22}"
        )
        print("\n".join(rows(figures)))
        print(f"untraced call of fib: {Series(tuple(speeds)).text()} ns")


if __name__ == "__main__":
    main()
