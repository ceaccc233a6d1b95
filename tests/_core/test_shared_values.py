"""Calls that pass the same unchanged object on share the bytes of it, and nobody can tell."""

import gc
import tracemalloc
from dataclasses import dataclass

import pytest
from tests._core import test_json, test_otlp
from tests._core.test_record_block import Dropping, Keeping
from tests.conftest import only, rule

from codetracer_otel._core import load
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.model.record import ARGUMENTS, RESULT
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.testing import InMemoryExporter

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
FILLER = "long enough to be worth a memo of it, and then as long again as that"
NAMES = """exec = "trace"
[[scope.rules.value_patterns]]
selector = "arg:glob:password"
action = "redact"
"""
VALUES = """exec = "trace"
[[scope.rules.value_patterns]]
selector = "value:regex:al[a-z]*"
action = "redact"
"""


@dataclass
class Thing:
    held: object
    filler: str = FILLER


def echo(value):
    return value


def take(*values, **named):
    return None


def login(password):
    return None


def again(things, times=6):
    for thing in things:
        for _ in range(times):
            echo(thing)
            take(thing, 1, thing, named=thing)


@pytest.fixture(params=["c", "python"])
def core(request, monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", request.param)
    return request.param


@pytest.fixture
def compiled(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")


THINGS = [
    Thing("held"),
    Thing([1, 2.5, {"key": (None, True, "é")}]),
    Thing({"password": "hunter2 hunter2", "user": "bob"}),
    Thing(b"bytes"),
    Thing("x" * 5000),
    [FILLER, FILLER, FILLER, FILLER, FILLER],
    [Thing(1), Thing(2)],
    {"filler": FILLER, "thing": Thing(3)},
    list(range(20)),
]


def recorded(program):
    exporter = Keeping()
    with configure(only(__file__), exporter):
        program()
    return [
        (repr(record[ARGUMENTS]), repr(record[RESULT]))
        for block in exporter.blocks
        for record in block
    ]


def test_calls_have_what_they_had(monkeypatch):
    found = []
    for name in ("c", "python"):
        monkeypatch.setenv("CODETRACER_OTEL_CORE", name)
        found.append(recorded(lambda: again(THINGS)))
    assert found[0] == found[1]


def test_they_are_written_alike(compiled, tmp_path):
    exporter = Keeping()
    with configure(only(__file__), exporter):
        again(THINGS)
    test_otlp.check(exporter.blocks)
    test_json.check(tmp_path, exporter.blocks)


def test_a_block_keeps_what_its_session_has_forgotten(compiled):
    exporter = Keeping()
    with configure(only(__file__), exporter) as session:
        again([thing := Thing("of the first")])
        assert session.flush()
        session.pause()
        session.resume()
        thing.held = "of the second"
        again([thing])
    gc.collect()
    first, second = [[repr(record) for record in block] for block in exporter.blocks]
    assert all("of the first" in text for text in first if "'held'" in text)
    assert all("of the second" in text for text in second if "'held'" in text)
    assert "of the first" in first[0]
    assert "of the second" in second[0]


def texts_of(exporter, name):
    return [str(span.attributes) for span in exporter.spans if span.name.endswith(name)]


def test_secrets_are_hidden_in_each_call(core):
    exporter = InMemoryExporter()
    with configure(only(__file__, rule("obj:glob:**.echo", VALUES)), exporter):
        for _ in range(3):
            again([Thing(["alice", "bob"]), Thing(["bob", "carol"])])
    found = texts_of(exporter, ".echo")
    assert len(found) == 36
    assert not any("alice" in text for text in found)
    assert sum("carol" in text for text in found) == 18
    assert all("bob" in text for text in found)


def test_what_is_learned_later_is_hidden_from_then_on(core):
    exporter = InMemoryExporter()
    thing = Thing(["Tr0ub4dor-and-3"])
    with configure(only(__file__, rule("obj:glob:**.login", NAMES)), exporter) as session:
        again([thing])
        assert session.flush()  # the scan has found nothing in it
        login("Tr0ub4dor-and-3")
        again([thing])
        assert session.flush()
    found = texts_of(exporter, ".echo")
    assert len(found) == 12
    assert not any("Tr0ub4dor" in text for text in found[6:])


def traced_growth(program):
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    program()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


@pytest.fixture
def counted_memory():
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_a_log_of_the_same_object_is_small(compiled, counted_memory, monkeypatch):
    monkeypatch.setattr(PythonRecorder, "drain", staticmethod([].__mul__))  # nothing is delivered
    with configure(only(__file__), Dropping()) as session:
        thing = [f"{FILLER} {number}" for number in range(20)]
        before = session.stats()["recorder"]["queue_bytes"]
        grown = traced_growth(lambda: [echo(thing) for _ in range(1000)])
        charged = session.stats()["recorder"]["queue_bytes"] - before
    # Argument and result are 2 x 1,400 bytes. For the bound each call counts as if it had its own.
    assert grown < 1_000_000
    assert charged > 2_500_000


def test_memory_is_given_back(compiled, counted_memory):
    things = [Thing([FILLER, number]) for number in range(50)]

    def round_of_calls():
        for number, thing in enumerate(things):
            again([thing], times=4)
            thing.held = [FILLER, number]
        assert active_session().flush()

    with configure(only(__file__), Dropping()):
        for _ in range(4):
            round_of_calls()
        assert traced_growth(lambda: [round_of_calls() for _ in range(10)]) < 200_000
