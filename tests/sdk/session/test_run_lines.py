"""The first and the last line of a file: what was run, and what the file lacks."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil

import pytest
from tests.conftest import only
from tests.exporters.collector import hang, running_collector
from tests.exporters.made import batch, record
from tests.native_trace import read_trace
from tests.traced_run import run_traced

import codetracer_otel as ct
from codetracer_otel.cli import main
from codetracer_otel.exporters.files.chrome import ChromeExporter
from codetracer_otel.version import VERSION

FILTER = """
[meta]
name = "shop"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def tiny(number):
    return number


def test_the_first_line_says_what_was_run(tmp_path):
    (tmp_path / "shop.toml").write_text(FILTER)
    (tmp_path / "app.py").write_text("def f(): pass\nf()\n")
    words = ("--trace-filter", "shop.toml", "--exporter", "jsonl=s.jsonl", "app.py")
    run_traced(*words, "--token", "hunter22", cwd=tmp_path)
    run, *_, loss = lines_of(tmp_path / "s.jsonl")
    assert (run["schema"], run["program"]) == ("run/1", str(tmp_path / "app.py"))
    assert run["arguments"] == 2
    assert "hunter22" not in (tmp_path / "s.jsonl").read_text()
    assert platform.python_version().startswith(run["versions"]["python"])
    assert run["versions"]["codetracer-otel"] == VERSION
    digest = hashlib.sha256(FILTER.encode()).hexdigest()
    assert run["filters"][-1] == {"name": "shop", "sha256": digest}
    assert loss["exporters"] == {"jsonl": {"exported": loss["recorded"], "dropped": {}}}


def test_file_and_report_say_how_much_each_rule_matched(tmp_path, capsys):
    rules = "[[scope.rules]]\nselector = 'obj:__main__.{}'\nexec = 'trace'\n"
    (tmp_path / "shop.toml").write_text(FILTER + rules.format("f") + rules.format("g"))
    (tmp_path / "app.py").write_text("def f(): pass\nf()\n")
    words = ("--trace-filter", "shop.toml", "--exporter", "jsonl=s.jsonl", "app.py")
    run_traced(*words, cwd=tmp_path)
    assert lines_of(tmp_path / "s.jsonl")[-1]["rules"] == {"shop.toml:8": 1, "shop.toml:11": 0}
    assert main(["report", str(tmp_path / "s.jsonl"), "-o", str(tmp_path / "page.html")]) == 0
    told = "s.jsonl: functions that rules matched: 1 by shop.toml:8, 0 by shop.toml:11"
    assert told in (tmp_path / "page.html").read_text()
    assert "that rules matched" not in capsys.readouterr().err


def test_a_secret_in_the_programs_path_stays_out(tmp_path):
    secret = "ghp_" + "a1B2" * 9
    (tmp_path / secret).mkdir()
    (tmp_path / secret / "app.py").write_text("def f(): pass\nf()\n")
    run_traced("--exporter", "jsonl=s.jsonl", f"{secret}/app.py", cwd=tmp_path)
    assert secret not in json.dumps(lines_of(tmp_path / "s.jsonl")[0])


def test_two_runs_in_one_file_are_two_runs(tmp_path):
    (tmp_path / "app.py").write_text("pass\n")
    for _ in range(2):
        run_traced("--exporter", "jsonl=s.jsonl", "app.py", cwd=tmp_path)
    schemas = [line["schema"] for line in lines_of(tmp_path / "s.jsonl")]
    assert schemas == ["run/1", "span/1", "loss/1"] * 2


def test_the_last_line_says_what_the_other_exporter_lost(tmp_path):
    path = tmp_path / "s.jsonl"
    with running_collector() as collector:
        collector.script = [hang] * 1000
        exporters = [f"jsonl={path}", f"otlp={collector.url}"]
        session = ct.configure(exporter=exporters, buffer=ct.Buffer(export_timeout_ms=60_000))
        for number in range(10):
            tiny(number)
        session.shutdown(0.5)
        loss = lines_of(path)[-1]
    assert loss["schema"] == "loss/1"
    assert loss["exporters"]["jsonl"] == {"exported": loss["recorded"], "dropped": {}}
    assert loss["exporters"]["otlp"]["dropped"] == {"shutdown": loss["recorded"]}
    assert loss["dropped"] == {}


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    """Files of a run whose collector takes nothing."""
    folder = tmp_path_factory.mktemp("lossy")
    with running_collector() as collector:
        collector.script = [hang] * 1000
        files = [f"chrome={folder / 'chrome.json'}", f"native={folder / 'native'}"]
        session = ct.configure(
            only(__file__),
            [*files, f"otlp={collector.url}"],
            buffer=ct.Buffer(export_timeout_ms=60_000),
        )
        for number in range(10):
            tiny(number)
        session.shutdown(0.5)
    return folder


