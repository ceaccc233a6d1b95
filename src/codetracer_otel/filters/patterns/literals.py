"""The text that every match of a regular expression must hold."""

from __future__ import annotations

import re
from typing import Final

# An escape and what it stands for, a class, a counted repetition, or any other character.
_TOKEN: Final = re.compile(r"\\(.)|(\[(?:\\.|[^\]\\])*\])|(\{[^}]*\})|(.)", re.DOTALL)
_CLASS_ESCAPES: Final = frozenset("dDwWsSbBAzZ")
_OPTIONAL: Final = ("*", "?", "{")


def required_literal(pattern: str) -> str:
    """Return the longest run of plain characters outside groups that a match must hold.

    Careful rather than clever: the empty text, which is in every text, where alternatives, flags,
    nested classes or numeric escapes could make another text match.
    """
    if "|" in pattern or "(?" in pattern.replace("(?:", ""):
        return ""
    tokens = list(_TOKEN.finditer(pattern))
    if any(_is_beyond(token) for token in tokens):
        return ""
    return max(_runs(tokens), key=len)


def _is_beyond(token: re.Match[str]) -> bool:
    """Return whether a token is more than this module understands."""
    escaped, bracketed = token[1], token[2]
    if escaped is not None:
        return escaped.isalnum() and escaped not in _CLASS_ESCAPES
    return bracketed is not None and ("[" in bracketed[1:] or bracketed in ("[]", "[^]"))


def _runs(tokens: list[re.Match[str]]) -> list[str]:
    runs = [""]
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        following = tokens[index + 1][0][0] if index + 1 < len(tokens) else ""
        char = _plain(token)
        if char and not depth and following not in _OPTIONAL:
            runs[-1] += char
            if following != "+":
                continue
        runs.append("")
    return runs


def _plain(token: re.Match[str]) -> str:
    """Return the one character a token matches, empty if it is not such a token."""
    if token[1] is not None:
        return "" if token[1] in _CLASS_ESCAPES else token[1]
    return token[4] if token[4] is not None and token[4] not in "^$.*+?()[]{}" else ""
