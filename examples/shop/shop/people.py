"""Customers, and how they sign in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Customer:
    name: str
    email: str
    password: str
    card_number: str


# The second card is the one with which every payment is declined.
CUSTOMERS = (
    Customer("Ada", "ada@example.org", "correct-horse-battery", "4242 4242 4242 4242"),
    Customer("Bob", "bob@example.org", "bobs-dog-is-called-rex", "4000 0000 0000 0002"),
    Customer("Eve", "eve@example.org", "eve-listens-in-1984", "5555 5555 5555 4444"),
)


class WrongPasswordError(Exception):
    """Somebody did not know the password."""


def sign_in(customer: Customer, password: str) -> str:
    """Return the access token of a new session."""
    if not has_password(customer, password=password):
        raise WrongPasswordError(f"no session for {customer.name}")
    return issue_access_token(customer)


def has_password(customer: Customer, *, password: str) -> bool:
    return customer.password == password


def issue_access_token(customer: Customer) -> str:
    return "shop-" + hashlib.sha256(customer.password.encode()).hexdigest()[:24]
