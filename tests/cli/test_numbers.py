"""Whole numbers of a command line are read in one way, whichever subcommand they are for."""

from __future__ import annotations

import argparse

import pytest

from codetracer_otel.cli import main
from codetracer_otel.cli.numbers import whole_number

OPTIONS = [
    ("report", "trace.jsonl", "--limit"),
    ("show", "trace.jsonl", "--depth"),
    ("show", "trace.jsonl", "--slowest"),
    ("status",),
    ("attach",),
    ("detach",),
]


def test_both_bounds_are_accepted():
    read = whole_number(1000)
    assert [read(text) for text in ("1", "1000", "0007")] == [1, 1000, 7]


@pytest.mark.parametrize("text", ["", "0", "1001", "-1", "1.0", "1_0", "nan", "٣", "²", "9" * 5000])
def test_anything_else_is_refused_with_what_is_expected(text):
    with pytest.raises(
        argparse.ArgumentTypeError, match=r"^got '[^']{0,40}'; expected a whole number from 1 to 1,"
    ):
        whole_number(1000)(text)


@pytest.mark.parametrize("command", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("text", ["0", "many", "٣", "9" * 5000])
def test_every_subcommand_reads_numbers_so(command, text, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([*command, text])
    assert exit_.value.code == 2
    assert f"got '{text[:40]}'; expected a whole number from 1 to " in capsys.readouterr().err


def test_a_token_in_the_wrong_place_is_not_shown():
    with pytest.raises(argparse.ArgumentTypeError, match=r"^got '<redacted>'; expected"):
        whole_number(1000)("ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5")
