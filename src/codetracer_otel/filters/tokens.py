"""Tokens that vendors gave a prefix, and JSON Web Tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

# Every token of a family with ``has_run`` has this many of `TOKEN_CHARACTERS` in a row, and some
# character that is neither a lower-case hexadecimal digit nor a dash: the prefilter relies on both.
RUN_LENGTH: Final = 18
TOKEN_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"  # noqa: S105 - an alphabet

_TAIL_LENGTH: Final = 256


@dataclass(frozen=True, slots=True)
class Family:
    """The tokens of one vendor.

    Attributes:
        literals: one of them stands in every token; short where that spares several searches.
        has_run: see `RUN_LENGTH`.
        whole: expression of a complete token.
        at_cut: expression of what a cut left of one, at the end of a text.
    """

    literals: tuple[str, ...]
    has_run: bool
    whole: str
    at_cut: str


def _family(  # a table reads best with the literals last
    prefix: str, body: str, length: int, *literals: str, rest: str = "", has_run: bool = True
) -> Family:
    """Build a family: ``prefix``, at least ``length`` characters of ``body``, then ``rest``."""
    return Family(
        literals,
        has_run,
        f"{prefix}{body}{{{length},}}+{rest}",
        f"{prefix}(?:{body}|[.])*+\\Z",
    )


@cache
def compiled(expression: str, flags: int = 0) -> re.Pattern[str]:
    """Compile an expression of a shape as it is first needed: all of them together take 30 ms."""
    return re.compile(expression, flags)


_WORD: Final = "[A-Za-z0-9_-]"
_ALNUM: Final = "[A-Za-z0-9]"
_HEX: Final = "[A-Fa-f0-9]"
# Where a short prefix may begin: not inside a word, but behind what escapes a control character.
_START: Final = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtabfv])|(?<=%[0-9A-Fa-f]{2})|(?<=[0-9]m))"

FAMILIES: Final = (
    _family("(?<![A-Z0-9])A(?:KI|SI|BI|CC)A", "[A-Z0-9]", 16, "AKIA", "ASIA", "ABIA", "ACCA"),
    _family("gh[pousr]_", "[A-Za-z0-9_]", 20, "gh"),
    _family("github_pat_", "[A-Za-z0-9_]", 20, "github_pat_"),
    _family(
        "gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|oas)-",
        _WORD,
        18,
        "gl",
        rest="[A-Za-z0-9_.=-]*+",
    ),
    _family("xox[a-z]-", _WORD, 14, "xox"),
    _family("xapp-", _WORD, 18, "xapp-"),
    _family(
        "hooks[.]slack[.]com/[a-z]{1,20}/(?:[A-Za-z0-9_-]{1,20}/){0,4}",
        _WORD,
        18,
        "hooks.slack.com/",
    ),
    _family("(?:sk|rk|pk)_(?:live|test)_", _ALNUM, 10, "_live_", "_test_"),
    _family("whsec_", "[A-Za-z0-9+/=_-]", 18, "whsec_", has_run=False),
    _family("AIza", _WORD, 30, "AIza"),
    _family(r"ya29[.]", _WORD, 18, "ya29."),
    _family("GOCSPX-", _WORD, 18, "GOCSPX-"),
    _family(f"{_START}npm_", _ALNUM, 30, "npm_"),
    _family("pypi-", _WORD, 16, "pypi-"),
    _family(f"{_START}sk-", _WORD, 18, "sk-"),
    _family(f"{_START}SG[.]", _WORD, 18, "SG.", rest=f"[.]{_WORD}{{16,}}+"),
    _family(f"{_START}hf_", _ALNUM, 20, "hf_"),
    _family("do[opr]_v1_", _HEX, 30, "_v1_"),
    _family("shp(?:at|ca|pa|ss)_", _HEX, 30, "shp"),
    _family("dapi", _HEX, 32, "dapi"),
    _family("hv[sbr][.]", _WORD, 20, "hv"),
    _family("gl(?:sa|c)_", _WORD, 20, "gl"),
    _family("lin_(?:api|oauth)_", _ALNUM, 20, "lin_"),
    _family("dckr_[a-z]{2,5}_", _WORD, 20, "dckr_"),
    _family("sq0[a-z]{3}-", _WORD, 20, "sq0"),
    _family("NRAK-", "[A-Z0-9]", 20, "NRAK-"),
    _family("ATATT3", _WORD, 30, "ATATT3", rest="[A-Za-z0-9_=-]*+"),
    _family("AGE-SECRET-KEY-1", "[A-Z0-9]", 20, "AGE-SECRET-KEY-1"),
    _family(f"{_START}gsk_", _ALNUM, 20, "gsk_"),
    _family(f"{_START}xai-", _ALNUM, 20, "xai-"),
    _family("pplx-", _ALNUM, 20, "pplx-"),
    _family("tskey-", _WORD, 18, "tskey-"),
    _family("dp[.](?:pt|st|ct|sa)[.](?:[a-z0-9_-]{2,35}[.])?", _ALNUM, 30, "dp."),
    _family("sntry[su]_", _WORD, 20, "sntry", rest="[A-Za-z0-9_=+/-]*+"),
    _family("sbp_", _HEX, 30, "sbp_"),
    _family("PMAK-", _WORD, 20, "PMAK-"),
    _family("rubygems_", _HEX, 30, "rubygems_"),
    _family("(?<![0-9])[0-9]{8,10}:AA", _WORD, 30, ":AA"),
    _family("[?&]sig=", "[A-Za-z0-9%+/_-]", 18, "sig=", has_run=False),
)

# Only the start of a run of token characters is tried, and the first `eyJ` in it decides, so that
# a text of nothing but `eyJ` is looked at once. Encrypted tokens have five parts.
_JWT: Final = (
    r"(?<![A-Za-z0-9_-])(?>[A-Za-z0-9_-]*?(eyJ))[A-Za-z0-9_-]{16,}+[.][A-Za-z0-9_-]*+"
    r"(?:[.][A-Za-z0-9_-]*+){0,3}+"
)
_JWT_AT_CUT: Final = (
    r"(?<![A-Za-z0-9_-])(?>[A-Za-z0-9_-]*?(eyJ))[A-Za-z0-9_-]*+(?:[.][A-Za-z0-9_-]*+){0,4}+\Z"
)


def find_jwts(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find JSON Web Tokens (RFC 7519), signed, encrypted or plain."""
    spans = [(match.start(1), match.end()) for match in compiled(_JWT).finditer(text)]
    if is_cut:
        tail = compiled(_JWT_AT_CUT).search(text, spans[-1][1] if spans else 0)
        if tail is not None:
            spans.append((tail.start(1), tail.end()))
    return spans


def find_tokens(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find tokens by their vendor's prefix."""
    spans: list[tuple[int, int]] = []
    for family in FAMILIES:
        if any(literal in text for literal in family.literals):
            spans.extend(_tokens_of(family, text, is_cut=is_cut))
    return spans


def _tokens_of(family: Family, text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    spans = [match.span() for match in compiled(family.whole).finditer(text)]
    if is_cut:
        # A longer rest would have been a whole token.
        tail = compiled(family.at_cut).search(text, max(0, len(text) - _TAIL_LENGTH))
        if tail is not None:
            spans.append(tail.span())
    return spans
