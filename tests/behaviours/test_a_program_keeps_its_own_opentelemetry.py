"""A program's own providers and processors get what they get without us, in one trace with ours."""

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.collector.receiver import running_receiver
from tests.ecosystem.instrument import instrumented
from tests.traced_run import run_python, run_traced, spans_in

PROGRAM = Path(__file__).with_name("programs") / "own_opentelemetry.py"
BEGIN = "from codetracer_otel.sdk.entry_points.autostart import begin; begin(); import runpy, sys; "
RUN_PATH = "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
CASES = [
    *(("run", how) for how in ("own", "thread", "fork", "spawn", "library")),
    *((way, how) for way in ("auto-start", "before", "after") for how in ("own", "library")),
]


class Trial:
    """Runs the program without us and with us; compares what its exporter got."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = folder / "ours.jsonl"
        self.target = f"jsonl={self.lines}"

    def run(self, way, how, *flags, **variables):
        output = self.folder / f"{way} {how}.json"
        words = (PROGRAM, output, how, *([way] if way in ("before", "after") else []))
        variables = {"OTEL_SERVICE_NAME": "stated", **variables}
        variables["cwd"] = self.folder
        if way == "run":
            ended = run_traced("--quiet", "--exporter", self.target, *flags, *words, **variables)
        elif way == "auto-start":
            variables |= {"CODETRACER_AUTO_START": "1", "CODETRACER_EXPORTER": self.target}
            ended = run_python("-c", BEGIN + RUN_PATH, *words, **variables)
        else:
            ended = run_python(*words, CODETRACER_EXPORTER=self.target, **variables)
        assert ended.returncode == 0, ended.stderr
        text = output.read_text() if output.exists() else ""
        return [json.loads(line) for line in text.splitlines()], ended

    def ours(self):
        files = sorted(self.folder.glob("ours.jsonl*"))
        return spans_in(*files)


@pytest.fixture
def trial(tmp_path):
    return Trial(tmp_path)


def comparable(spans, *, resource=True):
    """Return spans without ids; a parent is the name of one of them."""
    names = {span["span_id"]: span["name"] for span in spans}
    left_out = {"trace_id", "span_id", "parent_id", "links"} | (set() if resource else {"resource"})
    shown = []
    for span in spans:
        span["resource"].pop("service.instance.id", None)  # of the process
        fields = {key: value for key, value in span.items() if key not in left_out}
        fields["parent"] = names.get(span["parent_id"])
        fields["events"] = [
            (name, {key: value for key, value in attributes.items() if "stacktrace" not in key})
            for name, attributes in span["events"]
        ]
        shown.append(json.dumps(fields, sort_keys=True))
    return Counter(shown)


def assert_one_trace(theirs, ours):
    """Their spans are of one trace of ours, in which each has a parent but the root."""
    (trace_id,) = {span["trace_id"] for span in theirs}
    spans = [*theirs, *(span for span in ours if span["trace_id"] == trace_id)]
    ids = {span["span_id"] for span in spans}
    parents = [span.get("parent_id", span.get("parent_span_id")) for span in spans]
    assert [parent for parent in parents if parent not in ids] == [None]


@pytest.mark.parametrize(("way", "how"), CASES)
def test_its_exporter_gets_what_it_gets_without_us_in_one_trace_with_ours(trial, way, how):
    plain, _ = trial.run("plain", how)
    theirs, ended = trial.run(way, how)
    assert ended.stderr == ""
    assert len(plain) == 4
    assert comparable(theirs, resource=how != "library") == comparable(
        plain, resource=how != "library"
    )
    ours = trial.ours()
    by_name = {span["name"].rpartition(".")[2]: span for span in ours}
    outer = next(span for span in theirs if span["name"] == "outer")
    assert outer["parent_id"] == by_name["handle"]["span_id"]
    assert {"decorated", "leaf"} <= set(by_name)
    assert_one_trace(theirs, ours)


@pytest.mark.parametrize(
    "target", ["otlp={}", "otlp-grpc={}", "native=trace", "chrome=trace.json", "console", "none"]
)
def test_no_exporter_of_ours_changes_what_its_exporter_gets(trial, target):
    plain, _ = trial.run("plain", "own")
    with running_receiver() as receiver:
        trial.target = target.format(receiver.endpoint)
        theirs, _ = trial.run("run", "own")
    assert comparable(theirs) == comparable(plain)


def test_ids_of_calls_are_its_generators_too_once_it_has_set_one(trial):
    theirs, _ = trial.run("run", "ids")
    leaves = [span for span in trial.ours() if span["name"].endswith("leaf")]
    ids = {span["span_id"] for span in [*theirs, *leaves]}
    assert len(leaves) == 2
    assert len(ids) == 6
    assert {span_id[:3] for span_id in ids} == {"abc"}


def test_its_sampler_decides_about_its_spans_in_a_trace_that_we_have_begun(trial):
    plain, _ = trial.run("plain", "unsampled")
    theirs, _ = trial.run("run", "unsampled")
    assert plain == theirs == []


def test_a_processor_that_a_library_added_before_goes_over_to_its_provider(trial):
    theirs, ended = trial.run("run", "both")
    assert Counter(span["name"] for span in theirs) == Counter(
        {"decorated": 2, "inner": 2, "failing": 2, "outer": 2}
    )
    assert ended.stderr == ""


def test_a_second_provider_is_refused_as_it_is_without_us(tmp_path):
    program = tmp_path / "twice.py"
    program.write_text(
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "first = TracerProvider()\ntrace.set_tracer_provider(first)\n"
        "trace.set_tracer_provider(TracerProvider())\n"
        "print(trace.get_tracer_provider() is first)\n"
    )
    plain = run_python(program)
    traced = run_traced("--quiet", "--exporter", f"jsonl={tmp_path / 'ours'}", program)
    assert plain.stdout == "True\n"
    assert "Overriding of current TracerProvider is not allowed" in plain.stderr
    assert (traced.stdout, traced.stderr) == (plain.stdout, plain.stderr)


PROXY = "from opentelemetry import trace; print(type(trace.get_tracer_provider()).__name__)"


@pytest.mark.parametrize(
    ("flags", "variables", "expected"),
    [
        (("--exporter", "console"), {}, "SessionProvider"),
        (("--exporter", "none"), {}, "ProxyTracerProvider"),
        (("--exporter", "native=trace"), {}, "ProxyTracerProvider"),
        (("--exporter", "console", "--no-global-provider"), {}, "ProxyTracerProvider"),
        (("--exporter", "console"), {"OTEL_SDK_DISABLED": "true"}, "ProxyTracerProvider"),
        (
            ("--exporter", "console"),
            {"OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"},
            "TracerProvider",
        ),
    ],
)
def test_a_provider_of_ours_stands_in_only_where_somebody_takes_its_spans(
    tmp_path, flags, variables, expected
):
    ended = run_traced("--quiet", *flags, "-c", PROXY, cwd=tmp_path, **variables)
    assert ended.stdout == f"{expected}\n"


def test_under_a_distribution_a_provider_of_the_program_is_refused_as_without_us(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n"
    )
    plain, traced = (
        instrumented(
            str(tmp_path / "program"),
            exporter="console",
            OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled,
            CODETRACER_EXPORTER=f"jsonl={tmp_path / 'ours'}",
            CODETRACER_INSTRUMENT="1",
        )
        for disabled in ("codetracer", "")
    )
    assert "Overriding of current TracerProvider is not allowed" in plain.stderr
    assert (traced.stdout, traced.stderr) == (plain.stdout, plain.stderr)


FORKS = """\
import os, signal, sys
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
import codetracer_otel as ct
from codetracer_otel.testing import InMemoryExporter
if sys.argv[1] == "its provider":
    provider = TracerProvider(resource=Resource({}))
    ct.configure(None, InMemoryExporter())
else:
    ct.configure(None, InMemoryExporter())
    trace.get_tracer_provider().add_span_processor(SpanProcessor())
    import concurrent.futures.thread
child = os.fork()
if child == 0:
    os._exit(0)
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(60)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize("how", ["its provider", "its processor"])
def test_a_forked_child_does_not_wait_for_a_pool_that_describes_it(how):
    """The module of pools holds a lock across forks, and looses it after older hooks have run."""
    ended = run_python("-c", FORKS, how)
    assert (ended.returncode, ended.stdout.strip()) == (0, "0"), ended.stderr
