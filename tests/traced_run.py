"""Run programs with and without `codetracer-otel run`, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
FOREIGN = ("CODETRACER_", "OTEL_", "TRACEPARENT", "TRACESTATE")
WHICH_CORE = "CODETRACER_OTEL_CORE"  # the tests run on both
TRACER = ("-m", "codetracer_otel", "run")
# Behind a program whose spans a busy machine does not deliver within the 5 s that its end has.
DELIVER = """
from codetracer_otel.sdk.session.configure import active_session
active_session().flush(100)
"""


def environment(**more: str) -> dict[str, str]:
    """Return this process' environment without what would configure a tracer."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(FOREIGN) or key == WHICH_CORE
    }
    return {**kept, "PYTHONIOENCODING": "utf-8", "NO_PROXY": "127.0.0.1", **more}


def run_python(
    *arguments: object,
    stdin: str = "",
    cwd: Path | None = None,
    timeout: float = 120,
    **more_environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the interpreter of this test with ``arguments``; wait at most ``timeout`` seconds."""
    return subprocess.run(
        [sys.executable, *(str(argument) for argument in arguments)],
        input=stdin,
        cwd=cwd,
        env=environment(**more_environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def run_traced(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run `codetracer-otel run` with ``arguments``; ``options`` as for `run_python`."""
    return run_python(*TRACER, *arguments, **options)


def spans_in(*files: Path) -> list[dict]:
    """Return the spans of JSON-lines files, without what these say of their runs."""
    return spans_of("".join(file.read_text() for file in files))


def spans_of(text: str) -> list[dict]:
    """Return the spans of JSON lines, without what these say of their runs."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line.get("schema") not in ("run/1", "loss/1")]
