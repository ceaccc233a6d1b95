"""The callbacks of the step recorder: closures built for one session.

The rules of `callbacks` hold here, too: what may fail comes before the stack is changed, and
whatever fails goes to the boundary, which applies the user's policy. A signal's handler may raise
between two calls: a stack is changed by operators, and the one call that follows adds the entry.
At the recursion limit there is no room to judge what was raised: it goes on, lest an interrupt
gets lost.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from codetracer_otel.instrumentation.spans.traced_code import PLAIN_TYPE_IDS, SHORT_TEXT
from codetracer_otel.instrumentation.steps.traced_code import SteppedCode
from codetracer_otel.instrumentation.values.exceptions import (
    captured_message,
    ending_of,
    message_of,
)
from codetracer_otel.model.record import Ending
from codetracer_otel.model.step_entries import CALL, RAISE, RETURN, Failure
from codetracer_otel.model.value import DROPPED, DROPPED_NODE, REDACTED, REDACTED_NODE
from codetracer_otel.model.value_texts import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from codetracer_otel.instrumentation.steps.line_events import LineEvents
    from codetracer_otel.instrumentation.steps.thread_steps import LocalSteps, ThreadSteps
    from codetracer_otel.instrumentation.steps.traced_code import Suspended
    from codetracer_otel.instrumentation.steps.value_changes import StepBudget

_read_traceback = BaseException.__dict__["__traceback__"].__get__


class StepCallbackParts(Protocol):
    """What the callbacks use of their recorder."""

    traced_codes: dict[int, SteppedCode]
    local: LocalSteps
    budget: StepBudget
    max_entries: int
    max_bytes: int
    exception_text: bool
    line_events: LineEvents | None
    on_root: Callable[[], None] | None
    suspended: dict[int, Suspended]
    error_boundary: Callable[[BaseException], Any]
    is_ours: Callable[[str], bool]

    def on_unknown(self, code: CodeType, frame: FrameType) -> object:
        """Decide about a code object seen for the first time."""

    def new_thread(self) -> ThreadSteps:
        """Give the calling thread its steps."""

    def wait_for_room(self, steps: ThreadSteps) -> None:
        """Wait until what waits for delivery is within its bounds."""

    def resync_to(self, steps: ThreadSteps, code: CodeType) -> list[Any] | None:
        """Bring ``code``'s call to the top after lost events; None when it has none."""

    def keep_suspended(self, frame_id: int, frame: list[Any]) -> None:
        """Keep what is known of a generator that waits."""

    def leave_out(self, code: CodeType) -> object:
        """Record nothing of code that no frame runs, see `PythonRecorder.leave_out`."""


def build_step_callbacks(
    recorder: StepCallbackParts, depth: int = 1
) -> Mapping[str, Callable[..., Any]]:
    """Return the callbacks of ``recorder`` by event name; ``depth`` as in `ports.Recorder`."""
    return {
        **_build_entries(recorder, depth),
        **_build_lines(recorder, depth),
        **_build_exits(recorder, depth),
    }


