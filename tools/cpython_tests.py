"""Runs CPython's own regression tests with and without tracing, and compares every test's result.

usage: python -m tools.cpython_tests [--write docs/cpython-tests.md] [MODULE ...]

The test package itself is traced (rule: trace everything), with arguments and return values. The
interpreter that runs this script is the one under test; its ``test`` package must be installed.
Each module runs once without tracing and once with each recorder: a row each.
With ``--write`` the rows of the modules that ran replace the older ones of this interpreter.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tools.cores import cores_of, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

# fmt: off
MODULES = [
    "test_generators", "test_coroutines", "test_asyncgen", "test_contextlib",
    "test_contextlib_async", "test_context", "test_decorators", "test_exceptions", "test_raise",
    "test_threading", "test_thread", "test_queue", "test_functools", "test_dataclasses",
    "test_enum", "test_weakref", "test_gc", "test_traceback", "test_warnings", "test_with",
    "test_yield_from", "test_sys_settrace", "test_sys_setprofile",
    "test_except_star", "test_scope", "test_listcomps", "test_setcomps", "test_dictcomps",
    "test_genexps", "test_concurrent_futures", "test_asyncio",
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
_COPIED_CONTEXT = (
    "while a context is copied it carries the current span, so that what runs in it finds its"
    " parent; `len(copy_context())` is one larger"
)
KNOWN = {
    "test_collect_garbage": "reading an object's fields makes its `__dict__`: one object more",
    "test_get_count": "it counts allocations, and a call that is recorded makes some",
    "test_get_objects_arguments": (
        "it counts all objects twice; our worker may run in between and make or free some"
    ),
    "test_context_getset_1": _COPIED_CONTEXT,
    "test_context_run_4": _COPIED_CONTEXT,
    "test_raise_and_yield_from": "the signal is delivered inside a callback written in Python",
}
_ENVIRONMENT = (
    "regrtest counts threads before and after each test: ours end before a fork of a program that"
    " has no others, and go on with the next span"
)
HEADER = """\
| module | core | result | tests run / skipped | spans | failed without / with \
| time without / with | left running without / with | only with tracing |
|---|---|---|---|---|---|---|---|---|
"""
TIME_LIMIT_S = 1800
_SPANS = re.compile(r"codetracer-otel: ([\d,]+) spans? recorded")
_FAILED = re.compile(
    r"^={70}\n(?:FAIL|ERROR): (?P<test>\S+)[^\n]*\n-{70}\n(?P<report>.*?)(?=^={70}$|^-{70}$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(?::.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What one run of one module came to."""

    status: int | str
    results: Counter[tuple[str, str]]
    failures: dict[str, str]  # test -> the last line of its traceback
    spans: int  # proof that tracing was on
    has_changed_environment: bool
    has_failed_recording: bool  # nothing is traced from then on, so the rest tells nothing
    left_running: int
    seconds: float
    tail: str

    def count(self, *kinds: str) -> int:
        return sum(number for (_, kind), number in self.results.items() if kind in kinds)


