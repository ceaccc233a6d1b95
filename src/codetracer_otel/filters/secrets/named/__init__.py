"""Finds secrets beside a name that says so, one module for each notation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    type IsSecret = Callable[[str], bool]  # whether a name is one of a secret
