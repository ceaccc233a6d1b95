"""A session that traces the standard library, too, begins and ends."""

from __future__ import annotations

from tests.traced_run import run_python

PROGRAM = """
import threading
import codetracer_otel as ct
TEXT = '''
[meta]
name = "everything"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
'''
def work(): pass
session = ct.configure(ct.filter_from_text(TEXT), "none", builtin_filter=False)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
session.shutdown()
print("ended", session.stats()["recorded"] > 20)
"""


def test_tracing_everything_takes_no_lock_twice(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    process = run_python(path, timeout=60)
    assert (process.stdout, process.stderr) == ("ended True\n", "")
