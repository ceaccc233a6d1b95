"""The prefilter's tables for compiled code, which tells clean texts from those to be judged.

Literals, the names of secrets and the issuers of cards are taken from where finders and prefilter
have them; how they are combined is written in C, and tests compare both.
"""

from __future__ import annotations

from array import array
from collections import deque
from functools import cache
from typing import Any, Final

from codetracer_otel.filters.patterns.name_words import BUILTIN_SECRET_WORDS
from codetracer_otel.filters.secrets.encodings import NUMBER_MARKS
from codetracer_otel.filters.secrets.prefilter import (
    DIGEST_CHARACTERS,
    DIGEST_DASH,
    LITERALS,
    LOWER_LITERALS,
    PROGRAMS,
    RUN_CHARACTERS,
    STATEMENT_WORDS,
    TIME_CHARACTERS,
)
from codetracer_otel.filters.secrets.shapes.cards import BEGINNINGS, SEPARATORS
from codetracer_otel.filters.secrets.shapes.tokens import RUN_LENGTH

# Shapes that the compiled tests know; rules with another one have every text judged.
SCANNED_SHAPES: Final = frozenset(
    {"card", "credentials", "jwt", "named", "private_key", "token", "userinfo"}
)

# What ends with a byte, as `scan.c` numbers it.
_SURE, _EXACT, _JOIN = (1 << bit for bit in range(24, 27))
_ROW: Final = 0xFFFFFF
_LONGEST_CARD: Final = 19
_FIRST_DIGITS: Final = 100
# Letters whose lower case is one of ASCII's, and what begins a color: such texts are judged.
_ODD: Final = ("\N{KELVIN SIGN}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\x1b")


@cache
def scan_tables() -> dict[str, Any]:
    """Return what `_core.native.Scanner` takes."""
    exact = {literal for shape in LITERALS if shape != "named" for _, literal in LITERALS[shape]}
    ends: dict[bytes, int] = {}
    for bits, texts in (
        (_SURE, [literal for found in LOWER_LITERALS.values() for _, literal in found]),
        (_SURE, (*_ODD, *PROGRAMS, *NUMBER_MARKS)),
        (_EXACT, exact),
        (_JOIN, [literal for _, literal in LITERALS["named"]]),
    ):
        for text in texts:
            key = _lowered(text)
            ends[key] = ends.get(key, 0) | bits
    return {
        "literals": automaton(ends),
        "names": automaton(dict.fromkeys(map(str.encode, name_parts()), _SURE), skips_others=True),
        "exact": tuple(literal.encode() for literal in sorted(exact)),
        "issuers": _issuers(),
        "time": TIME_CHARACTERS.encode(),
        "token": RUN_CHARACTERS.encode(),
        "digest": DIGEST_CHARACTERS.encode(),
        "separators": SEPARATORS.encode(),
        "run_length": RUN_LENGTH,
        "digest_dash": DIGEST_DASH,
    }


def name_parts() -> list[str]:
    """Return texts of which one is in the letters of each ASCII name of a secret, in lower case."""
    entries = [entry.strip() for entry in BUILTIN_SECRET_WORDS.split(",")]
    parts = {entry.strip("^$*").replace("+", "") for entry in entries if not entry.startswith("!")}
    kept: list[str] = []
    for part in sorted({*parts, *STATEMENT_WORDS}, key=lambda part: (len(part), part)):
        if part.isascii() and not any(shorter in part for shorter in kept):
            kept.append(part)
    return kept


def automaton(ends: dict[bytes, int], *, skips_others: bool = False) -> tuple[bytes, bytes]:
    """Return the table that finds keys in texts of any case, and its column for each byte.

    A row of 32-bit numbers per state: where the next state's row begins, and above 24 bits the bits
    of all keys that end there.

    Args:
        ends: bits by key; keys are in lower case.
        skips_others: bytes that are in no key are passed over.
    """
    used = sorted({byte for key in ends for byte in key})
    column = {byte: number for number, byte in enumerate(used, 1)}
    columns = bytes([column.get(_lowered_byte(byte), 0) for byte in range(256)])
    children: list[dict[int, int]] = [{}]
    bits = [0]
    for key, own in ends.items():
        state = 0
        for byte in key:
            if byte not in children[state]:
                children[state][byte] = len(children)
                children.append({})
                bits.append(0)
            state = children[state][byte]
        bits[state] |= own
    rows = _rows(children, bits, column)
    if skips_others:
        for state, row in enumerate(rows):
            row[0] = state * len(row)
    return b"".join([row.tobytes() for row in rows]), columns


def _rows(
    children: list[dict[int, int]], bits: list[int], column: dict[int, int]
) -> list[array[int]]:
    """Return the rows of a trie's states, each beginning as that of its longest proper suffix."""
    width = len(column) + 1
    rows = [array("I", bytes(4 * width)) for _ in children]
    waiting = deque([(0, -1)])
    while waiting:
        state, suffix = waiting.popleft()
        row = rows[state]
        if suffix >= 0:
            row[:] = rows[suffix]
        for byte, child in children[state].items():
            behind = (row[column[byte]] & _ROW) // width if state else 0
            bits[child] |= bits[behind]
            row[column[byte]] = child * width | bits[child]
            waiting.append((child, behind))
    return rows


def _lowered(text: str) -> bytes:
    return bytes(map(_lowered_byte, text.encode()))


def _lowered_byte(byte: int) -> int:
    return byte + 32 if ord("A") <= byte <= ord("Z") else byte


def _issuers() -> bytes:
    """Return by length of a card and its first two digits whether issuers may number so."""
    allowed = bytearray(_FIRST_DIGITS * (_LONGEST_CARD + 1))
    for length, beginnings in BEGINNINGS.items():
        for first in range(_FIRST_DIGITS):
            is_allowed = f"{first:02}".startswith(tuple(beginnings.split()))
            allowed[_FIRST_DIGITS * length + first] = is_allowed
    return bytes(allowed)
