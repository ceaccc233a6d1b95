"""Judges what is typed: the prompt that was printed last says whether the answer is a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.types import learn_nothing
from codetracer_otel.model.value import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from codetracer_otel.filters.types import Learn

_LONGEST: Final = 256  # characters of output that are kept
_MOST_WORDS: Final = 3  # of one name: "api key", "social security number"
_WORD: Final = re.compile(r"[^\W_]+")


class Prompts:
    """Keeps the end of what was printed, and judges answers by its last line.

    Args:
        learn: takes the answers that are hidden.
    """

    __slots__ = ("_learn", "_printed")

    def __init__(self, learn: Learn = learn_nothing) -> None:
        self._learn = learn
        self._printed = ""

    def printed(self, text: str) -> None:
        """Take note of a text that was printed, on whichever stream."""
        self._printed = (self._printed + text[-_LONGEST:])[-_LONGEST:]

    def answer(self, text: str, reader: FrameType | None, is_secret: Callable[[str], bool]) -> str:
        """Return what may be shown of a text that was read; the prompt before it is answered then.

        Args:
            text: a line, or several.
            reader: the frame that has read it.
            is_secret: whether a name is that of a secret, where it was read.
        """
        printed, self._printed = self._printed, ""
        if not (_is_getpass(reader) or _asks_for_secret(printed, is_secret)):
            return text
        self._learn(text.strip(), "answer to a prompt")
        return REDACTED + ("\n" if text.endswith("\n") else "")


def _asks_for_secret(printed: str, is_secret: Callable[[str], bool]) -> bool:
    lines = [line for line in printed.splitlines() if line.strip()]
    return bool(lines) and any(map(is_secret, _names_in(lines[-1])))


def _names_in(line: str) -> Iterator[str]:
    words = _WORD.findall(line)
    for count in range(1, _MOST_WORDS + 1):
        for start in range(len(words) - count + 1):
            yield " ".join(words[start : start + count])


def _is_getpass(frame: FrameType | None) -> bool:
    # without a terminal it reads from the standard input, whatever its prompt says
    return frame is not None and dict.get(frame.f_globals, "__name__") == "getpass"
