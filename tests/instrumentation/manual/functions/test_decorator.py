from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import pickle
import typing

import pytest
from tests.topic_reading import named, topics

import codetracer_otel as ct
from codetracer_otel.instrumentation.manual.functions.wrappers import build_wrapper
from codetracer_otel.testing import InMemoryExporter


def short(line):
    return line["span"].rpartition(".")[2]


class Box:
    @ct.instrument
    def method(self, a):
        return a

    @ct.instrument
    @staticmethod
    def static_inside(a):
        return a

    @staticmethod
    @ct.instrument
    def static_outside(a):
        return a

    @ct.instrument
    @classmethod
    def class_inside(cls, a):
        return cls, a

    @classmethod
    @ct.instrument
    def class_outside(cls, a):
        return cls, a


@pytest.mark.parametrize("form", ["method", "static_inside", "static_outside"])
def test_methods_and_static_methods_are_spans_without_their_receiver(capsys, form):
    with topics(capsys) as lines:
        assert getattr(Box(), form)(3) == 3
    (line,) = lines
    assert (short(line), line["a"], "self" in line) == (form, 3, False)


@pytest.mark.parametrize("form", ["class_inside", "class_outside"])
def test_class_methods_are_spans_in_either_order(capsys, form):
    with topics(capsys) as lines:
        assert getattr(Box, form)(3) == (Box, 3)
    assert (lines[0]["a"], "cls" in lines[0]) == (3, False)


@ct.instrument(ret=True, skip=("password",), fields={"size": lambda data: len(data) * 2})
def told(user, password, data, *rest, flag=True, **more):
    return [user, len(rest)]


def test_arguments_are_told_as_asked(capsys):
    with topics(capsys) as lines:
        told("ann", "hunter2", {"a": 1, "b": 2}, 1, 2, more_of_it=3)
    (line,) = lines
    expected = {
        "user": "ann",
        "data": "dict[2]",
        "rest": "tuple[2]",
        "flag": True,
        "more": "dict[1]",
    }
    assert {key: line[key] for key in expected} == expected
    assert (line["size"], line["return"], "password" in line) == (4, ["ann", 2], False)


def test_a_container_that_is_named_is_told_as_a_whole(capsys):
    @ct.instrument(fields=["items"])
    def work(items, others):
        pass

    with topics(capsys) as lines:
        work([1, {"password": "hunter2"}], [2])
    assert (lines[0]["items"], lines[0]["others"]) == ([1, {"password": "<redacted>"}], "list[1]")


def test_no_argument_is_told_with_skip_all(capsys):
    @ct.instrument(skip_all=True)
    def work(a, b=2):
        pass

    with topics(capsys) as lines:
        work(1)
    assert not {"a", "b"} & set(lines[0])


def test_arguments_with_secret_names_are_redacted(capsys):
    @ct.instrument
    def login(user, password, api_key="k"):
        pass

    with topics(capsys) as lines:
        login("ann", password="hunter2")
    (line,) = lines
    assert (line["user"], line["password"], line["api_key"]) == ("ann", "<redacted>", "<redacted>")


def test_a_field_of_other_parameter_names_gets_the_first_arguments(capsys):
    @ct.instrument(fields={"n": lambda b: len(b) * 2})
    def work(blob):
        pass

    with topics(capsys) as lines:
        work(b"four")
    assert (lines[0]["n"], lines[0]["blob"]) == (8, "bytes[4]")


def test_a_field_that_raises_is_told_and_reaches_nobody(capsys):
    @ct.instrument(fields={"n": lambda: 1 / 0})
    def work():
        return 7

    with topics(capsys) as lines:
        assert work() == 7
    assert lines[0]["n"] == "<raised ZeroDivisionError>"


def test_an_object_is_told_by_its_class_and_no_code_of_it_runs(capsys):
    class Rude:
        def __repr__(self):
            raise RuntimeError

        __len__ = __iter__ = __getattr__ = __repr__

    @ct.instrument
    def work(thing):
        pass

    with topics(capsys) as lines:
        work(Rude())
    assert "Rude" in lines[0]["thing"]


