"""A request to end reaches every process, also one that has hardly begun."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.faults.running import wait_until
from tests.traced_run import TRACER, environment, run_python, run_traced, spans_in

from codetracer_otel.bindings import Os
from codetracer_otel.own_code import FOLDER
from codetracer_otel.sdk.delivery.worker import DetachedThread
from codetracer_otel.sdk.processes import interpreter_signals
from codetracer_otel.sdk.processes.interpreter_signals import KernelHandlers, in_kernel
from codetracer_otel.sdk.processes.signals import (
    ENDS,
    EndSignals,
    hold_end_signals,
    is_free,
    is_in_our_code,
    remembered_signals,
)

ROOT = Path(__file__).resolve().parents[3]
LIBRARY_IN_C = ctypes.CDLL(None)
LIBRARY_IN_C.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
IGNORES = 1  # SIG_IGN as C writes it

FORKS = """
import os, select, signal

def end_of(child):
    with os.fdopen(os.pidfd_open(child)) as ended:
        if not select.select([ended], [], [], 10)[0]:
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

idle, _ = os.pipe()
ends = set()
for _ in range(25):
    child = os.fork()
    if not child:
        os.read(idle, 1)
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    ends.add(end_of(child))
print(sorted(ends))
"""


PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

# A mutex that is held: no signal ends the wait for it, and no Python code runs meanwhile.
SLEEPS = """
import ctypes

mutex = ctypes.create_string_buffer(128)

def sleep():
    print("asleep", flush=True)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)

def work():
    return 1

def serve():
    work()
    sleep()
"""

# The exporter is slow, and the process is asked to end while it is at work.
SLOW = """
import os, signal, sys, time
import codetracer_otel as ct
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.delivery import pipeline

pipeline._FIRST_INTERVAL_S = 3600.0  # nothing leaves, and no signal comes, before the end

class Slow:
    def export(self, batch):
        for _ in range(int(sys.argv[1])):
            os.kill(os.getpid(), getattr(signal, sys.argv[2]))
            time.sleep(0.1)
        print(len(batch), "exported", flush=True)
        return ExportResult.SUCCESS

    def flush(self, timeout): return True
    def shutdown(self, timeout): return True
    def after_fork(self): pass

def work(): return 1

session = ct.configure(
    exporter=Slow(), signals=True, builtin_filter=False, set_global=False,
    buffer=ct.Buffer(interval_ms=3_600_000),
)
work()
print(session.shutdown(), flush=True)
"""


ENDING = pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
# each signal whose default action ends the process and that we leave alone
ENDING_AT_ONCE = ("SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU")


@pytest.fixture
def sigterm():
    """The program's own handlers, put back at the end."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Session:
    """Ends as a session does, and notes what it was told."""

    def __init__(self, told) -> None:
        self.told = told
        self.end_signals = EndSignals(self.shutdown)
        assert self.end_signals.install()

    def shutdown(self) -> None:
        self.told.append("shutdown")
        self.end_signals.claim()
        self.end_signals.close()


@pytest.fixture
def told(monkeypatch):
    told = []
    monkeypatch.setattr(Os, "kill", lambda _process, number: told.append(number))
    return told


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open")
def test_a_child_that_is_asked_to_end_as_soon_as_it_is_there_does_end(tmp_path):
    script = tmp_path / "forks.py"
    script.write_text(FORKS)

    answer = run_traced("--quiet", "--exporter", "none", script)

    assert (answer.stdout, answer.stderr) == (f"[{-signal.SIGTERM}]\n", "")


def asleep(tmp_path, end):
    """Start a program of which a process sleeps through every signal; return it and its spans."""
    script, spans = tmp_path / "sleeps.py", tmp_path / "spans.jsonl"
    script.write_text(SLEEPS + end)
    command = (sys.executable, *TRACER, "--quiet", "--exporter", f"jsonl={spans}", script)
    process = subprocess.Popen(command, env=environment(), text=True, **PIPES)
    assert process.stdout.readline() == "asleep\n"
    return process, spans


def names_in(spans) -> set:
    files = spans.parent.glob(f"{spans.name}*")
    return {span["name"] for span in spans_in(*files)}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a mutex of pthreads in 128 bytes")
