"""Blocks of the compiled core: bytes until somebody looks, and the same records then."""

import gc
import tracemalloc

import pytest
from tests.conftest import only, rule

from codetracer_otel._core import load
from codetracer_otel._core.record_block import CompiledBlock
from codetracer_otel._core.span_recorder import CompiledBuffer
from codetracer_otel.filters.secrets.known.index import bits_of
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record import ARGUMENTS, PLAN, SEGMENT, SPAN_ID
from codetracer_otel.model.record_block import (
    EVERY_TEXT,
    NOT_AT_ALL,
    SUSPECTS,
    RecordBlock,
    outline_of,
    tallies_of,
)
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")


class Thing:
    pass


def echo(value, other=None):
    return value


def calls(*values):
    return [echo(value) for value in values]


class Keeping:
    """Keeps the blocks that it gets; `changed` says which of their records were."""

    def __init__(self):
        self.blocks = []

    def export(self, batch):
        self.blocks.append(batch.records)
        return ExportResult.SUCCESS

    def flush(self, timeout):
        return True

    def shutdown(self, timeout):
        pass


class Dropping(Keeping):
    def export(self, batch):
        return ExportResult.SUCCESS


@pytest.fixture
def blocks(monkeypatch):
    """Return a function that records calls and returns the blocks of records delivered."""
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")

    def of(*values, trace_filter=None, call=calls):
        exporter = Keeping()
        with configure(trace_filter or only(__file__), exporter):
            call(*values)
        return exporter.blocks

    return of


def block_of(blocks, *values, **options):
    (block,) = blocks(*values, **options)
    return block


def test_records_are_made_when_they_are_asked_for_and_stay_the_same(blocks):
    block = block_of(blocks, 1, "text", None, 2.5)
    assert isinstance(block, CompiledBlock)
    assert len(block) == 5
    assert [record[ARGUMENTS] for record in block[:2]] == [(1, None), ("text", None)]
    assert next(iter(block)) is block[0]
    assert block[-1][PLAN].name.endswith("calls")
    assert block[1:3] == [block[1], block[2]]
    with pytest.raises(IndexError):
        block[5]


def test_plans_are_counted_and_segments_told_without_making_records(blocks):
    block = block_of(blocks, *range(9))
    counts = {}
    for plan, count in block.plans():
        counts[plan.name.rpartition(".")[2]] = counts.get(plan.name.rpartition(".")[2], 0) + count
    assert counts == {"echo": 9, "calls": 1}
    assert {segment.trace_id for segment in block.segments()} == {
        record[SEGMENT].trace_id for record in block
    }


def failing(value):
    raise ValueError(value)


def deeper(*values):
    for value in values:
        echo(calls(value))
    with pytest.raises(ValueError):
        failing(values)


def test_what_calls_come_to_is_told_without_making_records(blocks):
    def summed(tallies):
        sums = {}
        for plan, *figures in tallies:
            known = sums.setdefault(plan.name.rpartition(".")[2], [0] * len(figures))
            sums[plan.name.rpartition(".")[2]] = [
                a + b for a, b in zip(known, figures, strict=True)
            ]
        return sums

    block = block_of(blocks, *range(4), call=deeper)
    told = summed(block.tallies())
    assert told == summed(tallies_of(list(block)))
    figures = {name: (calls, *rest) for name, (calls, _ns, *rest) in told.items()}
    assert figures["echo"] == (8, 0, 0, 0)
    assert figures["calls"] == (4, 4, 0, 0)  # each has a call of another function below it
    assert figures["failing"] == (1, 0, 0, 1)
    assert figures["deeper"] == (1, 1, 1, 0)
    with pytest.raises(TypeError):
        block.native.tally([])


def test_records_can_be_taken_out_without_making_the_others(blocks):
    block = block_of(blocks, *range(5), Thing())
    outlines = block.outlines()
    assert outlines == [outline_of(record) for record in block]
    taken = [index for index, outline in enumerate(outlines) if index % 2]
    kept = [record for index, record in enumerate(block) if not index % 2]
    block.discard(taken)
    assert [*block] == kept
    assert sum(count for _, count in block.plans()) == len(kept) == len(block)
    assert block.outlines() == outlines[::2]
    block.discard(range(len(block)))
    assert [*block] == []
    with pytest.raises(TypeError):
        block.native.discard(b"\0")


def test_records_of_python_come_behind_the_others(blocks):
    [block] = blocks(lambda: calls(1, 2, 3))
    block.discard([1])
    before, made = list(block), list(block[0])
    block.extend([made, made])
    assert list(block) == [*before, made, made]
    assert list(block.owned()) == [made, made]
    assert sum(count for _, count in block.plans()) == len(block) == len(before) + 2
    with pytest.raises(TypeError):
        block.native.extend(())
    listed = RecordBlock([made])
    listed.extend([made])
    assert len(listed) == len(listed.owned()) == 2


