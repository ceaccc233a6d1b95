"""With a collection at every allocation the trees, values and ends of objects are the same."""

import asyncio
import gc
import weakref

import pytest


@pytest.fixture(autouse=True)
def restless_collector():
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)


class Ring:
    """Made to refer to itself: collected, never released by its count."""


def leaf(value):
    return value


def steps(count):
    for number in range(count):
        ring = Ring()
        ring.itself = ring
        yield leaf(number)


def in_a_ring():
    ring = Ring()
    ring.itself, ring.generator = ring, steps(2)
    next(ring.generator)
    return weakref.ref(ring)


async def awaits(depth):
    ring = Ring()
    ring.itself = ring
    await asyncio.sleep(0)
    return leaf(depth) if not depth else await awaits(depth - 1)


async def main():
    return await asyncio.gather(awaits(1), asyncio.create_task(awaits(0)))


def test_trees_are_the_same(record, tree):
    with record() as spans:
        assert list(steps(2)) == [0, 1]
        assert asyncio.run(main()) == [0, 0]
    assert tree(spans).shape() == (
        ("steps", (("leaf", ()), ("leaf", ()))),
        ("main", (("awaits", (("leaf", ()),)), ("awaits", (("awaits", (("leaf", ()),)),)))),
    )


def test_generators_in_rings_are_collected_and_their_spans_end(record, tree):
    with record() as spans:
        ring = in_a_ring()
        gc.collect()
        assert ring() is None
    assert [tree(spans).short(span) for span in tree(spans).named("steps")] == ["steps"]
    assert tree(spans).parent_of("steps") == "in_a_ring"


def test_the_collector_counts_nothing_of_ours_as_garbage(record):
    gc.collect()
    with record() as spans:
        for number in range(50):
            leaf([number])
        assert gc.garbage == []
    assert len(spans) == 50


def test_the_settings_of_the_collector_are_the_programs(record):
    with record():  # what is ready at the first use, such as an expression, was perhaps frozen
        leaf(1)
    frozen = gc.get_freeze_count()
    with record():
        leaf(1)
        assert (gc.get_threshold(), gc.isenabled(), gc.get_debug()) == ((1, 1, 1), True, 0)
        assert gc.get_freeze_count() == frozen
    assert gc.get_threshold() == (1, 1, 1)