def _build_entries(recorder: StepCallbackParts, depth: int) -> Mapping[str, Callable[..., Any]]:
    traced_codes = recorder.traced_codes
    local = recorder.local
    new_thread = recorder.new_thread
    on_unknown = recorder.on_unknown
    error_boundary = recorder.error_boundary
    describe = _build_describe(recorder)
    on_root = recorder.on_root
    budget = recorder.budget
    max_entries, max_bytes = recorder.max_entries, recorder.max_bytes
    wait_for_room = recorder.wait_for_room
    frame_of = sys._getframe  # noqa: SLF001 - the documented way to the caller's frame

    def on_start(code: CodeType, _offset: int) -> object:
        try:
            traced_code: Any = traced_codes.get(id(code))
            if traced_code is None:
                frame = frame_of(depth)
                if frame.f_code is not code:
                    return recorder.leave_out(code)
                traced_code = on_unknown(code, frame)
                if type(traced_code) is not SteppedCode:
                    return traced_code
            try:
                steps = local.steps
            except AttributeError:
                steps = new_thread()
            if steps.is_muted:
                return None
            if on_root is not None and len(steps.stack) == 1:
                on_root()
                steps = local.steps  # a forked child begins anew
            values = (
                traced_code.read_arguments(frame_of(depth)) if traced_code.reads_arguments else ()
            )
            frame = traced_code.begin(code, values)
            stack, entries = steps.stack, steps.entries
            stack += [frame]
            entries += [(CALL, traced_code.plan, values, None)]
            if len(entries) >= max_entries or budget.bytes > max_bytes:
                wait_for_room(steps)
        except BaseException as error:
            try:
                return error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    suspended = recorder.suspended

    def on_resume(code: CodeType, _offset: int, raised: BaseException | None = None) -> object:
        try:
            traced_code = traced_codes.get(id(code))
            steps = getattr(local, "steps", None) or new_thread()
            if traced_code is not None and not steps.is_muted:
                failure = None if raised is None else describe(traced_code, raised, code)
                frame = traced_code.enter(code, suspended.pop(id(frame_of(depth)), None))
                stack, entries = steps.stack, steps.entries
                stack += [frame]
                entries += [(CALL, traced_code.plan, None, failure)]
        except BaseException as error:
            try:
                return error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    return {"PY_START": on_start, "PY_RESUME": on_resume, "PY_THROW": on_resume}


def _build_lines(recorder: StepCallbackParts, depth: int) -> Mapping[str, Callable[..., Any]]:
    local = recorder.local
    error_boundary = recorder.error_boundary
    budget = recorder.budget
    max_entries, max_bytes = recorder.max_entries, recorder.max_bytes
    wait_for_room = recorder.wait_for_room
    frame_of = sys._getframe  # noqa: SLF001
    depth += recorder.line_events is not None  # `_with_line_events` stands between

    def on_line(code: CodeType, line: int) -> object:
        top: Any = None
        try:
            steps = local.steps
            top = steps.stack[-1]
            if top[0] is not code:
                return None  # a frame older than the session, or one that is not recorded
            entry: Any = line
            if top[2]:
                change = top[1].changes(frame_of(depth), top, line)
                if change is not None:
                    entry = change
            entries = steps.entries
            entries.append(entry)
            if len(entries) >= max_entries or budget.bytes > max_bytes:
                wait_for_room(steps)
            return entry  # noqa: TRY300 - the interpreter ignores it, `_with_line_events` does not
        except BaseException as error:
            if type(error) is AttributeError and not hasattr(local, "steps"):
                return None  # the thread was here before the session
            try:
                if top is not None and top[0] is code:
                    top[1].forget_values(top)
                return error_boundary(error)
            except RecursionError:
                pass
            raise

    if recorder.line_events is None:
        return {"LINE": on_line}
    return {"LINE": _with_line_events(recorder, on_line)}


def _with_line_events(
    recorder: StepCallbackParts, on_line: Callable[[CodeType, int], object]
) -> Callable[[CodeType, int], object]:
    traced_codes = recorder.traced_codes
    error_boundary = recorder.error_boundary

    def on_line_with_event(code: CodeType, line: int) -> object:
        entry = on_line(code, line)
        try:
            traced_code = traced_codes.get(id(code))
            if (
                entry is not None
                and traced_code is not None
                and traced_code.line_events is not None
            ):
                traced_code.line_events(code, traced_code.plan, entry)
        except BaseException as error:
            try:
                return error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    return on_line_with_event


