"""Counts which characters follow which in texts, for `shapes/letter_triples.py`.

usage: python -m tools.letter_triples

Counted are the string constants and the names of parameters that `benchmarks.redaction_sources`
reads, of the standard library and the packages that are installed; a quarter of the texts, told by
a checksum, is left out, so that it can be tested with.
"""

from __future__ import annotations

import base64
import math
import platform
import string
import zlib
from collections import Counter
from pathlib import Path

from benchmarks.redaction_sources import folders_of, read

TABLE = (
    Path(__file__).parent.parent / "src/codetracer_otel/filters/secrets/shapes/letter_triples.py"
)
MOST = 3000  # characters of a text
LETTERS = string.ascii_lowercase
BEGIN = "^"
KINDS = "ludso"
UNSEEN = 0.5
AS_OF_PAIRS = 20  # times that a pair counts among what was seen of a triple
MOST_BITS = 15
PAGE = '''\
"""How many bits a character costs behind two others in text: made by `tools.letter_triples`.

Counted in {texts} string constants and {names} names of parameters of CPython {python}'s standard
library and {packages} packages. Bytes, compressed, in base85.
"""

from __future__ import annotations

from typing import Final

# Of 5 x 5 x 5 kinds: small letters, capitals, digits, `_` and `-`, others.
KINDS: Final = """
{kinds}
"""

# Of 27 x 27 x 26 letters of one word, 0 where there is none.
LETTERS: Final = """
{letters}
"""
'''


def kind_of(char: str) -> str:
    """Return what of `KINDS` a character is."""
    if char in string.ascii_letters:
        return "l" if char.islower() else "u"
    return "d" if char in string.digits else "s" if char in "_-" else "o"


def counted(texts: list[str]) -> tuple[Counter[str], Counter[str]]:
    """Return how often kinds, and letters of one word, follow each other."""
    kinds: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for text in filter(str.isascii, texts):
        shown = text[:MOST]
        row = "oo" + "".join(map(kind_of, shown))
        kinds.update(row[i : i + 3] for i in range(len(row) - 2))
        before = BEGIN * 2
        for index, char in enumerate(shown.lower()):
            kind, last = row[index + 2], row[index + 1]
            if kind not in "lu":
                before = BEGIN * 2
                continue
            if kind == "u" and last == "l":
                before = BEGIN * 2
            letters[before + char] += 1
            before = before[1] + char
    return kinds, letters


def _sums(counts: Counter[str], part: slice) -> Counter[str]:
    sums: Counter[str] = Counter()
    for key, count in counts.items():
        sums[key[part]] += count
    return sums


def _bits(share: float) -> int:
    return min(MOST_BITS, round(-math.log2(share)))


def kind_bits(counts: Counter[str]) -> bytes:
    """Return the table of kinds."""
    pairs = _sums(counts, slice(2))
    return bytes(
        _bits((counts[a + b + c] + UNSEEN) / (pairs[a + b] + UNSEEN * len(KINDS)))
        for a in KINDS
        for b in KINDS
        for c in KINDS
    )


def letter_bits(counts: Counter[str]) -> bytes:
    """Return the table of letters; of triples that are rare, their pairs tell."""
    firsts = _sums(counts, slice(2))
    pairs = _sums(counts, slice(1, 3))
    seconds = _sums(pairs, slice(1))

    def share(a: str, b: str, c: str) -> float:
        of_pair = (pairs[b + c] + UNSEEN) / (seconds[b] + UNSEEN * len(LETTERS))
        return (counts[a + b + c] + AS_OF_PAIRS * of_pair) / (firsts[a + b] + AS_OF_PAIRS)

    before = BEGIN + LETTERS
    return bytes(_bits(share(a, b, c)) for a in before for b in before for c in LETTERS)


def _packed(table: bytes) -> str:
    packed = base64.b85encode(zlib.compress(table, 9)).decode()
    return "\n".join(packed[i : i + 96] for i in range(0, len(packed), 96))


def is_left_out(text: str) -> bool:
    """Return whether a text is one of those to test with."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % 4 == 0


def main() -> None:
    """Write the table."""
    texts, names, packages = read(folders_of([]))
    texts = [text for text in texts if not is_left_out(text)]
    kinds, letters = counted([*texts, *names])
    page = PAGE.format(
        texts=f"{len(texts):,}",
        names=f"{len(names):,}",
        packages=packages,
        python=platform.python_version(),
        kinds=_packed(kind_bits(kinds)),
        letters=_packed(letter_bits(letters)),
    )
    TABLE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
