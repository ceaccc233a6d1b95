"""The environment of child processes whose spans are to be below one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.trace import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

# A child process prints to its own standard error, which may be read by the program.
_NOT_FOR_CHILDREN: Final = frozenset({"CODETRACER_TRACE", "CODETRACER_TRACE_TOPICS"})

_propagator: Final = TraceContextTextMapPropagator()


def child_environment(span: Span, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a child process: what it records is below ``span``.

    Args:
        span: any span; one that is not valid is nobody's parent.
        environ: to start from; the topics it names are left out.
    """
    child = {key: value for key, value in environ.items() if key not in _NOT_FOR_CHILDREN}
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, set_span_in_context(span, Context()))
    if carrier:
        child.pop("TRACESTATE", None)
    child.update({key.upper(): value for key, value in carrier.items()})
    return child
