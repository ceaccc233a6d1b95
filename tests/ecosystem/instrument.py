"""Run programs under `opentelemetry-instrument`, with a loopback collector and a page to fetch."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.traced_run import environment

PROGRAMS = Path(__file__).with_name("programs")
COMMAND = Path(sys.executable).with_name("opentelemetry-instrument")
OPTIONS = ("--metrics_exporter", "none", "--logs_exporter", "none")


def instrumented(
    program: str, *arguments: str, exporter: str = "otlp", cwd: Path = PROGRAMS, **variables: str
):
    """Run ``program`` as its users would, and nothing else about it changed."""
    return subprocess.run(
        [
            *(COMMAND, "--traces_exporter", exporter, *OPTIONS),
            *(sys.executable, f"{program}.py", *arguments),
        ],
        cwd=cwd,
        env=environment(PYTHONDONTWRITEBYTECODE="1", **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def delivering_to(receiver) -> dict[str, str]:
    """Return the variables that send spans to a loopback receiver."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }


@contextmanager
def running_page():
    """Serve one text on a free loopback port; gives its URL and the headers of each request."""
    headers: list[dict[str, str]] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", headers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
