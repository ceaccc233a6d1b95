"""Writes lines for people, with what would act on a terminal as visible escapes."""

from __future__ import annotations

import sys


def clean(text: str) -> str:
    """Return ``text`` with control characters, direction marks and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(line: str) -> None:
    """Print one line on standard output."""
    print(clean(line))


def complain(line: str) -> None:
    """Print one line on standard error, if there is one."""
    if sys.stderr is not None:
        print(clean(line), file=sys.stderr)
