"""Finds the words that programs are written with, for `shapes/common_words.py`.

usage: python -m tools.common_words

Counted are the parts of words and names in the sources of the standard library and the packages
that are installed, each once for a package or module at the top.
"""

from __future__ import annotations

import base64
import platform
import re
import zlib
from collections import Counter
from pathlib import Path

from benchmarks.redaction_sources import folders_of, sources

from codetracer_otel.filters.secrets.shapes.prefixes import TELLING, VENDORS

TABLE = Path(__file__).parent.parent / "src/codetracer_otel/filters/secrets/shapes/common_words.py"
FEWEST = 8  # packages
FEWEST_IF_SHORT = 5  # packages: one that writes tokens has its prefix in it
FEWEST_OF_TWO_LETTERS = 30  # packages: most pairs of letters are somewhere a name
SHORT = 5
LONGEST = 12
_RUN = re.compile(r"[A-Za-z]{2,}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PAGE = '''\
"""Words that programs are written with: made by `tools.common_words`.

The {count} words of two to {longest} letters that many of {packages} packages have: CPython
{python}'s standard library and what was installed, without what tells of a secret and names of
vendors. Compressed, in base85.
"""

from __future__ import annotations

import base64
import zlib
from functools import cache
from typing import Final

_WORDS: Final = """
{words}
"""


@cache
def common_words() -> frozenset[str]:
    """Return the words, in lower case; unpacking them takes a millisecond."""
    packed = base64.b85decode("".join(_WORDS.split()))
    return frozenset(zlib.decompress(packed).decode().split())
'''


def words_of(text: str) -> set[str]:
    """Return the words in a text, and those that its names are made of, in lower case."""
    parts = (part for run in set(_RUN.findall(text)) for part in _WORD.findall(run))
    return {part.lower() for part in parts if 1 < len(part) <= LONGEST}


def words_by_package() -> dict[tuple[str, str], set[str]]:
    """Return folder and name of each package -> the words in its sources."""
    found: dict[tuple[str, str], set[str]] = {}
    for folder in folders_of([]):
        for path in sources(folder):
            top = path.relative_to(folder).parts[0]
            if top != "site-packages":
                words = found.setdefault((folder, top), set())
                words |= words_of(path.read_text("utf-8", "replace"))
    return found


def is_common(word: str, count: int) -> bool:
    """Return whether a word that so many packages use is to be in the table."""
    least = FEWEST_IF_SHORT if len(word) <= SHORT else FEWEST
    least = FEWEST_OF_TWO_LETTERS if len(word) == 2 else least  # noqa: PLR2004
    return count >= least and word not in TELLING and word not in VENDORS


def main() -> None:
    """Count the words and write the table."""
    packages = words_by_package()
    counts = Counter(word for words in packages.values() for word in words)
    words = sorted(word for word in counts if is_common(word, counts[word]))
    packed = base64.b85encode(zlib.compress(" ".join(words).encode(), 9)).decode()
    page = PAGE.format(
        count=f"{len(words):,}",
        longest=LONGEST,
        packages=len(packages),
        python=platform.python_version(),
        words="\n".join(packed[begin : begin + 96] for begin in range(0, len(packed), 96)),
    )
    TABLE.write_text(page, encoding="utf-8")
    print(f"{len(words)} words, {len(packed)} characters")


if __name__ == "__main__":
    main()
