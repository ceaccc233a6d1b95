"""What a prefix of a token may be."""

from __future__ import annotations

import pytest

from codetracer_otel.filters.secrets.shapes.common_words import common_words
from codetracer_otel.filters.secrets.shapes.prefixes import (
    TELLING,
    VENDORS,
    glued_prefix,
    is_abbreviation,
    is_word,
)


@pytest.mark.parametrize("part", ["xau", "XAU", "qn", "QN7", "bpk2", "zaqor", "mbuvok", "bcdfghjk"])
def test_an_abbreviation_is_short_or_cannot_be_said_and_is_no_word(part):
    assert is_abbreviation(part)


@pytest.mark.parametrize(
    "part", ["", "7", "x", "Xau", "house", "table", "x-y", "zaqore", "bcdfghjkl"]
)
def test_words_and_single_letters_are_none(part):
    assert not is_abbreviation(part)


ORDINARY = (
    "survey", "cart", "files", "ptr", "cmp", "ctx", "the", "chapter", "lake", "beer", "invoice",
    "playlist", "museum", "kafka", "nginx", "carts", "endif", "ui", "md",
)  # fmt: skip


@pytest.mark.parametrize("word", ORDINARY)
def test_what_programs_and_people_write_hides_no_digest_behind_it(word):
    assert not is_abbreviation(word)
    assert not is_abbreviation(word.upper())
    assert glued_prefix(word) == 0


@pytest.mark.parametrize("word", ["brine", "thatch", "gable", "spool", "twine"])
def test_what_is_spelled_as_english_is_no_abbreviation_though_it_is_listed_nowhere(word):
    assert not is_word(word)
    assert not is_abbreviation(word)


@pytest.mark.parametrize("part", ["shpat", "glsa", "pul", "dop", "lsv2", "nrra", "tvly"])
def test_what_vendors_call_themselves_is_an_abbreviation(part):
    assert is_abbreviation(part)


@pytest.mark.parametrize("glued", ["invoicetvly", "ordertvly", "tableglsa"])
def test_an_abbreviation_begins_where_the_word_before_it_ends(glued):
    assert glued[glued_prefix(glued) :] in ("shpat", "tvly", "glsa")


def test_the_words_of_programs_have_no_name_of_a_vendor_and_nothing_that_tells_of_a_secret():
    assert common_words().isdisjoint(VENDORS | TELLING)
    telling = {word for word in common_words() if word.endswith(("key", "secret", "token"))}
    assert telling == {"hkey", "key", "monkey", "pkey", "rkey"}  # in many packages


NOISE = (
    "bbtt", "tttb", "sssb", "kxsi", "dlfo", "glenn", "guez", "gstein", "crrodriguez", "coopercc",
    "pprryyzz", "fdrake", "novell", "tkey", "openpgpkey",
)  # fmt: skip


@pytest.mark.parametrize("part", NOISE)
def test_authors_and_letters_that_draw_lines_are_no_words_of_programs(part):
    assert not is_word(part)


@pytest.mark.parametrize("part", ["strtol", "memcpy", "sysctl", "vtable", "ncurses", "firmware"])
def test_names_of_c_s_library_are_words_of_programs(part):
    assert is_word(part)


@pytest.mark.parametrize("part", ["slack", "FLY", "clerk", "turso", "hook"])
def test_a_short_name_of_a_vendor_is_an_abbreviation_though_it_is_spelled_as_english(part):
    assert is_abbreviation(part)
