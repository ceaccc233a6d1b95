"""The same text without an encoding, and where its characters stand in the original."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetracer_otel.filters.secrets.text_parts import TextPart

_ENCODED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+|&")
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
    return "%" in text or "\0" in text


def decodings(text: str) -> Iterator[Decoded]:
    """Yield what the text says without percent-encoding, once and twice, or as UTF-16 or -32."""
    if text.count("\0") >= _WIDE:
        yield _without_zeros(text)
    known = Decoded(text, range(len(text) + 1), is_percent=True)
    for _ in range(_MAX_TIMES):
        if "%" not in known.text:
            return
        decoded = _percent_decoded(known)
        if decoded.text == known.text:
            return
        known = decoded
        yield known


def _without_zeros(text: str) -> Decoded:
    """Read bytes of UTF-16 and UTF-32 that became characters one by one."""
    starts = [index for index, char in enumerate(text) if char != "\0"]
    return Decoded(text.replace("\0", ""), [*starts, len(text)], is_percent=False)


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
