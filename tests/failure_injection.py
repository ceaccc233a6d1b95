"""Makes something of ours fail on purpose, in every session that begins in a block."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from enum import Enum
from types import CodeType
from unittest.mock import patch

from codetracer_otel.own_code import FOLDER
from codetracer_otel.sdk.parts import spans, steps
from codetracer_otel.sdk.session import assembly


class FailurePoint(Enum):
    """Where a failure can be injected."""

    START = "start"  # the callback of a call's begin
    LINE = "line"  # the callback of a line
    RETURN = "return"  # the callback of a return
    DRAIN = "drain"  # taking records out of the recorder
    EXPORT = "export"  # handing a batch to an exporter
    FINISH = "finish"  # finishing what is open as the session ends


class InjectedError(RuntimeError):
    """What fails where a test asked for it."""


EVENTS = {
    FailurePoint.START: "PY_START",
    FailurePoint.LINE: "LINE",
    FailurePoint.RETURN: "PY_RETURN",
}


@contextmanager
def failing(point, *, after=0):
    """Let ``point`` fail in sessions that begin in this block, after it has worked so often."""
    with ExitStack() as patched:
        for module, name in (
            (spans, "PythonRecorder"),
            (spans, "CompiledRecorder"),
            (steps, "StepRecorder"),
        ):
            build = failing_recorder(getattr(module, name), point, after)
            patched.enter_context(patch.object(module, name, build))
        if point is FailurePoint.EXPORT:
            build = failing_queues(assembly.build_export_queues, after)
            patched.enter_context(patch.object(assembly, "build_export_queues", build))
        yield


def ours(function):
    """Let the frames of a function be frames of the package, which no recorder records or shows."""
    function.__code__ = _moved(function.__code__)
    return function


def _moved(code):
    inner = [_moved(item) if isinstance(item, CodeType) else item for item in code.co_consts]
    return code.replace(co_filename=f"{FOLDER}failure_injection.py", co_consts=tuple(inner))


@ours
def guarded(point, action, after):
    """Return an action that raises `InjectedError` when it is time."""
    left = [after]

    def fail_or_act(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise InjectedError(point.value)
        return action(*arguments, **options)

    return fail_or_act


@ours
def failing_queues(build, after):
    def build_failing(*arguments):
        queues = build(*arguments)
        for queue in queues:
            queue.exporter.export = guarded(FailurePoint.EXPORT, queue.exporter.export, after)
        return queues

    return build_failing


@ours
def failing_recorder(kind, point, after):
    def build(*arguments, **options):
        recorder = kind(*arguments, **options)
        if point is FailurePoint.DRAIN:
            recorder.drain = guarded(point, recorder.drain, after)
        elif point is FailurePoint.FINISH:
            recorder.close = guarded(point, recorder.close, after)
        elif point in EVENTS:
            recorder.callbacks = failing_callbacks(
                recorder, point, after, options["error_boundary"]
            )
        return recorder

    return build


@ours
def failing_callbacks(recorder, point, after, error_boundary):
    build, event = recorder.callbacks, EVENTS[point]

    def callbacks(depth=1):
        found, deeper = build(depth), build(depth + 1)
        if event not in found:
            return found
        callback, pass_or_fail = deeper[event], guarded(point, bool, after)

        def call(code, *arguments):
            # a start is known to be one of traced code only when the recorder has seen it
            result = callback(code, *arguments) if point is FailurePoint.START else None
            if not recorder.is_traced(code):
                return result if point is FailurePoint.START else callback(code, *arguments)
            try:
                pass_or_fail()
            except InjectedError as error:
                error_boundary(error)
                return None
            return result if point is FailurePoint.START else callback(code, *arguments)

        return {**found, event: call}

    return callbacks
