from __future__ import annotations

from tests.exporters.made import RESOURCE, batch, plan, record, view

from codetracer_otel.model.protocols import Exporter, ExportResult
from codetracer_otel.testing import FixedClock, InMemoryExporter, SequentialIds


def test_the_memory_exporter_keeps_what_it_is_given():
    exporter = InMemoryExporter()
    assert isinstance(exporter, Exporter)
    made = record((1,), of=plan("n"), span_id=5, parent_id=3)
    assert exporter.export(batch(made, spans=(view("by hand"),))) is ExportResult.SUCCESS
    assert [span.name for span in exporter.spans] == ["shop.tax", "by hand"]
    assert exporter.spans[0].span_id == "0500000000000000"
    assert exporter.spans[0].parent_span_id == "0300000000000000"
    assert exporter.spans[0].attributes["codetracer.arg.n"] == 1
    assert exporter.spans[1].parent_span_id is None
    assert exporter.named("by hand") == exporter.spans[1:]
    assert exporter.resource == RESOURCE


def test_a_kept_span_does_not_follow_later_changes_of_the_delivered_one():
    exporter, made = InMemoryExporter(), view(attributes={"a": 1})
    exporter.export(batch(spans=(made,)))
    made.attributes["a"] = 2
    assert exporter.spans[0].attributes == {"a": 1}


def test_after_shutdown_nothing_more_is_kept():
    exporter = InMemoryExporter()
    exporter.export(batch(record()))
    exporter.shutdown(1.0)
    assert exporter.flush(1.0)
    assert exporter.export(batch(record())) is ExportResult.FAILURE
    assert len(exporter.spans) == 1
    exporter.clear()
    assert exporter.spans == []


def test_sequential_ids_count_from_one_each():
    ids = SequentialIds()
    assert [ids.generate_span_id(), ids.generate_span_id()] == [1, 2]
    assert ids.generate_trace_id() == 1


def test_a_fixed_clock_moves_only_when_told():
    clock = FixedClock(wall_ns=100, monotonic_ns=7)
    assert (clock.wall_ns(), clock.monotonic_ns()) == (100, 7)
    clock.advance(3)
    assert (clock.wall_ns(), clock.monotonic_ns()) == (103, 10)
