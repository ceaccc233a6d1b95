from __future__ import annotations

from collections import Counter

import pytest
from tests.collector.rotel import running_collector
from tests.exporters.made import batch, plan, record, view

from codetracer_otel.exporters import ExporterContext, build_exporter
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.settings.otel_environment import OtlpEnvironment

pytestmark = pytest.mark.collector

SPANS = 2_000


def silent(event, /, level="info", **facts):
    """Say nothing."""


@pytest.mark.parametrize(
    ("name", "compression"), [("otlp", None), ("otlp", "gzip"), ("otlp-grpc", None)]
)
def test_a_real_collector_receives_each_span_once(tmp_path, name, compression):
    made = [record((f"user {n}", n), of=plan("who", "n"), span_id=n + 1) for n in range(SPANS)]
    with running_collector(tmp_path / "log") as collector:
        url = collector.grpc_endpoint if name == "otlp-grpc" else collector.http_endpoint
        context = ExporterContext(OtlpEnvironment(compression=compression), silent)
        exporter = build_exporter(f"{name}={url}", context)
        results = [
            exporter.export(batch(*made[first : first + 500])) for first in range(0, SPANS, 500)
        ]
        results.append(exporter.export(batch(spans=(view("by hand", kind="SERVER"),))))
        exporter.shutdown(5.0)
        spans = collector.spans()
    assert set(results) == {ExportResult.SUCCESS}
    assert Counter(span.name for span in spans) == {"shop.tax": SPANS, "by hand": 1}
    assert len({span.span_id for span in spans}) == SPANS + 1
    by_id = {span.span_id: span for span in spans}
    found = by_id[(7).to_bytes(8, "little").hex()]
    assert found.attributes["codetracer.arg.who"] == "user 6"
    assert found.attributes["codetracer.arg.n"] == 6
    assert found.resource["service.name"] == "shop"
    assert found.scope.startswith("codetracer_otel")