LOSSES = {
    "recorded": 10,
    "dropped": {},
    "exporters": {
        "chrome": {"exported": 10, "dropped": {}},
        "otlp": {"exported": 0, "dropped": {"shutdown": 10}},
        "native": {"exported": 10, "dropped": {}},
    },
}


def test_a_chrome_trace_says_what_was_run_and_what_was_lost(lossy):
    trace = json.loads((lossy / "chrome.json").read_text())
    assert trace["otherData"]["losses"].items() >= LOSSES.items()
    assert trace["otherData"]["run"]["versions"]["codetracer-otel"] == VERSION
    assert {event["ph"] for event in trace["traceEvents"]} == {"M", "X"}


def test_a_native_trace_says_what_was_lost(lossy):
    metadata = json.loads((lossy / "native" / "trace_metadata.json").read_text())
    assert metadata["recorder"]["losses"].items() >= LOSSES.items()
    assert len(read_trace(lossy / "native").root.children) == 10


@pytest.mark.parametrize("options", [(), ("--summary",), ("--slowest", "1")])
def test_show_says_what_a_native_trace_says(lossy, capsys, options):
    assert main(["show", str(lossy / "native"), *options]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "!! native: calls that are here were lost elsewhere: 10 by otlp"


def test_report_says_what_a_native_trace_says(lossy, tmp_path, capsys):
    assert main(["report", str(lossy / "native"), "-o", str(tmp_path / "page.html")]) == 0
    told = "native: calls that are here were lost elsewhere: 10 by otlp"
    assert told in capsys.readouterr().err
    assert told in (tmp_path / "page.html").read_text()


def state_losses(folder, exporters, dropped=()):
    path = folder / "trace_metadata.json"
    metadata = json.loads(path.read_text())
    losses = {"recorded": 10, "dropped": dict(dropped), "exporters": exporters}
    metadata["recorder"]["losses"] = losses
    path.write_text(json.dumps(metadata))


def test_calls_that_a_native_trace_lacks_are_told_apart_from_spans_that_others_lack(
    lossy, tmp_path, capsys
):
    shutil.copytree(lossy / "native", tmp_path / "t")
    own = {"native": {"exported": 10, "dropped": {"native_failed": 7}}}
    state_losses(tmp_path / "t", own, {"buffer_full": 3})
    assert main(["show", str(tmp_path / "t")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "!! t: 7 calls were lost (native_failed 7); counts are too low; "
        "calls that are here were lost elsewhere: 3 by all exporters"
    )
    assert main(["diff", str(lossy / "native"), str(tmp_path / "t")]) == 0
    assert "7" in capsys.readouterr().out


def test_spans_that_a_chrome_trace_lacks_are_an_instant_of_it(tmp_path, capsys):
    path = tmp_path / "chrome.json"
    exporter = ChromeExporter(path, run=dict)
    exporter.export(batch(record()))
    exporter.shutdown(1.0)
    exporters = {"chrome": {"exported": 1, "dropped": {"export_failed": 2}}}
    exporter.note_losses({"recorded": 6, "dropped": {"buffer_full": 3}, "exporters": exporters})
    instants = [
        event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == "i"
    ]
    assert [(event["name"], event["args"]) for event in instants] == [
        ("spans lost", {"buffer_full": 3, "export_failed": 2})
    ]
    assert main(["show", str(path)]) == 2
    told = capsys.readouterr().err
    assert "it is a Chrome trace, which ui.perfetto.dev and vizviewer open" in told
    assert "5 spans were lost on the way to it" in told


def test_standard_error_gets_spans_alone(tmp_path):
    (tmp_path / "app.py").write_text("def f(): pass\nf()\n")
    done = run_traced("--quiet", "--exporter", "jsonl", "app.py", cwd=tmp_path)
    assert {json.loads(line)["schema"] for line in done.stderr.splitlines()} == {"span/1"}
