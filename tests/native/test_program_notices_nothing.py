"""Programs whose steps and streams are recorded behave as without it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from tests.traced_run import TRACER, environment

MODES = ("off", "proxies", "proxies+fd")

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
PROGRAMS = {
    "output": OUTPUT,
    "input": INPUT,
    "replaced": REPLACED,
    "closed": CLOSED,
    "killed": KILLED,
    "lifetimes": LIFETIMES,
}


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
    process = subprocess.Popen(
        command(script, mode, folder),
        stdin=side,
        stdout=side,
        stderr=side,
        env=environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(side)
    os.write(main, b"one\ntwo\nthree\nfour\n\x04")
    text = b""
    try:
        while data := os.read(main, 65536):
            text += data
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(main)
    return process.wait(60), text


@pytest.mark.parametrize("place", [on_pipes, on_files], ids=["pipes", "files"])
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_streams_are_the_same_byte_for_byte(tmp_path, name, place):
    script = tmp_path / "program.py"
    script.write_text(PROGRAMS[name])
    expected = place(script, None, tmp_path)
    for mode in MODES:
        assert place(script, mode, tmp_path) == expected, mode


@pytest.mark.parametrize("name", ["output", "input", "replaced"])
def test_a_terminal_shows_the_same(tmp_path, name):
    script = tmp_path / "program.py"
    script.write_text(PROGRAMS[name])
    expected = on_a_terminal(script, None, tmp_path)
    for mode in MODES:
        assert on_a_terminal(script, mode, tmp_path) == expected, mode


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
    for mode in MODES:
        assert together(mode) == expected, mode
