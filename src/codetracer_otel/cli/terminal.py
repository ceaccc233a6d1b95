"""Writes lines for people, with what would act on a terminal as visible escapes."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.model.value_texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST: Final = 16  # of words that may be a secret
_SEPARATORS: Final = re.compile("[=:,]+")


def say(line: str) -> None:
    """Print one line on standard output."""
    print(visible(line))


def complain(line: str, typed: Iterable[str] = ()) -> None:
    """Print one line on standard error, if there is one.

    Args:
        line: what is wrong.
        typed: the words of the command line; those that are a secret are not repeated.
    """
    if sys.stderr is not None:
        print(visible(without_typed_secrets(line, typed)), file=sys.stderr)


def without_typed_secrets(line: str, words: Iterable[str]) -> str:
    """Return a line without those of the words on the command line that are secrets.

    Paths are shown as they were typed: which file is meant has to be seen. A line may have a word
    in part only, as the value behind ``--name=``, and as `repr` or `ascii` writes it.
    """
    pieces = {piece for word in words for piece in (word, *_SEPARATORS.split(word.lstrip("-")))}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) < _SHORTEST or not {"/", "\\"}.isdisjoint(piece):
            continue
        for written in (str, _within_repr, _within_ascii):
            if written(piece) in line:
                line = line.replace(written(piece), written(_without_secrets(piece)))
    return line


def _within_repr(text: str) -> str:
    return repr(text)[1:-1]


def _within_ascii(text: str) -> str:
    return ascii(text)[1:-1]


def _without_secrets(text: str) -> str:
    from codetracer_otel.sdk.settings.parsers import without_secrets  # noqa: PLC0415 - of failures only

    return without_secrets(text)
