"""Prose is one sentence a line, so that a change of one sentence is a change of one line."""

from __future__ import annotations

import pytest
from tests.traced_run import PROJECT
from tools.prose import WIDTH, reflowed

PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_a_page_has_one_sentence_a_line(page):
    text = page.read_text("utf-8")
    assert reflowed(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("One. Two\nis here.", "One.\nTwo is here."),
        ("* one. Two.\n  Three.\n* four", "* one.\n  Two.\n  Three.\n* four"),
        ("12. a. B.", "12. a.\n    B."),
        ("```\nOne. Two.\n```", "```\nOne. Two.\n```"),
        ("| One. Two. |", "| One. Two. |"),
        ("See `a. B` and [a. B](c). End.", "See `a. B` and [a. B](c).\nEnd."),
        ("Some, e.g. This one.", "Some, e.g. This one."),
        ("(One. Two.) Three.", "(One. Two.)\nThree."),
        ("*Code.* Starts here. Ends.", "*Code.* Starts here.\nEnds."),
    ],
)
def test_a_sentence_is_a_line(before, after):
    assert reflowed(before) == after
    assert reflowed(after) == after


def test_a_long_sentence_is_broken_between_words():
    first, second = reflowed(" ".join(["word"] * 30)).split("\n")
    assert len(first) <= WIDTH < len(first) + len(second)


def test_nothing_but_the_breaks_is_changed():
    text = "A first one; `code  here`. Then a [long link](to/some/page.md) and\nmore of it. " * 5
    assert reflowed(text).split() == text.split()
