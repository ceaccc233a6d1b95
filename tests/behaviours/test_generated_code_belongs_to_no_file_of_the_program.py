"""Functions that a library compiles from texts under names of its own are nobody's source."""

import pytest
from tests.conftest import HEADER, rule

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

TEXT = "def render(order):\n    return order * 2\n"


def generated(name):
    namespace = {"__name__": "library.templates"}
    exec(compile(TEXT, name, "exec"), namespace)
    return namespace["render"]


def names_of_spans(name, *rules):
    exporter = InMemoryExporter()
    configure(
        filter_from_text(HEADER + "".join(rules)),
        exporter,
        policy={"on_recorder_error": "abort"},
    )
    try:
        generated(name)(3)
    finally:
        shutdown()
    return [span.name for span in exporter.spans if span.name.endswith("render")]


@pytest.mark.parametrize("name", ["render_page", "", "index_html.generated.py", "<template>"])
def test_no_span_comes_of_it_unless_a_rule_names_it(name):
    shown = name if name.startswith("<") else f"<{name}>"
    everything = rule("file:**")
    assert names_of_spans(name, everything) == []
    assert names_of_spans(name, rule(f"file:literal:{shown}")) == ["library.templates.render"]


def test_a_text_that_was_read_from_a_file_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "render_page").write_text(TEXT)
    assert names_of_spans("render_page", rule("file:**")) == ["library.templates.render"]
