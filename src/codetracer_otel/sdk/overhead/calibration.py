"""Measures what it costs here to record a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.model.record import Plan, Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.instrumentation.monitoring.tool import Monitor
    from codetracer_otel.model.protocols import SpanRecorder

_CALLS: Final = 200
_ROUNDS: Final = 9
_NAMES: Final = ("number", "text")


def _called(number: int, text: str) -> int:  # noqa: ARG001 - it is there to be captured
    return number


def _calling(count: int) -> int:
    for number in range(count):
        _called(number, "text")
    return count


def _measure() -> int:
    """Return how long the calls take that take least."""
    times = []
    for _ in range(_ROUNDS):
        began = Time.monotonic_ns()
        _calling(_CALLS)
        times.append(Time.monotonic_ns() - began)
    return min(times)


def cost_of_a_call(monitor: Monitor, recorder: SpanRecorder) -> float:
    """Return the ns that recording adds to a call with two plain arguments and a result.

    Args:
        monitor: of a recorder that records nothing else, and is of no use afterwards.
        recorder: it.
    """
    plain = _measure()
    callbacks: Mapping[str, Callable[..., Any]] = recorder.callbacks()
    undo = monitor.install(callbacks, is_everywhere=False)
    try:
        for function in (_calling, _called):
            recorder.trace_as(function.__code__, _plan_of(function))
        recorded = _measure()
    finally:
        undo()
        recorder.close()
    return max(recorded - plain, 0) / _CALLS


def _plan_of(function: Callable[..., object]) -> Plan:
    code = function.__code__
    names = _NAMES if function is _called else ()
    arguments = tuple(Variable(name, f"codetracer.arg.{name}", redacted=False) for name in names)
    name = f"{__name__}.{code.co_name}"
    return Plan(
        name,
        name,
        code.co_filename,
        code.co_firstlineno,
        arguments=arguments,
        argument_names=names,
        captures_return=True,
    )
