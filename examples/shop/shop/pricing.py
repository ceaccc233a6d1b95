"""Prices, worked out by a pool of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from shop.catalog import PRICES, REDUCED

if TYPE_CHECKING:
    from shop.catalog import Item


def price_of_basket(basket: list[Item]) -> int:
    """Return the price of everything in cents, tax included."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="pricing") as pool:
        return sum(pool.map(price_of_item, basket))


def price_of_item(item: Item) -> int:
    net = PRICES[item.name] * item.quantity
    return net + tax(net, reduced=item.name in REDUCED)


def tax(net_cents: int, *, reduced: bool) -> int:
    return net_cents * (7 if reduced else 19) // 100
