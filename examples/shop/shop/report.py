"""The report at the end of the day, written by generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop.storage import orders
from shop.text import money, row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


def report(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the lines of the report."""
    for state in ("paid", "declined"):
        yield from section(connection, state)


def section(connection: sqlite3.Connection, state: str) -> Iterator[str]:
    total = 0
    for number, customer, cents in orders(connection, state):
        total += cents
        yield row(state, f"#{number}", customer, money(cents))
    yield row(state, "", "total", money(total))
