"""`pause` forgets the known secrets once nothing that was recorded before waits to be judged."""

import contextlib
import threading

import pytest
from opentelemetry import trace
from tests.conftest import only

from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

WORD = "hunter-2-hunter"


def secretive(password):
    return leaf(f"it is {password}")


def leaf(text):
    return text


def fails(text):
    raise LookupError(text)


@pytest.fixture
def exporter():
    made = InMemoryExporter()
    yield made
    shutdown()


def shown(exporter):
    return str([(span.name, span.attributes, span.events) for span in exporter.spans])


def test_what_a_tail_holds_is_judged_by_them(exporter):
    session = configure(only(__file__), exporter, tail="errors")
    with trace.get_tracer("a library's").start_as_current_span("GET /"):
        secretive(WORD)
        with contextlib.suppress(LookupError):
            fails("x")
        session.pause()
        assert session.flush()
    assert session.flush()
    assert len(exporter.spans) == 4
    assert WORD not in shown(exporter)


class Slow(InMemoryExporter):
    """Takes no second batch before it is told to."""

    def __init__(self):
        super().__init__()
        self.is_busy, self.goes_on = threading.Event(), threading.Event()

    def export(self, batch):
        super().export(batch)
        self.is_busy.set()
        self.goes_on.wait(20)
        return ExportResult.SUCCESS


def test_what_waits_for_a_slow_exporter_is_judged_by_them():
    exporter = Slow()
    buffer = {"records": 40, "batch_records": 4, "when_full": "block"}
    session = configure(only(__file__), exporter, buffer=buffer)
    for number in range(40):
        leaf(number)
    session._pipeline.wake()
    assert exporter.is_busy.wait(20)
    secretive(WORD)
    session.pause()
    drained = threading.Event()
    session._pipeline._on_drained = chained(session._pipeline._on_drained, drained.set)
    session._pipeline.wake()
    assert drained.wait(20)
    exporter.goes_on.set()
    assert session.flush()
    shutdown()
    assert len(exporter.spans) == 42
    assert WORD not in shown(exporter)


def chained(*actions):
    return lambda: [action() for action in actions]


def test_they_are_forgotten_then(exporter):
    session = configure(only(__file__), exporter, tail="errors")
    secretive(WORD)
    session.pause()
    assert session.flush()
    assert len(session._hooks.known) == 0


def test_they_are_forgotten_although_other_traces_are_open_by_then(exporter):
    session = configure(only(__file__), exporter, tail="errors")
    tracer = trace.get_tracer("a library's")
    before = tracer.start_span("before")
    with trace.use_span(before):
        secretive(WORD)
        session.pause()
        assert session.flush()
        assert len(session._hooks.known) == 1
    with tracer.start_as_current_span("behind"):
        before.end()
        with tracer.start_as_current_span("below"):
            pass
        assert session.flush()
        assert len(session._hooks.known) == 0
