"""The options page says of every variable of the specification whether it is honored."""

from __future__ import annotations

import os
import re

import pytest
from tests.traced_run import PROJECT

from codetracer_otel.sdk.metrics.function_metrics import build_metric_exporter
from codetracer_otel.sdk.settings.resolve import resolve

PAGE = (PROJECT / "docs" / "options.md").read_text("utf-8")
ROW = re.compile(r"^\| `(OTEL_\w+)` \| (yes|no) \| .+ \|$", re.MULTILINE)
TABLE = dict(ROW.findall(PAGE[PAGE.index("| variable of the specification") :]))

SIGNALS = ("", "TRACES_", "METRICS_", "LOGS_")
LOGS = {"OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN": "logs"}
# release 1.60: configuration/sdk-environment-variables.md and protocol/exporter.md
OTLP = {
    "ENDPOINT": "http://collector:1234",
    "INSECURE": "true",
    "CERTIFICATE": "ca.pem",
    "CLIENT_KEY": "key.pem",
    "CLIENT_CERTIFICATE": "client.pem",
    "HEADERS": "a=b",
    "COMPRESSION": "gzip",
    "TIMEOUT": "7",
    "PROTOCOL": "http/json",
}
VALUES = {
    "OTEL_SDK_DISABLED": "true",
    "OTEL_ENTITIES": "service{service.name=x}",
    "OTEL_RESOURCE_ATTRIBUTES": "team=shop",
    "OTEL_SERVICE_NAME": "shop",
    "OTEL_LOG_LEVEL": "debug",
    "OTEL_PROPAGATORS": "tracecontext",
    "OTEL_TRACES_SAMPLER": "always_off",
    "OTEL_TRACES_SAMPLER_ARG": "0.5",
    **dict.fromkeys(
        (
            f"OTEL_{kind}_{name}"
            for kind in ("BSP", "BLRP")
            for name in (
                "SCHEDULE_DELAY",
                "EXPORT_TIMEOUT",
                "MAX_QUEUE_SIZE",
                "MAX_EXPORT_BATCH_SIZE",
            )
        ),
        "77",
    ),
    **dict.fromkeys(
        (
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        ),
        "7",
    ),
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT": "http://zipkin:9411",
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT": "77",
    "OTEL_EXPORTER_PROMETHEUS_HOST": "prometheus",
    "OTEL_EXPORTER_PROMETHEUS_PORT": "77",
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "console",
    "OTEL_LOGS_EXPORTER": "console",
    "OTEL_METRICS_EXEMPLAR_FILTER": "always_on",
    "OTEL_METRIC_EXPORT_INTERVAL": "77",
    "OTEL_METRIC_EXPORT_TIMEOUT": "77",
    "OTEL_EXPERIMENTAL_CONFIG_FILE": "otel.yaml",
    "OTEL_CONFIG_FILE": "otel.yaml",
    **{
        f"OTEL_EXPORTER_OTLP_{signal}{name}": value
        for signal in SIGNALS
        for name, value in OTLP.items()
    },
}
# what a variable is about
WITH = {
    "OTEL_TRACES_SAMPLER_ARG": {"OTEL_TRACES_SAMPLER": "traceidratio"},
    "OTEL_PROPAGATORS": {"BAGGAGE": "a=b"},
    **{f"OTEL_EXPORTER_OTLP_LOGS_{name}": LOGS for name in OTLP},
}
# what the SDK's exporter of metrics reads; metrics of functions leave by it
BY_THE_SDK = {f"OTEL_EXPORTER_OTLP_METRICS_{name}" for name in OTLP if name != "PROTOCOL"}
# what says no more of us than that it is there
IGNORED_BY_HTTP = {"OTEL_EXPORTER_OTLP_LOGS_INSECURE"}


def test_the_table_has_every_variable_of_the_specification_and_no_other():
    assert set(TABLE) == set(VALUES)


def test_the_exporter_of_metrics_reads_its_variables(monkeypatch):
    asked = set()
    environment = type(os.environ)
    read = environment.__getitem__

    def note(self, name):
        asked.add(name)
        return read(self, name)

    monkeypatch.setattr(environment, "__getitem__", note)
    for name in ("otlp", "otlp-grpc"):
        build_metric_exporter(name, None).shutdown()
    assert asked >= BY_THE_SDK
    assert {TABLE[variable] for variable in BY_THE_SDK} == {"yes"}


@pytest.mark.parametrize("variable", sorted(VALUES.keys() - BY_THE_SDK))
def test_a_variable_has_an_effect_where_the_table_says_so(variable):
    around = WITH.get(variable, {})
    without = resolve({}, around)
    with_it = resolve({}, {**around, variable: VALUES[variable]})
    assert with_it.warnings == without.warnings
    is_honored = with_it != without and variable not in IGNORED_BY_HTTP
    assert TABLE[variable] == ("yes" if is_honored else "no")