def test_an_error_passes_as_the_same_object(capsys):
    error = ValueError("no")

    @ct.instrument
    def work():
        raise error

    with topics(capsys) as lines, pytest.raises(ValueError, match="no") as raised:
        work()
    assert raised.value is error
    assert lines[0]["error"] == {"type": "ValueError", "message": "no"}


def test_an_error_is_told_unless_it_is_not_asked_for(capsys):
    @ct.instrument(name="quiet", err=False)
    def quiet():
        raise ValueError("no")

    @ct.instrument(name="loud", level="debug")
    def loud():
        raise ValueError("no")

    with topics(capsys) as lines:
        for work in (quiet, loud):
            with contextlib.suppress(ValueError):
                work()
    assert (named(lines, "quiet")["level"], "error" in named(lines, "quiet")) == ("INFO", False)
    assert (named(lines, "loud")["level"], "error" in named(lines, "loud")) == ("ERROR", True)


def test_the_level_decides_what_is_printed(capsys):
    @ct.instrument(name="detail", level="debug")
    def detail():
        pass

    @ct.instrument(name="news", level="info")
    def news():
        pass

    with topics(capsys, "app=info") as lines:
        detail()
        news()
    assert [line["span"] for line in lines] == ["news"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"skip": ["missing"]},
            "skip: .* has no parameter of this name, got missing; expected a, b",
        ),
        ({"fields": ["missing"]}, "fields: .* got missing"),
        ({"topic": "nothing"}, "topic: unknown name, got 'nothing'"),
        ({"level": "loud"}, "level: unknown, got 'loud'; expected one of error, warn"),
    ],
)
def test_what_is_unknown_is_refused_at_decoration(options, message):
    with pytest.raises(ValueError, match=message):

        @ct.instrument(**options)
        def work(a, b):
            pass


def test_a_class_is_no_function():
    with pytest.raises(TypeError, match="not a function"):
        ct.instrument(int)


def plain(a: int, /, b: str = "x", *rest: int, c: float, d: bool = True, **more: str) -> list[int]:
    """Say nothing."""
    return [a, *rest]


async def coroutine(a, b=2):
    return a


def generator(a, b=2):
    yield a


async def async_generator(a, b=2):
    yield a


FORMS = (plain, coroutine, generator, async_generator)


@pytest.mark.parametrize("function", FORMS)
def test_metadata_stays(function):
    wrapped = ct.instrument(function)
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
        assert getattr(wrapped, name) == getattr(function, name)
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert typing.get_type_hints(wrapped) == typing.get_type_hints(function)
    for question in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.isfunction,
    ):
        assert question(wrapped) == question(function)


@pytest.mark.parametrize("function", [plain, coroutine, generator])
@pytest.mark.parametrize("is_on", [False, True])
def test_a_wrong_call_fails_at_the_call_in_pythons_words(capsys, function, is_on):
    wrapped = ct.instrument(function)
    with pytest.raises(TypeError) as expected:
        function()
    session = topics(capsys) if is_on else contextlib.nullcontext()
    with session, pytest.raises(TypeError) as raised:
        wrapped()
    assert str(raised.value) == str(expected.value)


module_level = ct.instrument(plain)


def test_a_decorated_function_can_be_pickled():
    assert pickle.loads(pickle.dumps(told)) is told


@pytest.mark.parametrize("is_on", [False, True])
def test_every_kind_of_parameter_is_passed_on(capsys, is_on):
    def echo(a, /, b, c=3, *rest, d, e=5, **more):
        return (a, b, c, rest, d, e, more)

    wrapped = ct.instrument(echo)
    session = topics(capsys) if is_on else contextlib.nullcontext()
    with session:
        assert wrapped(1, 2, d=4) == echo(1, 2, d=4)
        assert wrapped(1, b=2, d=4, a=9) == echo(1, b=2, d=4, a=9)
        assert wrapped(1, 2, 7, 8, 9, d=4, e=0, z=1) == echo(1, 2, 7, 8, 9, d=4, e=0, z=1)


def test_names_that_the_wrapper_uses_itself_are_passed_on():
    namespace = {}
    exec("def odd(_codetracer_slot, function, args, kwargs=4): return args, kwargs", namespace)
    assert ct.instrument(namespace["odd"])(1, 2, args=3) == (3, 4)


