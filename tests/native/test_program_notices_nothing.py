"""Programs whose steps and streams are recorded behave as without it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from tests.depth import IS_WHOLE
from tests.traced_run import TRACER, environment

MODES = ("off", "proxies", "proxies+fd")
DEEPEST = ("proxies+fd",)  # does all that the others do, and more

OUTPUT = """\
import os, subprocess, sys
def main():
    print("no end", end="")
    print(" here", flush=True)
    print("to stderr", file=sys.stderr)
    sys.stdout.buffer.write(b"bytes \\xff\\n"); sys.stdout.buffer.flush()
    os.write(1, b"written\\n")
    sys.stdout.writelines(["a\\n", "b\\n"]); sys.stdout.flush()
    subprocess.run([sys.executable, "-S", "-c", "print('child')"], check=True)
    print(type(sys.stdout).__name__, sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout.name)
    print(sys.stdout is sys.__stdout__, sys.stdout.encoding, sys.stdin.fileno())
main()
"""
INPUT = """\
import sys
def main():
    print("first:", input())
    print("second:", sys.stdin.readline(), end="")
    for line in sys.stdin:
        print("then:", line, end="")
        break
    print("rest:", sys.stdin.read())
main()
"""
REPLACED = """\
import contextlib, io, sys
def main():
    with contextlib.redirect_stdout(io.StringIO()) as kept:
        print("kept")
    print(repr(kept.getvalue()))
    class Tee:
        def __init__(self, stream): self.stream = stream
        def write(self, text): return self.stream.write(text.upper())
        def flush(self): self.stream.flush()
    sys.stdout = Tee(sys.stdout)
    print("tee")
    sys.stderr = None
    print("gone", file=sys.stderr)
main()
"""
CLOSED = """\
import sys
def main():
    print("before")
    sys.stdout.close()
    print("after")
main()
"""
KILLED = """\
import os
def main():
    print("printed", flush=True)
    os.write(1, b"written\\n")
    os._exit(3)
main()
"""
LIFETIMES = """\
import sys, weakref
class Thing: pass
def f(thing):
    alive = weakref.ref(thing)
    del thing
    print(alive() is None)
    held = locals()
    other = 1
    print(sorted(held))
    return sys._getframe().f_code.co_name
print(f(Thing()))
def g():
    names = caller_names()
    later = 2
    return sorted(names)
def caller_names(): return sys._getframe(1).f_locals
print(g() if sys.version_info < (3, 13) else "live")
"""
STREAMS = """\
import atexit, io, os, sys, threading, warnings
def worker(n):
    for i in range(20):
        lock.acquire(); print(n, i, sep=":", end=";\\n"); lock.release()
def main():
    print("late", file=sys.__stdout__)
    threads = [threading.Thread(target=worker, args=(n,)) for n in range(2)]
    for thread in threads: thread.start(); thread.join()
    sys.stdout.reconfigure(line_buffering=True)
    print("caf\\xe9 \\u2603", end="\\r\\n")
    try: print("\\udc80")
    except UnicodeEncodeError as error: print(error.reason)
    try: sys.stdout.write(b"bytes")
    except TypeError as error: print(error)
    warnings.warn("careful")
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere: os.dup2(nowhere.fileno(), 1)
    print("nowhere", flush=True)
    os.dup2(kept, 1)
    print("somewhere", sys.stdout.closed, sys.stdout.buffer.closed)
    again = io.TextIOWrapper(io.FileIO(os.dup(1), "w"), encoding="ascii", write_through=True)
    print("again", file=again)
    again.close()
    atexit.register(print, "at exit")
    raise SystemExit("last words")
lock = threading.Lock()
main()
"""
CHILD_READS = """\
import subprocess, sys
def main():
    done = subprocess.run([sys.executable, "-S", "-c", "print(input() + '!')"], capture_output=True)
    print(done.stdout)
    command = [sys.executable, "-S", "-c", "print(7)"]
    print(subprocess.check_output(command, stdin=subprocess.DEVNULL))
main()
"""
BINARY_INPUT = """\
import os, sys
def main():
    print(sys.stdin.buffer.readline())
    print(sys.stdin.readlines())
    try: input("more? ")
    except EOFError as error: print(repr(error))
    sys.stdin.close()
    try: input()
    except ValueError as error: print(error)
    print(os.read(0, 1))
