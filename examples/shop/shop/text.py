"""How the shop writes things down."""

from __future__ import annotations


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} EUR"


def row(*cells: str) -> str:
    return "  ".join(f"{cell:<12}" for cell in cells).rstrip()