def test_callables_that_are_no_functions_are_wrapped(capsys):
    cached = ct.instrument(name="cached")(functools.lru_cache(lambda a: a + 1))
    length = ct.instrument(name="length")(len)
    with topics(capsys) as lines:
        assert (cached(1), length([1])) == (2, 1)
    assert [line["span"] for line in lines] == ["cached", "length"]


def test_a_wrapper_names_no_parameter_where_there_is_none_to_name():
    assert build_wrapper(lambda: 5, type("S", (), {"active": None}), None)() == 5


def test_a_coroutine_is_measured_while_it_runs(capsys):
    @ct.instrument(ret=True, name="work")
    async def work(n):
        await asyncio.sleep(0.01)
        return n

    with topics(capsys) as lines:
        assert asyncio.run(work(4)) == 4
    (line,) = lines
    assert line["return"] == 4
    assert line["busy_ms"] < line["duration_ms"]
    assert line["idle_ms"] >= 9


def test_fifty_gathered_tasks_are_fifty_traces_with_their_children(capsys):
    @ct.instrument(name="child")
    async def child(n):
        await asyncio.sleep(0)
        return n

    @ct.instrument(name="task")
    async def task(n):
        await asyncio.sleep(0.001 * (n % 3))
        return await child(n)

    async def main():
        return await asyncio.gather(*[task(n) for n in range(50)])

    with topics(capsys) as lines:
        assert asyncio.run(main()) == list(range(50))
    tasks = {line["span_id"]: line for line in lines if line["span"] == "task"}
    children = [line for line in lines if line["span"] == "child"]
    assert len({line["trace_id"] for line in tasks.values()}) == len(tasks) == len(children) == 50
    assert all(tasks[line["parent_span_id"]]["n"] == line["n"] for line in children)
    assert all(
        abs(line["busy_ms"] + line["idle_ms"] - line["duration_ms"]) < 0.01 for line in lines
    )


def test_a_cancelled_coroutine_is_no_error(capsys):
    @ct.instrument
    async def work():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with topics(capsys) as lines:
        asyncio.run(main())
    assert (lines[0]["level"], "error" in lines[0]) == ("INFO", False)


def test_a_coroutine_that_is_never_awaited_is_no_span_and_warns_once(capsys):
    @ct.instrument
    async def work():
        pass

    def forget():
        work()
        gc.collect()

    with topics(capsys) as lines, pytest.warns(RuntimeWarning, match="work.* never await") as told:
        forget()
    assert (lines, len(told)) == ([], 1)


def test_a_task_can_be_made_of_a_decorated_coroutine(capsys):
    @ct.instrument(name="work")
    async def work():
        return 3

    async def main():
        return await asyncio.create_task(work())

    with topics(capsys) as lines:
        assert asyncio.run(main()) == 3
    assert len(lines) == 1


@ct.instrument(name="count", ret=True)
def count(n):
    for i in range(n):
        sent = yield i
        if sent == "stop":
            return "stopped"
    return "done"


def test_a_generator_is_consumed_as_before(capsys):
    with topics(capsys) as lines:
        assert list(count(3)) == [0, 1, 2]
    (line,) = lines
    assert (line["n"], line["return"]) == (3, "done")
    assert line["busy_ms"] <= line["duration_ms"]


def test_send_and_the_return_value_pass_through(capsys):
    def outer():
        result = yield from count(3)
        yield result

    with topics(capsys) as lines:
        run = outer()
        assert [next(run), run.send("stop")] == [0, "stopped"]
    assert len(lines) == 1


def test_a_generator_that_never_started_is_no_span(capsys):
    with topics(capsys) as lines:
        count(3)
        gc.collect()
    assert lines == []


def test_a_generator_that_is_closed_or_left_is_no_error(capsys):
    with topics(capsys) as lines:
        closed = count(3)
        next(closed)
        closed.close()
        for _ in count(3):
            break
        gc.collect()
    assert [("error" in line, line["level"]) for line in lines] == [(False, "INFO")] * 2


