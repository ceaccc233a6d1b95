"""The same text without an encoding, and where its characters stand in the original."""

from __future__ import annotations

import base64
import binascii
from itertools import chain
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetracer_otel.filters.secrets.text_parts import TextPart

_ENCODED: Final = lazy_regex(r"(?:%[0-9A-Fa-f]{2})+|&")
# Characters by their number, as Python, JSON and HTML write them.
_NUMBERED: Final = lazy_regex(
    r"\\++(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))"
    r"|&#(?:([0-9]{2,7})|[xX]([0-9A-Fa-f]{2,6}));"
)
NUMBER_MARKS: Final = ("\\x", "\\u", "\\U", "&#")
# Every third byte of a text is below 128, and so is every fourth character of it in base64.
BASE64_OF_TEXT: Final = r"(?<![A-Za-z0-9+/_-])(?:[A-Za-f][A-Za-z0-9+/_-]{3}){5}"
# MIME and PEM break lines after 76 and 64 characters; `repr` and JSON write the breaks as escapes.
LINE_END: Final = r"(?:\r?\n|(?:\\++r)?\\++n)"
# What escapes a character, or colors a line of a terminal or clears it: what stands before it, and
# the letters and digits that are its own and no word.
ESCAPES: Final = (
    (r"\\", "[nrtabfv]"),
    ("%", "[0-9A-Fa-f]{2}"),
    ("=", "[0-9A-F]{2}"),  # quoted-printable
    (r"[0-9\[]", "[mK]"),
)
BEHIND_ESCAPE: Final = "|".join(f"(?<={before}{own})" for before, own in ESCAPES)
OF_ESCAPE: Final = "|".join(f"(?<={before}){own}" for before, own in ESCAPES)
# What begins a run of letters and digits and surely is none of its own: a bracket alone begins a
# list as well. With the number of a color that the run may begin with.
BEGINS_RUN: Final = (
    r"(?:(?<=[\[;])[0-9]{1,3}(?=[mK]))?+"
    r"(?:(?<=\\)[nrt]|(?<=%)[0-9A-Fa-f]{2}"
    r"|(?<=[0-9\[])[mK](?:(?<=[0-9].)|(?<=\x1b\[.)|(?<=1[bB]\[.)|(?<=33\[.)|(?<=\\e\[.)))?+"
)
_ESCAPED_RUN: Final = lazy_regex(BEGINS_RUN)
_BEFORE_ESCAPED_RUN: Final = frozenset("\\%[;")
# Both what follows and the run as it stands are looked at: the letters may be the token's own, as
# those of `CORP\api_key_`.
_DOUBTFUL_RUN: Final = lazy_regex(r"(?<=\\)[abfv]|(?<==)[0-9A-F]{2}")
_BEFORE_DOUBTFUL_RUN: Final = frozenset("\\=")
_BASE64_RUN: Final = lazy_regex(
    BASE64_OF_TEXT
    + rf"[A-Za-z0-9+/_-]*+(?:(?<=[A-Za-z0-9+/_-]{{60}}){LINE_END}[A-Za-z0-9+/_-]++)*+"
)
_BASE64_LINE: Final = lazy_regex(rf"(?:\A|{LINE_END})([A-Za-z0-9+/_-]++)")
_URL_SAFE: Final = str.maketrans("-_", "+/")
_LAST_CHARACTER: Final = 0x10FFFF
_MAX_TIMES: Final = 2  # an address in a query of an address in a query
_WIDE: Final = 4  # zero bytes, below which a text is not taken for UTF-16 or UTF-32


class Decoded(NamedTuple):
    """A text as it reads without an encoding.

    Attributes:
        text: what it says.
        starts: for each character, and for the end, where it begins in the original.
        is_percent: whether it was percent-encoded.
    """

    text: str
    starts: Sequence[int]
    is_percent: bool

    def original(self, part: TextPart) -> TextPart:
        """Return where a part of ``text`` stands in the original."""
        return self.starts[part[0]], self.starts[part[1]]


def may_be_encoded(text: str) -> bool:
    """Return whether `decodings` may yield anything; cheap."""
    return "%" in text or "\0" in text or _may_be_numbered(text)


def _may_be_numbered(text: str) -> bool:
    # A single character is found ten times as fast.
    return ("\\" in text or "&" in text) and any(mark in text for mark in NUMBER_MARKS)


