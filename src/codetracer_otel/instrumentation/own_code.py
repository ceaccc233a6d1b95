"""Tells the code of this package from the program's."""

from __future__ import annotations

import os
from typing import Final

_OUR_FILES: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def is_ours(file: str) -> bool:
    """Return whether a code file is one of this package."""
    return file.startswith(_OUR_FILES)
