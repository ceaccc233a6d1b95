"""Instructions per call, counted by callgrind: the same figure on a busy machine and a quiet one.

usage: python -m benchmarks.instructions [VARIANT ...]
       python -m benchmarks.instructions --gate     exits 1 above the ceiling of the compiled core

Every variant runs twice with different numbers of calls; the difference cancels start-up and
imports. Two things would make the figure another one each time: the worker, which wakes by the
clock and under callgrind often, so it rests but in "all threads"; and the garbage collector, whose
share depends on the objects that there are by then, so it is off.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.filter_header import HEADER
from codetracer_otel._core import load

FEW, MANY = 1_000, 11_000
CEILING = 2_200  # added by a call with two arguments and return on the compiled core
ROOT = Path(__file__).parent.parent
_TOTAL = re.compile(r"Collected : (\d+)")

BODY = """
import gc
gc.disable()
from benchmarks.workloads import calls as workload
from benchmarks import instructions as self

def run(count):
    workload.parent_of(workload.two, count)

count = {count}
"""
SESSION = """
import codetracer_otel as ct
from codetracer_otel.filters import filter_from_text
session = ct.configure(
    filter_from_text(self.{toml}), "none", set_global=False,
    buffer=ct.Buffer(interval_ms=600_000, records=1_000_000),
)
session._pipeline.park()
run(count)
"""
AWAKE = SESSION.replace("session._pipeline.park()\n", "")
COMMANDED = SESSION.replace("set_global", "control=True, set_global")
COMMANDED = COMMANDED.replace("run(count)", "import time; time.sleep(1); run(count)")
OFFERED = """
from codetracer_otel.sdk.session.configure import offer_control
offer_control()
import time
time.sleep(1)  # until the thread that takes commands rests
run(count)
"""
ROOTS = "run = workload.loop_of(workload.two)\n"
LEAVE = "import os; os._exit(0)\n"
DELIVER = "session.shutdown(600)\n" + LEAVE
RULE = "[[scope.rules]]\nselector = 'obj:benchmarks.workloads.calls.{two,parent_of}'\n"
EXCLUDED = HEADER
TRACED = HEADER + RULE + "exec = 'trace'\n"
NAMES = TRACED + "capture = []\n"
SAMPLED = TRACED + "[[scope.rules]]\nselector = 'obj:**.two'\n[scope.rules.sampling]\nratio = 0.0\n"
NOOP = """
import sys
tool, events = 4, sys.monitoring.events
sys.monitoring.use_tool_id(tool, "no-op")
sys.monitoring.register_callback(tool, events.PY_START, lambda *_: None)
sys.monitoring.register_callback(tool, events.PY_RETURN, lambda *_: None)
sys.monitoring.set_events(tool, events.PY_START | events.PY_RETURN)
run(count)
"""
DECORATED = """
from benchmarks import calls
from opentelemetry.sdk.trace import TracerProvider
two = calls.decorated_two(TracerProvider(shutdown_on_exit=False).get_tracer("benchmark"))
workload.parent_of(two, count)
"""

VARIANTS = {
    "untraced": BODY + "run(count)\n" + LEAVE,
    "untraced, takes commands": BODY + OFFERED + LEAVE,
    "no-op callbacks": BODY + NOOP + LEAVE,
    "excluded": BODY + SESSION.replace("{toml}", "EXCLUDED") + LEAVE,
    "excluded, takes commands": BODY + COMMANDED.replace("{toml}", "EXCLUDED") + LEAVE,
    "sampled out": BODY + SESSION.replace("{toml}", "SAMPLED") + LEAVE,
    "names only": BODY + SESSION.replace("{toml}", "NAMES") + LEAVE,
    "arguments and return": BODY + SESSION.replace("{toml}", "TRACED") + LEAVE,
    "arguments and return, a root each": BODY + ROOTS + SESSION.replace("{toml}", "TRACED") + LEAVE,
    "arguments and return, all threads": BODY + AWAKE.replace("{toml}", "TRACED") + DELIVER,
    "OpenTelemetry decorator with values": BODY + DECORATED + LEAVE,
}


def count(program: str, calls: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*command, sys.executable, "-c", program.replace("{count}", str(calls))],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = _TOTAL.search(done.stderr)
    if found is None or done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return int(found[1])


def per_call(program: str) -> float:
    return (count(program, MANY) - count(program, FEW)) / (MANY - FEW)


def gate() -> None:
    if load().module is None:
        raise SystemExit(f"no compiled core: {load().reason}")
    added = per_call(VARIANTS["arguments and return"]) - per_call(VARIANTS["untraced"])
    print(f"two arguments and return: {added:.0f} instructions added, at most {CEILING}")
    if added > CEILING:
        raise SystemExit(1)


def main() -> None:
    if sys.argv[1:] == ["--gate"]:
        gate()
        return
    names = sys.argv[1:] or list(VARIANTS)
    print(f"CPython {platform.python_version()}: instructions per call of two arguments\n")
    print("| variant | instructions | added |\n|---|--:|--:|")
    untraced = None
    for name in names:
        found = per_call(VARIANTS[name])
        untraced = found if untraced is None else untraced
        print(f"| {name} | {found:.0f} | {found - untraced:.0f} |", flush=True)


if __name__ == "__main__":
    main()
