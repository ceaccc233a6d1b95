"""Text with what is glued to a token put on a line of its own, so that finders need not know it.

Every finder says for itself what may not stand before and behind a token: inside a word or a digest
most of what looks like a prefix is none. What people put a token next to without a separator are
ordinary words, numbers, and letters of scripts that no token has; those are taken off here once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.encodings import (
    Decoded,
    behind_doubtful_escape,
    behind_escape,
)
from codetracer_otel.filters.secrets.shapes.prefixes import (
    IDENTIFIERS,
    NO_SECRETS,
    glued_prefix,
    is_abbreviation,
    is_word,
    tells_of_secret,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHER_SCRIPT: Final = lazy_regex(
    r"(?<=[^\W\d_A-Za-z])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9=])(?=[^\x00-\x7f])"
)
# A token is longer than what is glued to it.
_LEAST: Final = 16
_RUN: Final = lazy_regex(
    r"(?<![A-Za-z0-9_+.~$-])(?<![A-Za-z0-9+/]{20}/)"
    rf"(?=[A-Za-z0-9_.:~$+/=-]{{{_LEAST}}})[A-Za-z0-9]"
)
_WORD: Final = lazy_regex(r"([A-Z]?[a-z]{2,24}(?![a-z])|[A-Z]{3,24}(?![A-Z]))([_-]?)")
_NUMBER: Final = lazy_regex(
    r"[0-9]{1,6}(?=[A-Z]{2,4}[0-9a-f]{28}|[A-Z]{3}|[A-Za-z][a-z]{0,9}[0-9]?[_.-]|[A-Z]{2,10}[_.-]"
    r"|[a-z]{2,12}(?:[A-Z][a-z]{1,9}){1,3}[_-])"
)
_HEXADECIMAL: Final = lazy_regex(r"([a-z]{4,24}?)[a-f]{1,4}(?=[0-9])")
# All that may be words, at once: where they do not end a token, they are not looked at again.
_BEHIND: Final = lazy_regex(
    r"(?<=[A-Za-z0-9=])_[A-Za-z]{1,12}+(?![A-Za-z0-9])(?:[_-][A-Za-z]{1,12}+(?![A-Za-z0-9]))*+"
)
_SEPARATORS: Final = ("_", "-")
_FILE_ENDING: Final = lazy_regex("[.][A-Za-z]")
_PART: Final = lazy_regex("[_-][A-Za-z]+")
_LEAST_OF_WORD: Final = 3
_MOST_WORDS: Final = 3
_LEAST_OF_UNKNOWN: Final = 5  # small letters before a capital; drawn at random they are rare


def unglued(text: str) -> Decoded | None:
    """Return the text with line ends where something is glued to what may be a token."""
    cuts = set() if text.isascii() else {cut.start() for cut in _OTHER_SCRIPT.finditer(text)}
    for run in _RUN.finditer(text):
        first = behind_escape(text, run.start())
        begin = _behind_words(text, first)
        if begin > first:
            cuts.add(begin)
        behind = behind_doubtful_escape(text, first)
        if behind > first:
            cuts.add(_behind_words(text, behind))
    cuts.update(_before_words(text))
    if not cuts:
        return None
    pieces: list[str] = []
    starts: list[int] = []
    position = 0
    for cut in sorted(cuts):
        pieces += (text[position:cut], "\n")
        starts.extend(range(position, cut + 1))
        position = cut
    pieces.append(text[position:])
    starts.extend(range(position, len(text) + 1))
    return Decoded("".join(pieces), starts, is_percent=False)


def _before_words(text: str) -> Iterator[int]:
    """Yield where the words begin that follow a token: an order's, a copy's."""
    for words in _BEHIND.finditer(text):
        end = words.end()
        if text.startswith(_SEPARATORS, end):
            continue
        cut = count = 0
        begin = end
        for part in reversed(_PART.findall(words[0])):
            word = part[1:]
            is_short = len(word) < _LEAST_OF_WORD
            if not is_short and not is_word(word.lower()):
                break
            count += 1
            begin -= len(part)
            if part[0] == "_" and not is_short:
                cut = begin
        if cut and (count > 1 or _FILE_ENDING.match(text, end) is None):
            yield cut


def _behind_words(text: str, start: int) -> int:
    """Return where the ordinary words and the number end that a run begins with."""
    for _ in range(_MOST_WORDS):
        number = _NUMBER.match(text, start)
        if number is not None:
            return number.end()
        word = _WORD.match(text, start)
        if word is None:
            break
        name = word[1].lower()
        if not word[2]:
            return _before_hump(text, start, word.end(1))
        if name in NO_SECRETS or name in IDENTIFIERS or tells_of_secret(name):
            break
        if not is_word(name) and (prefix := glued_prefix(word[1])):
            return start + prefix
        if not is_word(name) and is_abbreviation(name):
            break
        start = word.end()
    return _glued(text, start)


def _before_hump(text: str, start: int, end: int) -> int:
    """Return where a text begins that follows a word without a separator."""
    if is_word(text[start:end].lower()):
        return end
    glued = _glued(text, start)
    is_long = end - start >= _LEAST_OF_UNKNOWN and text[end : end + 1].isupper()
    return end if glued == start and is_long else glued


def _glued(text: str, start: int) -> int:
    """Return where a prefix, or digits, begin that are glued to the word that stands there."""
    word = _WORD.match(text, start)
    if word is not None and (prefix := glued_prefix(word[1])):
        return start + prefix
    digits = _HEXADECIMAL.match(text, start)
    return digits.end(1) if digits is not None and is_word(digits[1]) else start
