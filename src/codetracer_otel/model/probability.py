"""Consistent probability sampling as OpenTelemetry specifies it, by 56 bits and ``ot`` trace state.

A trace has a randomness *R*: the sub-key ``rv`` of the trace state's member ``ot``, else the last
56 bits of the trace id. A share *p* keeps it where R >= T = (1 - p) * 2**56; ``th`` tells T.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

BITS: Final = 56
_ALL: Final = (1 << BITS) - 1
_DIGITS: Final = BITS // 4
_MEMBERS: Final = 32  # of a trace state at most
_RANDOMNESS: Final = re.compile(r"(?:^|,)[ \t]*ot=(?:[^,]*;)?rv:([0-9a-f]{14})(?=[;, \t]|$)")
_THRESHOLD: Final = re.compile(r"(?:^|;)th:([0-9a-f]{1,14})(?=;|$)")


def ratio_bound(ratio: float) -> int:
    """Return the bound below which the key of a trace means "keep"."""
    return round(ratio * (1 << BITS))


def ratio_key(trace_id: int, trace_state: str = "") -> int:
    """Return what is compared with `ratio_bound`: 56 bits, the complement of the randomness."""
    explicit = _RANDOMNESS.search(trace_state) if "rv:" in trace_state else None
    randomness = trace_id if explicit is None else int(explicit.group(1), 16)
    return ~randomness & _ALL


@lru_cache(maxsize=256)
def with_threshold(trace_state: str, bound: int) -> str:
    """Return a trace state that says that a ratio's bound has kept the span.

    An earlier stage that keeps less stays told; other members and sub-keys stay as they are.
    """
    members = [member.strip() for member in trace_state.split(",") if member.strip()]
    ours = next((member for member in members if member.startswith("ot=")), "ot=").removeprefix(
        "ot="
    )
    threshold = (1 << BITS) - bound
    before = _THRESHOLD.search(ours)
    if before is not None:
        threshold = max(threshold, int(before.group(1).ljust(_DIGITS, "0"), 16))
    rest = [part for part in ours.split(";") if part and not part.startswith("th:")]
    digits = f"{threshold:0{_DIGITS}x}".rstrip("0") or "0"
    made = "ot=" + ";".join([f"th:{digits}", *rest])
    others = [member for member in members if not member.startswith("ot=")]
    return ",".join([made, *others[: _MEMBERS - 1]])
