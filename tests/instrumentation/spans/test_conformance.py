"""Whatever order events come in, each recorder keeps the same calls once, and none stays open.

Events are calls of the callbacks, not `sys.monitoring`'s, under which coverage sees no line: this
file alone covers about 55 % of the lines and branches of `instrumentation/spans`, and of its
`callbacks.py`.
"""

import functools
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from tests.conftest import only, rule
from tests.depth import examples

from codetracer_otel._core import load
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.instrumentation.values.capture import build_capture
from codetracer_otel.instrumentation.values.limits import ValueLimits
from codetracer_otel.model.record import (
    ARGUMENTS,
    CODE,
    END,
    EXTRAS,
    PARENT_ID,
    RESULT,
    SEGMENT,
    SPAN_ID,
    START,
    Ending,
)
from codetracer_otel.sdk.session.configure import active_session, configure

# What the interpreter would call runs in a frame of the code that the event is about: each function
# delivers the events of its own code, and its generator objects live on from event to event.


def outer(deliver, value=None):
    return deliver()


def inner(deliver, value=None, password="hidden"):
    return deliver()


def sampled_out(deliver, value=None):
    return deliver()


def sometimes(deliver, value=None):
    return deliver()


def rooted(deliver, value=None):
    return deliver()


def slow(deliver, value=None):
    return deliver()


def with_locals(deliver, value=None):
    own = [value]
    return own and deliver()


def with_error_locals(deliver, value=None):
    own = [value]
    return own and deliver()


def with_keywords(deliver, value=None, **others):
    return deliver()


def items(value=None):
    deliver = yield
    while True:
        deliver = yield deliver()


def other_items(value=None):
    deliver = yield
    while True:
        deliver = yield deliver()


def defined_in(module, file, source):
    """Define a function or class as if it stood in a module of the standard library."""
    namespace = {"__name__": module}
    exec(compile(source, file, "exec"), namespace)
    return namespace


CREATE_TASK = "def {0}(deliver, value=None):\n    return deliver()\n"
# A hook and nothing else, and a hook that is traced as well.
create_task = defined_in("asyncio.tasks", "<tasks>", CREATE_TASK.format("create_task"))
traced_hook = defined_in("asyncio.tasks", __file__, CREATE_TASK.format("_ensure_future"))
WorkItem = defined_in(
    "concurrent.futures.thread",
    "<pools>",
    "class _WorkItem:\n"
    "    def __init__(self, deliver):\n        deliver()\n"
    "    def run(self, deliver):\n        return deliver()\n",
)["_WorkItem"]

RULES = (
    # What delivers the events is none of the values, or no call would be of plain ones alone.
    rule(
        "obj:glob:**",
        "[[scope.rules.value_patterns]]\nselector = 'arg:literal:deliver'\naction = 'drop'",
    ),
    rule("obj:glob:*.sampled_out", "exec = 'trace'\nsampling = {ratio = 0.0}"),
    rule("obj:glob:*.sometimes", "exec = 'trace'\nsampling = {first = 2, ratio = 0.0}"),
    rule("obj:glob:*.rooted", "exec = 'trace'\nroot = true"),
    rule(
        "obj:glob:*.slow",
        "exec = 'trace'\nsampling = {min_duration_ms = 3600000, keep_errors = true}",
    ),
    rule("obj:glob:*.with_locals", "exec = 'trace'\ncapture = ['args', 'return', 'locals']"),
    rule("obj:glob:*.with_error_locals", "exec = 'trace'\ncapture = ['args', 'error_locals']"),
)
HOOKS = {"create_task": create_task["create_task"], "run": WorkItem.run}
FUNCTIONS = {
    "_ensure_future": traced_hook["_ensure_future"],
    **{
        function.__name__: function
        for function in (
            outer,
            inner,
            sampled_out,
            sometimes,
            rooted,
            slow,
            with_locals,
            with_error_locals,
            with_keywords,
        )
    },
}
GENERATORS = {"items": items, "other_items": other_items}
CODES = {name: function.__code__ for name, function in {**FUNCTIONS, **GENERATORS, **HOOKS}.items()}


