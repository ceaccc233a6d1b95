"""Output is recorded in pieces that can be judged one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.instrumentation.io import attribution
from codetracer_otel.instrumentation.io.attribution import pieces_of

KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(attribution, "_MAX_TEXT", 100)


@settings(max_examples=examples(100))
@given(st.text("ab \n-BEGIN", max_size=400))
def test_the_pieces_are_the_text_and_none_is_longer_than_allowed(text):
    pieces = list(pieces_of(text))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= 100 for piece in pieces if text)


def test_a_piece_ends_at_a_line_or_at_a_blank():
    assert list(pieces_of("x" * 90 + "\n" + "y " * 20)) == ["x" * 90 + "\n", "y " * 20]
    assert list(pieces_of("x" * 90 + " " + "y" * 30)) == ["x" * 90 + " ", "y" * 30]
    assert list(pieces_of("x" * 150)) == ["x" * 100, "x" * 50]


@pytest.mark.parametrize("before", range(10, 50))
def test_no_line_of_a_key_is_without_its_beginning(before):
    text = "x\n" * before + KEY + "y\n" * 40
    for piece in pieces_of(text):
        assert not {"abc", "def"} & set(piece.split("\n")) or "-----BEGIN" in piece
