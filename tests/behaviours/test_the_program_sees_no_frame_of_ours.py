"""`inspect`, `traceback`, `warnings` and `sys._getframe` show the program's frames alone."""

import asyncio
import contextlib
import inspect
import sys
import threading
import traceback
import warnings

import pytest


class Refused(Exception):
    """What the functions below raise."""


def frames():
    found, frame = [], sys._getframe()
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    return found


def stack_by_inspect():
    return [(info.filename, info.function, info.lineno) for info in inspect.stack()]


def stack_by_traceback():
    return [(frame.filename, frame.name, frame.line) for frame in traceback.extract_stack()]


def caller_by_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        warnings.warn("older", DeprecationWarning, stacklevel=3)
    return [(warning.filename, warning.lineno) for warning in caught]


def frames_in_a_generator():
    yield from (frames(), frames())


def all_threads():
    own = sys._current_frames()[threading.get_ident()]
    return [frame.f_code.co_name for frame, _ in traceback.walk_stack(own)]


def frames_in_a_task():
    async def inner():
        await asyncio.sleep(0)
        return frames()

    async def outer():
        return await asyncio.create_task(inner())

    return asyncio.run(outer())


LOOKS = (
    frames,
    stack_by_inspect,
    stack_by_traceback,
    caller_by_warning,
    all_threads,
    frames_in_a_task,
    lambda: list(frames_in_a_generator()),
)


@pytest.mark.parametrize("look", LOOKS)
def test_from_inside_a_traced_function(record, look):
    def call(function):
        return function()

    seen = []
    for context in (contextlib.nullcontext, record, record):
        with context():
            seen.append([call(look) for _ in range(2)][1])
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


def fails(depth):
    if not depth:
        raise Refused(depth)
    try:
        fails(depth - 1)
    except Refused as error:
        raise Refused(depth) from error


def fails_in_a_generator(depth):
    yield fails(depth)


def text_of(function):
    try:
        function(2)
    except Refused as error:
        return traceback.format_exception(error)


@pytest.mark.parametrize("function", [fails, lambda depth: list(fails_in_a_generator(depth))])
def test_in_a_printed_exception(record, function):
    texts = []
    for context in (contextlib.nullcontext, record):
        with context():
            texts.append(text_of(function))
    assert texts[1] == texts[0]


def test_the_exception_is_the_same_object_with_the_same_links(record):
    inner, outer = Refused("inner"), Refused("outer")

    def raises():
        try:
            raise inner
        except Refused:
            raise outer  # noqa: B904 - __context__ is what is looked at

    with record(), pytest.raises(Refused) as raised:
        raises()
    assert raised.value is outer
    assert outer.__context__ is inner
    assert (inner.__context__, inner.__cause__, outer.__cause__) == (None, None, None)
    assert not outer.__suppress_context__
    assert not hasattr(outer, "__notes__")


def test_what_inspect_says_about_a_function_is_the_same(record):
    def described():
        generator, coroutine = frames_in_a_generator(), asyncio.sleep(0)
        next(generator)
        try:
            return (
                str(inspect.signature(fails)),
                inspect.getsource(fails),
                inspect.getgeneratorstate(generator),
                inspect.getcoroutinestate(coroutine),
                sorted(vars(fails)),
                inspect.isfunction(fails),
                fails.__code__.co_code,
            )
        finally:
            coroutine.close()

    untraced = described()
    with record():
        described()
        traced = described()
    assert traced == untraced


def test_no_warning_is_ours(record):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        with record():
            text_of(fails)
        added = [entry for entry in warnings.filters if entry not in filters]
    assert caught == []
    # OpenTelemetry's SDK ignores a warning about itself when a tracer is made; we add none.
    assert {entry[3].pattern for entry in added} <= {"opentelemetry.sdk.trace"}
