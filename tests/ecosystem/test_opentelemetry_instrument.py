"""`opentelemetry-instrument` traces a program that was not changed."""

from __future__ import annotations

import json

import pytest
from tests.collector.receiver import running_receiver
from tests.ecosystem.instrument import PROGRAMS, delivering_to, instrumented
from tests.native_run import plain
from tests.native_trace import read_trace

from codetracer_otel.model.value import REDACTED

UNTRACED = ("total 0.6\n", 3)


@pytest.fixture
def receiver():
    with running_receiver() as receiver:
        yield receiver


def by_name(spans):
    found = {}
    for span in spans:
        found.setdefault(span.name, []).append(span)
    return found


def test_functions_are_traced_by_the_discovered_filter(receiver):
    ended = instrumented("plain", OTEL_SERVICE_NAME="plain", **delivering_to(receiver))

    assert (ended.stdout, ended.returncode) == UNTRACED
    assert ended.stderr == ""
    spans = by_name(receiver.spans())
    assert {name: len(found) for name, found in spans.items()} == {
        "__main__.main": 1,
        "__main__.tax": 3,
    }
    (main,) = spans["__main__.main"]
    assert {span.parent_id for span in spans["__main__.tax"]} == {main.span_id}
    assert main.resource["service.name"] == "plain"
    assert [span.attributes["codetracer.arg.amount"] for span in spans["__main__.tax"]] == [0, 1, 2]
    assert {span.attributes["codetracer.arg.password"] for span in spans["__main__.tax"]} == {
        REDACTED
    }


def test_where_nobody_asks_for_it_no_call_is_recorded_and_one_line_says_how(receiver, tmp_path):
    (tmp_path / "plain.py").write_text((PROGRAMS / "plain.py").read_text())

    ended = instrumented(str(tmp_path / "plain"), cwd=tmp_path, **delivering_to(receiver))

    assert (ended.stdout, ended.returncode) == UNTRACED
    (line,) = ended.stderr.splitlines()
    assert "CODETRACER_INSTRUMENT=1" in line
    assert receiver.spans() == []


def test_asked_for_it_adds_calls_to_the_traces_of_others_by_their_exporter(receiver):
    ended = instrumented("secret_query", **delivering_to(receiver))

    assert (ended.returncode, ended.stderr) == (0, "")
    spans = receiver.spans()
    by_scope = {}
    for span in spans:
        by_scope.setdefault(span.scope, []).append(span)
    calls = by_scope.pop("codetracer_otel")
    others = [span for found in by_scope.values() for span in found]
    assert calls
    assert others
    assert {span.trace_id for span in others} & {span.trace_id for span in calls}
    agents = {request.headers["user-agent"].split("/")[0] for request in receiver.requests}
    assert agents == {"OTel-OTLP-Exporter-Python"}
    assert b"hunter2hunter2" not in b"".join(request.body for request in receiver.requests)


def test_the_hosts_processors_deliver_our_spans_when_asked_to(receiver):
    ended = instrumented(
        "plain",
        CODETRACER_EXPORTER="provider",
        OTEL_SERVICE_NAME="host",
        **delivering_to(receiver),
    )

    assert (ended.stdout, ended.returncode, ended.stderr) == (*UNTRACED, "")
    spans = receiver.spans()
    assert len(spans) == 4
    assert {span.resource["service.name"] for span in spans} == {"host"}
    agents = {request.headers["user-agent"] for request in receiver.requests}
    assert all(agent.startswith("OTel-OTLP-Exporter-Python") for agent in agents)
    assert b"hunter2" not in b"".join(request.body for request in receiver.requests)