def test_an_exception_that_is_thrown_in_reaches_the_body(capsys):
    @ct.instrument(name="catches")
    def catches():
        try:
            yield 1
        except KeyError as error:
            yield error

    error = KeyError("x")
    with topics(capsys) as lines:
        run = catches()
        next(run)
        assert run.throw(error) is error
        run.close()
        failing = count(3)
        next(failing)
        with pytest.raises(KeyError) as raised:
            failing.throw(error)
        assert raised.value is error
    assert ("error" in lines[0], lines[1]["error"]["type"]) == (False, "KeyError")


def test_a_generator_is_current_only_while_its_body_runs(capsys):
    @ct.instrument(name="items")
    def items():
        with ct.span("inside"):
            yield 1
        with ct.span("after"):
            yield 2

    with topics(capsys) as lines, ct.span("consumer"):
        for _ in items():
            with ct.span("between"):
                pass
    consumer = named(lines, "consumer")["span_id"]
    assert named(lines, "items")["parent_span_id"] == consumer
    between = [line["parent_span_id"] for line in lines if line["span"] == "between"]
    assert between == [consumer] * 2
    for name in ("inside", "after"):
        assert named(lines, name)["parent_span_id"] == named(lines, "items")["span_id"]


def test_interleaved_generators_stay_apart(capsys):
    @ct.instrument(name="items")
    def items(n):
        for i in range(2):
            with ct.span("step", n=n, i=i):
                yield

    with topics(capsys) as lines:
        first, second = items(1), items(2)
        for _ in zip(first, second, strict=True):
            assert ct.current_ids() is None
    owners = {line["span_id"]: line["n"] for line in lines if line["span"] == "items"}
    steps = [line for line in lines if line["span"] == "step"]
    assert len(steps) == 4
    assert all(owners[line["parent_span_id"]] == line["n"] for line in steps)


@ct.instrument(name="produce")
async def produce(n):
    for i in range(n):
        await asyncio.sleep(0)
        with ct.span("making", i=i):
            sent = yield i
        if sent == "stop":
            return


@pytest.mark.parametrize("is_on", [False, True])
def test_an_async_generator_passes_everything_through(capsys, is_on):
    async def main():
        run = produce(3)
        items = [await anext(run), await run.asend(None), await run.asend("go")]
        with pytest.raises(StopAsyncIteration):
            await anext(run)
        stopped = produce(3)
        await anext(stopped)
        with pytest.raises(StopAsyncIteration):
            await stopped.asend("stop")
        thrown = produce(3)
        await anext(thrown)
        with pytest.raises(KeyError):
            await thrown.athrow(KeyError("x"))
        closed = produce(3)
        await anext(closed)
        await closed.aclose()
        async for _ in produce(2):
            break
        return items

    session = topics(capsys) if is_on else contextlib.nullcontext([])
    with session as lines:
        assert asyncio.run(main()) == [0, 1, 2]
    if is_on:
        made = [line for line in lines if line["span"] == "produce"]
        assert len(made) == 5
        assert [line["error"]["type"] for line in made if "error" in line] == ["KeyError"]
        steps = [line for line in lines if line["span"] == "making"]
        assert {line["parent_span_id"] for line in steps} <= {line["span_id"] for line in made}


def test_an_async_generator_that_never_started_is_no_span(capsys):
    with topics(capsys) as lines:
        produce(3)
        gc.collect()
    assert lines == []


def test_nothing_of_a_call_is_kept_alive(capsys):
    import weakref

    class Thing:
        pass

    @ct.instrument(ret=True)
    def work(thing):
        return thing

    with topics(capsys):
        thing = Thing()
        reference = weakref.ref(thing)
        work(thing)
        del thing
        assert reference() is None


def test_a_function_that_is_traced_and_instrumented_is_one_span_with_its_values(record):
    @ct.instrument(name="both", skip=("hidden",), fields={"n": len})
    def both(items, hidden, password):
        helper(items)
        return {"total": sum(items)}

    def helper(items):
        return len(items)

    with record() as spans:
        both([1, 2], "unseen", password="hunter2")
    (span,) = [span for span in spans if span.name == "both"]
    (child,) = [span for span in spans if span.name.endswith("helper")]
    assert len(spans) == 2
    assert child.parent_span_id == span.span_id
    assert span.attributes["codetracer.arg.items"] == (1, 2)
    assert span.attributes["codetracer.return"] == '{"total":3}'
    assert span.attributes["codetracer.arg.password"] == "<redacted>"
    assert span.attributes["n"] == 2
    assert "unseen" not in repr(spans)
    assert "hunter2" not in repr(spans)


