"""Calls whose values are larger than a chunk of the log, which is 256 KiB."""

import pytest
from tests.traced_run import DELIVER, run_traced, spans_in

from codetracer_otel._core import load

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no compiled core: {NATIVE.reason}")

# The limit keeps the machine alive if the log takes chunk after chunk. The address sanitizer, which
# has limits of its own, reserves terabytes.
PROGRAM = """
import os, resource

if "ASAN_OPTIONS" not in os.environ:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, most))

def given(value, other=None):
    return None

def returned(count):
    return [["x" * 1000] * 30] * count

def fails(value):
    raise ValueError(len(value))

def yields(value):
    yield value

for count in (1, 9, 12):
    given(returned(count), returned(3))
    given(1)
    list(yields(returned(count)))
    try:
        fails(returned(count))
    except ValueError:
        pass
"""


@pytest.mark.parametrize("core", ["c", "python"])
def test_calls_with_values_larger_than_a_chunk_are_recorded(tmp_path, core):
    program, file = tmp_path / "large.py", tmp_path / "spans.jsonl"
    program.write_text(PROGRAM + DELIVER)  # a core under a sanitizer is slow

    answer = run_traced("--exporter", f"jsonl={file}", program, CODETRACER_OTEL_CORE=core)

    assert answer.returncode == 0, answer.stderr
    calls = [(span["name"], span["attributes"]) for span in spans_in(file)]
    sizes = [
        len(str(values["codetracer.return"])) for name, values in calls if name.endswith("returned")
    ]
    assert max(sizes) > 60_000  # of what was captured, 900 KB, as much as is shown
    assert len(calls) == 1 + 3 * 8
