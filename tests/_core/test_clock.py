"""A clock that is not the system's may let anything happen while it is read."""

import subprocess
import sys
from pathlib import Path

import pytest

from codetracer_otel._core import load

NATIVE = load()
PROJECT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
# In a process of its own: what fails ends it.
PROGRAM = """
from codetracer_otel.bindings import Time
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.testing import InMemoryExporter

looks = False

def read():
    if looks:
        active_session()._leading.recorder.stacks.open_entries()
    return Time.monotonic_ns()

SystemClock.monotonic_ns = staticmethod(read)
FILTER = '''
[meta]
name = "clock"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "file:literal:<string>"
exec = "trace"
capture = CAPTURE
[[scope.rules]]
selector = "obj:*.{read,<module>}"
exec = "skip"
'''

def inner(value):
    if value == 3:
        raise ValueError(value)
    return value

def items(value):
    yield value
    yield value

def outer():
    for value in range(5):
        try:
            list(items(inner(value)))
        except ValueError:
            pass

kept = InMemoryExporter()
with configure(filter_from_text(FILTER), kept) as session:
    outer()
    looks = True
    for _ in range(50):
        outer()
    looks = False
    assert session.stats()["recorder"]["healed_stack_entries"] == 0
    assert not session.has_failed
assert len(kept.named("__main__.inner")) == 255, len(kept.spans)
assert len(kept.named("__main__.items")) == 204, len(kept.spans)
assert len(kept.named("__main__.outer")) == 51, len(kept.spans)
"""


@pytest.mark.parametrize("capture", ["[]", "['args', 'return']"])
def test_open_calls_may_become_records_while_a_clock_is_read(capture):
    source = PROGRAM.replace("CAPTURE", capture)
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
