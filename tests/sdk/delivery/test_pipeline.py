"""The pipeline moves records from the recorder to every queue."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetracer_otel.bindings import Time
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.delivery import export_queue
from codetracer_otel.sdk.delivery import pipeline as pipelines
from codetracer_otel.sdk.delivery.export_queue import ExportQueue
from codetracer_otel.sdk.delivery.flight_recorder.ring import Ring
from codetracer_otel.sdk.delivery.fold import Fold
from codetracer_otel.sdk.delivery.pipeline import Pipeline
from codetracer_otel.sdk.delivery.worker import Worker


class Recorder:
    """A recorder with records from a list."""

    def __init__(self):
        self.records = []

    def stats(self):
        return {}

    @property
    def waiting(self):
        return len(self.records)

    def drain(self, limit):
        taken = self.records[:limit]
        del self.records[:limit]
        return taken


class Span(int):
    """Stands for an ended OpenTelemetry span."""

    start_time = 1


class Keeper:
    def __init__(self):
        self.items = []
        self.sizes = []

    def export(self, batch):
        self.sizes.append(len(batch))
        self.items.extend([*batch.records, *batch.spans])
        return ExportResult.SUCCESS

    def flush(self, timeout):
        return True

    def shutdown(self, timeout):
        pass


def nothing(*_args, **_facts):
    return None


@pytest.fixture
def build():
    running = []

    def build_pipeline(*exporters, redact=lambda _records, spans: spans, **options):
        waits = {"is_waited_for": options.get("max_wait_s", 0.0) != 0}
        made = [
            ExportQueue(str(number), exporter, 1000, 10**9, nothing, nothing, len, **waits)
            for number, exporter in enumerate(exporters)
        ]
        options = {"interval_s": 60, "batch_records": 100, "max_spans": 1000, **options}
        errors = options.setdefault("errors", [])
        del options["errors"]
        pipeline = Pipeline(
            made,
            list,
            redact,
            {},
            on_thread_start=nothing,
            on_error=errors.append,
            on_failure=errors.append,
            **options,
        )
        pipeline.recorder = Recorder()
        pipeline.start()
        running.append(pipeline)
        return pipeline

    yield build_pipeline
    for pipeline in running:
        assert pipeline.stop(5)


def test_flush_delivers_everything_recorded_before_it_to_every_exporter(build):
    first, second = Keeper(), Keeper()
    pipeline = build(first, second)
    pipeline.recorder.records.extend(range(250))
    pipeline.add_span(Span(-1))
    assert pipeline.flush(5)
    assert first.items == second.items
    assert sorted(map(str, first.items)) == sorted([*map(str, range(250)), "-1"])
    assert max(first.sizes) <= 101
    assert pipeline.recorded == 251


def test_stop_delivers_the_rest(build):
    keeper = Keeper()
    pipeline = build(keeper)
    pipeline.recorder.records.extend(range(10))
    assert pipeline.stop(5)
    assert keeper.items == list(range(10))


def test_wake_drains_before_the_interval_is_over(build):
    keeper = Keeper()
    arrived = threading.Event()
    keeper.export = lambda _: (arrived.set(), ExportResult.SUCCESS)[1]
    pipeline = build(keeper)
    pipeline.recorder.records.append(1)
    pipeline.wake()
    assert arrived.wait(60)


def test_a_wish_that_a_signal_cut_short_keeps_no_later_one_away(build, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    pipeline = build(Keeper())
    with monkeypatch.context() as patched:
        patched.setattr(Worker, "put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pipeline.wake()
    assert pipeline.flush(60)
    wishes = []
    with monkeypatch.context() as patched:
        patched.setattr(Worker, "put", lambda _worker, wish: wishes.append(wish))
        pipeline.wake()
    assert len(wishes) == 1


def test_a_batch_that_cannot_be_judged_is_not_delivered(build):
    keeper, errors = Keeper(), []

    def redact(records, _spans):
        if records == [13]:
            raise ValueError("cannot judge")
        return _spans

    pipeline = build(keeper, redact=redact, errors=errors, batch_records=1)
    pipeline.recorder.records.extend([12, 13, 14])
    assert pipeline.flush(5)
    assert keeper.items == [12, 14]
    assert pipeline.failed_internally == 1
    assert [str(error) for error in errors] == ["cannot judge"]


def test_a_batch_that_met_a_lowered_recursion_limit_is_judged_again(build):
    keeper, errors, deferred_ends = Keeper(), [], [True]

    def redact(_records, spans):
        if deferred_ends:
            deferred_ends.clear()
            raise RecursionError
        return spans

    pipeline = build(keeper, redact=redact, errors=errors)
    pipeline.recorder.records.extend([12, 13])
    assert pipeline.flush(5)
    assert keeper.items == [12, 13]
    assert pipeline.dropped() == {}
    assert errors == []


def test_spans_of_others_are_bounded_and_counted(build):
    blocked, go_on = threading.Event(), threading.Event()

    def redact(_records, spans):
        blocked.set()
        go_on.wait(60)
        return spans

    keeper = Keeper()
    pipeline = build(keeper, redact=redact, max_spans=4)
    pipeline.add_span(Span(0))
    pipeline.wake()
    assert blocked.wait(60)
    for number in range(1, 8):
        pipeline.add_span(Span(number))
    go_on.set()
    assert pipeline.flush(5)
    assert keeper.items == [0, 1, 2, 3, 4]
    assert pipeline.dropped_spans == 3


def test_spans_wake_the_worker_from_half_of_their_bound_on(build):
    pipeline = build(Keeper(), max_spans=10)
    woken = []
    pipeline.wake = lambda: woken.append(pipeline.waiting_spans)
    for number in range(6):
        pipeline.add_span(Span(number))
    del pipeline.wake
    assert woken == [5, 6]


def test_a_span_whose_time_is_none_raises_nothing_into_the_program(build):
    keeper = Keeper()
    pipeline = build(keeper)
    span = Span(1)
    span.start_time = "now"
    pipeline.add_span(span)
    assert pipeline.flush(5)
    assert keeper.items == [span]


def test_one_hanging_exporter_stops_neither_the_other_nor_the_program(build):
    keeper, hanging, go_on = Keeper(), Keeper(), threading.Event()
    hanging.export = lambda _: (go_on.wait(30), ExportResult.SUCCESS)[1]
    pipeline = build(hanging, keeper)
    pipeline.recorder.records.extend(range(5))
    assert not pipeline.flush(0.3)
    assert keeper.items == list(range(5))
    go_on.set()
    assert pipeline.flush(5)


def test_what_was_not_judged_in_time_is_counted_as_lost_at_the_end(build):
    may_go_on = threading.Event()

    def judge_slowly(_records, spans):
        may_go_on.wait(60)
        return spans

    pipeline = build(Keeper(), redact=judge_slowly, batch_records=2)
    pipeline.recorder.records = [[] for _ in range(5)]
    pipeline.recorder.stats = lambda: {"queue_depth": len(pipeline.recorder.records)}
    assert pipeline.dropped() == {}
    assert not pipeline.stop(0.2)
    lost = pipeline.dropped()
    may_go_on.set()
    assert lost == {"shutdown": 5}


def test_a_flush_after_the_stop_does_not_wait_for_ever(build):
    pipeline = build(Keeper())
    assert pipeline.stop(5)
    assert not pipeline.flush(0.1)


def test_a_flush_ends_although_records_come_faster_than_they_are_delivered(build):
    pipeline = build(Keeper(), max_spans=300)
    pipeline.recorder.drain = lambda limit: [0] * limit
    assert pipeline.flush(5)
    pipeline.recorder.drain = lambda _limit: []


def test_a_defect_of_the_recorder_ends_no_delivery(build):
    keeper, errors = Keeper(), []
    pipeline = build(keeper, errors=errors)

    def broken(_limit):
        del pipeline.recorder.drain
        raise RuntimeError("no")

    pipeline.recorder.drain = broken
    pipeline.recorder.records.append(1)
    assert pipeline.flush(5)
    assert [type(error) for error in errors] == [RuntimeError]
    assert pipeline.flush(5)
    assert keeper.items == [1]


def test_losses_are_counted_by_their_cause(build):
    failing = Keeper()
    failing.export = lambda _batch: ExportResult.FAILURE
    pipeline = build(failing, Keeper(), max_spans=1)
    pipeline.add_span(Span(1))
    pipeline.add_span(Span(2))
    pipeline.recorder.stats = lambda: {"dropped_buffer_full": 7}
    assert pipeline.flush(5)
    assert pipeline.dropped() == {"buffer_full": 8, "export_failed": 1}


class Slow(Keeper):
    """Exports a batch when it is let go."""

    def __init__(self):
        super().__init__()
        self.turns = threading.Semaphore(0)

    def export(self, batch):
        assert self.turns.acquire(timeout=30)
        return super().export(batch)


def test_a_pipeline_that_waits_leaves_records_where_they_are_until_a_lane_has_room(build):
    slow = Slow()
    pipeline = build(slow, max_wait_s=None, interval_s=0.01, max_spans=10_000)
    pipeline.recorder.records.extend(range(5000))
    pipeline.wake()
    while pipeline.export_queues[0].stats()["queue_depth"] < 1000:
        time.sleep(0.001)
    for _ in range(50):
        pipeline.wake()
        time.sleep(0.001)
    assert len(pipeline.recorder.records) == 4000
    slow.turns.release(1000)
    assert pipeline.flush(30)
    assert slow.items == list(range(5000))
    assert pipeline.dropped() == {}


def test_a_stop_delivers_more_than_a_queue_holds(build):
    slow = Slow()
    pipeline = build(slow, max_wait_s=None)
    pipeline.recorder.records.extend(range(5000))
    slow.turns.release(1000)
    assert pipeline.stop(30)
    assert slow.items == list(range(5000))


def test_an_exporter_that_delivers_nothing_is_not_waited_for(build, monkeypatch):
    monkeypatch.setattr(export_queue, "PATIENCE_S", 0.2)
    dead, keeper = Slow(), Keeper()
    pipeline = build(dead, keeper, max_wait_s=None, interval_s=0.01, max_spans=10_000)
    pipeline.recorder.records.extend(range(5000))
    pipeline.wake()
    while len(keeper.items) < 5000:
        time.sleep(0.001)
    assert pipeline.dropped() == {"queue_full": 4000}
    dead.turns.release(1000)
    assert pipeline.flush(30)
    pipeline.recorder.records.extend(range(5000))
    assert pipeline.flush(30)
    assert len(dead.items) == 6000
    assert pipeline.dropped() == {"queue_full": 4000}


def test_a_stop_that_waits_for_a_lane_ends_at_its_deadline_and_counts_the_rest(build):
    dead = Slow()
    pipeline = build(dead, max_wait_s=None)
    pipeline.recorder.stats = lambda: {"queue_depth": len(pipeline.recorder.records)}
    pipeline.recorder.records.extend(range(5000))
    assert not pipeline.stop(0.3)
    assert pipeline.dropped() == {"shutdown": 5000}
    dead.turns.release(1000)


def test_hand_written_spans_wait_for_room_too(build):
    keeper = Keeper()
    pipeline = build(keeper, max_wait_s=None, max_spans=10, batch_records=5)
    for number in range(500):
        pipeline.add_span(Span(number))
    assert pipeline.flush(30)
    assert keeper.items == list(range(500))
    assert pipeline.dropped_spans == 0


def test_a_span_that_ends_on_a_thread_of_ours_needs_no_room(build):
    keeper = Keeper()
    pipeline = build(keeper, max_wait_s=None, max_spans=3, interval_s=60)
    pipeline.wake = nothing  # nobody makes room
    for number in range(3):
        pipeline.add_span(Span(number))
    thread = threading.Thread(target=lambda: (pipeline.waive_waits(), pipeline.add_span(Span(3))))
    thread.start()
    thread.join()
    assert pipeline.flush(30)
    assert keeper.items == [0, 1, 2, 3]


def test_what_may_be_folded_soon_waits_where_it_can_be_while_an_exporter_is_behind(build):
    keeper, may_go_on = Keeper(), threading.Event()
    deliver = keeper.export
    keeper.export = lambda batch: (may_go_on.wait(60), deliver(batch))[1]
    pipeline, watched = build(keeper, interval_s=0.001), []
    looked = threading.Event()

    def watch(block):
        watched.append(len(block))
        if not block and pipeline.recorder.records:
            looked.set()

    pipeline.watch = watch
    pipeline.recorder.records.extend(range(500))
    pipeline.wake()
    assert looked.wait(60)  # time is judged meanwhile
    assert len(pipeline.recorder.records) == 300
    may_go_on.set()
    assert pipeline.flush(5)
    assert keeper.items == list(range(500))
    assert sum(watched) == 500


def test_only_the_first_looks_follow_each_other_soon_whatever_they_find(build, monkeypatch):
    monkeypatch.setattr(pipelines, "_FIRST_INTERVAL_S", 0)
    monkeypatch.setattr(pipelines, "_FIRST_DRAINS", 3)
    drains, third = [], threading.Event()

    def drain(_recorder, _limit):
        drains.append(1)
        if len(drains) == 3:
            third.set()
        return ()

    monkeypatch.setattr(Recorder, "drain", drain)
    pipeline = build(Keeper())
    assert third.wait(60)
    assert pipeline.flush(5)
    assert len(drains) == 4


class Program(Recorder):
    """A recorder of a program that goes on while records and spans are taken.

    Args:
        pipeline: that its spans go to.
        ends: whether what ends is a span, or else a record; each is its place in this order.
        pauses: how many end before each look at the records, and after it.
    """

    def __init__(self, pipeline, ends, pauses):
        super().__init__()
        self._pipeline, self._pauses = pipeline, iter(pauses)
        self._ends = list(enumerate(ends))

    def go_on(self, count=None):
        for _ in range(min(next(self._pauses, 0) if count is None else count, len(self._ends))):
            place, is_span = self._ends.pop(0)
            if is_span:
                self._pipeline.add_span(Span(place))
            else:
                self.records.append(place)

    def drain(self, limit):
        self.go_on()
        taken = super().drain(limit)
        self.go_on()
        return taken

    @property
    def waiting(self):
        self.go_on()
        count = len(self.records)
        self.go_on()
        return count


class Judge:
    """A hold that keeps nothing, and sees whether anything comes before what ended earlier."""

    given_up = waiting = 0

    def __init__(self, ends):
        self._ends = ends
        self._spans, self._records = set(), set()
        self.is_misled = False

    def note(self, spans):
        self._spans.update(map(int, spans))

    def take(self, records, spans):
        self.note(spans)
        self._records.update(records)
        for place in [*records, *map(int, spans)]:
            earlier = self._records if self._ends[place] else self._spans
            missing = {
                other
                for other, is_span in enumerate(self._ends[:place])
                if is_span is not self._ends[place]
            } - earlier
            self.is_misled = self.is_misled or bool(missing)
        return [(records, spans)]

    def finish(self):
        return []

    def forget(self, calls):
        pass


@given(
    st.lists(st.booleans(), max_size=60),
    st.lists(st.integers(0, 4), max_size=60),
    st.integers(1, 5),
)
def test_a_hold_judges_nothing_before_it_has_seen_what_ended_earlier(ends, pauses, batch):
    keeper, judge, failures = Keeper(), Judge(ends), []
    queue = ExportQueue("kept", keeper, 1000, 10**9, nothing, nothing, len)
    pipeline = Pipeline(
        [queue],
        list,
        lambda _records, spans: spans,
        {},
        interval_s=60,
        batch_records=batch,
        max_spans=1000,
        on_thread_start=nothing,
        on_error=failures.append,
        on_failure=failures.append,
        hold=judge,
    )
    program = pipeline.recorder = Program(pipeline, ends, pauses)
    pipeline.start()
    assert pipeline.flush(5)
    program.go_on(len(ends))
    assert pipeline.flush(5)
    assert sorted(map(int, keeper.items)) == list(range(len(ends)))
    assert not judge.is_misled
    assert pipeline.stop(5)
    assert not failures


class Passing:
    """A hold that lets everything go, each record in a batch of its own."""

    given_up = 0

    def __init__(self, waiting=0):
        self.waiting = waiting

    def note(self, spans):
        pass

    def take(self, records, spans):
        return [*(([record], []) for record in records), *([((), spans)] if spans else [])]

    def finish(self):
        return []

    def holds_from_before(self, _time_ns):
        return False

    def forget(self, calls):
        self.waiting = 0


def test_what_is_behind_the_batch_that_is_judged_counts_as_lost_at_the_end(build):
    judging, may_go_on = threading.Event(), threading.Event()

    def judge_slowly(_records, spans):
        judging.set()
        may_go_on.wait(60)
        return spans

    pipeline = build(Keeper(), redact=judge_slowly, hold=Passing(waiting=7))
    pipeline.recorder.records.extend(range(5))
    pipeline.wake()
    assert judging.wait(60)
    assert not pipeline.stop(0.05)
    lost = pipeline.dropped()
    may_go_on.set()
    assert lost == {"shutdown": 12}


def test_what_is_judged_behind_the_end_stays_counted_as_lost(build):
    may_go_on = threading.Event()

    def judge_slowly(_records, spans):
        may_go_on.wait(60)
        return spans

    pipeline = build(Keeper(), redact=judge_slowly)
    pipeline.recorder.records.extend(range(5))
    assert not pipeline.stop(0.05)
    may_go_on.set()
    assert pipeline.stop(60)
    assert pipeline.dropped() == {"shutdown": 5}


def test_exporters_have_time_for_their_end_although_judging_took_all_of_it(build, monkeypatch):
    keeper, times = Keeper(), []
    keeper.shutdown = times.append
    real = time.monotonic

    def judge_for_a_minute(_records, spans):
        monkeypatch.setattr(Time, "monotonic", staticmethod(lambda: real() + 60))
        return spans

    pipeline = build(keeper, redact=judge_for_a_minute)
    pipeline.recorder.records.extend(range(5))
    assert pipeline.stop(30)
    assert [time_left > 0 for time_left in times] == [True]


def test_a_span_that_comes_behind_the_end_counts_as_lost(build):
    keeper = Keeper()
    pipeline = build(keeper)
    pipeline.add_span(Span(1))
    assert pipeline.stop(5)
    assert pipeline.dropped() == {}
    pipeline.add_span(Span(2))
    assert keeper.items == [Span(1)]
    assert pipeline.dropped() == {"shutdown": 1}


def test_a_hold_that_fails_loses_what_it_was_given_and_that_is_counted(build):
    keeper, errors, hold = Keeper(), [], Passing()
    pipeline = build(keeper, errors=errors, hold=hold)

    def broken(_records, _spans):
        del hold.take
        raise RuntimeError("no")

    hold.take = broken
    pipeline.recorder.records.extend(range(5))
    assert pipeline.flush(5)
    assert [type(error) for error in errors] == [RuntimeError]
    pipeline.recorder.records.append(5)
    assert pipeline.flush(5)
    assert keeper.items == [5]
    assert pipeline.dropped() == {"internal": 5}
    assert pipeline.recorded == 6


@pytest.mark.parametrize("ends", ["flush", "stop"])
def test_what_comes_behind_a_batch_that_failed_is_delivered_to_who_waits(build, ends):
    keeper, hold = Keeper(), Passing()
    pipeline = build(keeper, hold=hold, batch_records=2)

    def broken(_records, _spans):
        del hold.take
        raise RuntimeError("no")

    hold.take = broken
    pipeline.recorder.records.extend(range(6))
    assert getattr(pipeline, ends)(60)
    assert keeper.items == [2, 3, 4, 5]
    assert pipeline.dropped() == {"internal": 2}


def test_a_dump_is_made_although_what_comes_before_it_fails(build, monkeypatch):
    keeper = Keeper()
    pipeline = build(keeper, ring=Ring(10**6, time.monotonic_ns))
    pipeline.add_span(Span(1))
    assert pipeline.flush(60)
    monkeypatch.setattr(pipeline.recorder, "drain", lambda _: [0])
    monkeypatch.setattr(pipeline, "hold", hold := Passing())

    def broken(*_):
        monkeypatch.undo()
        pipeline.recorder.copy_open_calls = lambda: ([], 0)
        raise RuntimeError("no")

    hold.take = broken
    assert pipeline.dump(None, 60) == (1, True)
    assert keeper.items == [Span(1)]


@pytest.mark.parametrize("what", ["ring", "fold"])
def test_what_fails_behind_the_hold_loses_a_batch_and_that_is_counted(build, what):
    keeper, errors = Keeper(), []
    ring = Ring(10**6, time.monotonic_ns) if what == "ring" else None
    pipeline = build(keeper, errors=errors, ring=ring)

    def broken(*_batch):
        setattr(pipeline, what, None)
        raise RuntimeError("no")

    if ring is None:
        pipeline.fold = Fold(None)
        pipeline.fold.take = broken
    else:
        ring.add = broken
    pipeline.recorder.records.extend(range(5))
    assert pipeline.flush(5)
    assert [type(error) for error in errors] == [RuntimeError]
    assert pipeline.dropped() == {"internal": 5}
    assert pipeline.recorded == 5
    pipeline.recorder.records.append(5)
    assert pipeline.flush(5)
    assert keeper.items == [5]


def test_who_watches_and_fails_costs_no_record(build):
    keeper, errors = Keeper(), []
    pipeline = build(keeper, errors=errors)

    def fail(_records):
        pipeline.watch = None
        raise RuntimeError("no")

    pipeline.watch = fail
    pipeline.recorder.records.extend(range(5))
    assert pipeline.flush(5)
    assert [type(error) for error in errors] == [RuntimeError]
    assert keeper.items == list(range(5))


class Busy(Recorder):
    """A recorder whose program ends as many calls as are taken."""

    def __init__(self, waiting):
        super().__init__()
        self.records = [0] * waiting
        self.is_busy = True

    def drain(self, limit):
        taken = super().drain(limit)
        if self.is_busy:
            self.records += taken
        return taken

    @property
    def waiting(self):
        return len(self.records)


def test_a_flush_delivers_the_spans_from_before_it_however_many_calls_end_meanwhile(build):
    judge = Judge([])
    judge.take = lambda records, spans: [(records, spans)]
    pipeline = build(batch_records=20, max_spans=400, hold=judge)
    busy = pipeline.recorder = Busy(400)
    delivered = []
    pipeline._put = lambda _records, spans: delivered.extend(spans)
    for number in range(1, 400):
        pipeline.add_span(Span(number))
    assert pipeline.flush(60)
    busy.is_busy = False
    assert delivered == list(range(1, 400))


def test_who_waits_for_room_waits_as_long_as_calls_are_delivered(build, monkeypatch):
    monkeypatch.setattr(pipelines, "Room", partial(pipelines.Room, patience_s=1.0))
    delivering = threading.Semaphore(0)

    class Slow(Keeper):
        def export(self, batch):
            assert delivering.acquire(timeout=60)
            return super().export(batch)

    keeper, judge = Slow(), Judge([])
    judge.take = lambda records, spans: [(records, spans)]
    pipeline = build(keeper, batch_records=4, max_spans=4, max_wait_s=None, hold=judge)
    pipeline.recorder = Busy(40)
    for number in range(1, 5):
        pipeline.add_span(Span(number))
    adding = threading.Thread(target=pipeline.add_span, args=[Span(5)])
    adding.start()
    while adding.is_alive():
        delivering.release()
        adding.join(0.25)
    pipeline.recorder.is_busy = False
    delivering.release(10**6)
    assert pipeline.flush(60)
    assert pipeline.dropped_spans == 0
    assert {item for item in keeper.items if item} == set(range(1, 6))
