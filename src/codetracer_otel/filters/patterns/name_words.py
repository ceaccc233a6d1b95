"""The ``words`` match type: names judged by the words they are made of."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.secret_names import EXCUSES, FOREIGN_NAMES, SECRET_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Sequence = tuple[tuple[str, ...], bool, bool]  # words, whether they are the first, the last

BUILTIN_SECRET_WORDS: Final = ", ".join(
    group.words for group in (*SECRET_NAMES, *FOREIGN_NAMES, *EXCUSES)
)

_MAX_PARTS: Final = 6  # an entry of n parts has 2**(n-1) spellings
_MAX_KNOWN: Final = 4096
_MAX_KNOWN_LENGTH: Final = 64
_ASCII_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ASCII_CHUNK: Final = re.compile(r"[A-Za-z]+")
_ASCII_PART: Final = re.compile(r"[a-z]+")
# Nearly all of the builtin list, which is compiled at every start: one part or two.
_USUAL_ENTRY: Final = re.compile(r"(!?)(\^?)([a-z]+)(?:\+([a-z]+))?(\$?)")
_UPPER_CASE: Final = "Lu"
_LETTER: Final = "L"


def split_words(name: str) -> list[str]:
    """Cut a name into its words, lower-cased.

    Every character that is not a letter cuts, and so does a camelCase hump; digits are not words.
    """
    if name.isascii():
        return [word.lower() for word in _ASCII_WORD.findall(name)]
    name = unicodedata.normalize("NFKC", name)
    words = _ASCII_WORD.finditer(_shape(name))
    return [name[slice(*word.span())].lower() for word in words]


def _split_chunks(name: str) -> list[str]:
    """Cut a name at separators only: a spelling like ``pAsSwOrD`` has no humps."""
    if name.isascii():
        return _ASCII_CHUNK.findall(name.lower())
    name = unicodedata.normalize("NFKC", name).lower()
    return [name[slice(*chunk.span())] for chunk in _ASCII_CHUNK.finditer(_shape(name))]


def _shape(name: str) -> str:
    """Stand ``A`` for every upper-case letter, ``a`` for every other one, ``-`` for the rest.

    So expressions for ASCII serve every script; ``re`` knows no Unicode categories, and to load
    ``regex`` for a name takes 25 ms and may find a file of the program instead.
    """
    categories = map(unicodedata.category, name)
    return "".join(
        "A" if category == _UPPER_CASE else "a" if category.startswith(_LETTER) else "-"
        for category in categories
    )


class _Entries:
    """Entries of one kind: what makes a name match, or what excuses it."""

    __slots__ = ("_anywhere", "_ends", "_first", "_last", "_last_ends", "_parts", "_sequences")

    def __init__(self) -> None:
        self._sequences: dict[str, list[_Sequence]] = {}
        self._anywhere: set[str] = set()
        self._first: set[str] = set()
        self._last: set[str] = set()
        self._parts: tuple[str, ...] = ()
        self._ends: tuple[str, ...] = ()
        self._last_ends: tuple[str, ...] = ()

    def add_word(self, word: str, first: object, last: object) -> None:
        """Add a word, perhaps as the first or the last one of a name."""
        if first and last:
            self.add_words((word,), first, last)
        else:
            (self._last if last else self._first if first else self._anywhere).add(word)

    def add_words(self, words: tuple[str, ...], first: object, last: object) -> None:
        """Add neighbours, perhaps as the first or the last ones of a name."""
        self._sequences.setdefault(words[0], []).append((words, bool(first), bool(last)))

    def add_part(self, part: str, last: object, *, goes_on: bool) -> None:
        """Add the end of a word, perhaps of the last one, or any part of one."""
        if goes_on:
            self._parts += (part,)
        elif last:
            self._last_ends += (part,)
        else:
            self._ends += (part,)

    def hit(self, words: list[str]) -> bool:
        """Return whether an entry applies to a name of these words."""
        if not words:
            return False
        if (
            words[-1] in self._last
            or words[0] in self._first
            or not self._anywhere.isdisjoint(words)
            or words[-1].endswith(self._last_ends)
        ):
            return True
        for index, word in enumerate(words):  # no generators: most names are new
            if word.endswith(self._ends) or (
                word in self._sequences and self._sequence_at(words, index)
            ):
                return True
            for part in self._parts:
                if part in word:
                    return True
        return False

    def _sequence_at(self, words: list[str], start: int) -> bool:
        for sequence, first, last in self._sequences[words[start]]:
            end = start + len(sequence)
            stands = (not first or not start) and (not last or end == len(words))
            if stands and tuple(words[start:end]) == sequence:
                return True
        return False


class WordsMatcher:
    """A compiled ``words`` pattern.

    Attributes:
        pattern: the text it was compiled from.
    """

    __slots__ = ("_excuses", "_known", "_secrets", "pattern")

    def __init__(self, pattern: str, secrets: _Entries, excuses: _Entries) -> None:
        self.pattern = pattern
        self._secrets = secrets
        self._excuses = excuses
        self._known: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        """Return whether an entry applies to the name, with its humps or without, and no excuse."""
        known = self._known.get(name)
        if known is None:
            known = self._applies(name)
            if len(name) <= _MAX_KNOWN_LENGTH:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[name] = known
        return known

    def _applies(self, name: str) -> bool:
        words = split_words(name)
        chunks = _split_chunks(name)
        spellings = [words] if chunks == words else [words, chunks]
        return any(map(self._secrets.hit, spellings)) and not any(map(self._excuses.hit, spellings))


@lru_cache(maxsize=64)
def compile_words(pattern: str) -> WordsMatcher:
    """Compile a comma-separated list of entries such as ``secret, token$, api+key``.

    Args:
        pattern: ``word`` anywhere in the name, ``word$`` as its last word, ``^word`` as its first,
            ``one+two`` as neighbours, also written together, ``*word`` as the end of a word and
            ``*word*`` as any part of one, ``!entry`` for names that are not to match after all;
            white space around entries is ignored.

    Raises:
        ValueError: an entry is not of these forms; the message names it and what is accepted.
    """
    secrets, excuses = _Entries(), _Entries()
    for text in pattern.split(","):
        entry = text.strip()
        usual = _USUAL_ENTRY.fullmatch(entry)
        if usual is None:
            is_excuse = len(entry) > 1 and entry.startswith("!")
            _add_entry(excuses if is_excuse else secrets, entry[is_excuse:], pattern)
            continue
        excused, first, word, neighbour, last = usual.groups()
        found = excuses if excused else secrets
        if neighbour:
            found.add_words((word, neighbour), first, last)
            word += neighbour
        found.add_word(word, first, last)
    return WordsMatcher(pattern, secrets, excuses)


def _add_entry(found: _Entries, entry: str, pattern: str) -> None:
    if not entry:
        where = "it is empty" if not pattern.strip() else "it has an empty entry"
        raise ValueError(
            f"words pattern: {where}, got {_short(pattern)!r}; "
            "expected entries such as 'secret', 'token$' or 'api+key', separated by commas"
        )
    body = entry.removesuffix("$").removeprefix("^")
    opens = body.startswith("*")
    goes_on = opens and body.endswith("*")
    parts = (body[1 : len(body) - goes_on] if opens else body).split("+")
    for part in parts:
        _check_part(part, entry)
    if len(parts) > _MAX_PARTS or (len(parts) > 1 and (opens or goes_on)):
        most = 1 if opens or goes_on else _MAX_PARTS
        raise ValueError(
            f"words pattern: entry {_short(entry)!r} joins {len(parts)} words; "
            f"expected at most {most}"
        )
    first, last = entry.startswith("^"), entry.endswith("$")
    if opens:
        found.add_part(parts[0], last, goes_on=goes_on)
        return
    for words in _spellings(parts):
        if len(words) == 1:
            found.add_word(words[0], first, last)
        else:
            found.add_words(words, first, last)


def _check_part(part: str, entry: str) -> None:
    if part and _is_lower_case(part) and part == unicodedata.normalize("NFKC", part):
        return
    hint = ""
    if part != part.lower():
        hint = f"; names are compared in lower case, write {entry.lower()!r}"
    elif "$" in part:
        hint = "; '$' stands once, at the end"
    elif any(separator in part for separator in "_-./ "):
        hint = f"; join neighbouring words with '+', as in {_joined(entry)!r}"
    raise ValueError(
        f"words pattern: an entry is made of lower-case letters, '+' between words, '$' at the end "
        f"or '^' at the beginning, '*' before the end of a word and '!' before what is excused, "
        f"got {_short(entry)!r}{hint}"
    )


def _is_lower_case(part: str) -> bool:
    return _ASCII_PART.fullmatch(_shape(part)) is not None


def _joined(entry: str) -> str:
    return "+".join(split_words(entry)) + ("$" if entry.endswith("$") else "")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - fits a message line


def _spellings(parts: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the parts as neighbours, and with any of them written together."""
    gaps = range(1, len(parts))
    for count in range(len(parts)):
        for cuts in combinations(gaps, count):
            bounds = (0, *cuts, len(parts))
            yield tuple("".join(parts[start:end]) for start, end in pairwise(bounds))
