"""The hook that starts a session with the interpreter, in an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from tests.traced_run import environment, spans_in

from codetracer_otel.cli.run.autostart import FILE_NAME
from codetracer_otel.sdk.session import configure as composition
from codetracer_otel.sdk.settings.launch import StartKind

SOURCES = Path(__file__).parents[3] / "src"
PROGRAM = "def work(n): return n\nwork(1)\nprint('here')\n"
SUBINTERPRETERS = """
import sys

def make(kind):
    if sys.version_info < (3, 13):
        return interpreters.create(isolated=kind == "isolated")
    return interpreters.create(kind)

if sys.version_info < (3, 13):
    import _xxsubinterpreters as interpreters
else:
    import _interpreters as interpreters
for kind in ("legacy", "isolated"):
    number = make(kind)
    interpreters.run_string(number, f"print({kind!r}, flush=True)")
    interpreters.destroy(number)
"""


class Environment:
    """A fresh virtual environment that sees this one's packages."""

    def __init__(self, directory):
        venv.create(directory, with_pip=False)
        self.python = directory / "bin" / "python"
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = Path(subprocess.check_output([self.python, "-c", code], text=True).strip())
        places = f"{SOURCES}\n{sysconfig.get_path('purelib')}\n"
        (self.site / "a_first.pth").write_text(places)

    def run(self, *words, cwd=None, **variables):
        return subprocess.run(
            [self.python, *map(str, words)],
            cwd=cwd,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def command(self, name):
        return self.run("-m", "codetracer_otel", name)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("environment") / "bare")


@pytest.fixture(scope="module")
def hooked(tmp_path_factory):
    made = Environment(tmp_path_factory.mktemp("environment") / "hooked")
    assert made.command("install-autostart").returncode == 0
    return made


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def spans_of(path):
    return [span["name"] for span in spans_in(path)]


def test_install_and_remove_write_and_delete_one_file(bare):
    hook = bare.site / FILE_NAME
    installed = bare.command("install-autostart")
    assert (installed.returncode, installed.stderr) == (0, "")
    assert str(hook) in installed.stdout
    assert len(hook.read_text().splitlines()) == 1
    assert bare.command("install-autostart").returncode == 0
    removed = bare.command("remove-autostart")
    assert (removed.returncode, removed.stdout) == (0, f"{hook}: removed\n")
    assert not hook.exists()
    assert bare.command("remove-autostart").stdout == f"{hook}: was not installed\n"


def test_the_variable_starts_a_session_that_ends_with_the_program(hooked, program, tmp_path):
    spans = tmp_path / "spans.jsonl"
    process = hooked.run(
        program, cwd=tmp_path,
        CODETRACER_AUTO_START="1", CODETRACER_EXPORTER=f"jsonl={spans}",
    )  # fmt: skip
    assert (process.stdout, process.stderr, process.returncode) == ("here\n", "", 0)
    assert "work" in {name.rpartition(".")[2] for name in spans_of(spans)}


def test_subinterpreters_run_the_hook_and_say_nothing(hooked, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SUBINTERPRETERS)
    process = hooked.run(program, CODETRACER_AUTO_START="1", CODETRACER_EXPORTER="none")
    assert (process.stdout, process.stderr) == ("legacy\nisolated\n", "")


@pytest.mark.parametrize("value", ["", "0", "off", "false"])
def test_without_it_nothing_of_ours_is_imported(hooked, tmp_path, value):
    code = "import sys; print([n for n in sys.modules if n.startswith(('codetracer', 'opentel'))])"
    variables = {"CODETRACER_AUTO_START": value} if value else {}
    process = hooked.run("-c", code, cwd=tmp_path, **variables)
    assert process.returncode == 0
    if not value:
        assert process.stdout == "[]\n"
    assert "codetracer_otel.sdk.session.configure" not in process.stdout


@pytest.mark.parametrize("flags", [("-E",), ("-I",), ("-I", "-E")])
@pytest.mark.parametrize("is_old", [False, True])
def test_an_interpreter_that_ignores_its_environment_starts_none(hooked, tmp_path, flags, is_old):
    file = hooked.site / FILE_NAME
    written = file.read_text()
    if is_old:
        file.write_text(written.replace("not sys.flags.ignore_environment and ", ""))
    session = "codetracer_otel.sdk.session.session"
    code = f"import sys; print(sorted(n for n in sys.modules if n == {session!r}))"
    spans = tmp_path / "spans.jsonl"
    variables = {"CODETRACER_AUTO_START": "1", "CODETRACER_EXPORTER": f"jsonl={spans}"}
    done = hooked.run(*flags, "-c", code, cwd=tmp_path, **variables)
    file.write_text(written)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert not spans.exists()


