"""``attach``, ``reload``, ``pause`` and the rest, against processes that run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.live.services import held
from tests.conftest import HEADER, rule
from tests.faults.running import wait_until
from tests.traced_run import environment

from codetracer_otel.cli import main
from codetracer_otel.cli.live import commands, injection
from codetracer_otel.cli.live.client import ask, find_socket
from codetracer_otel.errors import EnvironmentFailure, ErrorCode

PROGRAM = """
import sys, time
def work(number, color):
    return number
for line in sys.stdin:
    for number in range(int(line)):
        work(number, "vermilion")
    print("done", line.strip(), flush=True)
"""
PREPARED = "import codetracer_otel.sdk.session.configure as c; c.offer_control()\n" + PROGRAM
SHOWS = HEADER + rule("pkg:literal:__main__")
HIDES = SHOWS + (
    "[[scope.rules.value_patterns]]\nselector = 'arg:literal:color'\naction = \"redact\"\n"
)
HAS_REMOTE_EXEC = hasattr(sys, "remote_exec")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Let sockets of this test be its own; other tests' processes are not seen."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shows.toml").write_text(SHOWS)
    (tmp_path / "hides.toml").write_text(HIDES)
    return tmp_path


@pytest.fixture
def start(place):
    """Give a function that starts a program; every one is ended."""
    started = []

    def begin(program, **variables):
        file = place / "program.py"
        file.write_text(program)
        process = subprocess.Popen(
            [sys.executable, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(XDG_RUNTIME_DIR=str(place / "run"), **variables),
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=60)


def call(process, times):
    process.stdin.write(f"{times}\n")
    process.stdin.flush()
    assert process.stdout.readline() == f"done {times}\n"


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def works(file):
    return [line for line in lines(file) if line.get("name") == "__main__.work"]


def facts_of(process, capsys):
    capsys.readouterr()
    assert main(["status", "--json", str(process.pid)]) == 0
    return json.loads(capsys.readouterr().out)


def prepare(start):
    process = start(PREPARED)
    call(process, 1)
    return process


def test_a_process_is_attached_to_reloaded_paused_and_detached(start, place, capsys):
    process = prepare(start)
    pid = str(process.pid)
    assert facts_of(process, capsys)["state"] == "dormant"
    assert main(["attach", pid, "--trace-filter", "shows.toml"]) == 0
    told = capsys.readouterr().out
    assert told == f"process {pid}: attached; spans go to jsonl={place}/trace-{pid}.jsonl\n"
    call(process, 2)
    assert main(["reload", pid, "--trace-filter", "hides.toml"]) == 0
    assert f"{place}/hides.toml" in capsys.readouterr().out
    call(process, 3)
    assert main(["pause", pid]) == 0
    call(process, 4)
    capsys.readouterr()
    assert facts_of(process, capsys)["state"] == "paused"
    assert main(["resume", pid]) == 0
    call(process, 5)
    assert main(["detach", pid]) == 0
    assert f"process {pid}: detached, 10 spans\n" in capsys.readouterr().out
    colors = [
        span["attributes"]["codetracer.arg.color"] for span in works(place / f"trace-{pid}.jsonl")
    ]
    assert colors == ["vermilion"] * 2 + ["<redacted>"] * 8
    assert facts_of(process, capsys)["state"] == "dormant"


def test_it_can_be_attached_to_again_and_again_and_nothing_stays(start, place, capsys):
    process = prepare(start)
    pid = str(process.pid)
    facts_of(process, capsys)  # from now on its thread has opened what it needs
    before = held(process.pid)
    for turn in range(5):
        out = place / f"{turn}.jsonl"
        more = ["--trace-filter", "shows.toml", "--exporter", f"jsonl={out}"]
        assert main(["attach", pid, *more]) == 0
        call(process, 3)
        assert main(["detach", pid]) == 0
        assert len(works(out)) == 3
        wait_until(lambda: held(process.pid) <= before, "what it has opened")
    capsys.readouterr()


def test_a_second_attach_says_that_a_session_is_there(start, place, capsys):
    process = prepare(start)
    pid = str(process.pid)
    assert main(["attach", pid, "--trace-filter", "shows.toml"]) == 0
    assert main(["attach", pid, "--trace-filter", "hides.toml"]) == 10
    assert "ERR_ALREADY_TRACING" in capsys.readouterr().err
    call(process, 1)
    assert main(["detach", pid]) == 0
    assert (
        works(place / f"trace-{pid}.jsonl")[0]["attributes"]["codetracer.arg.color"] == "vermilion"
    )


def test_an_invalid_filter_is_told_with_every_problem_and_changes_nothing(start, place, capsys):
    process = prepare(start)
    pid = str(process.pid)
    (place / "bad.toml").write_text(
        HEADER + rule("nonsense:literal:x") + rule("pkg:glob:[", "exec = 1")
    )
    assert main(["attach", pid, "--trace-filter", "bad.toml"]) == 2
    assert capsys.readouterr().err.count("bad.toml:") >= 2
    assert facts_of(process, capsys)["state"] == "dormant"
    assert main(["attach", pid, "--trace-filter", "shows.toml"]) == 0
    assert main(["reload", pid, "--trace-filter", "bad.toml"]) == 2
    call(process, 1)
    assert main(["detach", pid]) == 0
    assert len(works(place / f"trace-{pid}.jsonl")) == 1


def test_a_time_ends_the_session_by_itself(start, place, capsys):
    process = prepare(start)
    pid = str(process.pid)
    assert main(["attach", pid, "--trace-filter", "shows.toml", "--for", "200ms"]) == 0
    call(process, 2)
    wait_until(lambda: facts_of(process, capsys)["state"] == "dormant", "the end")
    call(process, 2)
    assert len(works(place / f"trace-{pid}.jsonl")) == 2


def test_no_exporter_is_loaded_by_its_name(start, place):
    process = prepare(start)
    for name in ("os.path:join", "antigravity", "mine=x", "no.such.Exporter"):
        request = {"command": "attach", "exporter": [name]}
        with pytest.raises(EnvironmentFailure, match="expected one of") as raised:
            ask(process.pid, find_socket(process.pid), request)
        assert raised.value.code is ErrorCode.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("command", ["pause", "resume", "reload", "detach"])
def test_a_process_without_a_session_says_so(start, command, capsys):
    process = prepare(start)
    assert main([command, str(process.pid)]) == 10
    assert "ERR_NO_SESSION" in capsys.readouterr().err


def test_a_session_takes_commands_if_it_was_asked_to(start, place, capsys):
    process = start(
        "import codetracer_otel as c\n"
        f"c.configure({str(place / 'shows.toml')!r}, 'none', control=True)\n" + PROGRAM
    )
    call(process, 2)
    assert main(["status"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{process.pid}  recording  ")
    assert str(place / "shows.toml") in told


def test_dormant_is_a_socket_and_no_session(start, place, capsys):
    begin = "import codetracer_otel.sdk.entry_points.autostart as a, sys; a.begin()\n"
    idle = "print(sys.monitoring.get_tool(4), flush=True)\n"
    process = start(begin + idle + PROGRAM, CODETRACER_AUTO_START="dormant")
    assert process.stdout.readline() == "None\n"
    assert facts_of(process, capsys)["state"] == "dormant"
    assert main(["attach", str(process.pid), "--trace-filter", "shows.toml"]) == 0
    call(process, 2)
    assert main(["detach", str(process.pid)]) == 0
    assert len(works(place / f"trace-{process.pid}.jsonl")) == 2


def test_a_forked_worker_takes_commands_itself(start, place, capsys):
    forks = (
        "import os\n"
        "import codetracer_otel.sdk.session.configure as c; c.offer_control()\n"
        "if (child := os.fork()):\n"
        "    print(child, flush=True); os.waitpid(child, 0); os._exit(0)\n"
    )
    process = start(forks + PROGRAM)
    worker = process.stdout.readline().strip()
    wait_until(lambda: find_socket(int(worker)) is not None, "its socket")
    assert main(["attach", worker, "--trace-filter", "shows.toml"]) == 0
    call(process, 2)
    assert main(["detach", worker]) == 0
    assert len(works(place / f"trace-{worker}.jsonl")) == 2


@pytest.mark.parametrize("command", ["attach", "status", "pause", "reload", "detach"])
def test_there_is_no_such_process(place, command, capsys):
    assert main([command, str(2**22 + 1)]) == 10
    assert "ERR_NO_SUCH_PROCESS" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "1x", "-3s", "nan", "inf", "s", "0", "1e99h"])
def test_a_time_that_is_none_is_refused(place, text, capsys):
    assert main(["attach", str(os.getpid()), f"--for={text}"]) == 2
    assert "--for" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("4", 4)])
def test_a_time_has_a_unit(text, seconds):
    assert commands._seconds("--for", text) == seconds


def test_an_older_interpreter_says_how_to_prepare_the_process(place):
    with pytest.raises(EnvironmentFailure, match="CODETRACER_AUTO_START=dormant") as raised:
        injection.inject(os.getpid(), None)
    assert raised.value.code is ErrorCode.OTHER_INTERPRETER


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(13, "no"), ErrorCode.NOT_PERMITTED),
        (ProcessLookupError(3, "no"), ErrorCode.NO_SUCH_PROCESS),
        (
            RuntimeError("Remote debugging is not enabled in the remote process"),
            ErrorCode.NOT_PERMITTED,
        ),
        (RuntimeError("Can't send commands from 3.15 to 3.14"), ErrorCode.OTHER_INTERPRETER),
        (RuntimeError("PyRuntime address lookup failed"), ErrorCode.OTHER_INTERPRETER),
    ],
)
def test_a_process_that_cannot_be_reached_is_told_by_its_reason(place, error, code):
    def refuse(_pid, _script):
        raise error

    with pytest.raises(EnvironmentFailure) as raised:
        injection.inject(os.getpid(), refuse)
    assert raised.value.code is code
    assert os.listdir(place / "run" / "codetracer-otel") == []


def test_a_main_thread_that_does_not_answer_is_given_up_and_the_script_withdrawn(place):
    scripts, now = [], [0.0]

    def sleep(seconds):
        now[0] += seconds

    with pytest.raises(EnvironmentFailure, match="inside C code") as raised:
        injection.inject(
            os.getpid(), lambda _pid, script: scripts.append(script), lambda: now[0], sleep
        )
    assert raised.value.code is ErrorCode.NO_ANSWER
    assert scripts[1:] == [os.devnull]
    assert os.listdir(place / "run" / "codetracer-otel") == []
    assert injection.PATIENCE_S < now[0] < injection.PATIENCE_S + 1


def test_a_process_that_is_still_loading_is_waited_for_longer_and_told_to_stop(place):
    now, entered = [0.0], {}

    def sleep(seconds):
        now[0] += seconds
        if "script" not in entered:
            return
        # the main thread has run the script, whose own thread gets no time
        entered["code"] = compile(Path(entered.pop("script")).read_text(), "script", "exec")
        exec(entered["code"], {"_thread": None})

    def take(_pid, script):
        entered["script"] = script

    begun = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("_thread.start_new_thread", lambda work, given: begun.append((work, given)))
        with pytest.raises(EnvironmentFailure, match="had not loaded") as raised:
            injection.inject(os.getpid(), take, lambda: now[0], sleep)
    assert raised.value.code is ErrorCode.NO_ANSWER
    assert injection.LOADING_S < now[0] < injection.LOADING_S + 1
    ((work, given),) = begun
    work(*given)  # it has loaded at last, and nobody waits
    assert find_socket(os.getpid()) is None
    assert os.listdir(place / "run" / "codetracer-otel") == []


@pytest.mark.skipif(not HAS_REMOTE_EXEC, reason="sys.remote_exec is there from CPython 3.14 on")
def test_a_process_that_nobody_prepared_is_attached_to_and_left_as_it_was(start, place, capsys):
    # its main thread sees no command while it is blocked in C, so it asks for input in turns
    program = """
