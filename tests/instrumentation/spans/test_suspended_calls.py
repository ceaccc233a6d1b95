"""Spans of generators, coroutines and asynchronous generators, however they end."""

import asyncio
import gc
import sys
import threading
import time

import pytest

from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
from codetracer_otel.model.record import CODE, EXTRAS, PLAN, RECORD_LENGTH, Plan, SpanDetails
from codetracer_otel.sdk.session.configure import active_session


def leaf(n=0):
    return n


def numbers(count):
    for n in range(count):
        leaf(n)
        yield n


def only_span(spans, name):
    (span,) = [span for span in spans if span.name.rpartition(".")[2] == name]
    return span


LEAF = ("leaf", ())


def test_what_the_consumer_calls_between_two_steps_is_not_the_generators_child(record, tree):
    def main():
        for _ in numbers(2):
            leaf()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("numbers", (LEAF, LEAF)), LEAF, LEAF)),)


def test_interleaved_generators_keep_their_own_children(record, tree):
    def evens():
        for n in range(2):
            yield leaf(n)

    def main():
        return list(zip(numbers(2), evens(), strict=True))

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("numbers", (LEAF, LEAF)), ("evens", (LEAF, LEAF)))),)


def test_delegated_generators_nest(record, tree):
    def delegates():
        yield from numbers(2)
        leaf()

    def main():
        return list(delegates())

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("delegates", (("numbers", (LEAF, LEAF)), LEAF)),)),)


def test_a_generator_tells_its_kind_its_busy_time_and_its_suspensions(record):
    with record() as spans:
        list(numbers(3))
    span = only_span(spans, "numbers")
    attributes = span.attributes
    assert attributes["codetracer.kind"] == "generator"
    assert attributes["codetracer.suspensions"] == 3
    assert 0 < attributes["codetracer.busy_ns"] <= span.end_ns - span.start_ns


def test_a_coroutine_tells_its_kind(record):
    async def main():
        await asyncio.sleep(0)

    with record() as spans:
        asyncio.run(main())
    attributes = only_span(spans, "main").attributes
    assert (attributes["codetracer.kind"], attributes["codetracer.suspensions"]) == ("coroutine", 1)


def test_an_asynchronous_generator_tells_its_kind(record):
    async def ticks():
        yield 1

    async def main():
        async for _ in ticks():
            pass

    with record() as spans:
        asyncio.run(main())
    assert only_span(spans, "ticks").attributes["codetracer.kind"] == "async_generator"


def test_the_arguments_of_a_generator_are_those_it_was_called_with(record):
    def counts(start):
        start += 1
        yield start

    with record() as spans:
        list(counts(7))
    assert only_span(spans, "counts").attributes["codetracer.arg.start"] == 7


def test_a_generators_return_value_is_captured(record):
    def gives():
        yield 1
        return "done"

    def main():
        return (yield from gives())

    with record() as spans:
        list(main())
    assert only_span(spans, "gives").attributes["codetracer.return"] == "done"


def test_a_generator_that_never_started_has_no_span(record):
    with record() as spans:
        generator = numbers(1)
        generator.close()
        del generator
    assert spans == []


def test_a_coroutine_that_never_started_has_no_span(record):
    async def never():
        leaf()

    with record() as spans:
        never().close()
    assert spans == []


def test_an_exception_thrown_into_a_generator_that_never_started_gives_no_span(record):
    def main():
        generator = numbers(1)
        with pytest.raises(KeyError):
            generator.throw(KeyError("x"))
        leaf()

    with record() as spans:
        main()
    assert [span.name.rpartition(".")[2] for span in spans] == ["leaf", "main"]


def test_a_throw_into_a_fresh_generator_does_not_end_another_one_of_its_code(record, tree):
    def main():
        first = numbers(2)
        next(first)
        for _ in range(3):
            with pytest.raises(KeyError):
                numbers(1).throw(KeyError("x"))
        return list(first)

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("numbers", (LEAF, LEAF)),)),)


def test_a_closed_generator_ends_without_an_error(record):
    def closes():
        try:
            yield 1
        finally:
            leaf("closing")

    def main():
        generator = closes()
        next(generator)
        generator.close()

    with record() as spans:
        main()
    span = only_span(spans, "closes")
    assert (span.status.name, span.events) == ("UNSET", [])
    assert only_span(spans, "leaf").parent_span_id == span.span_id


def test_an_early_break_ends_the_generator(record):
    def main():
        for _ in numbers(5):
            break

    with record() as spans:
        main()
    assert only_span(spans, "numbers").status.name == "UNSET"


