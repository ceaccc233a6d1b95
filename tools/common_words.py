"""Finds the words that programs are written with, for `shapes/common_words.py`.

usage: python -m tools.common_words [--keep]

Counted are the parts of words and names in the sources of the standard library and the packages
that are installed, each once for a package or module at the top; with `--keep`, the table's own
words are taken instead. Of the headers of C's library and the kernel come the names of functions
and constants that would be taken for a vendor's otherwise; what stands in their comments alone is
as often an author.
"""

from __future__ import annotations

import argparse
import base64
import platform
import re
import zlib
from collections import Counter
from pathlib import Path

from benchmarks.redaction_sources import folders_of, sources

from codetracer_otel.filters.secrets.shapes.common_words import common_words
from codetracer_otel.filters.secrets.shapes.prefixes import (
    TELLING,
    VENDORS,
    is_abbreviation,
    may_name_vendor,
)

TABLE = Path(__file__).parent.parent / "src/codetracer_otel/filters/secrets/shapes/common_words.py"
FEWEST = 8  # packages
FEWEST_IF_SHORT = 5  # packages: one that writes tokens has its prefix in it
FEWEST_OF_TWO_LETTERS = 30  # packages: most pairs of letters are somewhere a name
FEWEST_HEADERS = 2
SHORTEST_OF_HEADERS = 4  # shorter names of C are as often a vendor's
HEADERS = (
    "/usr/include",
    "/usr/include/arpa",
    "/usr/include/asm-generic",
    "/usr/include/net",
    "/usr/include/netinet",
    "/usr/include/x86_64-linux-gnu/bits",
    "/usr/include/x86_64-linux-gnu/sys",
)
# Rare names that look like a vendor's all the same.
NO_SYSTEM_WORDS = {"dlfo", "kxsi"}
SHORT = 5
LONGEST = 12
_RUN = re.compile(r"[A-Za-z]{2,}")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_LINES = re.compile("[bdst]{4}")  # what curses draws: its sides are blank, single, double or thick
_TELLING_ENDINGS = ("key", "secret", "token")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PAGE = '''\
"""Words that programs are written with: made by `tools.common_words`.

The {count} words of two to {longest} letters that many packages have
({packages}),
and names of C's library that look like a vendor's, without what tells of a secret and names of
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


def system_words(known: set[str]) -> set[str]:
    """Return names of C's library that would be taken for a vendor's, from the headers here."""
    counts: Counter[str] = Counter()
    named: set[str] = set()
    for folder in HEADERS:
        for path in Path(folder).glob("*.h"):
            header = path.read_text("utf-8", "replace")
            counts.update(words_of(header))
            named |= words_of(_COMMENT.sub(" ", header))
    return {
        word
        for word in named - known - TELLING - VENDORS - NO_SYSTEM_WORDS
        if counts[word] >= FEWEST_HEADERS
        and len(word) >= SHORTEST_OF_HEADERS
        and not word.endswith(_TELLING_ENDINGS)
        and _LINES.fullmatch(word) is None
        and (is_abbreviation(word) or may_name_vendor(word))
    }


def counted_words() -> tuple[set[str], str]:
    """Return the words that are common here, and where they were counted."""
    packages = words_by_package()
    counts = Counter(word for words in packages.values() for word in words)
    python = platform.python_version()
    return (
        {word for word in counts if is_common(word, counts[word])},
        f"{len(packages)}: CPython {python}'s standard library and what was installed",
    )


def main() -> None:
    """Count the words and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="count no packages")
    if parser.parse_args().keep:
        words, counted = set(common_words()), TABLE.read_text("utf-8").split("(")[1].split(")")[0]
    else:
        words, counted = counted_words()
    words |= system_words(words)
    packed = base64.b85encode(zlib.compress(" ".join(sorted(words)).encode(), 9)).decode()
    page = PAGE.format(
        count=f"{len(words):,}",
        longest=LONGEST,
        packages=counted,
        words="\n".join(packed[begin : begin + 96] for begin in range(0, len(packed), 96)),
    )
    TABLE.write_text(page, encoding="utf-8")
    print(f"{len(words)} words, {len(packed)} characters")


if __name__ == "__main__":
    main()