import select, sys, threading
def state():
    return sys.monitoring.get_tool(4), threading.active_count(), len(sys.path)
def work(number, color):
    return number
while True:
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        pass
    line = sys.stdin.readline()
    if not line:
        break
    for number in range(int(line)):
        work(number, "vermilion")
    print(state() if line == "0\\n" else f"done {line.strip()}", flush=True)
"""
    process = start(program)
    process.stdin.write("0\n")
    process.stdin.flush()
    before = process.stdout.readline()
    pid = str(process.pid)
    try:
        code = main(["attach", pid, "--trace-filter", "shows.toml"])
    finally:
        told = capsys.readouterr()
    if "ERR_NOT_PERMITTED" in told.err:
        pytest.skip("this kernel lets no process look into another one")
    assert code == 0, told.err
    call(process, 3)
    assert main(["detach", pid]) == 0
    process.stdin.write("0\n")
    process.stdin.flush()
    assert process.stdout.readline() == before
    assert len(works(place / f"trace-{pid}.jsonl")) == 3
    wait_until(lambda: find_socket(process.pid) is None, "its socket")
    assert os.listdir(place / "run" / "codetracer-otel") == []


PATIENT = """
import select, sys
def work(number, color):
    return number
def serve():
    while True:
        while not select.select([sys.stdin], [], [], 0.01)[0]:
            pass
        line = sys.stdin.readline()
        if not line:
            break
        for number in range(int(line)):
            work(number, "vermilion")
        print("done", line.strip(), flush=True)