def test_a_broken_filter_is_printed_and_the_program_runs_untraced(receiver, tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text("[meta]\nname = 'x'\nversion = 2\n[scope]\ndefault_exec = 'maybe'\n")

    ended = instrumented("plain", CODETRACER_TRACE_FILTER=str(broken), **delivering_to(receiver))

    assert (ended.stdout, ended.returncode) == UNTRACED
    assert f"{broken}:5" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert receiver.spans() == []


FILE = """
file_format: "1.0"
resource:
  attributes:
    - {{name: service.name, value: of the file}}
tracer_provider:
  processors:
    - simple:
        exporter:
          otlp_http: {{endpoint: "{url}/v1/traces"}}
  limits: {{attribute_count_limit: 4}}
"""
OURS = """
instrumentation/development:
  python:
    codetracer:
      trace_filter: "{filter}"
      capture: return
"""


def test_an_opentelemetry_configuration_file_carries_our_options(receiver, tmp_path):
    filter_file = tmp_path / "only-main.toml"
    filter_file.write_text(
        "[meta]\nname = 'file'\nversion = 2\n[scope]\ndefault_exec = 'skip'\n"
        "default_value_action = 'inherit'\n"
        "[[scope.rules]]\nselector = 'obj:literal:__main__.tax'\nexec = 'skip'\n"
    )
    configuration = tmp_path / "otel.yaml"
    text = FILE.format(url=receiver.endpoint) + OURS.format(filter=filter_file)
    configuration.write_text(text)

    ended = instrumented("plain", OTEL_CONFIG_FILE=str(configuration))

    assert (ended.stdout, ended.returncode) == UNTRACED
    assert "codetracer" not in ended.stderr
    (span,) = receiver.spans()
    assert span.name == "__main__.main"
    assert span.attributes["codetracer.return"] == pytest.approx(0.6)


def test_a_configuration_file_that_does_not_name_us_says_where_our_spans_go(receiver, tmp_path):
    configuration = tmp_path / "otel.yaml"
    configuration.write_text(FILE.format(url=receiver.endpoint))

    ended = instrumented("plain", OTEL_CONFIG_FILE=str(configuration))

    assert (ended.stdout, ended.returncode) == UNTRACED
    spans = receiver.spans()
    assert sorted(span.name for span in spans) == ["__main__.main", *["__main__.tax"] * 3]
    assert {span.resource["service.name"] for span in spans} == {"of the file"}
    assert {len(span.attributes) for span in spans} == {4}


def test_our_json_lines_are_an_exporter_for_anybodys_spans(tmp_path):
    program = (
        "from opentelemetry import trace\n"
        "with trace.get_tracer('t').start_as_current_span('paid') as span:\n"
        "    span.set_attribute('card_number', '4111 1111 1111 1111')\n"
        "    span.set_attribute('amount', 3)\n"
    )
    (tmp_path / "by_hand.py").write_text(program)

    ended = instrumented(
        str(tmp_path / "by_hand"),
        exporter="codetracer_jsonl",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="codetracer",
    )

    assert ended.returncode == 0
    line = json.loads(ended.stderr)
    assert (line["name"], line["schema"]) == ("paid", "span/1")
    assert line["attributes"] == {"card_number": REDACTED, "amount": 3}


def test_a_native_trace_is_an_exporter_for_anybodys_spans(tmp_path):
    program = (
        "from opentelemetry import trace\n"
        "tracer = trace.get_tracer('t')\n"
        "with tracer.start_as_current_span('order'):\n"
        "    with tracer.start_as_current_span('paid') as span:\n"
        "        span.set_attribute('card_number', '4111 1111 1111 1111')\n"
        "        span.set_attribute('amount', 3)\n"
    )
    (tmp_path / "by_hand.py").write_text(program)

    ended = instrumented(
        str(tmp_path / "by_hand"),
        exporter="codetracer_native",
        CODETRACER_EXPORTER=f"native={tmp_path / 'trace'}",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="codetracer",
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    (order,) = read_trace(tmp_path / "trace").root.children
    (paid,) = order.children
    assert (order.name, paid.name) == ("order", "paid")
    assert {name: plain(value) for name, value in paid.arguments.items()} == {
        "card_number": REDACTED,
        "amount": 3,
    }


@pytest.mark.parametrize("exporter", ["jsonl", "provider"])
def test_spans_of_other_instrumentations_are_redacted_before_the_distribution_exports_them(
    receiver, tmp_path, exporter
):
    target = exporter if exporter == "provider" else f"jsonl={tmp_path / 'ours.jsonl'}"
    ended = instrumented("secret_query", CODETRACER_EXPORTER=target, **delivering_to(receiver))

    assert (ended.returncode, ended.stderr) == (0, "")
    spans = by_name(receiver.spans())
    (request,) = spans["GET /boom"] if "GET /boom" in spans else spans["GET"]
    assert request.attributes["http.target"] == f"/boom?api_key={REDACTED}"
    (by_hand,) = spans[f"GET /?api_key={REDACTED}"]
    assert by_hand.attributes == {"password": REDACTED, "amount": 3}
    assert by_hand.status_message == f"refused: password={REDACTED}"
    (event,), (link,) = by_hand.events, by_hand.links
    assert (event.name, event.attributes) == (
        f"login password={REDACTED}",
        {"token": REDACTED, "tries": 2},
    )
    assert link.attributes == {"auth_token": REDACTED}
    assert spans["innocent"][0].attributes == {"amount": 4}
    everything = b"".join(request.body for request in receiver.requests) + ended.stdout.encode()
    assert b"hunter2hunter2" not in everything
    assert ended.stdout.count("trace_id") >= 3  # a processor that the program added
