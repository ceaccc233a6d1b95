"""A program may remove the directory it works in."""

from __future__ import annotations

import pytest
from tests.traced_run import run_python, run_traced

PROGRAM = """\
import os, tempfile
folder = tempfile.mkdtemp()
os.chdir(folder)
os.rmdir(folder)
import codetracer_otel as ct
def f(i):
    return i
exec(compile("def g(): return 1\\ng()", "relative.py", "exec"))
exec(compile("with ct.span('by hand'): f(1)", "relative2.py", "exec"))
if os.fork() == 0:
    f(2)
    os._exit(0)
os.wait()
print("done")
"""


@pytest.mark.parametrize("exporter", ["jsonl=spans.jsonl", "native=trace"])
def test_a_program_without_a_working_directory_is_recorded(tmp_path, exporter):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    done = run_traced("--quiet", "--exporter", exporter, "program.py", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_a_session_can_begin_where_no_directory_is(tmp_path):
    program = (
        "import os, tempfile\n"
        "import codetracer_otel as ct\n"
        "begin = ct.configure\n"  # CPython 3.13.0 cannot import socket where no directory is
        "folder = tempfile.mkdtemp(); os.chdir(folder); os.rmdir(folder)\n"
        "begin(exporter='none').shutdown()\n"
        "print('done')\n"
    )
    done = run_python("-c", program, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
