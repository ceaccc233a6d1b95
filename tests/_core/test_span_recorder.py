"""The compiled core records what the Python recorder records, and leaves nothing behind."""

import gc
import os
import sys
import threading
import weakref
from collections import deque
from contextvars import ContextVar
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import only, rule
from tests.depth import examples

from codetracer_otel._core import load
from codetracer_otel._core.span_recorder import CompiledBuffer
from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.model.record import TraceOnThread
from codetracer_otel.sdk.delivery.pipeline import Pipeline
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.sdk.settings.limits import Buffer
from codetracer_otel.testing import InMemoryExporter

NATIVE = load()
needs_core = pytest.mark.skipif(NATIVE.module is None, reason=f"no compiled core: {NATIVE.reason}")
pytestmark = needs_core


class Thing:
    def method(self, value):
        return self


class Queue(deque):
    """One that Python captures: it may have an iterator of its own."""


def echo(value):
    return value


def pair(first, second="two", *rest, key=None):
    return first


def cell(value):
    return lambda: value


def fails(value):
    raise ValueError(value)


def handles(value):
    try:
        fails(value)
    except ValueError:
        return echo(value)


def items(value):
    yield echo(value)
    yield value


def delegates(value):
    got = yield from items(value)
    return got


def thrown_into(value):
    generator = items(value)
    next(generator)
    try:
        generator.throw(LookupError(value))
    except LookupError:
        return echo(value)


def closed(value):
    generator = delegates(value)
    next(generator)
    generator.close()
    return value


def interleaved(value):
    first, second = items(value), delegates(value)
    return [next(first), next(second), next(second), next(first), *first, *second]


def fails_in_a_step(value):
    yield echo(value)
    fails(value)


def catches(call, error_class=Exception):
    try:
        return call()
    except error_class as error:
        return type(error)


async def awaited(value):
    await Turn()
    return echo(value)


class Turn:
    def __await__(self):
        yield self


async def steps(value):
    yield echo(value)
    await awaited(value)
    yield value


async def gathers(value):
    return [await awaited(value), [item async for item in steps(value)]]


def driven(coroutine):
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


def deep(depth, value):
    try:
        return deep(depth - 1, value) if depth else fails(value)
    finally:
        echo(value)


def leaves(value):
    sys.exit(0 if value else 1)


def new_password(password):
    return password


def nested(depth, value):
    return nested(depth - 1, value) if depth else echo(value)


CALLS = {
    "echo": echo,
    "method": lambda value: Thing().method(value),
    "pair": pair,
    "pair of both": lambda value: pair(value, value, value, key=value),
    "cell": lambda value: cell(value)(),
    "handled": handles,
    "generator": lambda value: list(items(value)),
    "generator that delegates": lambda value: list(delegates(value)),
    "generator that is thrown into": thrown_into,
    "generator that is closed": closed,
    "generators in turn": interleaved,
    "generator that fails": lambda value: catches(lambda: list(fails_in_a_step(value))),
    "coroutine": lambda value: driven(gathers(value)),
    "coroutine that is closed": lambda value: awaited(value).close(),
    "deep failure": lambda value: catches(lambda: deep(3, value)),
    "exit": lambda value: catches(lambda: leaves(value), SystemExit),
    "generator left": lambda value: next(items(value)),
    "nested": lambda value: nested(5, value),
}


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=200),
    st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010), max_size=4),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([Thing(), Thing, len, ValueError("v"), {"password": "p"}, 2**80, range(3)]),
)
programs = st.lists(st.tuples(st.sampled_from(sorted(CALLS)), values), max_size=12)


def run(program):
    for name, value in program:
        CALLS[name](value)


