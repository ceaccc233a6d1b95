"""Texts that compiled code calls clean must be clean to the filters, and values written alike."""

from __future__ import annotations

import random  # noqa: TC003 - in signatures of what other modules call
from typing import TYPE_CHECKING

from tests._core import test_json, test_otlp, test_scan
from tools.fuzz.things import thing

from codetracer_otel._core import load
from codetracer_otel.filters.secrets.scan_tables import scan_tables

if TYPE_CHECKING:
    from pathlib import Path

ALPHABETS = ("0123456789 -", "ab-_.:/+XYZ01289", "=:'\"{}, ab", "\x00\u0131\uff1aé😀 a1=")


def play(pick: random.Random, folder: Path) -> None:
    scanner = load().module.Scanner(**scan_tables())
    for _ in range(4000):
        test_scan.check(scanner, text(pick))
    for _ in range(10):
        blocks = test_otlp.delivered(program(pick))
        test_otlp.check(blocks)
        test_json.check(folder, blocks)


def text(pick: random.Random) -> str:
    """Pieces of secrets, names of secrets, and characters that matter to the searches."""
    parts = []
    for _ in range(pick.randrange(1, 8)):
        way = pick.randrange(4)
        if way == 0:
            parts.append(pick.choice(test_scan.PIECES))
        elif way == 1:
            words = pick.choice(test_scan.NAMES)
            joined = pick.choice(("", "_", "-", " ", ".")).join(words)
            parts.append(pick.choice((joined, joined.upper(), joined.title())))
        elif way == 2:
            alphabet = pick.choice(ALPHABETS)
            parts.append("".join(pick.choice(alphabet) for _ in range(pick.randrange(1, 40))))
        else:
            parts.append(pick.choice(("=", ": ", "%3D", "->", "\\u003d", '": "', " ")))
    return "".join(parts)


def program(pick: random.Random) -> object:
    return test_otlp.program_of([thing(pick) for _ in range(20)])
