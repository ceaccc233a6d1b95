"""Functions that a library compiles from texts under names of its own are nobody's source."""

import pytest
from tests.conftest import HEADER, rule
from tests.traced_run import run_traced, spans_in

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


LEAVES = """\
import os
os.chdir("elsewhere")

def work(number):
    return number

work(1)
"""


@pytest.mark.parametrize(
    "words",
    [("-m", "cProfile", "app.py"), ("-c", "import runpy; runpy.run_path('app.py')")],
    ids=["cProfile", "runpy"],
)
@pytest.mark.parametrize("other", [False, True], ids=["alone", "beside-another"])
def test_a_file_that_was_run_by_its_name_alone_stays_one_in_another_folder(tmp_path, words, other):
    (tmp_path / "app.py").write_text(LEAVES)
    (tmp_path / "elsewhere").mkdir()
    if other:
        (tmp_path / "elsewhere" / "app.py").write_text("")
    (tmp_path / "only.toml").write_text(HEADER + rule(f"file:literal:{tmp_path}/app.py"))
    spans = tmp_path / "spans.jsonl"
    done = run_traced("--trace-filter=only.toml", f"--exporter=jsonl={spans}", *words, cwd=tmp_path)
    assert done.returncode == 0
    names = [span["name"].rpartition(".")[2] for span in spans_in(spans)]
    assert names.count("work") == 1
