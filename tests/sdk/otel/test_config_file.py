"""``OTEL_CONFIG_FILE`` says where spans go, of what they are, which and how much of them."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from tests.conformance.validator import BY_THE_SDK, assert_valid
from tests.conftest import HEADER, only, rule
from tests.exporters.collector import running_collector
from tests.traced_run import run_python, run_traced

import codetracer_otel
from codetracer_otel.errors import ConfigurationError
from codetracer_otel.model.bounds import SpanBounds
from codetracer_otel.sdk.session.configure import active_session

FILE = """
file_format: "1.0"
resource:
  attributes:
    - {{name: service.name, value: of the file}}
attribute_limits:
  attribute_count_limit: 5
  attribute_value_length_limit: 40
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http: {{endpoint: "{url}/v1/traces"}}
  limits: {{event_count_limit: 1}}
  sampler: {{{sampler}}}
"""
PROGRAM = """
from opentelemetry import trace

def order(first, second, third, password):
    span = trace.get_current_span()
    span.add_event("one", {"token": "s3cret-of-an-event"})
    span.add_event("two")
    return "x" * 100

order(1, 2, 3, "s3cret-of-a-call")
with trace.get_tracer("library").start_as_current_span("by hand") as span:
    span.set_attribute("password", "s3cret-of-a-span")
print(type(trace.get_tracer_provider()).__module__)
"""
pytest.importorskip("opentelemetry.configuration", reason="newer releases of OpenTelemetry")
BOUNDS = SpanBounds(
    attributes=5, events=1, event_attributes=5, link_attributes=5, text=40, part_text=40
)


@pytest.fixture
def collector():
    with running_collector() as collector:
        yield collector


@pytest.fixture
def written(tmp_path, collector):
    def write(sampler="always_on: {}", more=""):
        path = tmp_path / "otel.yaml"
        path.write_text(FILE.format(url=collector.url, sampler=sampler) + more)
        (tmp_path / "program.py").write_text(PROGRAM)
        return str(path)

    return write


def checked(collector):
    """Return the spans by name, after what the file says of all of them was seen."""
    spans = assert_valid(collector.requests, BOUNDS, but=BY_THE_SDK)
    for request in collector.requests:
        (resource,) = request.resource_spans
        shown = {item.key: item.value.string_value for item in resource.resource.attributes}
        assert shown["service.name"] == "of the file"
    assert "s3cret" not in repr(collector.requests)
    return {span.name.rpartition(".")[2]: span for span in spans}


def test_run_delivers_by_the_file(collector, written, tmp_path):
    ended = run_traced(
        "program.py", cwd=tmp_path, OTEL_CONFIG_FILE=written(), OTEL_SERVICE_NAME="ignored"
    )
    assert (ended.returncode, ended.stdout) == (0, "opentelemetry.sdk.trace\n"), ended.stderr
    spans = checked(collector)
    assert set(spans) == {"<__main__>", "order", "by hand"}
    assert spans["order"].dropped_attributes_count == 3
    assert spans["order"].dropped_events_count == 1


def test_configure_delivers_by_the_file(collector, written, tmp_path):
    configure = "import codetracer_otel\ncodetracer_otel.configure()\n"
    path = written()
    (tmp_path / "program.py").write_text(configure + PROGRAM)
    ended = run_python("program.py", cwd=tmp_path, OTEL_CONFIG_FILE=path)
    assert ended.returncode == 0, ended.stderr
    assert set(checked(collector)) == {"order", "by hand"}


def test_the_sampler_of_the_file_decides(collector, written, tmp_path):
    path = written("always_off: {}")
    ended = run_traced("program.py", cwd=tmp_path, OTEL_CONFIG_FILE=path)
    assert ended.returncode == 0, ended.stderr
    assert collector.requests == []
    assert "sampler" in ended.stderr


def test_options_of_ours_in_the_file_are_those_of_the_session(written, tmp_path):
    path = written(
        more="instrumentation/development:\n  python:\n    codetracer:\n"
        f"      exporter: jsonl={tmp_path / 'ours.jsonl'}\n      capture: return\n"
    )
    ended = run_traced("program.py", cwd=tmp_path, OTEL_CONFIG_FILE=path)
    assert ended.returncode == 0, ended.stderr
    text = (tmp_path / "ours.jsonl").read_text()
    assert '"codetracer.return"' in text
    assert '"codetracer.arg' not in text


@pytest.mark.parametrize(
    ("text", "what"), [(None, "no such file"), ("file_format: [", "not valid"), ("{}", "not valid")]
)
def test_a_file_that_cannot_be_used_is_an_error(monkeypatch, tmp_path, text, what):
    path = tmp_path / "otel.yaml"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("OTEL_CONFIG_FILE", str(path))
    with pytest.raises(ConfigurationError, match=f"OTEL_CONFIG_FILE: {what}"):
        codetracer_otel.configure(only(__file__), "none")
    assert active_session() is None


def test_run_refuses_a_missing_file(tmp_path):
    (tmp_path / "program.py").write_text("print('ran')")
    ended = run_traced("program.py", cwd=tmp_path, OTEL_CONFIG_FILE="missing.yaml")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "OTEL_CONFIG_FILE: no such file, got 'missing.yaml'" in ended.stderr


def test_what_the_program_has_set_stays(monkeypatch, written, capsys):
    from opentelemetry.sdk.trace import TracerProvider

    own = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", own)
    monkeypatch.setenv("OTEL_CONFIG_FILE", written())
    from codetracer_otel.filters import filter_from_text

    with codetracer_otel.configure(filter_from_text(HEADER + rule("pkg:nothing")), "none"):
        assert trace.get_tracer_provider() is own
    assert "Overriding" not in capsys.readouterr().err
