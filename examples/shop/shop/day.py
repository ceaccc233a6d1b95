"""One day in the shop."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from shop.catalog import basket_of
from shop.parcels import send_all
from shop.payments import PaymentDeclinedError, charge
from shop.people import CUSTOMERS, sign_in
from shop.pricing import price_of_basket
from shop.report import report
from shop.storage import add_customer, add_order, open_database
from shop.text import money

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from shop.people import Customer


def run_day(database: Path) -> None:
    """Serve every customer, send the parcels, print the report."""
    with closing(open_database(database)) as connection:
        paid = [number for customer in CUSTOMERS if (number := serve(connection, customer))]
        for label in send_all(paid):
            print(label)
        for line in report(connection):
            print(line)


def serve(connection: sqlite3.Connection, customer: Customer) -> int | None:
    """Return the number of the customer's order, or None when it was not paid."""
    add_customer(connection, customer)
    access_token = sign_in(customer, customer.password)
    note(f"{customer.name} signed in, access_token={access_token}")
    return check_out(connection, customer, price_of_basket(basket_of(customer.name)))


def check_out(connection: sqlite3.Connection, customer: Customer, cents: int) -> int | None:
    try:
        receipt = charge(customer.card_number, cents, customer.name.upper())
    except PaymentDeclinedError:
        add_order(connection, customer.name, cents, "declined")
        print(f"{customer.name}: {money(cents)} was declined")
        return None
    print(f"{customer.name}: {money(cents)} paid, receipt {receipt}")
    return add_order(connection, customer.name, cents, "paid")


def note(message: str) -> int:
    """Return how much was noted; the shop's log is in its head."""
    return len(message)
