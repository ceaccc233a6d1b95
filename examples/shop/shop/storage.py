"""The shop's database."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shop.people import Customer

TABLES = """
create table customers (name text primary key, email text, password text, card_number text);
create table orders (number integer primary key, customer text, cents integer, state text);
"""


def open_database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    return connection


def add_customer(connection: sqlite3.Connection, customer: Customer) -> None:
    parameters = (customer.name, customer.email, customer.password, customer.card_number)
    write(connection, "insert into customers values (?, ?, ?, ?)", parameters)


def add_order(connection: sqlite3.Connection, customer: str, cents: int, state: str) -> int:
    """Return the number of the new order."""
    statement = "insert into orders (customer, cents, state) values (?, ?, ?)"
    return write(connection, statement, (customer, cents, state))


def write(connection: sqlite3.Connection, statement: str, parameters: tuple[Any, ...]) -> int:
    """Run one statement in its own transaction; return the last row's number."""
    with connection:
        return connection.execute(statement, parameters).lastrowid or 0


def orders(connection: sqlite3.Connection, state: str) -> Iterator[tuple[int, str, int]]:
    """Yield number, customer and cents of the orders in a state."""
    query = "select number, customer, cents from orders where state = ? order by number"
    yield from connection.execute(query, (state,))
