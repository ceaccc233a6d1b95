"""Builds the callbacks of the span recorder: closures for one session, flat on the hot path.

Two rules shape them. A callback costs two levels of the program's recursion limit and each Python
call in it one more, so the common road calls only C code, and the road out of a frame is never
deeper than the road in. Whatever fails goes to the boundary, which applies the user's policy.

Slots of entries are bare numbers here: each name would be one more look-up per call. The key, from
``model/record.py`` (docs/how-it-works.md has the kinds of entries)::

    0 CODE      1 PLAN       2 SPAN_ID, INHERITED_ID       3 SEGMENT
    4 CONTEXT   5 PARENT_ID  6 ARGUMENTS                   7 START, HOOK_MARK
    8 END, HOOK_OFFSET       9 RESULT, SAMPLED_OUT_PLAN   10 EXTRAS
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from codetracer_otel.instrumentation.monitoring.api import DISABLE
from codetracer_otel.instrumentation.spans.parents import HOOK, UNDECIDED, UNPACKING, settle_kept
from codetracer_otel.instrumentation.spans.traced_code import TracedCode
from codetracer_otel.instrumentation.values.exceptions import drop_frames
from codetracer_otel.model.record import NOT_CAPTURED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from opentelemetry.context import Context

    from codetracer_otel.instrumentation.spans.call_ends import CallEnds
    from codetracer_otel.instrumentation.spans.call_starts import Calls
    from codetracer_otel.instrumentation.spans.parents import Parents
    from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
    from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
    from codetracer_otel.model.protocols import Clock, ContextCarrier


class CallbackParts(Protocol):
    """What the callbacks use of their recorder."""

    learn: Any
    traced_codes: dict[int, TracedCode]
    stacks: Stacks
    parents: Parents
    buffer: RecordBuffer
    calls: Calls
    ends: CallEnds
    clock: Clock
    propagation: ContextCarrier | None
    read_context: Callable[[], Context]
    next_span_id: Callable[[], int]
    is_ours: Callable[[str], bool]
    on_new_ids: list[Callable[[Callable[[], int]], None]]
    error_boundary: Any  # a callable; protocols compare its parameter's name

    def on_unknown(self, code: CodeType, frame: FrameType) -> object:
        """Decide about a code object seen for the first time."""

    def leave_out(self, code: CodeType) -> object:
        """Record nothing of code that no frame runs, and be asked about it no more."""


def build_callbacks(recorder: CallbackParts, depth: int = 1) -> Mapping[str, Callable[..., Any]]:
    """Return the callbacks of ``recorder`` by event name; ``depth`` as in `ports.Recorder`."""
    callbacks = dict(_build_entries(recorder, depth))
    callbacks.update(_build_exits(recorder, depth))
    callbacks.update(_build_suspensions(recorder, depth))
    if recorder.propagation is not None:
        callbacks.update(_build_copies(recorder, recorder.propagation))
    return callbacks


def _build_entries(recorder: CallbackParts, depth: int) -> Mapping[str, Callable[..., Any]]:
    traced_codes = recorder.traced_codes
    threads = recorder.stacks.local
    read_context = recorder.read_context
    next_span_id = recorder.next_span_id
    clock = recorder.clock.monotonic_ns
    frame_of = sys._getframe  # noqa: SLF001 - the documented way to the caller's frame

    def use_ids(source: Callable[[], int]) -> None:
        nonlocal next_span_id
        next_span_id = source

    recorder.on_new_ids.append(use_ids)

    def on_start(code: CodeType, offset: int) -> object:
        below: Any = None
        try:
            try:
                traced_code: Any = traced_codes[id(code)]
            except KeyError:
                frame = frame_of(depth)
                if frame.f_code is not code:
                    return recorder.leave_out(code)
                traced_code = recorder.on_unknown(code, frame)
                if not isinstance(traced_code, TracedCode):
                    return traced_code
            try:
                stack = threads.stack
            except AttributeError:
                stack = recorder.stacks.new()
            below = stack[-1]
            if traced_code.is_special:
                recorder.calls.begin(traced_code, code, offset, frame_of(depth))
                return None
            context = read_context()
            if context is below[4]:
                segment = below[3]
                parent_id = below[2]
            else:
                segment, parent_id = recorder.parents.adopt(context, below, stack[0])
                if segment is None:
                    recorder.calls.push_unsampled(stack, code, context)
                    return None
                if below[4] is UNDECIDED:
                    if traced_code.ratio_threshold is not None:
                        recorder.calls.begin(traced_code, code, offset, frame_of(depth))
                        return None
                    settle_kept(below)
            bound = traced_code.ratio_threshold
            if bound is not None:
                if segment.ratio_key >= bound:
                    traced_code.sampled_out += 1
                    stack.append(
                        [
                            code,
                            None,
                            parent_id,
                            segment,
                            context,
                            parent_id,
                            (),
                            clock(),
                            0,
                            traced_code.plan,
                            None,
                        ]
                    )
                    return None
                traced_code.kept += 1
            arguments: Any = ()
            plan = traced_code.plan
            read = traced_code.read
            if read is not None:
                namespace = frame_of(depth).f_locals
                arguments = read(namespace)
                if traced_code.is_single:
                    arguments = (arguments,)
                if traced_code.told_plan is not None and traced_code.tells_result(arguments):
                    plan = traced_code.told_plan
                if traced_code.clears:
                    namespace.clear()
                short_text = traced_code.short_text
                takes_plain = traced_code.takes_plain
                for value in arguments:
                    kind = type(value)
                    if kind is str:
                        if len(value) <= short_text:
                            continue
                    elif takes_plain and (
                        kind is int or value is None or kind is float or kind is bool
                    ):
                        continue
                    arguments = traced_code.capture_all(arguments)
                    recorder.ends.charge(arguments)
                    break
            stack.append(
                [
                    code,
                    plan,
                    next_span_id(),
                    segment,
                    context,
                    parent_id,
                    arguments,
                    clock(),
                    0,
                    NOT_CAPTURED,
                    None,
                ]
            )
        except BaseException as error:
            # UNWIND follows a start that raises, RETURN one that found no room: both end an entry.
            if below is not None and stack[-1] is below:
                entry = below.copy()
                entry[0], entry[1], entry[7], entry[9] = code, None, None, None
                if below[4] is not UNDECIDED:
                    entry[10] = None
                stack.append(entry)
            if type(error) is RecursionError:
                return None
            try:
                return recorder.error_boundary(error)
            except RecursionError:
                pass  # to judge it: an interrupt must not get lost
            raise
        return None

    return {"PY_START": on_start}


def _build_exits(recorder: CallbackParts, depth: int) -> Mapping[str, Callable[..., Any]]:
    traced_codes = recorder.traced_codes
    find_traced_code = recorder.traced_codes.get
    threads = recorder.stacks.local
    ends = recorder.ends
    buffer = recorder.buffer
    records = recorder.buffer.records
    clock = recorder.clock.monotonic_ns
    frame_of = sys._getframe  # noqa: SLF001

    read_traceback = BaseException.__dict__["__traceback__"].__get__

    def on_return(code: CodeType, _offset: int, value: Any) -> object:
        record: Any = None
        now = clock()
        try:
            stack = threads.stack
            record = stack[-1]
            if record[0] is not code:
                record = ends.resync_to(stack, code)
                if record is None:
                    return None
            del stack[-1]
            plan = record[1]
            if plan is None:
                if record[10] is not None:
                    ends.finish_entry(record, None)
                return None
            record[8] = now
            if not plan.captures_return and plan.fixed_result is not NOT_CAPTURED:
                plan = record[1] = ends.plan_of_result(record, value)
            if plan.captures_return:
                traced_code = traced_codes[id(code)]
                kind = type(value)
                if kind is str:
                    is_plain = len(value) <= traced_code.short_text
                else:
                    is_plain = traced_code.takes_plain and (
                        value is None or kind is int or kind is bool or kind is float
                    )
                if is_plain:
                    record[9] = value
                else:
                    record[9] = traced_code.capture_quickly(value)
                    ends.charge((record[9],))
            else:
                record[9] = plan.fixed_result
                if plan.result_place:
                    recorder.learn(value, plan.result_place)
            if record[10] is not None and not ends.finish_extras(
                record, frame_of(depth), now, value
            ):
                return None
            if len(records) < buffer.high_watermark:
                record[4] = None  # delivered, see `RecordBuffer`
                records.append(record)
            else:
                buffer.overflow(record)
        except AttributeError as error:
            if hasattr(threads, "stack"):
                recorder.error_boundary(error)  # otherwise the thread was here before the session
        except RecursionError:
            if stack[-1] is not record:
                ends.deferred_ends.append((record, None))
        except BaseException as error:
            try:
                ends.reopen(stack, record)
                return recorder.error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    def on_unwind(code: CodeType, _offset: int, raised: BaseException) -> object:
        stack: Any = None
        record: Any = None
        try:
            if find_traced_code(id(code)) is None:
                return None
            now = clock()
            # A signal that arrived in a callback left our frames in the traceback.
            innermost = read_traceback(raised)
            if innermost is not None and innermost.tb_next is not None:
                inner_code = innermost.tb_next.tb_frame.f_code
                if recorder.is_ours(inner_code.co_filename):
                    drop_frames(raised, recorder.is_ours)
            stack = getattr(threads, "stack", None)
            if stack is None:
                return None
            record = stack[-1]
            if record[0] is not code:
                record = ends.resync_to(stack, code)
                if record is None:
                    return None
            del stack[-1]
            if record[1] is None:
                if not ends.finish_entry(record, raised, frame_of(depth)):
                    return None
            elif record[8]:
                return None  # `resync_to` has delivered it, and a signal kept it on the stack
            record[8] = now
            if not ends.finish_raised(record, frame_of(depth), raised, now):
                return None
            if stack[-1][1] is None and ends.waits(record, stack[-1]):
                return None
            if len(records) < buffer.high_watermark:
                record[4] = None
                records.append(record)
            else:
                buffer.overflow(record)
        except RecursionError:  # id() calls audit hooks, too, which may be Python
            if record is not None and stack[-1] is not record:
                ends.deferred_ends.append((record, type(raised)))
        except BaseException as error:
            try:
                ends.defer_end(stack, record, raised)
                return recorder.error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    return {"PY_RETURN": on_return, "PY_UNWIND": on_unwind}


def _build_suspensions(recorder: CallbackParts, depth: int) -> Mapping[str, Callable[..., Any]]:
    find_traced_code = recorder.traced_codes.get
    threads = recorder.stacks.local
    resync_to = recorder.ends.resync_to
    suspend = recorder.calls.suspend
    resume = recorder.calls.resume
    mine_or_new = recorder.stacks.mine_or_new
    clock = recorder.clock.monotonic_ns
    error_boundary = recorder.error_boundary
    frame_of = sys._getframe  # noqa: SLF001

    def on_yield(code: CodeType, _offset: int, _value: Any) -> object:
        stack: Any = None
        record: Any = None
        now = clock()
        try:
            stack = getattr(threads, "stack", None)
            if stack is None:
                return None
            record = stack[-1]
            if record[0] is not code:
                record = resync_to(stack, code)
                if record is None:
                    return None
            del stack[-1]
            suspend(record, now)
        except RecursionError:
            return None
        except BaseException as error:
            if record is not None and stack[-1] is not record:
                stack.append(record)  # UNWIND follows
            try:
                return error_boundary(error)
            except RecursionError:
                pass
            raise
        return None

    def on_resume(code: CodeType, offset: int, _raised: BaseException | None = None) -> object:
        try:
            traced_code = find_traced_code(id(code))
        except RecursionError:  # id() calls audit hooks, which may be Python
            return None
        if traced_code is None:
            return None
        below: Any = None
        try:
            stack = mine_or_new()
            below = stack[-1]
            # A throw into a generator that never began happens before the offset of its start.
            resume(stack, code, frame_of(depth), never_started=offset < traced_code.start_offset)
        except BaseException as error:
            # UNWIND follows a start that raises, RETURN one that found no room: both end an entry.
            if below is not None and stack[-1] is below:
                entry = below.copy()
                entry[0], entry[1], entry[7], entry[9] = code, None, None, None
                if below[4] is not UNDECIDED:
                    entry[10] = None
                stack.append(entry)
            if type(error) is RecursionError:
                return None
            try:
                return error_boundary(error)
            except RecursionError:
                pass  # to judge it: an interrupt must not get lost
            raise
        return None

    return {"PY_YIELD": on_yield, "PY_RESUME": on_resume, "PY_THROW": on_resume}


def _build_copies(
    recorder: CallbackParts, propagation: ContextCarrier
) -> Mapping[str, Callable[..., Any]]:
    threads = recorder.stacks.local
    finish_entry = recorder.ends.finish_entry
    is_c_copier = propagation.is_c_copier
    attach = propagation.attach
    unpacking_calls = propagation.unpacking_calls
    error_boundary = recorder.error_boundary

    def on_call(code: CodeType, offset: int, function: object, _argument: object) -> object:
        try:
            if not is_c_copier(function):
                return DISABLE
            if attach(code):
                threads.stack[-1][8] = offset
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            error_boundary(error)
        return None

    def on_c_end(code: CodeType, offset: int, _function: object, _argument: object) -> object:
        try:
            stack: Any = getattr(threads, "stack", None)
            # Other C functions end here, too, while an entry of a function hooked as a whole is on
            # top: the offset says whose end it is.
            if stack and stack[-1][0] is code and stack[-1][7] is HOOK and stack[-1][8] == offset:
                finish_entry(stack.pop(), None)
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            error_boundary(error)
        return None

    def on_instruction(code: CodeType, offset: int) -> object:
        try:
            calls = unpacking_calls(code)
            stack: Any = getattr(threads, "stack", None)
            if offset in calls.ends and stack and stack[-1][0] is calls:
                finish_entry(stack.pop(), None)
            if offset in calls.begins and attach(code):
                # Not of `code`: where the call raises, no end of its own comes, and the end of
                # `code` takes what stands above its entry away.
                threads.stack[-1][0], threads.stack[-1][8] = calls, UNPACKING
            elif offset not in calls.ends and offset not in calls.begins:
                return DISABLE
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            error_boundary(error)
        return None

    return {
        "CALL": on_call,
        "C_RETURN": on_c_end,
        "C_RAISE": on_c_end,
        "INSTRUCTION": on_instruction,
    }