def decodings(text: str) -> Iterator[Decoded]:
    """Yield what the text says in other words.

    Without percent-encoding, once and twice; with characters for their numbers; as UTF-16 or -32.
    """
    if text.count("\0") >= _WIDE:
        yield _without_zeros(text)
    if _may_be_numbered(text):
        yield _without_numbers(text)
    known = Decoded(text, range(len(text) + 1), is_percent=True)
    for _ in range(_MAX_TIMES):
        if "%" not in known.text:
            return
        decoded = _percent_decoded(known)
        if decoded.text == known.text:
            return
        known = decoded
        yield known


def texts_in_base64(text: str) -> Iterator[Decoded]:
    """Yield what stands in base64 in a text, where it is text itself."""
    for match in _BASE64_RUN.finditer(text):
        spans = [line.span(1) for line in _BASE64_LINE.finditer(match[0])]
        first = match.start()
        lines = [range(first + begin, first + end) for begin, end in spans]
        whole = _from_base64(text, lines)
        if whole is not None or len(lines) == 1:
            found = [whole]
        else:  # what follows the last end of a line may be something else, or all of it
            head = _from_base64(text, lines[:-1])
            apart = lines if head is None else lines[-1:]
            found = [head, *(_from_base64(text, [line]) for line in apart)]
        yield from filter(None, found)


def _from_base64(text: str, lines: Sequence[range]) -> Decoded | None:
    """Decode lines of a text together, if they are text in base64."""
    run = "".join([text[line.start : line.stop] for line in lines]).translate(_URL_SAFE)
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        decoded = base64.b64decode(run + "=" * (-len(run) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    if not (decoded and decoded.isascii() and all(map(_is_readable, decoded))):
        return None
    places = list(chain.from_iterable(lines))[: len(run)]
    places.append(places[-1] + 1)
    starts = [places[-(-4 * index // 3)] for index in range(len(decoded) + 1)]
    return Decoded(decoded, starts, is_percent=False)


def _is_readable(character: str) -> bool:
    return character.isprintable() or character.isspace()


def behind_escape(text: str, start: int) -> int:
    """Return where a run of letters and digits goes on that an escape begins, or where it begins.

    Of one that may as well be part of the run, see `behind_doubtful_escape`.
    """
    if start == 0 or text[start - 1] not in _BEFORE_ESCAPED_RUN:
        return start
    escape = _ESCAPED_RUN.match(text, start)
    return start if escape is None else escape.end()


def behind_doubtful_escape(text: str, start: int) -> int:
    """Return where a text goes on that what may be an escape begins, or where it begins."""
    if start == 0 or text[start - 1] not in _BEFORE_DOUBTFUL_RUN:
        return start
    escape = _DOUBTFUL_RUN.match(text, start)
    return start if escape is None else escape.end()


def _without_zeros(text: str) -> Decoded:
    """Read bytes of UTF-16 and UTF-32 that became characters one by one."""
    starts = [index for index, char in enumerate(text) if char != "\0"]
    return Decoded(text.replace("\0", ""), [*starts, len(text)], is_percent=False)


def _without_numbers(text: str) -> Decoded:
    pieces: list[str] = []
    starts: list[int] = []
    position = 0
    for match in _NUMBERED.finditer(text):
        number = int(match[4]) if match[4] else int(match[match.lastindex or 0], 16)
        if number > _LAST_CHARACTER:
            continue
        pieces += (text[position : match.start()], chr(number))
        starts.extend(range(position, match.start() + 1))
        position = match.end()
    pieces.append(text[position:])
    starts.extend(range(position, len(text) + 1))
    return Decoded("".join(pieces), starts, is_percent=False)


def _percent_decoded(known: Decoded) -> Decoded:
    pieces: list[str] = []
    starts: list[int] = []
    position = 0
    text = known.text
    for match in _ENCODED.finditer(text):
        begin, end = match.span()
        pieces.append(text[position:begin])
        starts.extend(known.starts[position:begin])
        if match[0] == "&":  # nothing that was encoded reaches over it
            pieces.append("\n")
            starts.append(known.starts[begin])
        else:
            decoded = bytes.fromhex(match[0].replace("%", "")).decode("latin-1")
            pieces.append(decoded)
            starts.extend(known.starts[begin:end:3])
        position = end
    pieces.append(text[position:])
    starts.extend(known.starts[position:])
    return Decoded("".join(pieces), starts, is_percent=True)
