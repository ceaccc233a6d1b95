"""The fuzzer's rounds pass on this interpreter; `make fuzz` plays them for an hour.

Those with timers and signals are left to it: what they do is another thing each time.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from codetracer_otel._core import load

PROJECT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(load().module is None, reason=f"no core: {load().reason}")


@pytest.mark.parametrize("kind", ["calm", "hand"])
def test_a_round_of_each_kind_passes(tmp_path, kind):
    command = [sys.executable, "-m", "tools.fuzz.rounds", kind, "1", tmp_path]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
