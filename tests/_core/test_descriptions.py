"""Both cores tell the same of exceptions, and the compiled one tells of plain ones by itself."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest
from tests.conftest import only, rule

from codetracer_otel._core import load
from codetracer_otel.instrumentation.spans.call_ends import CallEnds
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.model.record import CODE, END, EXTRAS, START, Ending
from codetracer_otel.sdk.session.configure import active_session, configure

pytestmark = pytest.mark.skipif(load().module is None, reason="no compiled core")


class Refused(Exception):
    """One of the program's own."""


class Coded(Exception):
    def __init__(self, code):
        self.code = code


class Odd(Exception):
    @property
    def args(self):
        raise AssertionError("code of the program ran")

    def __str__(self):
        raise AssertionError("code of the program ran")


class Rows:
    def __next__(self):
        raise StopIteration

    def __iter__(self):
        return self


def fail(error):
    raise error


def pass_on(error):
    untraced(error)


def untraced(error):
    fail(error)


def deeper(error, levels):
    if levels:
        deeper(error, levels - 1)
    raise error


def steps(error):
    yield 1
    raise error


def step(error):
    for _ in steps(error):
        pass


def repeat(error, count):
    for _ in range(count):  # one trace: each has an object that the collector counts
        _survive(pass_on, error)


def first(rows):
    return list(rows)


ERRORS = [
    ValueError("plain"),
    ValueError(),
    ValueError("x" * 1023),
    ValueError("x" * 1024),
    ValueError("\ud800 \u00e9" * 500),
    ValueError(7),
    ValueError("two", 2),
    ValueError("x" * 1023, 1 << 62),
    ValueError(*range(40)),
    ValueError(1.5, None, True, -(1 << 63), "it's \ud800"),
    ValueError(1 << 63),
    ValueError("large", 1 << 7000),
    ValueError("\n" * 2000),
    ValueError("two", []),
    ValueError(None),
    ValueError([]),
    KeyError("key"),
    OSError(2, "No such file"),
    Refused("no"),
    Coded(404),
    Odd("x"),
    ExceptionGroup("several", [ValueError("inner")]),
    asyncio.CancelledError("stop"),
    GeneratorExit(),
    KeyboardInterrupt(),
    SystemExit(0),
    SystemExit("bad"),
    StopAsyncIteration(),
]
CALLS = [pass_on, fail, step]


def run(errors):
    for error in errors:
        for call in CALLS:
            _survive(call, error)
    _survive(lambda error: deeper(error, 70), errors[0])
    first(Rows())


def _survive(call, error):
    try:
        call(error.with_traceback(None))
    except BaseException as raised:
        assert raised is error


def told(core, errors, *rules, **options):
    """Return what is recorded of each call that an exception leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODETRACER_OTEL_CORE", core)
        drain = PythonRecorder.drain
        patch.setattr(PythonRecorder, "drain", staticmethod([].__mul__))
        every = only(__file__, rule("obj:**.untraced", "exec = 'skip'"), *rules)
        policy = {"on_recorder_error": "abort"}
        with configure(every, "none", policy=policy, **options):
            run(errors)
            recorder = active_session()._leading.recorder
            return [_told(record) for record in drain(recorder, 10_000)]


def _told(record):
    extras = record[EXTRAS]
    if extras is None or extras.exception is None:
        return record[CODE].co_name, Ending.RETURNED if extras is None else extras.ending
    error = extras.exception
    assert isinstance(error.time_ns, int)
    assert record[START] <= record[END]
    return (
        record[CODE].co_name, extras.ending, error.type_name, error.message, error.frames,
        error.innermost, error.message_is_cut, error.stack_trace,
    )  # fmt: skip


REDACTED = "[[scope.rules.value_patterns]]\nselector = 'ret:**'\naction = 'redact'\n"


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ((), {}),
        (("exec = 'trace'\n" + REDACTED,), {}),
        (("exec = 'trace'\ncapture = []",), {}),
        (("exec = 'trace'\n[scope.rules.events]\nexceptions = false",), {}),
    ],
    ids=["as shipped", "redacted", "names only", "no events"],
)
def test_both_cores_tell_the_same(rules, options):
    chosen = [rule("obj:**.{fail,pass_on}", each) for each in rules]
    errors = ERRORS * 2  # a class is told of in C from its second exception on
    assert told("c", errors, *chosen, **options) == told("python", errors, *chosen, **options)


@pytest.mark.parametrize(
    "error",
    [
        Refused("no"),
        KeyError("key"),
        KeyError(7),
        OSError(2, "No such file"),
        Coded(404),
        Coded([]),
        ValueError([]),
        ValueError(1.5, None, True),
    ],
    ids=repr,
)
def test_a_plain_exception_is_described_without_python(monkeypatch, error):
    described = []
    describe = CallEnds.describe

    def counted(self, *arguments):
        described.append(arguments)
        return describe(self, *arguments)

    monkeypatch.setattr(CallEnds, "describe", counted)
    told("c", [error] * 6)
    others = [code for code, *_ in described if code.co_name != "deeper"]
    # the first of its class, and the iterator's end; 3.13.0 leaves plain generators to Python
    assert len(others) <= (13 if sys.version_info[:3] == (3, 13, 0) else 2)


def test_the_collector_counts_nothing_of_what_is_told(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    every = only(__file__, rule("obj:**.untraced", "exec = 'skip'"))
    with configure(every, "none", buffer={"interval_ms": 600_000}):
        repeat(error := ValueError("plain"), 2)
        gc.collect()
        gc.disable()
        try:
            before = gc.get_count()[0]
            repeat(error, 300)
            assert gc.get_count()[0] - before < 100
        finally:
            gc.enable()