def told(spans):
    """Return what a recording says, with parents by position instead of ids."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    place = {span.span_id: index for index, span in enumerate(ordered)}
    return [
        (
            span.name,
            place.get(span.parent_span_id),
            repr(sorted(attributes_without_times(span))),
            span.status,
            [(event.name, repr(sorted(event.attributes.items()))) for event in span.events],
            span.end_ns >= span.start_ns,
        )
        for span in ordered
    ]


def attributes_without_times(span):
    # CPython 3.13.0 does not report the end of a generator that nobody asks for more: whether it is
    # seen before the session ends hangs on when its frame's memory is used again.
    ends = {"codetracer.unfinished": "codetracer.abandoned"}
    attributes = {ends.get(key, key): value for key, value in span.attributes.items()}
    attributes.pop("codetracer.busy_ns", None)
    return attributes.items()


@settings(max_examples=examples(60))
@given(programs)
def test_both_cores_record_the_same_calls(program):
    with pytest.MonkeyPatch.context() as patch:
        found = {core: recorded(patch, core, program) for core in ("c", "python")}
    assert found["c"] == found["python"]
    assert len(found["c"]) >= len(program)


def recorded(patch, core, program):
    patch.setenv("CODETRACER_OTEL_CORE", core)
    exporter = InMemoryExporter()
    with configure(only(__file__), exporter, policy={"on_recorder_error": "abort"}):
        run(program)
        counters = active_session().stats()["recorder"]
        assert ("native_calls" in counters) is (core == "c")
        assert counters["healed_stack_entries"] == 0
    return told(exporter.spans)


def test_plain_calls_below_a_recorded_one_stay_in_c(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record():
        nested(50, "text")
        counters = active_session().stats()["recorder"]
    assert counters["native_calls"] >= 49
    assert counters["boxed_calls"] == 0


@pytest.mark.parametrize("core", ["c", "python"])
def test_a_buffer_without_room_on_the_stack_gets_the_record_later(monkeypatch, record, core):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", core)

    buffer_overflow, is_cramped = RecordBuffer.overflow, [True]

    def overflow(buffer, record):
        if is_cramped[0]:
            raise RecursionError
        buffer_overflow(buffer, record)

    monkeypatch.setattr(RecordBuffer, "overflow", overflow)
    with record(buffer=Buffer(interval_ms=600_000)) as spans:
        nested(1, "text")
        active_session()._leading.recorder.wake_with_next()
        nested(1, "text")  # the program sees no error
        is_cramped[0] = False
    assert len(spans) == 2 * 3
    assert not any(span.attributes.get("codetracer.unfinished") for span in spans)


@pytest.fixture
def interrupts(monkeypatch):
    """The places around the wait for room at which a signal's handler will raise, once."""
    overflow, wake, expected = RecordBuffer.overflow, Pipeline.wake, []

    def interrupt(now):
        if now in expected:
            expected.clear()
            raise KeyboardInterrupt

    monkeypatch.setattr(Pipeline, "wake", lambda it: (interrupt("meanwhile"), wake(it)))
    monkeypatch.setattr(
        RecordBuffer,
        "overflow",
        lambda *it: (interrupt("before"), overflow(*it), interrupt("behind")),
    )
    return expected


@pytest.mark.parametrize("core", ["c", "python"])
@pytest.mark.parametrize("place", ["before", "meanwhile", "behind"])
def test_an_interrupt_while_a_call_waits_for_room_loses_no_call(
    monkeypatch, record, interrupts, core, place
):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", core)
    with record(buffer=Buffer(interval_ms=600_000)) as spans:
        nested(1, "text")
        active_session()._leading.recorder.wake_with_next()
        interrupts.append(place)
        with pytest.raises(KeyboardInterrupt):
            nested(1, "text")
    assert len({span.span_id for span in spans}) == len(spans) == 2 * 3


def recurs(level):
    if level == 3:
        return level
    if level == 1:
        return recurs(2) + 1
    try:
        recurs(3)
    except KeyboardInterrupt:
        return 20
    return 0


@pytest.mark.parametrize("core", ["c", "python"])
@pytest.mark.parametrize("place", ["before", "meanwhile", "behind"])
def test_an_interrupt_in_a_return_ends_no_caller_of_the_same_code(
    monkeypatch, record, interrupts, core, place
):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", core)
    with record(buffer=Buffer(interval_ms=600_000)) as spans:
        recurs(3)
        active_session()._leading.recorder.wake_with_next()
        interrupts.append(place)
        assert recurs(1) == 21
        assert active_session().stats()["recorder"]["healed_stack_entries"] == 0
    assert [span.attributes["codetracer.arg.level"] for span in spans].count(3) == 2
    callers = [span for span in spans if span.attributes["codetracer.arg.level"] < 3]
    assert sorted(span.attributes["codetracer.return"] for span in callers) == [20, 21]


@pytest.mark.parametrize("core", ["c", "python"])
def test_a_ratio_is_decided_by_trace_and_counted(monkeypatch, record, core):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", core)
    sampled = rule("obj:glob:*.echo", "exec = 'trace'\nsampling = {ratio = 0.5}")
    with record(sampled) as spans:
        for number in range(200):
            nested(1, number)  # a trace of its own
        (counts,) = active_session().stats()["recorder"]["sampling"].values()

    kept = sum(span.name.endswith("echo") for span in spans)
    assert 60 < kept < 140
    assert counts == {"seen": 200, "kept": kept, "dropped_ratio": 200 - kept}


