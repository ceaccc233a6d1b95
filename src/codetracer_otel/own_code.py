"""Tells the code of this package from the program's.

This is the one place that knows where the package lies: a module that reckoned it from its own
place would say something else after a move.
"""

from __future__ import annotations

import os
from typing import Final

FOLDER: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


def is_ours(file: str) -> bool:
    """Return whether a code file is one of this package."""
    return file.startswith(FOLDER)
