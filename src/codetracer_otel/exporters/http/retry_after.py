"""How long a collector asks to wait."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Time

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST: Final = 300.0  # seconds; what a collector asks beyond is not believed
_SECONDS: Final = re.compile(rb"[0-9]{1,18}")
_DATE: Final = re.compile(  # the one form that RFC 9110 lets a server write
    rb"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_MONTHS: Final = b"JanFebMarAprMayJunJulAugSepOctNovDec"
_DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_FEBRUARY: Final = 2


def seconds_asked_for(headers: Mapping[bytes, bytes]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, 300 at most, or None.

    A date is compared with the answer's own ``Date`` where there is one: the clocks may differ.
    """
    value = headers.get(b"retry-after", b"")
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST)
    then = _seconds_of(value)
    if then is None:
        return None
    now = _seconds_of(headers.get(b"date", b""))
    return min(max(then - (Time.time() if now is None else now), 0.0), _LONGEST)


def _seconds_of(date: bytes) -> float | None:
    """Return the Unix time of a date in the form of RFC 9110, or None."""
    match = _DATE.fullmatch(date)
    if not match or match[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    month = _MONTHS.index(match[2]) // 3 + 1
    years = year - (month <= _FEBRUARY)  # whole ones whose leap day is over
    leap_days = years // 4 - years // 100 + years // 400 - 477
    days = (year - 1970) * 365 + leap_days + _DAYS_BEFORE[month - 1] + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60.0 + second
