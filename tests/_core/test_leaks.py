"""Memory stays as it is over many calls; `make leaks` makes ten million of every kind."""

import pytest
from tests.depth import examples
from tools.leaks.__main__ import in_process

from codetracer_otel._core import load

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")


@pytest.mark.parametrize(
    "kind", ["plain", "methods", "generators", "abandoned_generators", "coroutines", "exceptions"]
)
def test_memory_is_flat_over_calls_of_a_kind(kind):
    row = in_process(kind, "c", examples(100_000))
    assert row.spans > row.calls
    assert row.is_flat, row
