"""From CPython 3.14 on annotations are functions of the compiler: reading them is no call."""

import inspect
import typing

import pytest


def annotated(amount: int, rate: float = 1.0) -> float:
    return amount * rate


class Order:
    number: int
    customer: str

    def total(self, cents: int) -> int:
        return cents


@pytest.mark.parametrize("read", [typing.get_type_hints, inspect.get_annotations])
def test_reading_annotations_records_nothing(record, read):
    with record() as spans:
        for owner in (annotated, Order, Order.total):
            assert read(owner)
        annotated(1)

    assert [span.name.rpartition(".")[2] for span in spans] == ["annotated"]
