"""Writes lines for people, with what would act on a terminal as visible escapes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.model.value_texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST: Final = 16  # of words that may be a secret


def say(line: str) -> None:
    """Print one line on standard output."""
    print(visible(line))


def complain(line: str) -> None:
    """Print one line on standard error, if there is one."""
    if sys.stderr is not None:
        print(visible(line), file=sys.stderr)


def without_typed_secrets(line: str, words: Iterable[str]) -> str:
    """Return a line without those of the words on the command line that are secrets.

    Paths are shown as they were typed: which file is meant has to be seen.
    """
    from codetracer_otel.sdk.settings.parsers import without_secrets  # noqa: PLC0415 - of failures only

    for word in sorted(set(words), key=len, reverse=True):
        if len(word) >= _SHORTEST and word in line and not {"/", "\\"}.intersection(word):
            line = line.replace(word, without_secrets(word))
    return line