@pytest.mark.parametrize("core", ["c", "python"])
def test_what_a_ratio_decided_about_code_that_is_gone_is_counted(monkeypatch, record, core):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", core)
    sampled = rule("obj:glob:*.made", "exec = 'trace'\nsampling = {ratio = 0.5}")
    with record(sampled):
        for _ in range(40):
            namespace = {}
            exec(compile("def made(value):\n    return value", __file__, "exec"), namespace)
            catches(lambda made=namespace["made"]: made(1))
        del namespace
        gc.collect()
        (counts,) = active_session().stats()["recorder"]["sampling"].values()
    assert counts["seen"] == 40
    assert counts["kept"] + counts["dropped_ratio"] == 40


def test_calls_that_leave_compiled_code_are_counted_by_reason(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    locals_too = rule("obj:glob:*.interleaved", "exec = 'trace'\ncapture = ['locals']")
    with record(locals_too):
        for _ in range(3):
            interleaved("text")
        nested(3, Queue([1]))
        boxed = active_session().stats()["recorder"]["boxed"]
    assert boxed["locals"] == 3
    assert boxed["parent"] == 0  # the thread's first call was Python's anyway
    assert boxed["while open"] == 0
    assert boxed["value"] == 10
    assert boxed["first sight"] == 1


@pytest.mark.parametrize(
    "hidden",
    [{"password": "tok-9911-x"}, ["password", "tok-9911-x"], {"token": "x"}, {"token": 7}],
    ids=repr,
)
def test_values_that_hide_what_is_known_as_a_secret_stay_in_compiled_code(
    monkeypatch, record, hidden
):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record():
        nested(3, hidden)
        before = active_session().stats()["recorder"]["boxed"]["value"]
        nested(3, hidden)
        assert active_session().stats()["recorder"]["boxed"]["value"] == before


@pytest.mark.parametrize("value", [None, 7, ("a", "pair"), "tok-9911-x", "short"], ids=repr)
def test_calls_that_are_hidden_by_name_stay_in_compiled_code(monkeypatch, record, value):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record():
        nested(1, new_password(value))
        before = active_session().stats()["recorder"]["boxed"]["while open"]
        catches(lambda: new_password(value))
        assert active_session().stats()["recorder"]["boxed"]["while open"] == before


def test_a_value_that_hides_another_text_is_learned_from(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record() as spans:
        nested(1, {"password": "tok-9911-x"})
        nested(1, {"password": "tok-9922-x"})
        nested(1, "tok-9922-x tok-9911-x")
    assert "<redacted> <redacted>" in repr(spans)
    assert "tok-99" not in repr(spans)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_memory_stays_where_it_was_over_many_calls(monkeypatch, record, name):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    call, values = CALLS[name], (None, 1, "text", Thing(), {"a": [1]}, 2**70, "\ud800")

    def burst(times):
        for _ in range(times):
            for value in values:
                call(value)
        assert session.flush(120)
        spans.clear()
        gc.collect()

    with record() as spans:
        session, blocks = active_session(), []
        burst(150)
        for _ in range(3):
            burst(75)
            blocks.append(sys.getallocatedblocks())
    # 525 calls: a single object that each one keeps is seen after each burst. What threads of
    # earlier tests and the interpreter itself allocate meanwhile comes once.
    assert min(after - before for before, after in pairwise(blocks)) < 250


def test_threads_that_end_leave_nothing(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record() as spans:
        for _ in range(200):
            thread = threading.Thread(target=nested, args=(3, "x"))
            thread.start()
            thread.join()
    assert len(spans) == 200 * 5


def test_code_that_is_collected_while_its_calls_wait_for_delivery_is_still_delivered(
    monkeypatch, record
):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record() as spans:
        for number in range(20):
            namespace = {}
            source = compile(f"def made(value):\n    return value + {number}", __file__, "exec")
            exec(source, namespace)
            nested(0, namespace["made"](1))
            del namespace, source
        gc.collect()
    made = [span for span in spans if span.name.endswith("made")]
    assert sorted(span.attributes["codetracer.return"] for span in made) == list(range(1, 21))


def test_what_a_session_recorded_survives_the_next_ones_sites(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    for _ in range(3):
        with record() as spans:
            nested(2, "again")
        assert len(spans) == 4


def test_the_core_reads_this_interpreters_frames():
    assert sys.hexversion >> 16 == NATIVE.module.PYTHON_VERSION
    assert load().reason == ""


WIDE = ", ".join(f"a{index}" for index in range(31))  # with `deeper` as many as stay in C
SOURCE = f"""
def wide({WIDE}, deeper):
    return wide({WIDE}, deeper - 1) if deeper else a30
"""


def below(frames, call, *arguments):
    return below(frames - 1, call, *arguments) if frames else call(*arguments)


def test_a_text_that_has_no_utf_8_fits_into_the_room_that_it_was_given(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    namespace = {}
    exec(compile(SOURCE, __file__, "exec"), namespace)
    surrogate = "\ud800"
    with record() as spans:
        for frames in range(25):  # so that some entry ends where the memory of a new thread does
            arguments = (frames, namespace["wide"], *[surrogate] * 31, 175)
            thread = threading.Thread(target=below, args=arguments)
            thread.start()
            thread.join()
    wide = [span for span in spans if span.name.endswith("wide")]
    assert len(wide) == 25 * 176
    assert {span.attributes["codetracer.return"] for span in wide} == {surrogate}


def built_core(**parts):
    others = (
        "result unwind yield_ resume throw_in error_boundary charge overflow "
        "form_of_class describe undecided decide start"
    )
    return NATIVE.module.Core(
        **{
            "log": CompiledBuffer(NATIVE.module, 10, 10, print).records,
            "context_variable": ContextVar("context"),
            "threads_local": threading.local(),
            "deferred_ends": [],
            "clock": None,
            "next_id": None,
            "urandom": os.urandom,
            "runs_code": False,
            "limits": (4, 32, 1024, 1000),
            "suspended": {},
            "own_folder": None,
            "roots": (TraceOnThread, object(), "span", print),
            "learned": None,
            **dict.fromkeys(others.split(), print),
            **parts,
        }
    )


class Held:
    """What a core or a log may hold; cycles through it must be found."""


def add_site(core, code, held, *, is_native=False):
    keep = dict.fromkeys(("traced_code", "plan", "capture", "learn"), held)
    core.add(
        code=code, fixed_result=held, slots=(), short_text=-1, takes_plain=False, ratio_bound=None,
        is_native=is_native, taught=(), result_place="", walk=None, keywords=None, pairs=None,
        has_receiver=False, suspends=False, reads_at_error=False, tells_errors=False, **keep,
    )  # fmt: skip


def test_a_core_that_its_own_sites_hold_is_collected():
    held = Held()
    known = weakref.ref(held)
    code = compile("1", "<held>", "exec")
    held.core = built_core()
    add_site(held.core, code, held)
    del held
    gc.collect()
    assert known() is None


def test_a_log_that_its_own_records_hold_is_collected():
    held = Held()
    known = weakref.ref(held)
    held.log = CompiledBuffer(NATIVE.module, 10, 10, print).records
    held.log.append([held])
    del held
    gc.collect()
    assert known() is None


def test_the_recorder_of_a_session_is_collected_as_the_next_one_begins(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record():
        nested(2, [Thing()])
        recorder = weakref.ref(active_session()._leading.recorder)
    with record():
        gc.collect()
        assert recorder() is None


def test_a_core_lives_until_its_callback_has_returned():
    """The interpreter only borrows a callback, which another thread may take from it."""
    monitoring, start_event = sys.monitoring, sys.monitoring.events.PY_START
    alive = []

    def start(*_):
        pass

    def decide(_code):
        if not alive:
            monitoring.register_callback(4, start_event, None)
            alive.append(known() is not None)

    known = weakref.ref(start)
    core = built_core(decide=decide, start=start)
    monitoring.use_tool_id(4, "test")
    try:
        monitoring.register_callback(4, start_event, core.on_start)
        monitoring.set_local_events(4, echo.__code__, start_event)
        del start, core
        echo(1)
    finally:
        monitoring.set_local_events(4, echo.__code__, 0)
        monitoring.free_tool_id(4)
    gc.collect()
    assert alive == [True]
    assert known() is None


def test_a_site_lives_until_the_start_that_found_it_has_returned():
    """Another thread may decide about the same code while this one waits for random bytes."""
    code = compile("1", "<found>", "exec")
    held = Held()
    known = weakref.ref(held)
    alive = []

    def urandom(size):
        add_site(core, code, Held(), is_native=True)
        gc.collect()
        alive.append(known() is not None)
        return os.urandom(size)

    core = built_core(urandom=urandom, start=lambda *_: None)
    add_site(core, code, held, is_native=True)
    del held
    core.on_start(code, 0)
    gc.collect()
    assert alive == [True]
    assert known() is None


def test_a_callback_without_what_its_event_gives_says_so(monkeypatch, record):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    with record():
        core = next(each for each in gc.get_objects() if type(each) is NATIVE.module.Core)
        with pytest.raises(TypeError, match="what its event gives"):
            core.on_start()
        with pytest.raises(TypeError, match="what its event gives"):
            core.on_return(echo.__code__, 0, value=1)
