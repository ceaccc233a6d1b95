"""Objects of the program show their fields in native recordings and in hand-written spans."""

from __future__ import annotations

import json

from tests.conftest import only

import codetracer_otel as ct
from codetracer_otel.exporters.native import iter_trace
from codetracer_otel.testing import capture_spans
from codetracer_otel.traces import open_traces


class Order:
    def __init__(self, item, password):
        self.item, self.password = item, password

    def rename(self, item):
        self.item = item
        return self


def take(order):
    order.item = "plate"
    return order


def values_of(folder, function):
    with open_traces([str(folder)]) as traces:
        spans = traces.spans
        names = [spans.function_table[number].name for number in spans.functions]
        return dict(traces.details(names.index(function)).values)


def test_arguments_results_and_variables_show_fields_and_the_receiver_is_a_type(tmp_path):
    with ct.configure(only(__file__), f"native={tmp_path / 't'}"):
        take(Order("cup", "correct horse")).rename("saucer")
    taken = values_of(tmp_path / "t", "take")
    assert taken["codetracer.arg.order"] == {"item": "cup", "password": "<redacted>"}
    assert taken["codetracer.return"] == {"item": "plate", "password": "<redacted>"}
    renamed = values_of(tmp_path / "t", "Order.rename")
    assert renamed["codetracer.arg.self"] == f"<{__name__}.Order>"
    events = json.dumps(list(iter_trace(str(tmp_path / "t"))), default=str)
    assert "correct horse" not in events


def test_hand_written_spans_show_fields():
    with capture_spans(only(__file__)) as spans, ct.span("sale", order=Order("cup", "hunter22")):
        ct.event("packed", order=Order("plate", "correct horse"))
    (sale,) = [span for span in spans if span.name == "sale"]
    assert sale.attributes["order"] == '{"item":"cup","password":"<redacted>"}'
    assert sale.events[0].attributes["order"] == '{"item":"plate","password":"<redacted>"}'
