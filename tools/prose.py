"""Puts Markdown prose into one sentence a line, of at most 120 characters, so that a change shows.

usage: python -m tools.prose PAGE ...

Tables, headings, fenced blocks, comments and pictures stay as they are, and nothing is broken
within code or a link.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 120
_WHOLE = re.compile(r"`[^`]*`|\[[^\]]*\]\([^)]*\)")  # code and links
_END = re.compile(r"[.!?][\"')*]*\s+(?=[\"'(*\[\x00]*(?:[A-Z\x00]|$))")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf)\.$")
_LEAD = re.compile(r"^\*[^*]+\.\*$")  # *Code.* begins its sentence
_LEFT_ALONE = re.compile(r"\s*(\||#|<|!\[|---|===|>)")
_ITEM = re.compile(r"(\s*(?:[*+-]|\d+\.)\s+)(.*)")


def reflowed(page: str) -> str:
    """Return a page with its prose one sentence a line."""
    return "\n".join(_lines(page.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    paragraph, first, rest, is_fenced = "", "", "", False
    for line in lines:
        is_fence = line.lstrip().startswith(("```", "~~~"))
        item = _ITEM.fullmatch(line)
        starts_anew = item or is_fence or is_fenced or not line.strip() or _LEFT_ALONE.match(line)
        if starts_anew and paragraph:
            yield from _sentences_of(paragraph, first, rest)
            paragraph = ""
        is_fenced ^= is_fence
        if item and not is_fenced and not is_fence:
            first, paragraph = item.groups()
            rest = " " * len(first)
        elif starts_anew:
            yield line
        elif paragraph:
            paragraph += f" {line.strip()}"
        else:
            first = rest = line[: len(line) - len(line.lstrip())]
            paragraph = line.strip()
    if paragraph:
        yield from _sentences_of(paragraph, first, rest)


def _sentences_of(paragraph: str, first: str, rest: str) -> Iterator[str]:
    wholes: list[str] = []

    def masked(found: re.Match[str]) -> str:
        wholes.append(found[0])
        return f"\0{len(wholes) - 1}\1"

    text = _WHOLE.sub(masked, paragraph)
    for sentence in _split(text):
        shown = re.sub("\0(\\d+)\1", lambda found: wholes[int(found[1])], sentence)
        # blanks within code and links are no places to break a line at
        solid = _WHOLE.sub(lambda found: found[0].replace(" ", "\2"), shown)
        wrapped = textwrap.wrap(
            solid,
            WIDTH,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (line.replace("\2", " ") for line in wrapped)
        first = rest


def _split(text: str) -> Iterator[str]:
    begin = 0
    for end in _END.finditer(text):
        sentence = text[begin : end.end()].rstrip()
        is_open = sentence.count("(") > sentence.count(")")
        if is_open or _ABBREVIATION.search(sentence) or _LEAD.match(sentence):
            continue
        yield sentence
        begin = end.end()
    if text[begin:].strip():
        yield text[begin:].strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path)
    for path in parser.parse_args().pages:
        path.write_text(reflowed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
