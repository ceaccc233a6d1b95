"""Runs CPython's own regression tests with and without tracing, and compares what failed.

usage: cpython_tests.py [--write docs/cpython-tests.md] [MODULE ...]

The test package itself is traced (rule: trace everything), with arguments and return values. The
interpreter that runs this script is the one under test; its ``test`` package must be installed.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# fmt: off
MODULES = [
    "test_generators", "test_coroutines", "test_asyncgen", "test_contextlib",
    "test_contextlib_async", "test_context", "test_decorators", "test_exceptions", "test_raise",
    "test_threading", "test_thread", "test_queue", "test_asyncio", "test_functools",
    "test_dataclasses", "test_enum", "test_weakref", "test_gc", "test_traceback",
    "test_warnings", "test_with", "test_yield_from", "test_concurrent_futures",
]
# fmt: on
TRACE_EVERYTHING = """
[meta]
name = "trace-everything"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
[[scope.rules]]
selector = "pkg:{test,test.*}"
exec = "trace"
"""
TIME_LIMIT_S = 900
_SPANS = re.compile(r"codetracer-otel: ([\d,]+) spans recorded")
_FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+ \(\S+?\))", re.MULTILINE)


HEADER = (
    "| module | result | spans | failed without / with | time without / with "
    "| failing only with tracing |"
)


@dataclass(frozen=True)
class Outcome:
    """What one run of one module came to."""

    status: int
    failed: frozenset[str]
    seconds: float
    tail: str

    def spans(self) -> int:
        """Return what the run's own summary counts: proof that tracing was on."""
        found = _SPANS.findall(self.tail)
        return int(found[-1].replace(",", "")) if found else 0


def run_module(module: str, prefix: list[str], directory: str) -> Outcome:
    command = [sys.executable, *prefix, "-m", "test", "-v", "-u", "none", module]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(-1, frozenset({"<time limit>"}), TIME_LIMIT_S, "")
    text = done.stdout + done.stderr
    seconds = time.monotonic() - began
    return Outcome(done.returncode, frozenset(_FAILED.findall(text)), seconds, text[-4000:])


def compare(module: str, filter_file: Path, directory: str) -> tuple[Outcome, Outcome]:
    plain = run_module(module, [], directory)
    prefix = ["-m", "codetracer_otel", "run", "--exporter", "none"]
    traced = run_module(module, [*prefix, "--trace-filter", str(filter_file)], directory)
    return plain, traced


def row(module: str, plain: Outcome, traced: Outcome) -> str:
    only_traced = sorted(traced.failed - plain.failed)
    only_plain = sorted(plain.failed - traced.failed)
    same = plain.status == traced.status and not only_traced and not only_plain
    same = same and traced.spans() > 0
    verdict = "same" if same else "**differs**"
    details = ", ".join([*only_traced, *(f"only untraced: {name}" for name in only_plain)])
    failed = f"{len(plain.failed)} / {len(traced.failed)}"
    times = f"{plain.seconds:.0f} s / {traced.seconds:.0f} s"
    return f"| {module} | {verdict} | {traced.spans():,} | {failed} | {times} | {details} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    lines = [
        f"### CPython {platform.python_version()}",
        "",
        HEADER,
        "|---|---|---|---|---|---|",
    ]
    differing = 0
    with tempfile.TemporaryDirectory() as directory:
        filter_file = Path(directory, "everything.toml")
        filter_file.write_text(TRACE_EVERYTHING)
        for module in arguments.modules:
            plain, traced = compare(module, filter_file, directory)
            lines.append(row(module, plain, traced))
            print(lines[-1], flush=True)
            if "differs" in lines[-1]:
                differing += 1
                print(traced.tail, flush=True)
    if arguments.write:
        arguments.write.parent.mkdir(exist_ok=True)
        with arguments.write.open("a") as file:
            file.write("\n".join(lines) + "\n\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