main()
"""
TRACEBACK = """\
import sys
def fails(n): return 1 // n
def main():
    sys.stderr.write("first\\n")
    sys.stderr.close() if len(sys.argv) > 5 else None
    fails(0)
main()
"""
CLOSED_ERRORS = """\
import sys
def main():
    sys.stderr.close()
    print("out")
    try: print("err", file=sys.stderr)
    except ValueError as error: print(error)
    sys.stdout.detach().write(b"detached\\n")
    sys.stdout = open(1, "w", closefd=False)
    print("own")
main()
"""
PROGRAMS = {
    "output": OUTPUT,
    "input": INPUT,
    "replaced": REPLACED,
    "closed": CLOSED,
    "killed": KILLED,
    "lifetimes": LIFETIMES,
    "streams": STREAMS,
    "child_reads": CHILD_READS,
    "binary_input": BINARY_INPUT,
    "traceback": TRACEBACK,
    "closed_errors": CLOSED_ERRORS,
}
ON_FILES = ("output", "input", "replaced", "closed", "killed", "streams", "child_reads")
ON_A_TERMINAL = ("output", "input", "replaced", "closed", "killed", "streams")


def command(script, mode, folder):
    if mode is None:
        return [sys.executable, str(script)]
    options = ["--quiet", "--capture-io", mode, "--exporter", f"native={folder / 'trace'}"]
    return [sys.executable, *TRACER, *options, str(script)]


def on_pipes(script, mode, folder):
    done = subprocess.run(
        command(script, mode, folder),
        input=b"one\ntwo\nthree\nfour\n",
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def on_files(script, mode, folder):
    with open(folder / "in", "wb+") as given, open(folder / "out", "wb") as out:
        given.write(b"one\ntwo\nthree\nfour\n")
        given.seek(0)
        with open(folder / "err", "wb") as err:
            done = subprocess.run(
                command(script, mode, folder),
                stdin=given,
                stdout=out,
                stderr=err,
                env=environment(),
                timeout=60,
                check=False,
            )
    return done.returncode, (folder / "out").read_bytes(), (folder / "err").read_bytes()


def on_a_terminal(script, mode, folder):
    main, side = pty.openpty()
    os.write(main, b"one\ntwo\nthree\nfour\n\x04")
    text = b""
    while not text.endswith(b"four\r\n"):  # shown by the terminal, at a time of its own
        text += os.read(main, 65536)
    process = subprocess.Popen(
        command(script, mode, folder),
        stdin=side,
        stdout=side,
        stderr=side,
        env=environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(side)
    try:
        while data := os.read(main, 65536):
            text += data
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(main)
    return process.wait(60), text


def check(place, name, folder, modes):
    script = folder / "program.py"
    script.write_text(PROGRAMS[name])
    expected = place(script, None, folder)
    for mode in modes:
        assert place(script, mode, folder) == expected, mode


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_pipes_carry_the_same_bytes(tmp_path, name):
    check(on_pipes, name, tmp_path, MODES if IS_WHOLE else DEEPEST)


@pytest.mark.parametrize("name", ON_FILES)
def test_files_hold_the_same_bytes(tmp_path, name):
    check(on_files, name, tmp_path, DEEPEST)


@pytest.mark.parametrize("name", ON_A_TERMINAL)
def test_a_terminal_shows_the_same(tmp_path, name):
    check(on_a_terminal, name, tmp_path, DEEPEST)


def test_one_place_for_both_streams_keeps_their_order(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(OUTPUT)

    def together(mode):
        return subprocess.run(
            command(script, mode, tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            timeout=60,
            check=False,
        ).stdout

    expected = together(None)
    for mode in MODES if IS_WHOLE else DEEPEST:
        assert together(mode) == expected, mode


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_program_that_begins_without_a_stream_ends_as_it_does_untraced(tmp_path, closed):
    script = tmp_path / "program.py"
    script.write_text(
        "import sys\ndef main():\n    print('out')\n"
        "    print('err', file=sys.stderr)\n    return [s is None for s in "
        "(sys.stdin, sys.stdout, sys.stderr)]\n"
        "missing = main()\nsys.exit(sum(2**i for i, m in enumerate(missing) if m))\n"
    )

    def run(mode):
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command(script, mode, tmp_path)]
        done = subprocess.run(
            shell, capture_output=True, env=environment(), timeout=60, check=False
        )
        return done.returncode, done.stdout, done.stderr

    expected = run(None)
    for mode in DEEPEST:
        assert run(mode) == expected, mode
