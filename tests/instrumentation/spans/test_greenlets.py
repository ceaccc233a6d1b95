"""Each greenlet has its own stack of open calls."""

import contextvars
import gc
import threading
import weakref

import gevent
import gevent.event
import greenlet
import pytest

from codetracer_otel.instrumentation.spans.thread_stacks import GreenletStacks, Stacks
from codetracer_otel.sdk.session.configure import active_session

LEAF = ("leaf", ())


def leaf():
    return None


@pytest.fixture(autouse=True)
def trace_function_is_restored():
    before = greenlet.gettrace()
    yield
    assert greenlet.gettrace() is before


def test_a_greenlet_is_a_child_of_the_call_that_first_switched_to_it(record, tree):
    def work():
        leaf()

    def main():
        greenlet.greenlet(work).switch()
        leaf()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("work", (LEAF,)), LEAF)),)


def test_interleaved_greenlets_keep_their_own_parents(record, tree):
    def work(other):
        leaf()
        other[0].switch()
        leaf()

    def main():
        greenlets = []
        first = greenlet.greenlet(lambda: work([second]))
        second = greenlet.greenlet(lambda: work([first]))
        greenlets += [first, second]
        first.switch()
        leaf()
        while not all(item.dead for item in greenlets):
            for item in greenlets:
                if not item.dead:
                    item.switch()
        leaf()

    with record() as spans:
        main()
    shapes = tree(spans)
    for span in shapes.named("work"):
        assert [shapes.short(child) for child in shapes.children(span.span_id)] == ["leaf", "leaf"]
    main_span = shapes.named("main")[0]
    assert [shapes.short(s) for s in shapes.children(main_span.span_id)].count("leaf") == 2


def test_what_the_switcher_calls_between_is_its_own(record, tree):
    def work():
        for _ in range(3):
            leaf()
            greenlet.getcurrent().parent.switch()

    def main():
        child = greenlet.greenlet(work)
        for _ in range(3):
            child.switch()
            leaf()
        child.switch()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("work", (LEAF,) * 3), LEAF, LEAF, LEAF)),)


def test_an_exception_thrown_into_a_greenlet_ends_its_calls(record, tree):
    def work():
        greenlet.getcurrent().parent.switch()

    def main():
        child = greenlet.greenlet(work)
        child.switch()
        with pytest.raises(KeyError):
            child.throw(KeyError("x"))
        leaf()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("work", ()), LEAF)),)
    assert tree(spans).named("work")[0].status.name == "ERROR"


def test_a_collected_greenlet_ends_nothing_that_others_call(record, tree):
    def work():
        greenlet.getcurrent().parent.switch()

    def main():
        child = greenlet.greenlet(work)
        child.switch()
        del child
        gc.collect()
        leaf()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("work", ()), LEAF)),)


def test_the_stack_of_a_collected_greenlet_goes_with_it():
    stacks = Stacks()
    stacks.new()
    greenlets, handles = GreenletStacks(stacks), []

    def work():
        handles.append(weakref.ref(stacks.local.handle))
        greenlet.getcurrent().parent.switch()

    greenlets.watch_this_thread()
    child = greenlet.greenlet(work)
    child.switch()
    assert handles[0]() not in (None, stacks.local.handle)
    del child
    gc.collect()
    assert handles[0]() is None
    greenlets.close()


def test_a_greenlet_suspended_at_the_end_of_the_session_ends_as_unfinished(record):
    def work():
        greenlet.getcurrent().parent.switch()

    with record() as spans:
        child = greenlet.greenlet(work)
        leaf()
        child.switch()
    (span,) = [span for span in spans if span.name.endswith("work")]
    assert span.attributes["codetracer.unfinished"] is True
    child.switch()


def test_another_trace_function_is_called_on_and_comes_back(record):
    seen = []

    def theirs(event, _greenlets):
        seen.append(event)

    previous = greenlet.settrace(theirs)
    try:
        with record():
            leaf()
            greenlet.greenlet(leaf).switch()
        assert seen == ["switch", "switch"]
        assert greenlet.gettrace() is theirs
    finally:
        greenlet.settrace(previous)


def test_greenlets_of_another_thread_have_their_own_stacks(record, tree):
    def work():
        leaf()
        greenlet.getcurrent().parent.switch()
        leaf()

    def in_thread():
        child = greenlet.greenlet(work)
        child.switch()
        leaf()
        child.switch()

    def main():
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("in_thread", (("work", (LEAF, LEAF)), LEAF)),)),)


def test_gevent_greenlets_are_roots_because_gevent_copies_no_context(record, tree):
    def work():
        leaf()
        gevent.sleep(0)
        leaf()

    def spawns():
        return [gevent.spawn(work), gevent.spawn(work)]

    def main():
        jobs = spawns()
        leaf()
        gevent.joinall(jobs)
        leaf()

    with record() as spans:
        main()
    expected = ("work", (LEAF, LEAF))
    assert tree(spans).shape() == (
        ("main", (("spawns", ()), LEAF, LEAF)),
        expected,
        expected,
    )


def test_what_gevents_hub_runs_for_nobody_is_a_root(record, tree):
    done = gevent.event.Event()

    def on_timer():
        leaf()
        done.set()

    def main():
        done.wait()

    with record() as spans:
        timer = gevent.get_hub().loop.timer(0.001)
        contextvars.Context().run(timer.start, on_timer)
        main()
        timer.close()
    assert tree(spans).parent_of("on_timer") is None


def test_sessions_one_after_the_other_follow_greenlets(record, tree):
    def main():
        greenlet.greenlet(leaf).switch()

    for _ in range(2):
        with record() as spans:
            main()
        assert tree(spans).shape() == (("main", (LEAF,)),)


def test_pause_and_resume_between_switches_stay_balanced(record, tree):
    def work():
        greenlet.getcurrent().parent.switch()
        leaf()

    def main():
        leaf()

    with record() as spans:
        child = greenlet.greenlet(work)
        leaf()
        child.switch()
        active_session().pause()
        active_session().resume()
        child.switch()
        main()
    assert tree(spans).parent_of("main") is None