def test_only_suspicious_texts_are_handed_over(blocks):
    block = block_of(blocks, "fine", "password=hunter2", 7, Thing())
    judging = dict.fromkeys((NOT_AT_ALL, SUSPECTS, EVERY_TEXT))
    for mode in judging:
        judging[mode] = list(block.suspicious(lambda _plan, mode=mode: mode))
    assert judging[NOT_AT_ALL] == []
    assert judging[SUSPECTS] == []  # it has been judged, and its record taken over
    assert [text for _, text in judging[EVERY_TEXT]] == ["fine", "fine"]
    assert [record[ARGUMENTS][0] for record in block.owned()[:1]] == ["password=<redacted>"]


def test_a_record_that_was_taken_over_is_not_scanned_any_more(blocks):
    block = block_of(blocks, "one", "two")
    before = len(block.owned())
    record = block.take_over(1)
    assert record is block[1]
    assert len(block.owned()) == before + 1
    texts = block.suspicious(lambda _plan: EVERY_TEXT)
    assert texts == [(0, "one"), (0, "one")]


def test_a_block_outlives_its_session_and_its_log(blocks):
    block = block_of(blocks, *range(3))
    gc.collect()
    assert [record[ARGUMENTS][0] for record in block[:3]] == [0, 1, 2]


def test_the_memory_of_blocks_is_used_again(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    tracemalloc.start()
    try:
        with configure(only(__file__), Dropping()) as session:
            sizes = []
            for _ in range(6):
                calls(*range(4000))
                assert session.flush()
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[2] < 600_000  # a round fills 1.6 MB, and there are three


VALUES = """exec = "trace"
[[scope.rules.value_patterns]]
selector = "value:regex:al[a-z]*"
action = "redact"
"""


def login(password, user):
    return echo(user)


def test_known_secrets_are_seen_in_bytes(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    names = rule("obj:glob:*.login", NAMES)
    exporter = InMemoryExporter()
    with configure(only(__file__, names), exporter) as session:
        login("Tr0ub4dor-and-3", "bob")
        assert session.flush()
        calls("Tr0ub4dor-and-3", "nothing", "with Tr0ub4dor-and-3 in it", "Tr0ub4dor-and-4")
        stats = session.stats()
    shown = [span.attributes.get("codetracer.arg.value") for span in exporter.spans]
    assert [text for text in shown if text] == [
        "bob", "<redacted>", "nothing", "with <redacted> in it", "Tr0ub4dor-and-4",
    ]  # fmt: skip
    assert stats["known_secrets"] == 1


def test_windows_of_known_secrets_are_looked_for_in_every_text(blocks):
    block = block_of(blocks, "0123456", "01234567", "x01234567y", "nothing")
    substitution = bytes(range(256))
    windows = substitution, bits_of([int.from_bytes(b"01234567")])
    found = block.suspicious(lambda _plan: SUSPECTS, windows)
    assert {text for _, text in found} == {"01234567", "x01234567y"}
    for wrong in ((substitution[1:], b"0"), (substitution, "0")):
        with pytest.raises(TypeError):
            block.suspicious(lambda _plan: SUSPECTS, wrong)


NAMES = """exec = "trace"
[[scope.rules.value_patterns]]
selector = "arg:words:password"
action = "redact"
"""


def test_user_patterns_have_every_text_judged(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    exporter = InMemoryExporter()
    patterns = rule("obj:glob:*", VALUES)
    with configure(only(__file__, patterns), exporter):
        calls("alice", "bob")
    shown = {span.attributes.get("codetracer.arg.value") for span in exporter.spans}
    assert {"bob"} <= shown
    assert "alice" not in shown


def test_a_list_is_a_block_as_well():
    records = [[None] * 11, [1] * 11]
    block = RecordBlock.of(records)
    assert RecordBlock.of(block) is block
    assert block == records
    assert block.owned() is records
    assert block.take_over(1) is records[1]
    assert block[:1] == records[:1]
    assert (block.size, block.native) == (0, None)
    assert block.suspicious(lambda _plan: EVERY_TEXT) == ()
    assert block.plan_of(1) == records[1][PLAN] == 1
    assert [plan for plan, _ in block.plans()] == [None, 1]
    assert block.segments() == [None, 1]
    assert records[0][SPAN_ID] is None


def test_records_may_be_taken_out_of_a_block_that_has_no_others():
    records = CompiledBuffer(NATIVE.module, 10, 10, print).records
    for number in range(3):
        records.append([number])
    block = records.take(3)
    block.discard(b"\1\0\1")
    assert list(block) == [[1]]
