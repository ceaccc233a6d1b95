"""A class may say what its hash and its equality are; looking at a value's type must not ask."""

from __future__ import annotations

import pytest


class Loud(type):
    asked: list[str] = []

    def __hash__(cls):
        Loud.asked.append("hash")
        return type.__hash__(cls)

    def __eq__(cls, other):
        Loud.asked.append("eq")
        return cls is other


class Value(metaclass=Loud):
    pass


class Failure(Exception):
    pass


def give(value):
    return value


def fail(value):
    raise Failure(value)


@pytest.mark.parametrize("value", [Value(), Value, [Value()], {"key": Value()}, (Value(), 1)])
def test_no_metaclass_method_runs(record, value):
    Loud.asked.clear()
    with record(capture=["args", "return", "locals"]) as spans:
        give(value)
        with pytest.raises(Failure):
            fail(value)
    assert Loud.asked == []
    assert len(spans) == 2
