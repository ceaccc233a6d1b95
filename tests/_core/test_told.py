"""Dates, times, decimal numbers and UUIDs: compiled code writes what the Python recorder writes.

Their text comes from the library's C code; what a program may have put into its place is not asked.
"""

from __future__ import annotations

import datetime as dt
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from zoneinfo import ZoneInfo

import freezegun
import pytest
from tests._core.test_captured_values import CALLS, NATIVE, captured, recorded
from tests.conftest import rule  # noqa: F401 - the fixtures of captured values

from codetracer_otel.model.record import ARGUMENTS
from codetracer_otel.sdk.session.configure import active_session
from codetracer_otel.sdk.settings.limits import Limits

pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no compiled core: {NATIVE.reason}")

ASKED = []


class Zone(tzinfo):
    """A zone in Python, which must not be asked."""

    def utcoffset(self, _moment):
        ASKED.append("utcoffset")
        return timedelta(hours=1)

    dst = tzname = utcoffset


class Day(date):
    def isoformat(self):
        ASKED.append("isoformat")
        return "never"

    __str__ = __repr__ = isoformat


class Third(Fraction):
    def __str__(self):
        ASKED.append("str")
        return "never"

    __repr__ = __format__ = __str__


class Host(IPv4Address):
    def __str__(self):
        ASKED.append("str")
        return "never"

    __repr__ = __int__ = __str__


class Moment(datetime):
    def isoformat(self, *_):
        ASKED.append("isoformat")
        return "never"

    __str__ = __repr__ = isoformat

    @property
    def tzinfo(self):
        ASKED.append("tzinfo")


class Span(timedelta):
    def __str__(self):
        ASKED.append("str")
        return "never"


class Price(Decimal):
    def __str__(self):
        ASKED.append("str")
        return "never"

    __format__ = __repr__ = to_eng_string = __str__


class Key(uuid.UUID):
    def __str__(self):
        ASKED.append("str")
        return "never"

    hex = property(__str__)


class Numbered(uuid.UUID):
    """Another attribute stands in front of the slot of its base."""

    int = 5


def numbered():
    made = object.__new__(Numbered)
    uuid.UUID.__dict__["int"].__set__(made, 7)
    return made


def key(number, kind=uuid.UUID):
    made = kind(int=5)
    object.__setattr__(made, "int", number)
    return made


def empty_key():
    return object.__new__(uuid.UUID)


NOON = datetime(2020, 2, 29, 12, 30, 15, 70)  # noqa: DTZ001 - of no zone, as most are
VALUES = [
    date(1, 1, 1), date(2020, 1, 2), Day(2020, 1, 2),
    NOON, NOON.replace(microsecond=0), NOON.replace(tzinfo=UTC), NOON.replace(fold=1),
    NOON.replace(tzinfo=timezone(timedelta(hours=-3, minutes=-30, seconds=1), "here")),
    NOON.replace(tzinfo=ZoneInfo("UTC")), NOON.replace(tzinfo=Zone()),
    Moment(2020, 1, 2), Moment(2020, 1, 2, tzinfo=Zone()),
    time(1, 2), time(1, 2, tzinfo=UTC), time(1, 2, tzinfo=Zone()),
    timedelta(days=-1, microseconds=1), Span(1),
    Decimal("1.50"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+999999"),
    Decimal("1." + "3" * 2000), Price("2.5"),
    uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID(int=0xABC), Key(int=7),
    Third(1, 3), Fraction(5), Fraction(0.1), Fraction(1, 2**2000), Fraction.__new__(Third, -1, 3),
    Host("10.0.0.1"), ip_address("fe80::1%eth0"), ip_network("10.0.0.0/8"), ip_interface("::1/64"),
    Host.__new__(Host), range(1, 10**30, 2), slice(1, None), slice("a", [2]), slice(2**2000),
    slice(-(2**63), 2**63 - 1, -(2**63)), slice(2**63), slice(True),
    key(-1), key(2**128), key(True), key("text"), key(2**500), empty_key(), numbered(),
]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"limits": Limits(max_string=10)}], ids=["", "cut"])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}")
def test_both_cores_write_the_same_and_ask_nobody(value, options):
    ASKED.clear()
    program = [("echo", value), ("echo", value), ("echo", [value, {"when": value}])]
    assert captured("c", program, options) == captured("python", program, options)
    assert ASKED == []


def test_compiled_code_needs_no_python_for_them(monkeypatch):
    boxed = {}
    monkeypatch.setitem(CALLS, "look", lambda _: boxed.update(_boxed()))
    usual = [date(2020, 1, 2), NOON, NOON.replace(tzinfo=UTC), timedelta(1), Decimal("1.5")]
    usual += [uuid.UUID(int=7), slice(1, None, -2)]
    program = [("echo", value) for value in usual]
    recorded("c", [*program, *program * 10, ("look", None)], {})
    assert boxed["value"] < len(usual) * 2


@pytest.mark.parametrize("core", ["c", "python"])
@pytest.mark.parametrize("is_recorded_frozen", [True, False])
def test_dates_are_shown_where_a_test_freezes_the_time(core, is_recorded_frozen):
    program = [("echo", NOON), ("echo", NOON.date()), ("echo", NOON.time())]
    with freezegun.freeze_time("2021-02-03 04:05:06"):
        program.append(("echo", dt.datetime.now(UTC)))
        program.append(("echo", dt.date.today()))  # noqa: DTZ011 - a frozen one
        records = recorded(core, program, {}) if is_recorded_frozen else []
    records = records or recorded(core, program, {})

    shown = repr([record[ARGUMENTS] for record in records])
    for text in ("2020-02-29T12:30:15", "'2020-02-29'", "'12:30:15", "2021-02-03T04:05:06+00:00"):
        assert text in shown
    assert "redacted" not in shown.lower()


def _boxed():
    return active_session().stats()["recorder"]["boxed"]


def test_a_text_of_a_date_is_a_text_with_the_name_of_its_class():
    records = recorded("c", [("echo", date(2020, 1, 2))], {})
    assert "2020-01-02" in repr(records[0][ARGUMENTS])
    assert "datetime.date" in repr(records[0][ARGUMENTS])
