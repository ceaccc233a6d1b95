"""Whether a text is made of words, so that it may stand anywhere without being a secret.

Letters follow each other in words as they do in the words of `ordinary_words`, whose pairs of
neighbours are counted; drawn at random they hardly do.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from itertools import chain, pairwise
from typing import Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.known.ordinary_words import ORDINARY_WORDS

_LONGEST: Final = 15  # longer ones are several words in one, as passphrases are
_MOST_WORDS: Final = 3
# Bits per letter: of 60 names and words of six languages a tenth have more, of eight letters drawn
# at random one in fourteen has less, of twelve one in thirty.
_MOST_BITS: Final = 5.3
_UNSEEN: Final = 0.3
_LETTERS: Final = 26
_BEGIN: Final = "^"

_WORDS: Final = lazy_regex(r"[^\W\d_]+(?:(?: |, |['\u2019])[^\W\d_]+)*|[^\W\d_]+-[^\W\d_]+")
_PART: Final = r"\.?[^\W\d_]+(?:[_ .-][^\W\d_]+)*[0-9]{0,3}"
_PATH: Final = lazy_regex(
    rf"[~.]{{0,2}}(?:/{_PART})+/?|{_PART}(?:/{_PART})+(?:\.[A-Za-z][0-9A-Za-z]{{1,4}}){{1,2}}"
)
_RUN: Final = lazy_regex(r"[^\W\d_]+")
_HUMPS: Final = lazy_regex(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_of_words(text: str) -> bool:
    """Return whether a text is up to three words or names, or a path of such."""
    if _WORDS.fullmatch(text):
        runs = _RUN.findall(text)
        words = sum(len(_HUMPS.findall(run)) or 1 for run in runs)
        is_few = len(runs) <= _MOST_WORDS and (len(runs) == 1 or words == len(runs))
        return is_few and all(map(_is_word, runs))
    if _PATH.fullmatch(text):
        return all(map(_is_word, _RUN.findall(text)))
    return False


def _is_word(run: str) -> bool:
    if run.lower() in ORDINARY_WORDS:
        return True
    if len(run) > _LONGEST:
        return False
    if not run.isascii():
        return True  # of other alphabets nothing was counted
    humps = _HUMPS.findall(run)
    if len(humps) > 2 or (len(humps) > 1 and min(map(len, humps)) < 3):  # noqa: PLR2004 - as capitals drawn at random stand
        return False
    return len(run) < 5 or _bits(run.lower()) <= _MOST_BITS * len(run)  # noqa: PLR2004 - too short to tell


def _bits(word: str) -> float:
    pairs, firsts = _counts()
    return sum(
        -math.log2((pairs[pair] + _UNSEEN) / (firsts[pair[0]] + _UNSEEN * _LETTERS))
        for pair in pairwise(_BEGIN + word)
    )


@cache
def _counts() -> tuple[Counter[tuple[str, str]], Counter[str]]:
    pairs = Counter(chain.from_iterable(pairwise(_BEGIN + word) for word in ORDINARY_WORDS))
    firsts: Counter[str] = Counter()
    for (first, _), count in pairs.items():
        firsts[first] += count
    return pairs, firsts
