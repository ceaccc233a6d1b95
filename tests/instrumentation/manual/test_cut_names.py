"""Keys and session ids that are cut are judged with what the cut takes away."""

from __future__ import annotations

import pytest

import codetracer_otel as ct
from codetracer_otel.testing import InMemoryExporter

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def texts_of(spans):
    return [str((span.name, dict(span.attributes))) for span in spans]


@pytest.mark.parametrize("seen", range(4, 40, 5))
def test_a_key_is_judged_before_it_is_cut(seen):
    exporter = InMemoryExporter()
    key = "k" * (255 - seen) + " " + TOKEN
    with ct.configure(None, exporter), ct.span("s", **{key: 1}) as span:
        span.record(**{key + "x": 2})
    (text,) = texts_of(exporter.spans)
    assert "k" * 100 in text
    assert TOKEN[:8] not in text


@pytest.mark.parametrize("seen", range(8, 40, 5))
def test_the_end_of_a_session_id_that_was_cut_is_judged_as_cut(seen):
    exporter = InMemoryExporter()
    session_id = "s" * (255 - seen) + " " + TOKEN
    with ct.configure(None, exporter), ct.session_scope(session_id), ct.span("s"):
        pass
    (text,) = texts_of(exporter.spans)
    assert "s" * 100 in text
    assert TOKEN[:8] not in text