class Thing:
    def __init__(self):
        self.name, self.password, self.more = "thing", "hidden", [1, 2]


class Shout(str):
    """A text of another class than the plain one."""

    __slots__ = ()


@dataclass
class Point:
    x: float
    token: str


ENDLESS = [1]
ENDLESS.append(ENDLESS)
VALUES = {
    "none": None,
    "true": True,
    "number": 7,
    "large": -(1 << 70),
    "float": 0.5,
    "not a number": math.nan,
    "text": "text",
    "long": "x" * 1000,
    "wide": "\U0001f600" * 40,
    "shout": Shout("text"),
    "bytes": bytes(range(200)),
    "list": [1, "two", [3.0]],
    "mapping": {"user": "u", "password": "hidden", 3: {"deep": [()]}},
    "endless": ENDLESS,
    "thing": Thing(),
    "point": Point(1.5, "hidden"),
    "function": outer,
    "class": Thing,
    "error": ValueError("text"),
}
SUSPENSIONS = {"PY_YIELD", "PY_RESUME", "PY_THROW"}
# each call of them becomes a record
KEPT = {*FUNCTIONS, *GENERATORS} - {"sampled_out", "sometimes", "slow"}
SIMPLE = KEPT - {"inner", "with_keywords"}  # the last argument is the value


class Thread:
    """A thread on which events are delivered one by one, with its open calls."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)
        self.open = []  # innermost last: (name, what runs a function in a frame of that code)
        self.waiting = []  # suspended, likewise
        self.tokens = []

    def do(self, function, *arguments):
        return self.pool.submit(function, *arguments).result(timeout=60)


def runner_of(name, value=None):
    """Return what calls a function in a frame of the code of this name."""
    if name not in GENERATORS:
        more = {"password": "hidden", "other": value} if name == "with_keywords" else {}
        function = HOOKS.get(name) or FUNCTIONS[name]
        return lambda deliver: function(deliver, value, **more)
    generator = GENERATORS[name](value)
    next(generator)
    return generator.send


capture = build_capture(
    ValueLimits(), None, allow_repr=False, wanted=lambda cls: True if cls is Thing else None
)


class Driver:
    """Delivers events to one recorder by hand, as the interpreter would.

    Args:
        recorder: what is told.
        drain: takes its records.
        keeps_what_is_lost: until the end. A recorder learns that a generator is gone when another
            one begins at its place, which is up to the allocator.
    """

    def __init__(self, recorder, drain, *, keeps_what_is_lost):
        self.recorder = recorder
        self.keeps_what_is_lost = keeps_what_is_lost
        self.lost = []
        self.take = drain
        self.callbacks = recorder.callbacks()
        self.threads = [Thread(), Thread()]
        self.started = Counter()
        self.given = Counter()  # by name and captured value
        self.work = []
        self.drained = []

    def close(self):
        for thread in self.threads:
            thread.do(self.leave_contexts, thread)
        self.recorder.close()
        self.drain()
        for thread in self.threads:
            assert thread.do(self.recorder.current) is None
            thread.pool.shutdown()

    def leave_contexts(self, thread):
        while thread.tokens:
            otel_context.detach(thread.tokens.pop())

    def drain(self, limit=1 << 20):
        self.drained += self.take(self.recorder, limit)

    def event(self, event, name, run, *arguments):
        """Deliver an event in a frame of its code."""
        return run(functools.partial(self.callbacks[event], CODES[name], 0, *arguments))

    def start(self, thread, name, value=None):
        run = runner_of(name, value)
        self.event("PY_START", name, run)
        self.started[name] += 1
        if "hidden" not in repr(capture(value)):  # else it is redacted
            self.given[name, repr(capture(value))] += 1
        thread.open.append((name, run))

    def submit(self):
        """Let a pool's work item be made here: who runs it continues this call."""
        item = WorkItem.__new__(WorkItem)
        code = WorkItem.__init__.__code__
        for event, *arguments in (("PY_START",), ("PY_RETURN", None)):
            item.__init__(functools.partial(self.callbacks[event], code, 0, *arguments))
        self.work.append(item)

    def take_work(self, thread):
        if self.work:
            run = self.work.pop(0).run
            self.event("PY_START", "run", run)
            thread.open.append(("run", run))

    def lose(self, thread):
        self.lost += thread.open[-1:]
        del thread.open[-1:]
        if not self.keeps_what_is_lost:
            self.lost.clear()

    def end(self, thread, value):
        if thread.open:
            self.event("PY_RETURN", *thread.open.pop(), value)

    def unwind(self, thread, error):
        if thread.open:
            self.event("PY_UNWIND", *thread.open.pop(), error)

    def suspend(self, thread, value):
        if thread.open and thread.open[-1][0] in GENERATORS:
            call = thread.open.pop()
            self.event("PY_YIELD", *call, value)
            thread.waiting.append(call)

    def go_on(self, thread, event, *arguments):
        if thread.waiting:
            call = thread.waiting.pop(0)
            self.event(event, *call, *arguments)
            thread.open.append(call)

    def attach(self, thread, key):
        thread.tokens.append(otel_context.attach(otel_context.set_value("key", key)))

    def step(self, action, place, name, value):
        thread = self.threads[place]
        actions = {
            "start": lambda: self.start(thread, name, VALUES[value]),
            "hook": lambda: self.start(thread, "create_task"),
            "submit": self.submit,
            "work": lambda: self.take_work(thread),
            "return": lambda: self.end(thread, VALUES[value]),
            "unwind": lambda: self.unwind(thread, ValueError(value)),
            "yield": lambda: self.suspend(thread, VALUES[value]),
            "resume": lambda: self.go_on(thread, "PY_RESUME"),
            "throw": lambda: self.go_on(thread, "PY_THROW", ValueError(value)),
            "attach": lambda: self.attach(thread, value),
            "detach": lambda: thread.tokens and otel_context.detach(thread.tokens.pop()),
            "drain": lambda: self.drain(3),
            "current": self.recorder.current,
            # broken orders: an event whose call has gone, never was, or is not the innermost
            "lose": lambda: self.lose(thread),
            "stray return": lambda: self.stray("PY_RETURN", name, VALUES[value]),
            "stray unwind": lambda: self.stray("PY_UNWIND", name, ValueError(value)),
            "stray yield": lambda: self.stray("PY_YIELD", name, VALUES[value]),
            "stray resume": lambda: self.stray("PY_RESUME", name),
            "stray throw": lambda: self.stray("PY_THROW", name, ValueError(value)),
        }
        thread.do(actions[action])

    def stray(self, event, name, *arguments):
        if event in SUSPENSIONS and name not in GENERATORS:
            return  # no function that is neither generator nor coroutine sends it
        self.event(event, name, runner_of(name), *arguments)

    def finish(self):
        """End what is open, as a program does that comes to its end."""
        for place, thread in enumerate(self.threads):
            while thread.waiting:
                self.step("resume", place, "", "none")
                self.step("return", place, "", "none")
            while thread.open:
                self.step("return", place, "", "none")


