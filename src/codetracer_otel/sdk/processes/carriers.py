"""Carries contexts in environments: this process's baggage in, the current span out to children."""

from __future__ import annotations

import inspect
import subprocess
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, get_current
from opentelemetry.propagate import inject

from codetracer_otel.instrumentation.manual.context import detach
from codetracer_otel.sdk.settings.model import from_process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRACE: Final = "TRACEPARENT"


def attach_baggage(text: str) -> Callable[[], None]:
    """Make the entries of a ``BAGGAGE`` variable current on this thread; return the undo."""
    carrier = {"baggage": text}
    token = attach(W3CBaggagePropagator().extract(carrier, get_current() or Context()))
    return lambda: detach(token)


def environment_for_child(stated: Mapping[Any, Any] | None) -> Mapping[Any, Any]:
    """Return the environment of a child process, with the current span and baggage.

    A trace parent that the program has chosen itself stays.

    Args:
        stated: that of the child, or None for that of this process.
    """
    own = from_process_environment()
    environ: dict[Any, Any] = dict(own if stated is None else stated)
    chosen = environ.get(_TRACE, environ.get(_TRACE.encode()))
    if chosen is not None and chosen not in (own.get(_TRACE), own.get(_TRACE, "").encode()):
        return environ
    carrier: dict[str, str] = {}
    inject(carrier)
    if "traceparent" not in carrier:
        return environ
    for name in (_TRACE, "TRACESTATE"):
        environ.pop(name, None)
        environ.pop(name.encode(), None)
    return environ | {key.upper().replace("-", "_"): text for key, text in carrier.items()}


def propagate_to_subprocesses() -> Callable[[], None]:
    """Give the processes that `subprocess.Popen` starts the current span; return the undo.

    It stands in front of the class's ``__init__``, which everything in the standard library that
    starts a program with arguments comes through, ``asyncio`` included.
    """
    popen: Any = subprocess.Popen
    original = popen.__init__
    signature = inspect.signature(original)

    @wraps(original)
    def start(*arguments: Any, **options: Any) -> None:
        try:
            bound = signature.bind(*arguments, **options)
        except TypeError:  # which the class says better
            original(*arguments, **options)
            return
        bound.arguments["env"] = environment_for_child(bound.arguments.get("env"))
        original(*bound.args, **bound.kwargs)

    def undo() -> None:
        if popen.__init__ is start:
            popen.__init__ = original

    popen.__init__ = start
    return undo
