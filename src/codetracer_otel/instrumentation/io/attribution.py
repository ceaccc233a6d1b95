"""Finds the span and line that a piece of input or output belongs to, and passes it on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Threads
from codetracer_otel.filters.code.paths import absolute_path
from codetracer_otel.filters.types import learn_nothing
from codetracer_otel.instrumentation.io import streams
from codetracer_otel.instrumentation.io.prompts import Prompts
from codetracer_otel.instrumentation.values.safe_access import exact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

    from codetracer_otel.filters.types import Learn

_OUR_WAY: Final = frozenset({streams.__file__, __file__})
_MAX_FRAMES: Final = 64
_BLOCK_BEGIN: Final = "-----BEGIN"  # of a key in several lines
_BLOCK_END: Final = "-----END"
_MAX_TEXT: Final = 64 * 1024  # of one write; what is longer is recorded in pieces


class IoRecorder:
    """Takes what `streams.IoCapture` notes.

    Args:
        is_traced: returns whether calls of code are recorded.
        is_ours: answers whether a file is one of this package.
        take_step: takes (stream, text, file, line) for a native trace, or None.
        take_event: takes (stream, text, line) for the current span, or None.
        error_boundary: is told of every exception in here; raises it or returns.
        expect: told of (stream, text) that the stream's descriptor will show later, or None.
        is_secret: whether a name is that of a secret, by the rules for the code of a frame; a
            prompt's words are asked about.
        learn: takes answers that are hidden because of their prompts.
        redact: replaces the secrets that a text shows, by the rules for the code of a frame; for
            texts that are cut into pieces. Both get None where no traced code reads or writes.
    """

    def __init__(
        self,
        *,
        is_traced: Callable[[CodeType], bool],
        is_ours: Callable[[str], bool],
        take_step: Callable[[str, str, str, int], None] | None,
        take_event: Callable[[str, str, int], None] | None,
        error_boundary: Callable[[BaseException], None],
        expect: Callable[[str, str], None] | None = None,
        is_secret: Callable[[str, FrameType | None], bool] = lambda _name, _frame: False,
        redact: Callable[[str, FrameType | None], str] = lambda text, _frame: text,
        learn: Learn = learn_nothing,
    ) -> None:
        self.prompts = Prompts(learn)
        self._is_secret = is_secret
        self._redact = redact
        self._is_traced = is_traced
        self._is_ours = is_ours
        self._take_step = take_step
        self._take_event = take_event
        self._error_boundary = error_boundary
        self._expect = expect
        self._local = Threads.Local()

    def __call__(self, stream: str, text: str, /) -> None:
        """Record a text that has reached its destination."""
        if getattr(self._local, "is_busy", False):
            return  # a write by what records a write
        self._local.is_busy = True
        try:
            self._record(stream, text, _caller())
        except RecursionError:
            return  # the program is about to get its own
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            self._error_boundary(error)
        finally:
            self._local.is_busy = False

    def announce(self, stream: str, text: str, /) -> None:
        """Take note of a text that is about to be written."""
        if self._expect is None:
            return
        try:
            exact = exact_text(text)
            if exact is not None:
                self._expect(stream, exact)
        except RecursionError:
            return
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            self._error_boundary(error)

    def _record(self, stream: str, text: Any, frame: FrameType | None) -> None:
        text = exact_text(text)
        if frame is None or self._is_ours(frame.f_code.co_filename) or not text:
            return
        traced = self._nearest_traced(frame)
        if stream == "stdin":
            text = self.prompts.answer(text, frame, lambda name: self._is_secret(name, traced))
        else:
            self.prompts.printed(text)
        file, line = _place_of(traced)
        for piece in self.pieces(text, traced):
            self.take(stream, piece, file, line)

    def pieces(self, text: str, writer: FrameType | None = None) -> Iterator[str]:
        """Yield a text in pieces; a long one is judged whole before it is cut.

        What stands behind a cut would be judged without the name before it.
        """
        return pieces_of(self._redact(text, writer) if len(text) > _MAX_TEXT else text)

    def take(self, stream: str, text: str, file: str, line: int) -> None:
        """Hand a text on; ``file`` is empty where no traced line wrote it."""
        if self._take_step is not None:
            self._take_step(stream, text, file, line)
        if self._take_event is not None:
            self._take_event(stream, text, line)

    def _nearest_traced(self, frame: FrameType | None) -> FrameType | None:
        for _ in range(_MAX_FRAMES):
            if frame is None or self._is_traced(frame.f_code):
                return frame
            frame = frame.f_back
        return None


def _place_of(frame: FrameType | None) -> tuple[str, int]:
    """Return file and line of a traced function."""
    if frame is None:
        return "", 0
    file = frame.f_code.co_filename
    return file if file.startswith("<") else absolute_path(file), frame.f_lineno or 0


def pieces_of(text: str) -> Iterator[str]:
    """Yield a text in pieces, each judged alone: cut at line ends, and before a key that goes on.

    Without a line end it is a blank, and without a blank a cut within a word, which is rare.
    """
    start = 0
    while len(text) - start > _MAX_TEXT:
        end = _piece_end(text, start)
        yield text[start:end]
        start = end
    yield text[start:]


def _piece_end(text: str, start: int) -> int:
    limit = start + _MAX_TEXT
    begin = text.rfind(_BLOCK_BEGIN, start, limit)
    if begin > start and text.find(_BLOCK_END, begin, limit) < 0:
        line = text.rfind("\n", start, begin)
        return line + 1 if line > start else begin
    for mark in ("\n", " "):
        position = text.rfind(mark, start + 1, limit)
        if position > 0:
            return position + 1
    return limit


def _caller() -> FrameType | None:
    """Return the frame that called the stream."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way
    while frame is not None and frame.f_code.co_filename in _OUR_WAY:
        frame = frame.f_back
    return frame