def test_an_exception_thrown_in_and_caught_lets_the_generator_go_on(record, tree):
    def catches():
        try:
            yield 1
        except KeyError:
            leaf()
        yield 2

    def main():
        generator = catches()
        next(generator)
        generator.throw(KeyError("x"))
        return list(generator)

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("catches", (LEAF,)),)),)
    assert only_span(spans, "catches").status.name == "UNSET"


def test_an_exception_thrown_in_and_not_caught_is_the_generators_error(record):
    def main():
        generator = numbers(2)
        next(generator)
        with pytest.raises(ValueError, match="thrown"):
            generator.throw(ValueError("thrown"))

    with record() as spans:
        main()
    span = only_span(spans, "numbers")
    assert (span.status.name, span.attributes["error.type"]) == ("ERROR", "ValueError")
    assert only_span(spans, "main").status.name == "UNSET"


def test_an_exception_thrown_through_a_delegating_generator_reaches_the_inner_first(record, tree):
    def inner():
        try:
            yield 1
        except KeyError:
            leaf("inner")
        yield 2

    def outer():
        yield from inner()
        leaf("outer")

    def main():
        generator = outer()
        next(generator)
        generator.throw(KeyError("x"))
        return list(generator)

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("outer", (("inner", (LEAF,)), LEAF)),)),)


def test_a_generator_that_another_thread_finishes_is_balanced(record, tree):
    generator = numbers(3)

    def finish():
        return list(generator)

    def main():
        next(generator)
        thread = threading.Thread(target=finish)
        thread.start()
        thread.join()
        leaf("after")

    with record() as spans:
        main()
    assert tree(spans).shape() == (
        ("main", (("numbers", (LEAF, LEAF, LEAF)), ("finish", ()), LEAF)),
    )


def test_a_collected_generator_ends_marked_as_abandoned_or_closed(record):
    def main():
        generator = numbers(3)
        next(generator)
        del generator
        gc.collect()
        leaf("after")

    with record() as spans:
        main()
        session = active_session()
        session.flush()
        session.flush()
        span = only_span(spans, "numbers")
    assert span.status.name == "UNSET"
    assert span.attributes.get("codetracer.abandoned", True) is True
    assert "codetracer.unfinished" not in span.attributes


def test_a_generator_suspended_at_the_end_of_the_session_ends_as_unfinished(record):
    with record() as spans:
        generator = numbers(3)
        next(generator)
    assert only_span(spans, "numbers").attributes["codetracer.unfinished"] is True
    assert list(generator) == [1, 2]


def test_a_generator_older_than_the_session_hands_on_its_consumer_as_parent(record, tree):
    generator = numbers(3)
    next(generator)

    def main():
        next(numbers(1))  # the code is known now
        next(generator)
        leaf("mine")

    with record() as spans:
        main()
    names = [tree.short(span) for span in tree(spans).children(only_span(spans, "main").span_id)]
    assert names == ["numbers", "leaf", "leaf"]


def test_a_generator_that_raises_carries_the_exception(record):
    def raises():
        yield 1
        raise LookupError("nothing")

    def main():
        with pytest.raises(LookupError):
            list(raises())

    with record() as spans:
        main()
    span = only_span(spans, "raises")
    assert [event.name for event in span.events] == ["exception"]
    assert span.events[0].attributes["exception.message"] == "nothing"


def test_recursive_generators_nest(record, tree):
    def down(n):
        if n:
            yield from down(n - 1)
        yield n

    with record() as spans:
        assert list(down(2)) == [0, 1, 2]
    assert tree(spans).shape() == (("down", (("down", (("down", ()),)),)),)


def test_many_generators_of_one_code_are_told_apart(record, tree):
    def main():
        generators = [numbers(3) for _ in range(5)]
        for _ in range(3):
            for generator in generators:
                next(generator)
        for generator in generators:
            assert list(generator) == []

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("numbers", (LEAF, LEAF, LEAF)),) * 5),)


def test_a_cancelled_coroutine_is_no_error(record):
    async def waits():
        await asyncio.sleep(10)

    async def main():
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with record() as spans:
        asyncio.run(main())
    span = only_span(spans, "waits")
    assert span.attributes["codetracer.cancelled"] is True
    assert (span.status.name, span.events) == ("UNSET", [])


def test_an_asynchronous_generator_closed_early_is_balanced(record, tree):
    async def ticks():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            leaf("closing")

    async def main():
        stream = ticks()
        async for _ in stream:
            break
        await stream.aclose()
        leaf("after")

    with record() as spans:
        asyncio.run(main())
    assert tree(spans).shape() == (("main", (("ticks", (LEAF,)), LEAF)),)


