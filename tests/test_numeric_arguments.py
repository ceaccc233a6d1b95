"""No number on a command line of a tool leads to a traceback, or to a run without end."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from tools import capacity
from tools.numeric_arguments import number_above_0, number_from, whole_from

ROOT = Path(__file__).resolve().parent.parent
NO_NUMBERS = ("", "x", "nan", "inf", "-inf", "1e400", "9" * 5_000, "-1", "1e300")


@pytest.mark.parametrize("read", [whole_from(0), whole_from(1), number_from(0), number_above_0])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_within_bounds_is_refused_with_what_is(read, text):
    with pytest.raises(
        argparse.ArgumentTypeError, match=r"^got '[^']{0,40}'; expected a (whole )?n"
    ):
        read(text)


def test_both_bounds_are_accepted():
    assert [whole_from(1)(text) for text in ("1", "1000000000000")] == [1, 10**12]
    assert [number_from(0, 1)(text) for text in ("0", "0.5", "1")] == [0, 0.5, 1]
    assert number_above_0("1e-3") == 0.001
    for read, text in [(whole_from(1), "0"), (number_from(0, 1), "1.1"), (number_above_0, "0")]:
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


@pytest.mark.parametrize("option", ["--processes", "--gateway-cores", "--rate", "--seconds"])
def test_a_fleet_of_nothing_is_refused(option, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["capacity.py", option, "0"])
    with pytest.raises(SystemExit):
        capacity.main()
    assert f"argument {option}: got '0'; expected a " in capsys.readouterr().err


def test_every_tool_reads_its_numbers_that_way():
    plain = re.compile(r"type=(int|float)\b|(int|float)\(sys\.argv")
    tools = [file for folder in ("tools", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    # A program in a text is started by its tool alone.
    lines = [
        f"{file.name}: {line}"
        for file in tools
        for line in re.sub(r'""".*?"""', "", file.read_text(), flags=re.DOTALL).splitlines()
        if plain.search(line)
    ]
    assert lines == []
