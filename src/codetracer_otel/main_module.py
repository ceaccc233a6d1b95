"""Names the main module of a program alike in every process of it."""

from __future__ import annotations

from typing import Final

MAIN: Final = "__main__"
MAIN_OF_CHILD: Final = "__mp_main__"
"""``__name__`` of the script's module in a child that multiprocessing spawns, or its fork server
forks: ``sys.modules`` has it under both names."""


def module_called(name: str) -> str:
    """Return the name of a module as the process has it that runs the script itself."""
    return MAIN if name == MAIN_OF_CHILD else name
