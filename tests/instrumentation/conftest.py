"""Event loops of every kind, outside of the traced test files."""

import asyncio

import pytest
import uvloop


def eager_loop():
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


LOOPS = {"asyncio": asyncio.new_event_loop, "eager": eager_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine on each kind of event loop."""

    def run_coroutine(coroutine):
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(coroutine)

    return run_coroutine


@pytest.fixture
def shape(record, run, tree):
    """Record a coroutine function and return the tree of its spans."""

    def record_coroutine(main):
        with record() as spans:
            run(main())
        return tree(spans).shape()

    return record_coroutine
