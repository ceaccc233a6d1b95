"""Describes an exception without running any code of the traced program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.model.record import Ending, ExceptionRecord
from codetracer_otel.model.value import Node, cut_text, decimal
from codetracer_otel.model.value_texts import type_name
from codetracer_otel.own_code import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_MAX_FRAMES: Final = 64
# Wrappers of instrumented functions stand in tracebacks; they are nothing to a reader.
_MAX_MESSAGE: Final = 1024
_MAX_ARGUMENTS: Final = 32
_TEXT_TYPE_IDS: Final = frozenset(map(id, (bool, int, float, str, type(None))))  # not the types:
# asking a set for one calls the hash that a metaclass of the program gives it
_ITERATOR_METHODS: Final = frozenset({"__next__", "__anext__"})
_ENDINGS: Final = (GeneratorExit, StopIteration, StopAsyncIteration, SystemExit)
_CANCELLED: Final = "asyncio.exceptions.CancelledError"  # no Exception, like the first and the last
read_traceback: Final = BaseException.__dict__["__traceback__"].__get__
_read_context: Final = BaseException.__dict__["__context__"].__get__
_write_context: Final = BaseException.__dict__["__context__"].__set__
_read_exit_code: Final = SystemExit.__dict__["code"].__get__
_read_mro: Final = type.__dict__["__mro__"].__get__
_read_arguments: Final = BaseException.args.__get__  # type: ignore[attr-defined]


def describe_exception(
    error: BaseException, time_ns: int, *, innermost: bool = True, with_text: bool = False
) -> ExceptionRecord:
    """Return what a span keeps of ``error``.

    Args:
        error: the exception; no reference to it is kept.
        time_ns: Unix time of the observation.
        innermost: whether this is the innermost traced frame it leaves.
        with_text: use ``str(error)``, which is code of the program.
    """
    name = type_name(type(error))
    message = message_of(error, name, with_text=with_text) if innermost else ""
    return ExceptionRecord(
        name,
        message,
        frames_of(read_traceback(error)) if innermost else (),
        time_ns,
        innermost,
        message_is_cut=_is_cut(message),
    )


def captured_message(message: str) -> str | Node:
    """Return a message as a captured text that is marked as cut, for whoever judges it."""
    return cut_text(message) if _is_cut(message) else message


def _is_cut(message: str) -> bool:
    return len(message) >= _MAX_MESSAGE


def message_of(error: BaseException, name: str, *, with_text: bool = False) -> str:
    """Return the exception's message from its ``args``, or ``<pkg.Class>`` where that is code."""
    if with_text:
        return _text_by_program(error, name)
    arguments = _read_arguments(error)
    for argument in arguments:
        if id(type(argument)) not in _TEXT_TYPE_IDS:
            return f"<{name}>"
    return _message_of_scalars(arguments)


def _message_of_scalars(arguments: tuple[Any, ...]) -> str:
    if len(arguments) == 1:
        only = arguments[0]
        return only[:_MAX_MESSAGE] if type(only) is str else _scalar_text(only)
    texts = ", ".join(_scalar_text(argument) for argument in arguments[:_MAX_ARGUMENTS])
    return f"({texts})"[:_MAX_MESSAGE] if arguments else ""


def _scalar_text(value: Any) -> str:
    if type(value) is int:
        return decimal(value)
    return repr(value[:_MAX_MESSAGE] if type(value) is str else value)


def _text_by_program(error: BaseException, name: str) -> str:
    try:
        return str(str(error))[:_MAX_MESSAGE]
    except Exception:  # noqa: BLE001 - the program's own __str__ may raise anything
        return f"<{name}>"


def frames_of(traceback: TracebackType | None) -> tuple[tuple[str, int, str], ...]:
    """Return (file, line, function) from the outermost frame to the innermost.

    Of more than 64 frames the first and last 32 are kept, as Python's own display keeps the ends.
    """
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_ours(code.co_filename):
            frames.append((code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
        traceback = traceback.tb_next
    if len(frames) > _MAX_FRAMES:
        omitted = len(frames) - _MAX_FRAMES
        middle = (f"<{omitted} frames omitted>", 0, "")
        frames = [*frames[: _MAX_FRAMES // 2], middle, *frames[-_MAX_FRAMES // 2 :]]
    return tuple(frames)


def drop_frames(error: BaseException, is_ours: Callable[[str], bool]) -> None:
    """Take the frames of our callbacks out of a traceback; those of signal handlers stay."""
    kept = read_traceback(error)
    while kept is not None:
        following = kept.tb_next
        while following is not None and is_ours(following.tb_frame.f_code.co_filename):
            following = following.tb_next
        if following is not kept.tb_next:
            kept.tb_next = following
        kept = following


def drop_contexts(error: BaseException, is_ours: Callable[[str], bool]) -> None:
    """Take exceptions of our own out of the chain of ``__context__``."""
    context = _read_context(error)
    while context is not None and _begins_in(context, is_ours):
        context = _read_context(context)
    if context is not _read_context(error):
        _write_context(error, context)


def _begins_in(error: BaseException, is_ours: Callable[[str], bool]) -> bool:
    traceback = read_traceback(error)
    return traceback is not None and is_ours(traceback.tb_frame.f_code.co_filename)


def leaves_a_traced_frame_inside(
    traceback: TracebackType | None, is_traced: Callable[[int], object]
) -> bool:
    """Return whether a frame below ``traceback``'s first is traced: it records the exception.

    Args:
        traceback: of the exception, its first entry being the frame it leaves now.
        is_traced: answers for ``id(code)`` with None for "no".
    """
    inner = traceback.tb_next if traceback is not None else None
    while inner is not None:
        if is_traced(id(inner.tb_frame.f_code)) is not None:
            return True
        inner = inner.tb_next
    return False


def ending_of(error: BaseException, function: str) -> Ending:
    """Return how the span of ``function`` ends when ``error`` leaves it."""
    kind = type(error)  # isinstance() would ask the program for `__class__`
    usual = usual_ending(kind)
    if usual is not None:
        return usual
    if issubclass(kind, SystemExit):
        status = _read_exit_code(error)
        succeeded = status is None or (type(status) is int and status == 0)
        return Ending.EXITED if succeeded else Ending.RAISED
    return Ending.CLOSED if function in _ITERATOR_METHODS else Ending.RAISED


def usual_ending(kind: type) -> Ending | None:
    """Return how a span ends when such an exception leaves it; None if more must be known."""
    if issubclass(kind, Exception) and not issubclass(kind, _ENDINGS):
        return Ending.RAISED
    if issubclass(kind, GeneratorExit):
        return Ending.CLOSED
    if issubclass(kind, _ENDINGS):
        return None
    if any(type_name(base) == _CANCELLED for base in _read_mro(kind)):
        return Ending.CANCELLED
    return Ending.RAISED