LEGAL = ("start", "start", "start", "return", "return", "unwind", "yield", "resume", "throw")
BETWEEN = ("attach", "detach", "drain", "current", "hook", "submit", "work")
BROKEN = ("lose", "stray return", "stray unwind", "stray yield", "stray resume", "stray throw")


def programs(actions):
    names = st.sampled_from((*FUNCTIONS, *GENERATORS))
    step = st.tuples(
        st.sampled_from(actions), st.integers(0, 1), names, st.sampled_from(sorted(VALUES))
    )
    return st.lists(step, max_size=40)


def run(core, program, between=lambda _driver: None, *, keeps_what_is_lost=False):
    """Drive a recorder through a program; return its driver and its counters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODETRACER_OTEL_CORE", core)
        drain = PythonRecorder.drain  # by hand alone: the session's worker gets nothing
        # in C, or the worker's call would itself be traced: [] for any limit
        patch.setattr(PythonRecorder, "drain", staticmethod([].__mul__))
        options = {"policy": {"on_recorder_error": "abort"}}
        with configure(only(__file__, *RULES), "none", **options):
            session = active_session()
            session.pause()  # the interpreter's own events are not wanted
            recorder = session._leading.recorder
            driver = Driver(recorder, drain, keeps_what_is_lost=keeps_what_is_lost)
            for step in program:
                driver.step(*step)
            between(driver)
            driver.finish()
            driver.close()
            return driver, driver.recorder.stats()


def described(records):
    """Return what records say, with parents by place instead of ids and without times."""
    place = {record[SPAN_ID]: number for number, record in enumerate(records)}
    traces, threads = {}, {}
    return [
        (
            record[CODE].co_name,
            place.get(record[PARENT_ID], "none" if record[PARENT_ID] == 0 else "lost"),
            traces.setdefault(record[SEGMENT].trace_id, len(traces)),
            threads.setdefault(record[SEGMENT].thread_id, len(threads)),
            repr(record[ARGUMENTS]),
            repr(record[RESULT]),
            ending(record),
            record[END] >= record[START] > 0,
        )
        for record in records
    ]


def ending(record):
    extras = record[EXTRAS]
    if extras is None:
        return Ending.RETURNED, None, 0, "()"
    error = extras.exception
    described = error and (error.type_name, error.message)
    return extras.ending, described, extras.suspensions, repr(extras.locals)


CORES = [
    "python",
    pytest.param(
        "c",
        marks=pytest.mark.skipif(load().module is None, reason=f"no build: {load().reason}"),
    ),
]


@pytest.mark.parametrize("core", CORES)
@settings(max_examples=examples(40))
@given(program=programs(LEGAL + BETWEEN))
def test_each_call_of_a_legal_order_is_recorded_once(core, program):
    driver, stats = run(core, program)
    recorded = Counter(record[CODE].co_name for record in driver.drained)
    assert {name: recorded[name] for name in KEPT} == {n: driver.started[n] for n in KEPT}
    assert {key: n for key, n in driver.given.items() if key[0] in SIMPLE} == Counter(
        (record[CODE].co_name, repr(record[ARGUMENTS][-1]))
        for record in driver.drained
        if record[CODE].co_name in SIMPLE and "REDACTED" not in repr(record[ARGUMENTS])
    )
    assert stats["healed_stack_entries"] == 0
    assert all(row[1] != "lost" for row in described(driver.drained))
    assert len({record[SPAN_ID] for record in driver.drained}) == len(driver.drained)


@pytest.mark.parametrize("core", CORES)
@settings(max_examples=examples(40))
@given(program=programs(LEGAL + BETWEEN + BROKEN))
@example([("start", 0, "outer", "none"), ("start", 0, "items", "none"), ("lose", 0, "", "none")])
def test_no_call_of_a_broken_order_is_recorded_twice_or_stays_open(core, program):
    driver, _ = run(core, program)
    recorded = Counter(record[CODE].co_name for record in driver.drained)
    assert all(recorded[name] == driver.started[name] for name in KEPT)
    assert len({record[SPAN_ID] for record in driver.drained}) == len(driver.drained)
    assert all(record[END] >= record[START] > 0 for record in driver.drained)


@pytest.mark.skipif(load().module is None, reason=f"no build: {load().reason}")
@settings(max_examples=examples(40))
@given(program=programs(LEGAL + BETWEEN + BROKEN))
def test_both_recorders_keep_the_same_records(program):
    python, python_stats = run("python", program, keeps_what_is_lost=True)
    compiled, stats = run("c", program, keeps_what_is_lost=True)
    assert described(compiled.drained) == described(python.drained)
    assert {name: stats[name] for name in python_stats} == python_stats


@pytest.mark.parametrize("core", CORES)
@settings(max_examples=examples(20))
@given(program=programs(LEGAL + BETWEEN), after=st.integers(0, 5))
def test_a_forked_child_records_what_begins_in_it_and_nothing_else(core, program, after):
    def fork(driver):
        driver.threads[1].pool.shutdown()  # no other thread lives in a child
        driver.threads[1] = Thread()
        driver.threads[0].do(driver.recorder.begin_in_forked_child)
        driver.drained.clear()
        for _ in range(after):
            driver.step("start", 0, "inner", "none")
            driver.step("return", 0, "", "text")

    driver, _ = run(core, program, fork)
    assert Counter(record[CODE].co_name for record in driver.drained) == Counter(inner=after)
