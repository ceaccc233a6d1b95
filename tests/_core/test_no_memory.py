"""Where memory fails, a call is lost and told, and the program goes on."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from codetracer_otel._core import load

NATIVE = load()
PROGRAM = Path(__file__).with_name("no_memory.py")
pytestmark = [
    pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}"),
    pytest.mark.skipif(find_spec("_testcapi") is None, reason="no _testcapi in this interpreter"),
]
CALLS = ["numbers", "texts", "containers", "objects", "large", "exceptions"]
if sys.version_info[:3] != (3, 13, 0):  # which closes generators in silence: left to Python
    CALLS.append("generators")
READERS = ["records", "outlines", "sizes", "times", "plans", "split"]


@pytest.mark.parametrize("scenario", [*CALLS, *READERS])
def test_each_allocation_may_fail(scenario):
    command = [sys.executable, PROGRAM, scenario]
    compiled = {**os.environ, "CODETRACER_OTEL_CORE": "c"}  # whatever records in other tests
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=compiled)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith("points ")