def run_module(module: str, core: str, prefix: list[str], directory: Path) -> Outcome:
    report, output = directory / "report.xml", directory / "output.txt"
    report.unlink(missing_ok=True)
    command = [sys.executable, *prefix, "-m", "test", "-v", "-u", "none"]
    began = time.monotonic()
    with output.open("wb") as file:  # a pipe would be kept open by what is left running
        process = subprocess.Popen(
            [*command, "--junit-xml", str(report), module],
            cwd=directory,
            env=environment(core),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status = status_of(process)
    seconds = time.monotonic() - began
    left_running = end_session(process.pid)
    text = output.read_text(errors="replace")
    spans = _SPANS.findall(text)
    return Outcome(
        status,
        read_results(report),
        {found["test"]: failing_line(found["report"]) for found in _FAILED.finditer(text)},
        int(spans[-1].replace(",", "")) if spans else 0,
        "env changed" in text,
        '"message": "recorder failed"' in text,
        left_running,
        seconds,
        text[-4000:],
    )


def status_of(process: subprocess.Popen[bytes]) -> int | str:
    try:
        return process.wait(TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        end_session(process.pid)
        process.wait()
        return f"no end within {TIME_LIMIT_S} s"


def end_session(leader: int) -> int:
    """Kill every process of a session; return how many of them still ran."""
    members = [member for member in map(int, all_processes()) if session_of(member) == leader]
    for member in members:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    return len(members)


def all_processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdecimal()]


def session_of(process: int) -> int:
    with suppress(OSError):
        facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
        state, _parent, _group, session = facts.split()[:4]
        return 0 if state == "Z" else int(session)
    return 0


def read_results(report: Path) -> Counter[tuple[str, str]]:
    """Return every test with its result; a test of which a part failed has no name there."""
    if not report.exists():
        return Counter()
    return Counter(
        (case.get("name", "?"), result_of(case)) for case in ET.parse(report).iter("testcase")
    )


def result_of(case: ET.Element) -> str:
    kinds = ("failure", "error", "skipped")
    found = [kind for kind in kinds if case.find(kind) is not None]
    return found[0] if found else "passed" if case.get("name") else "failure"


def failing_line(report: str) -> str:
    traceback = re.split(r"^Std(?:out|err):$", report, maxsplit=1, flags=re.MULTILINE)[0]
    lines: list[str] = _ERROR_LINE.findall(traceback)
    return lines[-1] if lines else "?"


def compare(
    module: str, cores: tuple[str, ...], filter_file: Path, directory: Path
) -> Iterator[tuple[str, Outcome, Outcome]]:
    """Yield each recorder, what came of the module without tracing, and what with it."""
    plain = run_module(module, "auto", [], directory)
    prefix = ["-m", "codetracer_otel", "run", "--exporter", "none"]
    for core in cores:
        traced = [*prefix, "--trace-filter", str(filter_file)]
        yield core, plain, run_module(module, core, traced, directory)


def differences(plain: Outcome, traced: Outcome) -> tuple[list[str], bool]:
    """Return what differs, in words, and whether all of it is known."""
    found, is_known = [], True
    for test in sorted(traced.failures.keys() - plain.failures.keys()):
        reason = KNOWN.get(test)
        is_known = is_known and reason is not None
        found.append(f"`{test}`: `{traced.failures[test]}`" + (f" - {reason}" if reason else ""))
    found += [f"only without: `{test}`" for test in plain.failures.keys() - traced.failures.keys()]
    if found and is_known:
        return found, True
    if plain.results != traced.results and not found:
        changed = (traced.results - plain.results) or (plain.results - traced.results)
        found += [f"`{test}` {kind}" for test, kind in sorted(changed)]
    if plain.status != traced.status:
        found.append(f"status {plain.status} / {traced.status}")
    if not traced.spans:
        found.append("no spans")
    if traced.has_failed_recording:
        found.append("the recorder failed")
    is_good = not found
    if plain.has_changed_environment != traced.has_changed_environment:
        found.append(f"`env changed` - {_ENVIRONMENT}")
    return found, is_good


def row(module: str, core: str, plain: Outcome, traced: Outcome) -> tuple[str, bool]:
    found, is_good = differences(plain, traced)
    verdict = "same" if not found else "same but for known" if is_good else "**differs**"
    if not plain.results and not traced.results:
        verdict = "not in this test package"
    cells = (
        module,
        core,
        verdict,
        f"{sum(traced.results.values()):,} / {traced.count('skipped'):,}",
        f"{traced.spans:,}",
        f"{len(plain.failures)} / {len(traced.failures)}",
        f"{plain.seconds:.0f} s / {traced.seconds:.0f} s",
        f"{plain.left_running} / {traced.left_running}",
        "; ".join(found).replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |", is_good


def write_row(path: Path, line: str) -> None:
    """Put a row into this interpreter's section, instead of the older one of module and core."""
    title = f"## CPython {platform.python_version()}\n"
    text = path.read_text()
    before, found, rest = text.partition(title)
    section, next_title, after = rest.partition("\n## ") if found else ("", "", "")
    lines = {_key(old): old for old in [*section.splitlines(), line] if old.startswith("| test_")}
    body = f"{title}\n{HEADER}" + "\n".join(lines[key] for key in sorted(lines)) + "\n"
    path.write_text(before.rstrip() + "\n\n" + body + next_title + after)


def _key(line: str) -> tuple[str, str]:
    _, module, core, *_ = (cell.strip() for cell in line.split("|"))
    return module, core


def main() -> int:
    # Tests that interrupt themselves wait for ever where a shell has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    has_failed = False
    with tempfile.TemporaryDirectory() as directory:
        filter_file = Path(directory, "everything.toml")
        filter_file.write_text(TRACE_EVERYTHING)
        cores = cores_of(sys.executable)
        for module in arguments.modules:
            for core, plain, traced in compare(module, cores, filter_file, Path(directory)):
                line, is_good = row(module, core, plain, traced)
                print(line, flush=True)
                if arguments.write:
                    write_row(arguments.write, line)
                if not is_good:
                    has_failed = True
                    print(traced.tail, flush=True)
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
