"""Rules on ``__main__`` hold in a child in which multiprocessing calls it ``__mp_main__``.

What a rule hides is hidden in every process and on every exporter, and spans have the same names.
"""

from __future__ import annotations

import json

import pytest
from tests.faults.collectors import collecting
from tests.traced_run import run_python, run_traced, spans_in

METHODS = ["fork", "spawn", "forkserver"]
FILTER = """
[meta]
name = "rules"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "obj:glob:__main__.*"
exec = "trace"
[[scope.rules]]
selector = "obj:literal:__main__.sign_in"
exec = "trace"
value_patterns = [
  { selector = "ret:literal:__main__.sign_in", action = "redact" },
  { selector = "type:literal:__main__.Ticket", action = "redact" },
]
[[scope.rules]]
selector = "obj:literal:__main__.Ticket.__init__"
exec = "trace"
value_default = "redact"
"""
PROGRAM = """
import multiprocessing, sys
import codetracer_otel as ct

class Ticket:
    def __init__(self):
        self.text = "seat-ada"

class Mistake(Exception):
    pass

def sign_in(name, ticket):
    return f"session-of-{name}"

@ct.instrument
def by_hand():
    return 1

def fail():
    raise Mistake("gone")

def job(name):
    try:
        fail()
    except Mistake:
        by_hand()
    return len(sign_in(name, Ticket()))

if __name__ == "__main__":
    if sys.argv[2:]:
        ct.configure(trace_filter=sys.argv[2], exporter=sys.argv[3], builtin_filter=False)
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(pool.map(job, ["ada"]))
        pool.close()
        pool.join()
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "rules.toml").write_text(FILTER)
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    return script


def traced(program, method, *exporters):
    options = [word for each in exporters for word in ("--exporter", each)]
    filters = ("--no-builtin-filter", "--trace-filter", program.with_name("rules.toml"))
    answer = run_traced(*filters, *options, program, method)
    assert answer.stdout == "[14]\n"
    return answer.stderr


def written(folder) -> str:
    return "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("method", METHODS)
def test_what_a_rule_hides_is_hidden_on_every_exporter(program, tmp_path, method):
    out = tmp_path / "out"
    out.mkdir()
    targets = [f"jsonl={out}/spans", f"chrome={out}/chrome", f"native={out}/native", "console"]
    with collecting() as collector:
        told = traced(program, method, *targets, f"otlp={collector.url}")
        sent = "".join(str(request) for request in collector.accepted)

    for text in (told, written(out), sent):
        assert "sign_in" in text
        assert "session-of-ada" not in text
        assert "seat-ada" not in text
        assert "__mp_main__" not in text
    assert "<redacted>" in written(out)
    assert "<redacted>" in sent


@pytest.mark.parametrize("method", METHODS)
def test_spans_and_classes_have_the_names_that_they_have_in_the_parent(program, tmp_path, method):
    traced(program, method, f"jsonl={tmp_path}/spans.jsonl")

    files = tmp_path.glob("spans.jsonl*")
    spans = spans_in(*files)
    calls = ("by_hand", "fail", "job", "sign_in", "Ticket.__init__")
    assert {f"__main__.{name}" for name in calls} <= {span["name"] for span in spans}
    (failed,) = [span for span in spans if span["name"] == "__main__.fail"]
    assert failed["events"][0]["attributes"]["exception.type"] == "__main__.Mistake"


@pytest.mark.parametrize("method", METHODS)
def test_children_of_a_configured_program_have_its_session(program, tmp_path, method):
    rules = program.with_name("rules.toml")
    answer = run_python(program, method, rules, f"jsonl={tmp_path}/spans.jsonl")

    assert answer.stdout == "[14]\n"
    files = tmp_path.glob("spans.jsonl*")
    spans = spans_in(*files)
    (sign_in,) = [span for span in spans if span["name"] == "__main__.sign_in"]
    assert sign_in["attributes"]["codetracer.return"] == "<redacted>"


def test_a_child_whose_session_cannot_begin_is_told_of_once(tmp_path):
    script = tmp_path / "program.py"
    script.write_text("""
import multiprocessing, threading
import codetracer_otel as ct
from codetracer_otel.model.protocols import ExportResult

class Locked:
    def __init__(self): self.kept = threading.Lock()
    def export(self, batch): return ExportResult.SUCCESS
    def flush(self, timeout): return True
    def shutdown(self, timeout): return None
    def after_fork(self): pass

def job(number):
    return number

if __name__ == "__main__":
    ct.configure(exporter=Locked())
    job(0)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(job, [1, 2]))
""")
    answer = run_python(script)

    assert answer.stdout == "[1, 2]\n"
    assert answer.stderr == (
        "codetracer-otel: no session in children that are spawned: exporter cannot be pickled "
        "(TypeError); they run untraced\n"
    )


POOL = """
import multiprocessing, sys

def job(number):
    return number

if __name__ == "__main__":
    for _ in range(2):
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            pool.map(job, range(4))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_no_child_replaces_the_chrome_file_of_another_process(tmp_path, method):
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    options = ["--exporter", f"chrome={tmp_path / 'out.json'}"]
    done = run_python("-m", "codetracer_otel", "run", *options, script, method, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    documents = [json.loads(file.read_text()) for file in tmp_path.glob("out.json*")]
    events = [event["name"] for document in documents for event in document["traceEvents"]]
    assert events.count("__main__.job") == 8
