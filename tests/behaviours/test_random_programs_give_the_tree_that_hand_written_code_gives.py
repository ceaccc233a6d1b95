"""Random call trees, recorded and noted by hand in the same program: same names, parents, order."""

import asyncio
import contextvars
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import only

import codetracer_otel as ct
from codetracer_otel.sdk.session.configure import active_session
from codetracer_otel.testing import InMemoryExporter

# Hypothesis would like a monitoring tool id for its explanations.
pytestmark = pytest.mark.filterwarnings("ignore:avoiding tracing test function")

HOWS = (
    "call",
    "raise",
    "generator",
    "abandon",
    "throw",
    "delegate",
    "thread",
    "pool",
    "copied",
    "await",
    "task",
    "gather",
    "async_generator",
    "async_close",
    "async_break",
    "cancel",
    "to_thread",
    "call_soon",
)
ASYNCHRONOUS = HOWS.index("await")


def trees(hows):
    return st.recursive(
        st.tuples(st.sampled_from(hows), st.just(())),
        lambda children: st.tuples(
            st.sampled_from(hows), st.lists(children, max_size=3).map(tuple)
        ),
        max_leaves=12,
    )


class Notes:
    """The tree as the program itself writes it down: (name, number of the parent), by begin."""

    def __init__(self):
        self.made = []

    def begin(self, name, parent):
        self.made.append((name, parent))
        return len(self.made) - 1


class Failure(Exception):
    """What a program's function raises."""


# ---- the program: each function notes its begin under the number it was handed, and runs its tree


def plain(notes, parent, children):
    me = notes.begin("plain", parent)
    run_all(notes, me, children)


def raising(notes, parent, children):
    me = notes.begin("raising", parent)
    run_all(notes, me, children)
    raise Failure


def generating(notes, parent, children):
    me = notes.begin("generating", parent)
    for child in children:
        run_one(notes, me, child)
        yield
    yield


def delegating(notes, parent, children):
    me = notes.begin("delegating", parent)
    yield from generating(notes, me, children)


async def awaited(notes, parent, children):
    me = notes.begin("awaited", parent)
    for child in children:
        await asyncio.sleep(0)
        await run_one_async(notes, me, child)


async def streaming(notes, parent, children):
    me = notes.begin("streaming", parent)
    for child in children:
        await run_one_async(notes, me, child)
        yield
    yield


# ---- how a child is run; none of this is traced


def run_all(notes, me, children):
    for child in children:
        run_one(notes, me, child)


def run_one(notes, me, tree):
    how, children = tree
    RUNNERS.get(how, run_call)(notes, me, children)


def run_call(notes, me, children):
    plain(notes, me, children)


def run_raise(notes, me, children):
    with pytest.raises(Failure):
        raising(notes, me, children)


def run_generator(notes, me, children):
    for _ in generating(notes, me, children):
        pass


def run_abandon(notes, me, children):
    generator = generating(notes, me, children)
    next(generator)
    generator.close()


def run_throw(notes, me, children):
    generator = generating(notes, me, children)
    next(generator)
    with pytest.raises(Failure):
        generator.throw(Failure)


def run_delegate(notes, me, children):
    for _ in delegating(notes, me, children):
        pass


def run_thread(notes, me, children):
    thread = threading.Thread(target=plain, args=(notes, me, children))
    thread.start()
    thread.join()


def run_pool(notes, me, children):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(plain, notes, me, children).result()


def run_copied(notes, me, children):
    contextvars.copy_context().run(plain, notes, me, children)


RUNNERS = {
    "raise": run_raise,
    "generator": run_generator,
    "abandon": run_abandon,
    "throw": run_throw,
    "delegate": run_delegate,
    "thread": run_thread,
    "pool": run_pool,
    "copied": run_copied,
}


async def run_await(notes, me, children):
    await awaited(notes, me, children)


async def run_task(notes, me, children):
    await asyncio.create_task(awaited(notes, me, children))


async def run_gather(notes, me, children):
    await asyncio.gather(awaited(notes, me, children), awaited(notes, me, ()))


async def run_async_generator(notes, me, children):
    async for _ in streaming(notes, me, children):
        await asyncio.sleep(0)


async def run_async_close(notes, me, children):
    generator = streaming(notes, me, children)
    await anext(generator)
    await generator.aclose()


async def run_async_break(notes, me, children):
    async for _ in streaming(notes, me, children):
        break
    await asyncio.sleep(0)


async def run_cancel(notes, me, children):
    task = asyncio.create_task(awaited(notes, me, children))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def run_to_thread(notes, me, children):
    await asyncio.to_thread(plain, notes, me, children)


async def run_call_soon(notes, me, children):
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(call_back, done, notes, me, children)
    await done


ASYNCHRONOUS_RUNNERS = {
    "await": run_await,
    "task": run_task,
    "gather": run_gather,
    "async_generator": run_async_generator,
    "async_close": run_async_close,
    "async_break": run_async_break,
    "cancel": run_cancel,
    "to_thread": run_to_thread,
    "call_soon": run_call_soon,
}


async def run_one_async(notes, me, tree):
    how, children = tree
    if how in ASYNCHRONOUS_RUNNERS:
        await ASYNCHRONOUS_RUNNERS[how](notes, me, children)
    else:
        run_one(notes, me, tree)


def call_back(done, notes, me, children):
    plain(notes, me, children)
    done.set_result(None)


PROGRAM = (plain, raising, generating, delegating, awaited, streaming)


def traced_rules():
    names = "|".join(function.__name__ for function in PROGRAM)
    return only(
        "/nothing.py", f"[[scope.rules]]\nselector = 'obj:regex:.*\\.({names})$'\nexec = 'trace'\n"
    )


@pytest.fixture
def exporter():
    exporter = InMemoryExporter()
    with ct.configure(traced_rules(), exporter, policy={"on_recorder_error": "abort"}):
        yield exporter


def compare(exporter, run):
    exporter.clear()
    notes = Notes()
    run(notes)
    for _ in range(3):  # CPython 3.13.0 tells of a closed generator late
        assert active_session().flush(60)
    spans = sorted(exporter.spans, key=lambda span: span.start_ns)
    ids = {span.span_id: index for index, span in enumerate(spans)}
    recorded = [(span.name.rpartition(".")[2], ids.get(span.parent_span_id)) for span in spans]
    assert recorded == notes.made
    assert len(ids) == len(spans)
    assert active_session().stats()["recorder"]["healed_stack_entries"] == 0


options = settings(
    max_examples=int(os.environ.get("CODETRACER_TESTS_EXAMPLES", "30")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@options
@given(tree=trees(HOWS[:ASYNCHRONOUS]))
def test_of_functions_generators_and_threads(exporter, tree):
    compare(exporter, lambda notes: run_one(notes, None, tree))


@pytest.mark.parametrize("eager", [False, True])
@options
@given(tree=trees(HOWS))
def test_of_coroutines_tasks_and_all_others(exporter, tree, eager):
    async def main(notes):
        if eager:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await run_one_async(notes, None, tree)

    compare(exporter, lambda notes: asyncio.run(main(notes)))
