"""Spans and resources name the semantic conventions whose names they use."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.resources import Resource
from tests.conformance.validator import assert_valid
from tests.conftest import only
from tests.exporters.collector import running_collector

import codetracer_otel
from codetracer_otel.exporters.attributes import SCHEMA_URL

OTHER = "https://opentelemetry.io/schemas/1.21.0"


def work():
    return 1


@pytest.mark.parametrize(
    ("resource", "schema"),
    [
        (None, SCHEMA_URL),
        ({"team": "shop"}, SCHEMA_URL),
        (Resource({"team": "shop"}), SCHEMA_URL),
        (Resource({"team": "shop"}, OTHER), OTHER),
    ],
)
def test_the_scope_names_ours_and_the_resource_what_it_was_made_by(resource, schema):
    with running_collector() as collector:
        options = {"resource": resource} if resource is not None else {}
        with codetracer_otel.configure(only(__file__), f"otlp={collector.url}", **options):
            work()
        assert_valid(collector.requests)
        (made,) = collector.requests[0].resource_spans
    assert (made.schema_url, made.scope_spans[0].schema_url) == (schema, SCHEMA_URL)
    attributes = {item.key: item.value.string_value for item in made.resource.attributes}
    assert attributes.get("team") == (None if resource is None else "shop")