def test_an_asynchronous_generator_left_to_the_loop_ends(record):
    async def ticks():
        try:
            yield 1
        finally:
            leaf("closing")

    async def main():
        async for _ in ticks():
            break

    with record() as spans:
        asyncio.run(main())
    span = only_span(spans, "ticks")
    assert span.status.name == "UNSET"
    assert "codetracer.unfinished" not in span.attributes
    assert only_span(spans, "leaf").parent_span_id == span.span_id


def test_athrow_reaches_the_asynchronous_generator(record):
    async def ticks():
        try:
            yield 1
        except KeyError:
            yield leaf("caught")

    async def main():
        stream = ticks()
        await anext(stream)
        assert await stream.athrow(KeyError("x")) == "caught"
        await stream.aclose()

    with record() as spans:
        asyncio.run(main())
    assert only_span(spans, "leaf").parent_span_id == only_span(spans, "ticks").span_id


def test_an_asynchronous_context_manager_nests(record, tree):
    class Manager:
        async def __aenter__(self):
            await asyncio.sleep(0)

        async def __aexit__(self, *_exc):
            await asyncio.sleep(0)

    async def main():
        async with Manager():
            leaf()

    with record() as spans:
        asyncio.run(main())
    assert tree(spans).shape() == (("main", (("__aenter__", ()), LEAF, ("__aexit__", ()))),)


def test_a_generator_expression_is_a_generator(record, tree):
    def main():
        return sum(leaf(n) for n in range(2))

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("<genexpr>", (LEAF, LEAF)),)),)


def test_a_generator_without_a_second_step_never_mixes_with_the_next_of_its_frame(record):
    def main():
        for _ in range(50):
            generator = numbers(2)
            next(generator)
            del generator

    with record() as spans:
        main()
    named = [span for span in spans if span.name.endswith("numbers")]
    assert len(named) == 50
    assert len({span.span_id for span in named}) == 50


def test_a_left_out_generator_that_fails_is_kept_for_its_error(record):
    def fails():
        yield 1
        raise ValueError("kept")

    rules = (
        "[[scope.rules]]\nselector = 'obj:glob:*.fails'\nexec = 'trace'\n"
        "[scope.rules.sampling]\nratio = 0.0\n"
    )

    def main():
        with pytest.raises(ValueError, match="kept"):
            list(fails())

    with record(rules) as spans:
        main()
    assert only_span(spans, "fails").status.name == "ERROR"


def record_of(kind):
    made = [None] * RECORD_LENGTH
    made[CODE] = numbers.__code__
    made[PLAN] = Plan("n", "f", "file", 1, kind=kind)
    made[EXTRAS] = SpanDetails()
    return made


def frame_of(generator):
    return generator.gi_frame


def test_a_watched_generator_is_abandoned_one_drain_after_its_collection():
    clock = iter(range(100))
    suspended = SuspendedCalls(lambda: next(clock), watches=True)
    generator = numbers(1)
    next(generator)
    made = record_of("generator")
    suspended.add(frame_of(generator), made)
    assert suspended.take_abandoned() == []
    del generator
    assert suspended.take_abandoned() == []
    assert [found for found, _ in suspended.take_abandoned()] == [made]
    assert len(suspended) == 0


def test_a_generator_that_ends_between_collection_and_drain_is_not_abandoned():
    suspended = SuspendedCalls(lambda: 0, watches=True)
    generator = numbers(1)
    next(generator)
    made, frame = record_of("generator"), frame_of(generator)
    suspended.add(frame, made)
    del generator
    suspended.take_abandoned()
    suspended.remove(frame, made)
    assert suspended.take_abandoned() == []


def test_a_profiler_of_the_program_sees_nothing_of_ours_where_a_generator_is_collected():
    def profile(frame, event, _argument):
        if event == "call":
            seen.append(frame.f_globals["__name__"].partition(".")[0])

    seen = []
    suspended = SuspendedCalls(time.monotonic_ns, watches=True)
    generator = numbers(1)
    next(generator)
    suspended.add(frame_of(generator), record_of("generator"))
    sys.setprofile(profile)
    del generator
    sys.setprofile(None)
    assert "codetracer_otel" not in seen
    suspended.take_abandoned()
    assert len(suspended.take_abandoned()) == 1


def test_an_event_of_a_generator_in_the_frame_of_a_function_is_not_watched():
    suspended = SuspendedCalls(lambda: 0, watches=True)
    made = record_of("generator")
    suspended.add(sys._getframe(), made)
    assert suspended.take_abandoned() == []
    assert suspended.take_all() == [made]
