"""The error of a pattern that a filter may not use."""

from __future__ import annotations

from typing import NoReturn


class PatternError(ValueError):
    """A pattern that is not accepted; the message names the construct and a remedy."""


def refuse_foreign(construct: str) -> NoReturn:
    """Refuse what only one of the two regex engines knows.

    Raises:
        PatternError: always.
    """
    raise PatternError(
        f"{construct} is not in the regex syntax common to Rust and Python; "
        "rewrite the pattern, or use a glob"
    )