@pytest.mark.parametrize(
    "end", ["serve()", "import os\nif os.fork(): serve()"], ids=["alone", "after a fork"]
)
@ENDING
def test_a_main_thread_that_sleeps_through_a_signal_does_not_keep_the_process(
    tmp_path, end, number
):
    process, spans = asleep(tmp_path, end)
    with process:
        process.send_signal(number)
        assert process.wait(60) == -number

    assert {"__main__.work", "__main__.serve", "__main__.sleep"} <= names_in(spans)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a mutex of pthreads in 128 bytes")
@pytest.mark.parametrize("work", ["serve", "sleep"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_that_sleeps_through_sigterm_does_not_keep_its_parent(tmp_path, method, work):
    process, spans = asleep(
        tmp_path,
        f"""
if __name__ == "__main__":
    import multiprocessing, sys
    worker = multiprocessing.get_context("{method}").Process(target={work})
    worker.start()
    sys.stdin.read()
    worker.terminate()
    worker.join()
    print(worker.exitcode, flush=True)
""",
    )
    with process:
        assert process.communicate(timeout=30)[0] == f"{-signal.SIGTERM}\n"

    assert any(name.endswith(f".{work}") for name in names_in(spans))


@pytest.mark.parametrize("times", [1, 3])
@ENDING
def test_a_signal_waits_for_the_end_of_a_delivery(tmp_path, times, number):
    script = tmp_path / "ends.py"
    script.write_text(SLOW)

    answer = run_python(script, times, number.name)

    assert (answer.returncode, answer.stderr) == (-number, "")
    assert answer.stdout.endswith(" exported\n")  # and nothing after it


# Another thread shuts down; signals come when the main thread waits for that.
SLOW_IN_THREAD = SLOW.replace("        for _", "        meet()\n        for _").replace(
    "print(session",
    """
import threading

main, begun = threading.get_ident(), threading.Event()

def meet():
    begun.set()
    while sys._current_frames()[main].f_code.co_name != "_wait_for_end":
        time.sleep(0.001)

threading.Thread(target=session.shutdown).start()
begun.wait()
print(session""",
)


@pytest.mark.parametrize("program", [SLOW, SLOW_IN_THREAD], ids=["its own", "of a thread"])
def test_an_interrupt_waits_for_the_end_of_a_delivery(tmp_path, program):
    script = tmp_path / "ends.py"
    script.write_text(program)

    answer = run_python(script, 2, "SIGINT")

    assert answer.returncode == -signal.SIGINT
    assert answer.stdout.endswith(" exported\n")
    assert answer.stderr.endswith("KeyboardInterrupt\n")


def test_an_interrupt_behind_sigterm_waits_for_the_end_of_the_delivery_too(tmp_path):
    script = tmp_path / "asked_to_end.py"
    lines = SLOW.splitlines()[:-1]  # it ends because it is asked to
    script.write_text("\n".join([*lines, "signal.raise_signal(signal.SIGTERM)", "time.sleep(60)"]))

    answer = run_python(script, 2, "SIGINT")

    assert (answer.returncode, answer.stderr) == (-signal.SIGTERM, "")
    assert answer.stdout.endswith(" exported\n")


def test_the_handlers_of_the_program_are_called_after_what_they_would_have_ended():
    def handler(number, _frame):
        told.append(number)
        raise ValueError(number)

    told = []
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(ValueError, match=str(int(signal.SIGUSR1))), remembered_signals():
            signal.raise_signal(signal.SIGUSR1)
            told.append("delivered")
        assert signal.getsignal(signal.SIGUSR1) is handler
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert told == ["delivered", signal.SIGUSR1]


@pytest.fixture
def host():
    """SIGUSR1 as a host in C has it that embeds Python: it ignores the signal, unseen by Python."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda: LIBRARY_IN_C.signal(signal.SIGUSR1, IGNORES)
    signal.signal(signal.SIGUSR1, before)


def test_a_handler_that_a_host_in_c_has_installed_stays_and_is_not_called_by_us(host):
    told = []
    signal.signal(signal.SIGUSR1, lambda number, _frame: told.append(number))
    host()

    with remembered_signals():
        assert KernelHandlers().handler(signal.SIGUSR1) == IGNORES
        signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)

    assert told == []
    assert KernelHandlers().handler(signal.SIGUSR1) == IGNORES


@pytest.mark.skipif(sys.platform != "linux", reason="where the flags stand is of this system")
def test_a_handler_keeps_its_flags(host):
    def flags():
        return int.from_bytes(KernelHandlers().get(signal.SIGUSR1)[136:140], sys.byteorder)

    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, False)  # as asyncio does
    restarts = flags()
    with remembered_signals():
        assert flags() != restarts
    assert flags() == restarts


def test_a_signal_is_free_where_neither_python_nor_the_host_handles_it(host):
    assert is_free(signal.SIGUSR1)
    host()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert not is_free(signal.SIGUSR1)


@pytest.mark.parametrize("status", ["none", "without masks"])
def test_each_signal_is_asked_about_where_the_system_does_not_list_them(
    host, tmp_path, monkeypatch, status
):
    file = tmp_path / "status"
    if status != "none":
        file.write_text("Name:\tpython\nThreads:\t1\n")
    monkeypatch.setattr(interpreter_signals, "_STATUS", str(file))
    assert is_free(signal.SIGUSR1)
    host()
    assert not is_free(signal.SIGUSR1)
    assert signal.SIGUSR1 not in in_kernel()
    assert signal.SIGINT in in_kernel()


def test_the_list_of_signals_stands_behind_that_of_many_groups(tmp_path, monkeypatch):
    file = tmp_path / "status"
    groups = " ".join(str(4_000_000_000 + number) for number in range(5_000))
    file.write_text(f"Groups:\t{groups}\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000002\n")
    monkeypatch.setattr(interpreter_signals, "_STATUS", str(file))
    assert in_kernel() == {signal.SIGINT}
    assert in_kernel(ignored=True) == {signal.SIGINT, signal.SIGPIPE}


def test_sigterm_is_answered_where_no_python_code_can_begin(sigterm, told):
    asked = []
    limit = sys.getrecursionlimit()
    session = Session(told)

    def fall():
        try:
            fall()
        except RecursionError:
            asked.append(1)
            signal.raise_signal(signal.SIGTERM)

    fall()
    sys.setrecursionlimit(limit)
    session.end_signals.close()

    assert told == ["shutdown", signal.SIGTERM]
    assert len(asked) == 1  # the first signal, at the limit itself


def test_a_handler_that_a_thread_could_not_take_away_makes_room_for_the_next_session(sigterm, told):
    session = Session(told)
    left = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=session.shutdown)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is left

    another = Session(told)
    assert signal.getsignal(signal.SIGTERM) is not left
    another.shutdown()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert told == ["shutdown", "shutdown"]


def test_sigterm_waits_where_it_is_held(sigterm, told):
    session = Session(told)

    release = hold_end_signals()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    told.append("held")
    release()
    wait_until(lambda: signal.SIGTERM in told, "the answer")
    session.end_signals.close()

    assert told == ["held", "shutdown", signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_program_with_its_own_way_of_ending_is_not_made_to_wait(sigterm):
    release = hold_end_signals()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    release()

    assert signal.SIGTERM not in held


def test_a_program_that_holds_sigterm_itself_goes_on_holding_it(sigterm, told):
    session = Session(told)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        hold_end_signals()()
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        session.shutdown()


def frame_in(file, below=None):
    """Return a frame of code in ``file``, called by a frame in ``below`` where one is named."""
    namespace = {"sys": sys}
    exec(compile("def inner():\n    return sys._getframe()\n", file, "exec"), namespace)
    if below is None:
        return namespace["inner"]()
    exec(compile("def outer(call):\n    return call()\n", below, "exec"), namespace)
    return namespace["outer"](namespace["inner"])


@pytest.mark.parametrize("wing", ["instrumentation/spans", "sdk/delivery", "exporters/files"])
def test_a_signal_that_comes_to_our_code_is_known_in_every_wing(wing):
    assert is_in_our_code(frame_in(f"{FOLDER}{wing}/module.py"))


def test_a_signal_that_comes_to_the_library_below_our_code_is_known():
    assert is_in_our_code(frame_in(threading.__file__, below=f"{FOLDER}sdk/session/session.py"))


@pytest.mark.parametrize("file", [f"{FOLDER}cli/run/command.py", __file__, "/elsewhere/app.py"])
def test_a_program_and_the_command_line_below_it_are_not_our_code_at_work(file):
    assert not is_in_our_code(frame_in(file))


KILLED = """
import os, signal, sys, time

def work(): pass

work()
os.kill(os.getpid(), getattr(signal, sys.argv[1]))
print("survived", signal.getsignal(getattr(signal, sys.argv[1])))
"""


@ENDING
def test_a_program_that_a_signal_ends_is_summed_up(tmp_path, number):
    script, spans = tmp_path / "app.py", tmp_path / "spans.jsonl"
    script.write_text(KILLED)
    process = run_traced("--exporter", f"jsonl={spans}", script, number.name)
    assert (process.returncode, process.stdout) == (-number, "")
    assert process.stderr.startswith("codetracer-otel: 2 spans recorded, 2 exported, 0 dropped")
    quiet = run_traced("--quiet", "--exporter", f"jsonl={spans}", script, number.name)
    assert (quiet.stderr, quiet.returncode) == ("", -number)


def test_the_first_of_two_signals_is_the_one_that_ends_the_process(sigterm, told):
    session = Session(told)
    session.end_signals.claim()  # the session is being shut down
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGTERM)
    session.shutdown()

    assert told == ["shutdown", signal.SIGHUP]


def test_a_program_that_ignores_sighup_as_below_nohup_goes_on_and_loses_nothing(tmp_path):
    script, spans = tmp_path / "app.py", tmp_path / "spans.jsonl"
    script.write_text(KILLED + "work()\n")
    command = (sys.executable, *TRACER, "--exporter", f"jsonl={spans}", script, "SIGHUP")

    process = subprocess.run(
        command,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        env=environment(),
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (process.returncode, process.stdout) == (0, "survived 1\n")
    assert process.stderr.startswith("codetracer-otel: 3 spans recorded, 3 exported, 0 dropped")


@pytest.mark.parametrize("name", ENDING_AT_ONCE)
def test_other_signals_end_a_program_at_once_as_they_do_without_us(tmp_path, name):
    script = tmp_path / "app.py"
    script.write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n" + KILLED
    )
    process = run_traced("--exporter", f"jsonl={tmp_path / 'spans.jsonl'}", script, name)
    assert (process.returncode, process.stdout, process.stderr) == (
        -getattr(signal, name),
        "",
        "",
    )


def test_the_documentation_names_each_of_these_signals():
    page = (ROOT / "docs/how-it-works.md").read_text()
    names = [number.name for number in ENDS] + list(ENDING_AT_ONCE)
    assert [name for name in names if f"`{name}`" not in page] == []


def blocked_in_a_thread_of_ours():
    blocked = []
    thread = DetachedThread(lambda: blocked.extend(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    thread.start()
    assert thread.join(10)
    return set(blocked)


def test_threads_of_ours_leave_the_signals_of_a_host_in_c_to_its_own_threads():
    here = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert blocked_in_a_thread_of_ours() == here  # what a child process would inherit

    before = signal.getsignal(signal.SIGHUP)
    harmless = ctypes.cast(LIBRARY_IN_C.abs, ctypes.c_void_p).value
    LIBRARY_IN_C.signal(signal.SIGHUP, harmless)
    try:
        blocked = blocked_in_a_thread_of_ours()
    finally:
        signal.signal(signal.SIGHUP, before)

    assert {signal.SIGHUP, signal.SIGINT} <= blocked
    assert not {signal.SIGSEGV, signal.SIGABRT} & blocked
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == here


THREAD = """
import sys
from codetracer_otel.sdk.delivery.worker import DetachedThread
thread = DetachedThread(lambda: None)
thread.start()
thread.join(10)
print("ctypes" in sys.modules, thread.has_died)
"""


def test_a_thread_of_ours_begins_without_ctypes_whose_library_keeps_a_file_open():
    answer = run_python("-c", THREAD)
    assert (answer.stdout, answer.stderr) == ("False False\n", "")


CHAINS = """
import os, signal, sys

def work(n): return n

def reload(*arguments):
    print("reload", flush=True)
    if callable(previous):
        previous(*arguments)

work(1)
number = getattr(signal, sys.argv[1])
previous = signal.signal(number, reload)
os.kill(os.getpid(), number)
work(2)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_handler_of_the_program_may_call_the_one_before_it(tmp_path, name):
    program, spans = tmp_path / "program.py", tmp_path / "spans.jsonl"
    program.write_text(CHAINS)

    process = run_traced("--exporter", f"jsonl={spans}", program, name, cwd=tmp_path)

    assert (process.returncode, process.stdout) == (0, "reload\n")
    names = [span["name"] for span in spans_in(spans)]
    assert names.count("__main__.work") == 2
