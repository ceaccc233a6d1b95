"""What the shop sells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    name: str
    quantity: int


PRICES = {"teapot": 2450, "cup": 390, "saucer": 220, "spoon": 145}
REDUCED = frozenset({"spoon"})


def basket_of(customer_name: str) -> list[Item]:
    """Return what a customer wants today."""
    wishes = {
        "Ada": [Item("teapot", 1), Item("cup", 4)],
        "Bob": [Item("spoon", 12)],
        "Eve": [Item("cup", 2), Item("saucer", 2), Item("spoon", 2)],
    }
    return wishes[customer_name]
