"""`keep_errors` or `slower_than_ms` alone: of 1,000 roots that one tree leaves, and it is whole.

`--seeds 20` runs more of them than the suite does.
"""

import asyncio
import contextlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace
from tests.conftest import HEADER, rule

import codetracer_otel as ct
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

ROOTS = 1_000
SLOW_S = 2
NAMES = "handled|plain|priced|threaded|pooled|tasks|task|generated|prices|nested"
TRACED = rule(
    rf"obj:regex:^{__name__}\.({NAMES})$", 'exec = "trace"\ncapture = ["args", "return", "locals"]'
) + rule(rf"obj:literal:{__name__}.handled", 'exec = "trace"\nroot = true')


def priced(number, wait):
    doubled = number * 2
    if wait is LookupError:
        raise LookupError(f"planted {number}")
    if wait is not None:
        wait.wait(SLOW_S + 0.1)
    return {"price": doubled, "names": ["a", str(number)]}


def plain(number, wait):
    return priced(number, wait), priced(number + 1, None)


def threaded(number, wait):
    failed = []

    def work():
        try:
            priced(number, wait)
        except LookupError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return len(failed)


def pooled(number, wait):
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(priced, number, each) for each in (None, wait)]
    return [future.result() for future in futures]  # of a done one each time: a traceback shows it


async def task(number, wait):
    await asyncio.sleep(0)
    return priced(number, wait)


async def gathered(number, wait):
    return await asyncio.gather(task(number, None), task(number, wait))


def tasks(number, wait):
    return asyncio.run(gathered(number, wait))


def prices(number, wait):
    yield priced(number, None)
    ct.event("between", number=number)
    yield priced(number, wait)


def generated(number, wait):
    return list(prices(number, wait))


def nested(number, wait):
    with ct.span("by hand", number=number), trace.get_tracer("lib").start_as_current_span("lib"):
        return plain(number, wait)


SHAPES = (plain, threaded, pooled, tasks, generated, nested)


def handled(number, shape, wait):
    return shape(number, wait)


def in_span_of_others(number, shape, wait):
    with trace.get_tracer("framework").start_as_current_span("GET /", attributes={"n": number}):
        return shape(number, wait)


def by_hand(number, shape, wait):
    with ct.span("job", number=number):
        return shape(number, wait)


ROOT_KINDS = (handled, in_span_of_others, by_hand)


def requests(seed, wait, *, only_chosen):
    """Make the requests of a seed, of which one gets ``wait``, or that one alone.

    Return whether another one was slow as well, which only the machine can have made it.
    """
    pick = random.Random(seed)
    chosen, longest = pick.randrange(ROOTS), 0.0
    for number in range(ROOTS):
        root, shape = pick.choice(ROOT_KINDS), pick.choice(SHAPES)
        if number != chosen and shape in (threaded, pooled, tasks) and pick.random() < 0.9:
            shape = plain  # threads and event loops take most of the time
        if number == chosen or not only_chosen:
            began = time.monotonic()
            with contextlib.suppress(LookupError):
                root(number, shape, wait if number == chosen else None)
            if number != chosen:
                longest = max(longest, time.monotonic() - began)
    return longest > SLOW_S


def told(span):
    """Return what a span says that does not differ from run to run."""
    attributes = {
        key: value
        for key, value in span.attributes.items()
        if not key.startswith(("codetracer.tail", "thread.", "codetracer.busy"))
    }
    events = [(event.name, sorted(event.attributes.items(), key=str)) for event in span.events]
    return span.name, str(sorted(attributes.items())), str(events), span.status.name


def tree(spans, parent=None):
    below = [span for span in spans if span.parent_span_id == parent]
    return sorted((told(span), tree(spans, span.span_id)) for span in below)


def record(seed, wait, *, only_chosen=False, **options):
    was_held_up = True
    while was_held_up:
        exporter = InMemoryExporter()
        policy = {"on_recorder_error": "abort"}
        session = configure(filter_from_text(HEADER + TRACED), exporter, policy=policy, **options)
        was_held_up = requests(seed, wait, only_chosen=only_chosen)
        assert session.flush(60)
        shutdown()
    return exporter.spans, session.stats()


class Slow:
    """A wait that shows as the same value in each run."""

    def __init__(self):
        self._event = threading.Event()

    def wait(self, seconds):
        self._event.wait(seconds)


@pytest.mark.parametrize("outcome", ["error", "slow"])
def test_of_a_thousand_roots_one_tree_leaves_as_it_would_unsampled(seed, outcome):
    wait = LookupError if outcome == "error" else Slow()
    tail = "errors" if outcome == "error" else f"slower={SLOW_S}s"
    kept, stats = record(seed, wait, tail=tail)
    reasons = [
        span.attributes["codetracer.tail.reason"]
        for span in kept
        if "codetracer.tail.reason" in span.attributes
    ]
    assert reasons == [outcome]
    assert stats["tail"]["traces"] == {outcome: 1, "dropped": ROOTS - 1}
    assert not stats["dropped"]
    unsampled, _ = record(seed, wait, only_chosen=True)
    assert len({span.trace_id for span in kept}) == 1
    assert tree(kept) == tree(unsampled)
