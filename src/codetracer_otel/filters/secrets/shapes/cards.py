"""Card numbers in text: the layouts and ranges that issuers use, with the Luhn check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.secrets.shapes.tokens import compiled

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator


# Digits behind a decimal point or before one are a fraction or an amount, those behind a plus a
# telephone number.
_NUMBER: Final = (
    r"(?<![0-9+])(?<![0-9]\.)(?<![^\w)\]}]\.)(?<!\A\.)"
    r"(?:[0-9]{13,19}"
    r"|[0-9]{4}(?:([ +-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|([ +-])[0-9]{6}\2[0-9]{4,5}))"
    r"(?![0-9]|\.[0-9])"
)
# ISO/IEC 7812: number of digits -> the issuers' first ones, as their networks publish them.
# Nineteen digits are any 64-bit number, thirteen a barcode or, with 43 and 49, a telephone number.
ISSUERS: Final = {
    13: r"4(?![39])",
    14: r"3(?:0[0-5]|095|[689])",
    15: r"3[47]|2131|1800",
    16: (
        r"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720|20[0-5])|35(?:2[89]|[3-8])"
        r"|6(?:0|2|304|36|390|4[4-9]|5|7[56])|8[12]|9792"
    ),
    17: r"62|5(?:0(?:18|20|38)|[68])|6304|67",
    18: r"62|5(?:0(?:18|20|38)|[68])|6304|67",
    19: r"4|62|5(?:0(?:18|20|38)|893)|6304|67(?:59|6[1-3])",
}
# What `ISSUERS` begin with, in one digit or two: a quick test that comes first.
BEGINNINGS: Final = {
    13: "4",
    14: "30 36 38 39",
    15: "18 21 34 37",
    16: "22 23 24 25 26 27 35 4 5 60 62 63 64 65 67 81 82 97",
    17: "50 56 58 62 63 67",
    18: "50 56 58 62 63 67",
    19: "4 50 58 62 63 67",
}
_GROUP_BEFORE: Final = r"(?<![0-9])[0-9]{4}[ +-]\Z"
_GROUP_BEHIND: Final = r"[ +-][0-9]{4}(?![0-9])"
_WORD_BEFORE: Final = r"[0-9A-Za-z-]*\Z"
_WORD_BEHIND: Final = r"[0-9A-Za-z-]{0,32}"
_WORD_LENGTH: Final = 32
_HEXADECIMAL: Final = r"[0-9-]*[A-Fa-f][0-9A-Fa-f-]*"
SEPARATORS: Final = " +-"
_WITHOUT_SEPARATORS: Final = str.maketrans("", "", SEPARATORS)
# Six digits name the issuer, not the card; more of them may be one that the cut took the rest of.
_AT_CUT: Final = (
    r"(?<![0-9+])(?<![0-9]\.)(?:[0-9]{7,18}|[0-9]{4}([ -])[0-9]{3,4}(?:\1[0-9]{0,4}){0,3}"
    r"|[0-9]{4}([ -])[0-9]{5,6}(?:\2[0-9]{0,4})?)\Z"
)
_BEGIN: Final = r"4|5|3[04-9]|2[27]|6|8[12]|9792|2131|1800"
_TAIL_LENGTH: Final = 64
_GROUPED_LENGTH: Final = 19  # of sixteen digits


def find_cards(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find card numbers, whole or in groups; one may reach the cut."""
    spans = list(_cards(text))
    if is_cut:
        tail = compiled(_AT_CUT).search(text, max(0, len(text) - _TAIL_LENGTH))
        if tail is not None and compiled(_BEGIN).match(tail[0]):
            spans.append(tail.span())
    return spans


def _cards(text: str) -> Iterator[tuple[int, int]]:
    number = compiled(_NUMBER)
    last = -1
    match = number.search(text)
    while match is not None:
        end = _end_of_card(text, match, last)
        if end is None:
            match = number.search(text, match.start() + 1)
        else:
            yield match.start(), end
            last = end
            match = number.search(text, end)


def _end_of_card(text: str, match: re.Match[str], last: int) -> int | None:
    """Return where the card that begins with the match ends, or None if there is none.

    Args:
        text: what is searched.
        match: something in the layout of a card.
        last: where the card before ends, or -1.
    """
    start, end = match.span()
    if not (match[1] or match[2]):
        return end if _is_card(match[0]) and not _is_hexadecimal(text, start, end) else None
    if match[1] and not _stands_at_an_end_of_its_row(text, start, end, last):
        return None
    if _is_card(match[0]):
        return None if _is_hexadecimal(text, start, end) else end
    shorter = match[0][:_GROUPED_LENGTH]  # three digits behind it may be something else
    return start + len(shorter) if len(match[0]) > len(shorter) and _is_card(shorter) else None


def _is_card(shown: str) -> bool:
    digits = shown.translate(_WITHOUT_SEPARATORS)
    issuers = ISSUERS.get(len(digits))
    return issuers is not None and bool(compiled(issuers).match(digits)) and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """Return whether the check digit is right (ISO/IEC 7812-1)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 * (n > 9) for n in doubled)) % 10 == 0  # noqa: PLR2004 - two digits


def _is_hexadecimal(text: str, start: int, end: int) -> bool:
    """Return whether the digits are a part of a digest or a UUID."""
    before = compiled(_WORD_BEFORE).search(text[max(0, start - _WORD_LENGTH) : start])
    behind = compiled(_WORD_BEHIND).match(text, end)
    around = (before[0] if before else "") + (behind[0] if behind else "")
    return compiled(_HEXADECIMAL).fullmatch(around) is not None


def _stands_at_an_end_of_its_row(text: str, start: int, end: int, last: int) -> bool:
    """Return False for four groups out of the middle of a row of numbers, such as years."""
    if start == last + 1:
        return True
    before = compiled(_GROUP_BEFORE).search(text[max(0, start - 6) : start])
    return before is None or compiled(_GROUP_BEHIND).match(text, end) is None