def test_a_bad_filter_is_printed_and_the_host_runs_untraced(hooked, program, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("[meta]\nname = 'x'\n")
    process = hooked.run(
        program, cwd=tmp_path,
        CODETRACER_AUTO_START="1", CODETRACER_TRACE_FILTER=str(bad), CODETRACER_JSON_ERRORS="1",
    )  # fmt: skip
    assert (process.stdout, process.returncode) == ("here\n", 0)
    *told, trailer = process.stderr.splitlines()
    assert len(told) == 2
    assert [line for line in told if not line.startswith("codetracer-otel: ")] == []
    assert [line for line in told if "bad.toml" not in line] == []
    assert json.loads(trailer)["error_kind"] == "usage"


def test_bad_values_are_one_line_each_and_the_host_goes_on(hooked, program, tmp_path):
    process = hooked.run(
        program, cwd=tmp_path, CODETRACER_AUTO_START="1", CODETRACER_EXPORTER="none",
        CODETRACER_CAPTURE_IO="all", CODETRACER_LOG_LEVEL="loud",
    )  # fmt: skip
    assert (process.stdout, process.returncode) == ("here\n", 0)
    assert len(process.stderr.splitlines()) == 2


def test_a_variable_that_is_neither_yes_nor_no_is_one_line(hooked, program, tmp_path):
    process = hooked.run(program, cwd=tmp_path, CODETRACER_AUTO_START="perhaps")
    assert (process.stdout, process.returncode) == ("here\n", 0)
    (line,) = process.stderr.splitlines()
    assert "CODETRACER_AUTO_START: not a truth value, got 'perhaps'" in line


def test_sigterm_delivers_and_then_ends_the_process(hooked, tmp_path):
    spans, path = tmp_path / "spans.jsonl", tmp_path / "waits.py"
    path.write_text(
        "import time\ndef work(): pass\nwork()\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [hooked.python, str(path)],
        env=environment(CODETRACER_AUTO_START="1", CODETRACER_EXPORTER=f"jsonl={spans}"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert "work" in {name.rpartition(".")[2] for name in spans_of(spans)}


CHILDREN = """
import multiprocessing, sys

def work(n): return n + 1

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(n,)) for n in range(2)]
    for child in children: child.start()
    for child in children: child.join()
    print([child.exitcode for child in children])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_deliver_their_spans_below_the_parents(hooked, tmp_path, method):
    spans, path = tmp_path / "spans.jsonl", tmp_path / "children.py"
    path.write_text(CHILDREN)
    process = hooked.run(
        path, method, cwd=tmp_path,
        CODETRACER_AUTO_START="1", CODETRACER_EXPORTER=f"jsonl={spans}",
    )  # fmt: skip
    assert (process.stdout, process.stderr, process.returncode) == ("[0, 0]\n", "", 0)
    found = spans_in(*tmp_path.glob("spans.jsonl*"))  # a fork's has its pid
    worked = [span for span in found if span["name"] == "__main__.work"]
    mains = {span["span_id"]: span for span in found if span["name"] == "<__main__>"}
    main = mains[worked[0]["parent_span_id"]]  # spawned children import the module anew
    assert [span["trace_id"] for span in worked] == [main["trace_id"]] * 2
    assert [span["parent_span_id"] for span in worked] == [main["span_id"]] * 2


def test_a_hook_whose_package_is_gone_says_nothing(hooked, tmp_path):
    places = hooked.site / "a_first.pth"
    text = places.read_text()
    places.write_text("")
    try:
        process = hooked.run("-c", "print('here')", cwd=tmp_path, CODETRACER_AUTO_START="1")
    finally:
        places.write_text(text)
    assert (process.stdout, process.stderr) == ("here\n", "")


def test_every_way_in_goes_through_one_bootstrap(monkeypatch, tmp_path):
    from codetracer_otel.cli.run import command as run
    from codetracer_otel.cli.run.target import Target, TargetKind
    from codetracer_otel.sdk.entry_points import autostart, instrumentor

    seen = []

    def begin_session(_keywords, launch=None, *_more):
        seen.append(None if launch is None else launch.kind)

    for module in (composition, instrumentor):
        monkeypatch.setattr(module, "begin_session", begin_session)
    monkeypatch.setenv("CODETRACER_AUTO_START", "1")
    monkeypatch.setattr(sys, "argv", [os.devnull])
    monkeypatch.setattr(composition._Active, "auto_starts_left", 1)
    composition.configure()
    options = run.argparse.ArgumentParser()
    run._add_options(options)
    namespace = options.parse_args([])
    run._start_session(namespace, Target(TargetKind.COMMAND, "pass"))
    autostart.begin()
    autostart.begin()
    subject = object.__new__(instrumentor.CodetracerInstrumentor)
    subject._instrument()
    assert seen == [None, StartKind.COMMAND, StartKind.AUTO_START, StartKind.INSTRUMENTOR]