def test_it_is_one_span_even_if_the_recorder_knew_the_function_before(record):
    def known(a):
        return a

    with record() as spans:
        known(1)
        ct.instrument(name="by hand")(known)(2)
        known(3)
    told = {span.attributes["codetracer.arg.a"]: span.name.rpartition(".")[2] for span in spans}
    assert (len(spans), told) == (3, {1: "known", 2: "by hand", 3: "known"})


def test_what_is_written_to_the_current_span_lands_on_the_one_span(record):
    from opentelemetry import trace

    @ct.instrument(name="both")
    def both():
        trace.get_current_span().set_attribute("mine", 1)
        ct.event("noted")
        raise ValueError("no")

    with record() as spans, contextlib.suppress(ValueError):
        both()
    (span,) = spans
    assert span.attributes["mine"] == 1
    assert [event.name for event in span.events] == ["noted", "exception"]
    assert span.status.name == "ERROR"


def test_traced_and_instrumented_generators_and_coroutines_are_one_span_each(record):
    @ct.instrument(name="generator")
    def items(n):
        yield from range(n)
        return "end"

    @ct.instrument(name="coroutine")
    async def work(n):
        await asyncio.sleep(0)
        async for item in stream(n):
            assert item is not None
        return n

    @ct.instrument(name="stream")
    async def stream(n):
        for item in range(n):
            yield item

    with record() as spans:
        assert list(items(2)) == [0, 1]
        asyncio.run(work(2))
    by_name = {span.name: span for span in spans}
    assert sorted(by_name) == ["coroutine", "generator", "stream"]
    assert by_name["stream"].parent_span_id == by_name["coroutine"].span_id
    assert by_name["generator"].attributes["codetracer.return"] == "end"
    for span in spans:
        assert span.attributes["codetracer.arg.n"] == 2


def test_a_traced_generator_that_is_left_is_still_one_span(record):
    @ct.instrument(name="items")
    def items():
        yield 1
        yield 2

    with record() as spans:
        for _ in items():
            break
        gc.collect()
    assert [span.name for span in spans] == ["items"]


def test_no_frame_of_ours_is_in_a_stack_trace(record):
    @ct.instrument(name="fails")
    def fails():
        raise ValueError("no")

    def caller():
        fails()

    with record() as spans, contextlib.suppress(ValueError):
        caller()
    (event,) = [event for span in spans for event in span.events]
    assert "codetracer_otel" not in event.attributes["exception.stacktrace"]
    assert "in fails" in event.attributes["exception.stacktrace"].replace("<locals>.", " in ")


def test_recursion_through_the_decorator_is_one_span_per_call(record):
    @ct.instrument(name="down")
    def down(n):
        return n and down(n - 1)

    with record() as spans:
        down(3)
    assert [span.attributes["codetracer.arg.n"] for span in spans] == [0, 1, 2, 3]
    parents = [span.parent_span_id for span in spans]
    assert parents == [*[span.span_id for span in spans[1:]], None]


def test_exporters_see_every_span_of_a_decorated_function(capsys):
    exporter = InMemoryExporter()
    with topics(capsys, "off", exporter=exporter):
        for n in range(5):
            told("ann", "p", [n])
    assert [span.attributes["codetracer.arg.data"] for span in exporter.spans] == ["list[1]"] * 5


def test_no_method_of_a_metaclass_runs_when_arguments_are_told(capsys):
    asked = []

    class Meta(type):
        def __hash__(cls):
            asked.append("hash")
            return type.__hash__(cls)

        def __eq__(cls, other):
            asked.append("==")
            return cls is other

    class Value(metaclass=Meta):
        pass

    @ct.instrument(ret=True)
    def keep(value):
        return value

    with topics(capsys) as lines:
        keep(Value())
    assert (asked, len(lines)) == ([], 1)
