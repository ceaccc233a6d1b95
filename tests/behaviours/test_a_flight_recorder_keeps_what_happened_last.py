"""`flight_recorder`: nothing is delivered until somebody asks, then what happened last."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import threading

import pytest
from opentelemetry import trace
from tests.behaviours.conftest import told_by_child
from tests.conftest import HEADER, rule

import codetracer_otel as ct
from codetracer_otel.cli import main
from codetracer_otel.errors import ConfigurationError, UsageError
from codetracer_otel.filters import filter_from_text
from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

TRACED = rf"obj:regex:{__name__}\..*\b(leaf|middle|handle|numbers|waits|secretive)$"
SELECTED = HEADER + rule(TRACED)
SECRET = "ghp_" + "a1B2c3D4" * 4 + "E5f6"
RING = {"flight_recorder": "1MB"}


@pytest.fixture
def exporter():
    made = InMemoryExporter()
    yield made
    shutdown()


def begin(exporter, text=SELECTED, **options):
    options = {**RING, "policy": {"on_recorder_error": "abort"}, **options}
    return configure(filter_from_text(text), exporter, **options)


def leaf(number):
    if number is None:
        raise LookupError("planted")
    return number


def middle(number):
    return leaf(number)


def handle(numbers, then=None):
    for number in numbers:
        middle(number)
    return None if then is None else then()


def names(spans):
    return [span.name.rpartition(".")[2] for span in spans]


def ring_of(session):
    return session.stats()["flight_recorder"]


def test_nothing_is_delivered_before_a_dump_and_everything_with_it(exporter):
    session = begin(exporter)
    handle(range(3))
    assert session.flush()
    assert exporter.spans == []
    assert ring_of(session)["kept"] == 7
    assert session.dump() == 7
    assert sorted(names(exporter.spans)) == ["handle", *["leaf"] * 3, *["middle"] * 3]


def test_a_dump_is_what_an_ordinary_session_delivers(exporter):
    def work():
        with contextlib.suppress(LookupError):
            handle([1, "text", None])

    session = begin(exporter)
    work()
    session.dump()
    shutdown()
    ordinary = InMemoryExporter()
    begin(ordinary, flight_recorder=None)
    work()
    shutdown()

    def told(spans):
        by_id = {span.span_id: span.name for span in spans}
        return [
            (span.name, by_id.get(span.parent_span_id), sorted(map(str, span.attributes.items())))
            for span in spans
        ]

    assert told(exporter.spans) == told(ordinary.spans)


def test_what_was_dumped_is_not_dumped_again(exporter):
    session = begin(exporter)
    handle(range(3))
    assert session.dump() == 7
    assert session.dump() == 0
    handle(range(1))
    assert session.dump() == 3
    assert len({span.span_id for span in exporter.spans}) == 10


def test_the_oldest_go_and_the_rest_is_complete(exporter):
    session = begin(exporter, buffer=ct.Buffer(batch_records=256))
    for turn in range(400):
        handle(range(turn * 100, turn * 100 + 100))
        session.flush()
    kept = ring_of(session)
    assert kept["overwritten"] > 0
    assert kept["kept"] + kept["overwritten"] == 400 * 201
    assert kept["kept_bytes"] <= 1_000_000
    count = session.dump()
    assert count == kept["kept"] == len(exporter.spans)
    leaves = [
        span.attributes["codetracer.return"] for span in exporter.spans if names([span]) == ["leaf"]
    ]
    assert leaves == list(range(40_000 - len(leaves), 40_000))


def test_open_calls_are_in_it_as_unfinished_and_go_on(exporter):
    session = begin(exporter)
    handle([1], session.dump)
    (unfinished,) = [span for span in exporter.spans if names([span]) == ["handle"]]
    assert unfinished.attributes["codetracer.unfinished"] is True
    assert {span.parent_span_id for span in exporter.spans if names([span]) == ["middle"]} == {
        unfinished.span_id
    }
    assert session.dump() == 1
    *_, finished = exporter.spans
    assert finished.span_id == unfinished.span_id
    assert "codetracer.unfinished" not in finished.attributes
    assert finished.end_ns >= unfinished.end_ns


def test_a_reader_of_two_dumps_sees_a_call_that_was_open_once_and_with_its_end(tmp_path, capsys):
    file = tmp_path / "dumps.jsonl"
    with begin(f"jsonl={file}") as session:
        handle([1], session.dump)
        session.dump()
    assert main(["show", str(file), "--json"]) == 0
    told = capsys.readouterr()
    shown = [json.loads(line) for line in told.out.splitlines()]
    (of_handle,) = [line for line in shown if line.get("name", "").endswith("handle")]
    assert "codetracer.unfinished" not in of_handle["attributes"]
    assert "seen before" not in told.out + told.err


def test_every_ancestor_is_in_it_for_threads_tasks_and_generators(exporter):
    session = begin(exporter)
    inside, leave = threading.Event(), threading.Event()

    def waits(number):
        leaf(number)
        inside.set()
        leave.wait(20)

    def numbers():
        yield leaf(1)
        yield leaf(2)

    async def handle():
        generator = numbers()
        next(generator)
        thread = threading.Thread(target=waits, args=(5,))
        thread.start()
        inside.wait(20)
        await asyncio.sleep(0)
        count = session.dump()
        leave.set()
        thread.join()
        return count, list(generator)

    count, rest = asyncio.run(handle())
    assert rest == [2]
    assert count == len(exporter.spans) == 5
    by_name = {span.name.rpartition(".")[2]: span for span in exporter.spans}
    is_open = {name: "codetracer.unfinished" in it.attributes for name, it in by_name.items()}
    assert is_open == {"handle": True, "numbers": True, "waits": True, "leaf": False}
    known = {span.span_id for span in exporter.spans}
    assert {span.parent_span_id in known for span in exporter.spans} == {True, False}
    assert [s.name for s in exporter.spans if s.parent_span_id not in known] == [
        by_name["handle"].name
    ]


def test_a_dump_under_load_has_no_holes(exporter):
    session = begin(exporter, flight_recorder="64MB")

    def busy():
        for _ in range(200):
            handle(range(20))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        session.dump(timeout=20)
    session.dump(timeout=20)
    spans = exporter.spans
    known = {span.span_id for span in spans}
    assert [
        span for span in spans if names([span]) != ["handle"] and span.parent_span_id not in known
    ] == []
    assert not session.stats()["dropped"]
    ended = [span.span_id for span in spans if "codetracer.unfinished" not in span.attributes]
    assert len(ended) == len(set(ended))


def test_only_the_last_seconds_are_dumped_if_asked(exporter, monkeypatch):
    session = begin(exporter)
    ring = session._pipeline.ring
    now = [0]
    monkeypatch.setattr(ring, "_now", lambda: now[0])
    handle([1])
    session.flush()
    now[0] = 60_000_000_000
    handle([2])
    assert session.dump(seconds=30) == 3
    assert {span.attributes["codetracer.return"] for span in exporter.spans} == {2, "None"}
    assert session.dump() == 3


def test_secrets_are_hidden_in_a_dump(exporter):
    session = begin(exporter)

    def secretive(text, password):
        return text

    secretive(f"token {SECRET}", "hunter-2-hunter")
    secretive("x", "y")
    leaf("again hunter-2-hunter")
    session.dump()
    shown = str([span.attributes for span in exporter.spans])
    assert SECRET not in shown
    assert "hunter-2" not in shown


def test_a_pause_does_not_forget_what_the_ring_must_hide(exporter):
    session = begin(exporter)

    def secretive(password):
        return leaf(f"it is {password}")

    secretive("hunter-2-hunter")
    session.pause()
    session.flush()
    session.resume()
    session.pause()
    session.dump()
    shown = str([span.attributes for span in exporter.spans])
    assert len(exporter.spans) == 2
    assert "hunter-2" not in shown


def test_spans_of_others_are_kept_and_dumped_too(exporter):
    session = begin(exporter)
    with trace.get_tracer("a library's").start_as_current_span("GET /"), ct.span("job"):
        leaf(1)
    session.flush()
    assert exporter.spans == []
    assert session.dump() == 3
    assert sorted(names(exporter.spans)) == ["GET /", "job", "leaf"]


def test_short_calls_are_folded_in_a_dump(exporter):
    fold = "[scope.fold]\nafter = 5\nshorter_than_us = 1000000\n"
    session = begin(exporter, HEADER + fold + rule(TRACED))
    for _ in range(20):
        with ct.span("job"):
            pass

    def handle():
        for number in range(50):
            leaf(number)

    handle()
    session.dump()
    assert session.stats()["folded"] == {"calls": 45, "spans": 1}
    assert names(exporter.spans).count("leaf") == 6


def test_of_whole_traces_only_those_that_are_kept_enter_the_ring(exporter):
    tail = "[scope.tail]\nkeep_errors = true\n"
    session = begin(exporter, HEADER + tail + rule(TRACED))
    for numbers in ([1], [None], [2]):
        with contextlib.suppress(LookupError):
            handle(numbers)
    session.flush()
    assert session.stats()["recorded"] == 3
    assert session.dump() == 3
    assert len({span.trace_id for span in exporter.spans}) == 1


def test_an_error_of_a_root_dumps_where_that_is_asked_for(exporter):
    session = begin(exporter, dump_on=["error"])
    handle([1])
    session.flush()
    assert exporter.spans == []
    with contextlib.suppress(LookupError):
        handle([None])
    session.flush()
    session.flush()
    assert sorted(names(exporter.spans)) == ["handle", "handle", "leaf", "leaf", "middle", "middle"]


def test_an_error_that_the_program_handles_inside_dumps_nothing(exporter):
    session = begin(exporter, dump_on=["error"])

    def handle():
        with contextlib.suppress(LookupError):
            leaf(None)

    handle()
    session.flush()
    session.flush()
    assert ring_of(session)["dumps"] == 0


def wait_for_dump(session):
    pause = threading.Event()
    for _ in range(500):
        if ring_of(session)["dumps"]:
            return
        pause.wait(0.02)


needs_signal = pytest.mark.skipif(
    not hasattr(signal, "SIGUSR2"), reason="no SIGUSR2 on this system"
)


@needs_signal
def test_sigusr2_dumps_where_that_is_asked_for(exporter):
    session = begin(exporter, dump_on=["sigusr2"])
    handle([1])
    os.kill(os.getpid(), signal.SIGUSR2)
    wait_for_dump(session)
    session.flush()
    assert len(exporter.spans) == 3
    shutdown()
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL


@needs_signal
def test_a_handler_of_the_program_stays_and_the_log_says_so(exporter, tmp_path):
    log = tmp_path / "log"
    mine = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        session = begin(exporter, dump_on=["sigusr2"], policy={"log_file": str(log)})
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGUSR2)
        handle([1])
        session.flush()
        assert ring_of(session)["dumps"] == 0
    finally:
        signal.signal(signal.SIGUSR2, mine)
    assert "SIGUSR2 asks for no dump" in log.read_text("utf-8")


def test_an_exception_that_leaves_the_block_of_a_session_dumps(exporter):
    with pytest.raises(LookupError), begin(exporter):
        handle([1, None])
    assert sorted(names(exporter.spans)) == ["handle", "leaf", "leaf", "middle", "middle"]


def test_an_exception_that_ends_the_program_dumps(exporter, monkeypatch):
    session = begin(exporter)
    handle([1])
    monkeypatch.setattr(sys, "last_exc", LookupError("as the interpreter sets it"), raising=False)
    session.shutdown()
    assert len(exporter.spans) == 3


def test_at_an_ordinary_end_the_rest_is_discarded_and_counted(exporter):
    session = begin(exporter)
    handle([1, 2])
    session.shutdown()
    assert exporter.spans == []
    counted = ring_of(session)
    assert (counted["kept"], counted["discarded"], counted["dumped"]) == (0, 5, 0)
    assert session.stats()["recorded"] == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
# a thread of a test before may not have ended yet
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_ring_of_its_own(exporter):
    session = begin(exporter)
    handle([1])

    def works():
        leaf(1)
        return f"{session.dump()} {len(exporter.spans)}"

    assert told_by_child(works) == "1 1"
    assert session.dump() == 3


def test_a_reload_keeps_what_the_ring_has(exporter):
    session = begin(exporter)
    handle([1])
    session.reload(filter_from_text(HEADER + rule(rf"obj:{__name__}.leaf")))
    handle([2])
    assert session.dump() == 4


def test_a_session_without_one_says_so(exporter):
    session = begin(exporter, flight_recorder=None)
    with pytest.raises(UsageError, match="no flight recorder"):
        session.dump()


@pytest.mark.parametrize("size", ["64", "many", "-1MB", 12, True, 1.5, "1e9", "64TB", ""])
def test_a_size_that_is_none_is_refused(exporter, size):
    with pytest.raises(ConfigurationError, match="flight_recorder: not a size"):
        begin(exporter, flight_recorder=size)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("1MB", 10**6),
        ("1.5 gb", 15 * 10**8),
        ("64MiB", 2**26),
        (2_000_000, 2_000_000),
        ("64m", 64 * 10**6),
    ],
)
def test_a_size_is_read(exporter, size, expected):
    assert begin(exporter, flight_recorder=size).settings.flight_recorder == expected


def test_occasions_for_a_dump_without_anything_to_dump_are_told(exporter, tmp_path):
    log = {"log_file": str(tmp_path / "log")}
    begin(exporter, flight_recorder=None, dump_on=["error"], policy=log)
    assert "set flight_recorder, too" in (tmp_path / "log").read_text("utf-8")


def test_a_ring_of_the_compiled_core_is_nothing_that_the_garbage_collector_walks(exporter):
    session = begin(exporter)
    handle(range(10))
    session.flush()
    ring = session._pipeline.ring
    blocks = [part.records.native for part in ring._parts if part.records.native is not None]
    assert not any(gc.is_tracked(block) for block in blocks)


def test_a_generator_that_goes_on_while_it_is_looked_for_is_in_a_dump(exporter, monkeypatch):
    session = begin(exporter)
    goes_on, inside, leave = threading.Event(), threading.Event(), threading.Event()

    def numbers():
        yield leaf(1)
        inside.set()
        leave.wait(20)
        yield leaf(2)

    leave.set()
    assert list(numbers()) == [1, 2]  # what is called for the first time is looked at in Python
    session.dump()
    exporter.clear()
    leave.clear()
    inside.clear()
    generator = numbers()
    next(generator)
    thread = threading.Thread(target=lambda: (goes_on.wait(20), list(generator)))
    thread.start()
    look = SuspendedCalls.all

    def look_late(calls):
        goes_on.set()
        assert inside.wait(20)
        return look(calls)

    monkeypatch.setattr(SuspendedCalls, "all", look_late)
    session.dump()
    monkeypatch.undo()
    leave.set()
    thread.join()
    assert sorted(names(exporter.spans)) == ["leaf", "numbers"]
