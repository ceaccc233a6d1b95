"""Which texts of a batch can hold which shape: cheap tests on the texts joined together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.encodings import BASE64_OF_TEXT
from codetracer_otel.filters.secrets.named.lines import INSTRUCTION_WORDS
from codetracer_otel.filters.secrets.named.pairs import pairs_of_secrets
from codetracer_otel.filters.secrets.named.values import NAMES
from codetracer_otel.filters.secrets.shapes.opaque import MADE_UP
from codetracer_otel.filters.secrets.shapes.tokens import FAMILIES, RUN_LENGTH, TOKEN_CHARACTERS

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

_SEPARATOR: Final = "\0"
_CHUNK: Final = 256  # texts joined at a time

RUN_CHARACTERS: Final = TOKEN_CHARACTERS + "+"  # of runs of them and of base64
PROGRAMS: Final = (
    "mysql",
    "mariadb",
    "sshpass",
    "docker login",
    "podman login",
)  # whose `-p` is followed by a password
_LETTERS: Final = bytes(
    byte if byte == 0 else ord("a") if chr(byte) in RUN_CHARACTERS else ord(" ")
    for byte in range(256)
)
# `bytes.find` compares at every position of a shorter run; this is three times as fast.
_RUN: Final = lazy_regex(b"a" * RUN_LENGTH + rb"[^\0]*+")
DIGEST_CHARACTERS: Final = (
    "0123456789abcdef-"  # UUIDs and digests are the most frequent runs without one
)
DIGEST_DASH: Final = 8  # digits before the first dash
TIME_CHARACTERS: Final = "0123456789-:.+TZ "
_DIGITS: Final = bytes(
    byte
    if byte == 0
    else ord("0")
    if chr(byte) in "0123456789"
    else ord("-")
    if chr(byte) in " +-"
    else ord("x")
    for byte in range(256)
)
# The layouts of cards, with any of the separators; one of two texts is in each of them.
_CARD: Final = lazy_regex(rb"0000(?:0{9}|-0000-0000-0|-000000-0)[^\0]*+")
_IN_CARDS: Final = (b"0000-00", b"0" * 13)

_FREQUENT: Final = "jqxzkvwybgfpmuchdl0123456789rsnioate"  # the most frequent ones at the end

# Shape name -> literals of which one is in every text with the shape, each with a character of it
# that is looked for first: single characters are found ten times as fast.
LITERALS: Final = {
    "private_key": (("V", "PRIVATE"), ("L", "Private-Lines")),
    "named": (
        ("=", "="),
        ("<", "<"),
        ("%", "%"),
        ("\\", "\\"),
        (">", "->"),
        ("-", "--"),
        ("|", "|"),
        ("V", "VALUES"),
        ("$", "$$"),
        ("w", "password"),  # before white space, in netrc
        *zip("qbhkp", PROGRAMS, strict=True),
        *zip("VGvv__", INSTRUCTION_WORDS, strict=True),
        ("P", "PASS "),
        ("H", "AUTH "),
        ("\uff1a", "\uff1a"),
        ("\uff1d", "\uff1d"),
    ),
    "jwt": (("J", "eyJ"),),
    "token": tuple(
        (min(literal, key=_FREQUENT.find), literal)
        for family in FAMILIES
        for literal in family.telling
    ),
}
_MADE_UP: Final = lazy_regex(f"(?:{MADE_UP})[^\0]*+")
_BASE64_TEXT: Final = lazy_regex(f"{BASE64_OF_TEXT}[^\0]*+")
IN_BASE64: Final = "in base64"  # no shape: the text may hold another one that has some
STATEMENT_WORDS: Final = ("passw", "pwd", "identified")
LOWER_LITERALS: Final = {"credentials": (("b", "bearer"), ("b", "basic"))}

Hits = dict[int, set[str]]


def shapes_possible(
    texts: Sequence[str], cut: Sequence[bool] | None, shapes: frozenset[str]
) -> Hits:
    """Return index -> names of the ``shapes`` that the text may hold; others cannot.

    Args:
        texts: any texts.
        cut: for each text whether it was cut; None for "none was".
        shapes: names of `shapes.SHAPES`.
    """
    hits: Hits = {}
    for begin in range(0, len(texts), _CHUNK):
        chunk = _Chunk(texts[begin : begin + _CHUNK], begin, hits)
        chunk.test(shapes, cut[begin : begin + _CHUNK] if cut is not None else ())
    return hits


class _Chunk:
    """Some texts, joined."""

    __slots__ = ("_first", "_hits", "_joined", "_texts")

    def __init__(self, texts: Sequence[str], first: int, hits: Hits) -> None:
        self._texts = texts
        self._first = first
        self._hits = hits
        self._joined = _joined(texts)

    def test(self, shapes: frozenset[str], cut: Sequence[bool]) -> None:
        for shape, literals in LITERALS.items():
            if shape in shapes:
                self._add_literals(shape, self._joined, literals)
        if "named" in shapes:
            self._add_colons()
            self._add_pairs()
        if "userinfo" in shapes:
            self._add_userinfo(cut)
        lowered = self._joined.lower()
        if "named" in shapes and "'" in lowered:
            self._add_statements(lowered)
        for shape, literals in LOWER_LITERALS.items():
            if shape in shapes:
                self._add_literals(shape, lowered, literals)
        raw = self._joined.encode("utf-8", "surrogatepass")
        if "card" in shapes:
            self._add_cards(raw, cut)
        if "token" in shapes:
            self._add_tokens(raw, cut)

    def _add(self, index: int, shape: str) -> None:
        self._hits.setdefault(self._first + index, set()).add(shape)

    def _add_literals(self, shape: str, joined: str, literals: Sequence[tuple[str, str]]) -> None:
        for rare, literal in literals:
            if rare in joined and literal in joined:
                for index in _texts_with(joined, literal, _SEPARATOR):
                    self._add(index, shape)

    def _add_colons(self) -> None:
        """Add the texts with a key before a colon, not just a time or the address of a page."""
        if ":" in self._joined:
            joined = self._joined.replace("://", "")
            for index in _texts_with(joined, ":", _SEPARATOR):
                if self._texts[index].strip(TIME_CHARACTERS):
                    self._add(index, "named")

    def _add_pairs(self) -> None:
        """Add the texts with a pair whose first is a secret's name; lists of texts are frequent."""
        if "(" in self._joined or "[" in self._joined:
            index = last = 0
            for pair in pairs_of_secrets(self._joined, NAMES.matches):
                index += self._joined.count(_SEPARATOR, last, pair.start())
                last = pair.start()
                self._add(index, "named")

    def _add_statements(self, lowered: str) -> None:
        """Add the texts that may be SQL with a password."""
        for literal in STATEMENT_WORDS:
            if literal in lowered:
                for index in _texts_with(lowered, literal, _SEPARATOR):
                    if "'" in self._texts[index]:
                        self._add(index, "named")

    def _add_userinfo(self, cut: Sequence[bool]) -> None:
        if "@" in self._joined:
            for index in _texts_with(self._joined, "@", _SEPARATOR):
                text = self._texts[index]
                if -1 < text.find(":") < text.rfind("@"):
                    self._add(index, "userinfo")
        for index, is_cut in enumerate(cut):
            if is_cut and ":" in self._texts[index]:
                self._add(index, "userinfo")

    def _add_cards(self, raw: bytes, cut: Sequence[bool]) -> None:
        digits = raw.translate(_DIGITS)
        if any(part in digits for part in _IN_CARDS):
            for index in _texts_matching(digits, _CARD, b"\0"):
                self._add(index, "card")
        for index, is_cut in enumerate(cut):
            if is_cut and self._texts[index][-2:].strip(" +-")[-1:].isdigit():
                self._add(index, "card")

    def _add_tokens(self, raw: bytes, cut: Sequence[bool]) -> None:
        """Add the texts with runs of token characters; a cut one needs none."""
        indices = _texts_matching(raw.translate(_LETTERS), _RUN, b"\0")
        with_run = [i for i in indices if not _is_digest(self._texts[i])]
        if with_run:
            joined = _joined([self._texts[index] for index in with_run])
            for position in _texts_matching(joined, _BASE64_TEXT, _SEPARATOR):
                self._add(with_run[position], IN_BASE64)
            with_run = [with_run[i] for i in _texts_matching(joined, _MADE_UP, _SEPARATOR)]
        if cut:
            with_run = sorted({*with_run, *(index for index, is_cut in enumerate(cut) if is_cut)})
        for index in with_run:
            self._add(index, "token")


def _is_digest(text: str) -> bool:
    """Return whether a text is a digest or a UUID, not one behind a prefix such as ``fc-``."""
    return not (text.strip(DIGEST_CHARACTERS) or 0 < text.find("-") < DIGEST_DASH)


def _joined(texts: Sequence[str]) -> str:
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) != len(texts) - 1:
        return _SEPARATOR.join([text.replace(_SEPARATOR, "\1") for text in texts])
    return joined


def _texts_with[Text: (str, bytes)](joined: Text, needle: Text, separator: Text) -> list[int]:
    """Return the indices of the joined texts that hold ``needle``."""
    found = []
    index = last = 0
    position = joined.find(needle)
    while position >= 0:
        index += joined.count(separator, last, position)
        found.append(index)
        last = joined.find(separator, position)
        if last < 0:
            break
        position = joined.find(needle, last)
    return found


def _texts_matching[Text: (str, bytes)](
    joined: Text, pattern: re.Pattern[Text], separator: Text
) -> list[int]:
    """Return the indices of the joined texts in which the pattern, to their end, matches."""
    found = []
    index = last = 0
    for match in pattern.finditer(joined):
        start = match.start()
        index += joined.count(separator, last, start)
        found.append(index)
        last = start
    return found
