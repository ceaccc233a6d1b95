"""Parcels: packed as asyncio tasks, labelled in a worker thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def send_all(order_numbers: list[int]) -> list[str]:
    """Return the labels of the parcels, in the order of ``order_numbers``."""
    return asyncio.run(pack_all(order_numbers))


async def pack_all(order_numbers: list[int]) -> list[str]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pack(number)) for number in order_numbers]
    return [task.result() for task in tasks]


async def pack(order_number: int) -> str:
    layers = [layer async for layer in wrap(order_number)]
    return await asyncio.to_thread(print_label, order_number, len(layers))


async def wrap(order_number: int) -> AsyncIterator[str]:
    for layer in ("paper", "box"):
        await asyncio.sleep(0)
        yield f"{layer} around {order_number}"


def print_label(order_number: int, layers: int) -> str:
    return f"parcel {order_number} ({layers} layers)"