serve()
"""


def test_a_flight_recorder_that_was_attached_is_dumped_on_demand(start, place, capsys):
    process = start(
        "import codetracer_otel.sdk.session.configure as c; c.offer_control()\n" + PATIENT
    )
    call(process, 1)
    pid, file = str(process.pid), place / "kept.jsonl"
    attach = ["attach", pid, "--trace-filter", "shows.toml", "--exporter", f"jsonl={file}"]
    assert main([*attach, "--flight-recorder", "2MB"]) == 0
    assert "stay in memory until dump" in capsys.readouterr().out
    call(process, 3)
    assert main(["dump", pid]) == 0
    assert capsys.readouterr().out == f"process {pid}: dumped 3 spans\n"
    assert len(works(file)) == 3
    call(process, 2)
    assert main(["dump", "--json", "--seconds", "5m", pid]) == 0
    assert json.loads(capsys.readouterr().out)["dumped"] == 2
    call(process, 4)
    wait_until(lambda: facts_of(process, capsys)["kept"] == 4, "four calls kept")
    assert main(["status", pid]) == 0
    assert "4 kept" in capsys.readouterr().out
    assert main(["detach", pid]) == 0
    assert len(works(file)) == 5


@pytest.mark.skipif(not HAS_REMOTE_EXEC, reason="sys.remote_exec is of CPython 3.14")
def test_a_flight_recorder_is_dumped_without_a_socket_and_leaves_none(start, place, capsys):
    file = place / "kept.jsonl"
    begin = (
        "import codetracer_otel as ct\n"
        f"ct.configure('shows.toml', 'jsonl={file}', flight_recorder='1MB')\n"
    )
    process = start(begin + PATIENT)
    call(process, 3)
    code = main(["dump", str(process.pid)])
    told = capsys.readouterr()
    if "ERR_NOT_PERMITTED" in told.err:
        pytest.skip("this kernel lets no process look into another one")
    assert code == 0, told.err
    names = [line["name"] for line in lines(file) if "name" in line]
    assert sorted(names) == ["__main__.serve", *["__main__.work"] * 3]
    wait_until(lambda: find_socket(process.pid) is None, "no socket")
    call(process, 2)
    assert main(["dump", str(process.pid)]) == 0
    assert len(works(file)) == 5


def test_without_a_flight_recorder_a_dump_is_refused(start, place, capsys):
    process = prepare(start)
    assert main(["attach", str(process.pid), "--trace-filter", "shows.toml"]) == 0
    assert main(["dump", str(process.pid)]) == 10
    assert "has no flight recorder" in capsys.readouterr().err
    assert main(["status", str(process.pid)]) == 0


@pytest.mark.parametrize("flags", [["--flight-recorder", "tiny"], ["--dump-on", "sigkill"]])
def test_a_flight_recorder_that_is_none_is_refused(place, flags, capsys):
    assert main(["attach", *flags, str(os.getpid())]) == 2
    assert flags[0] in capsys.readouterr().err
