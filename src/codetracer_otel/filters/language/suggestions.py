"""Words for messages: lists of what is accepted, and "did you mean"."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or nothing when no accepted word is close."""
    return _suggest(given[:64], tuple(accepted))


@lru_cache(maxsize=256)
def _suggest(given: str, accepted: tuple[str, ...]) -> str:
    import difflib  # noqa: PLC0415 - only a message needs it

    by_lower = {word.lower(): word for word in accepted}
    close = difflib.get_close_matches(given.lower().strip(), by_lower, n=1, cutoff=0.6)
    return f" (did you mean {by_lower[close[0]]!r}?)" if close else ""


def quoted_list(accepted: Iterable[object]) -> str:
    """Return ``'a', 'b' or 'c'``."""
    words = [repr(word.value if isinstance(word, Enum) else word) for word in accepted]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def shown(value: object) -> str:
    """Return a short text of what a file gave, booleans as TOML writes them."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line