def _build_leave(recorder: StepCallbackParts, depth: int, *, suspends: bool) -> Callable[..., Any]:
    """Return the callback of a frame that is left with a value, for good or for a while."""
    local = recorder.local
    error_boundary = recorder.error_boundary
    resync_to = recorder.resync_to
    keep_suspended = recorder.keep_suspended
    plain, short = PLAIN_TYPE_IDS, SHORT_TEXT
    frame_of = sys._getframe  # noqa: SLF001

    def on_leave(code: CodeType, _offset: int, value: Any) -> object:
        try:
            steps = local.steps
            top: Any = steps.stack[-1]
            if top[0] is not code:
                top = resync_to(steps, code)
                if top is None:
                    return None
            traced_code = top[1]
            kind = type(value)
            if traced_code.returns_plain and (
                id(kind) in plain or (kind is str and len(value) <= short)
            ):
                result = value
            else:
                result = traced_code.result(value)
            change = traced_code.final_changes(frame_of(depth), top) if top[2] else None
            if suspends:
                keep_suspended(id(frame_of(depth)), top)
            ending: Any = (RETURN, result)
            entries = steps.entries
            del steps.stack[-1]
            entries += [ending] if change is None else [change, ending]
        except BaseException as error:
            if type(error) is AttributeError and not hasattr(local, "steps"):
                return None
            try:
                return error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    return on_leave


def _build_exits(recorder: StepCallbackParts, depth: int) -> Mapping[str, Callable[..., Any]]:
    traced_codes = recorder.traced_codes
    local = recorder.local
    error_boundary = recorder.error_boundary
    resync_to = recorder.resync_to
    is_ours = recorder.is_ours
    describe = _build_describe(recorder)
    frame_of = sys._getframe  # noqa: SLF001

    def on_unwind(code: CodeType, _offset: int, raised: BaseException) -> object:
        try:
            if traced_codes.get(id(code)) is None:
                return None
            steps = getattr(local, "steps", None)
            if steps is None:
                return None
            top: Any = steps.stack[-1]
            if top[0] is not code:
                top = resync_to(steps, code)
                if top is None:
                    return None
            _cut_our_frames(raised, is_ours)
            failure = describe(top[1], raised, code)
            change = _changes_or_none(frame_of(depth), top)
            ending: Any = (RAISE, failure)
            entries = steps.entries
            del steps.stack[-1]
            entries += [ending] if change is None else [change, ending]
        except BaseException as error:
            try:
                return error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    return {
        "PY_RETURN": _build_leave(recorder, depth, suspends=False),
        "PY_YIELD": _build_leave(recorder, depth, suspends=True),
        "PY_UNWIND": on_unwind,
    }


def _changes_or_none(python_frame: FrameType, frame: list[Any]) -> tuple[Any, ...] | None:
    try:
        return frame[1].final_changes(python_frame, frame) if frame[2] else None
    except RecursionError:  # the way out must not be deeper than the way in
        return None


def _cut_our_frames(raised: BaseException, is_ours: Callable[[str], bool]) -> None:
    """Hide our frames at the end of the traceback: a signal or a failing stream left them."""
    innermost = _read_traceback(raised)
    if innermost is not None and innermost.tb_next is not None:
        inner_code = innermost.tb_next.tb_frame.f_code
        if is_ours(inner_code.co_filename):
            innermost.tb_next = None


def _build_describe(
    recorder: StepCallbackParts,
) -> Callable[[SteppedCode, BaseException, CodeType], Failure]:
    with_text = recorder.exception_text

    def describe(traced_code: SteppedCode, raised: BaseException, code: CodeType) -> Failure:
        try:
            name = type_name(type(raised))
            is_error = ending_of(raised, code.co_name) is Ending.RAISED
            message = captured_message(_message(traced_code, raised, name))
            return Failure(name, message, is_error)
        except RecursionError:
            return Failure(type(raised).__name__, "")

    def _message(traced_code: SteppedCode, raised: BaseException, name: str) -> str:
        fixed = traced_code.plan.plan.fixed_result
        if fixed is REDACTED_NODE:
            return REDACTED
        if fixed is DROPPED_NODE:
            return DROPPED
        return message_of(raised, name, with_text=with_text)

    return describe
