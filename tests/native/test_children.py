"""Processes that a recorded program spawns have recordings of their own beside its own."""

import pytest
from tests.traced_run import run_traced

PROGRAM = """
import multiprocessing
import sys

def job(number):
    return number + 1

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map(job, range(4)))
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_pools_recordings_stand_beside_their_parents_without_a_warning(tmp_path, method):
    script, target = tmp_path / "pool.py", tmp_path / "trace"
    script.write_text(PROGRAM)
    done = run_traced("--quiet", "--exporter", f"native={target}", script, method, cwd=tmp_path)

    assert done.stdout == "[1, 2, 3, 4]\n"
    assert done.stderr == ""
    texts = [file.read_text() for file in tmp_path.glob("trace*/trace.json")]
    assert sum('"job"' in text for text in texts) >= 1
    assert len(texts) >= 3


OUTLIVED = """
import multiprocessing
import os
import signal

def job():
    return 1

def parents():
    return 2

if __name__ == "__main__":
    parents()
    multiprocessing.get_context("spawn").Process(target=job).start()
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
"""


def test_a_child_that_begins_when_its_parent_has_ended_leaves_the_parents_recording(tmp_path):
    script, target = tmp_path / "outlived.py", tmp_path / "trace"
    script.write_text(OUTLIVED)
    # the child holds the pipe of the output: this waits for it, too
    run_traced("--quiet", "--exporter", f"native={target}", script, cwd=tmp_path)
    assert '"parents"' in (target / "trace.json").read_text()
    (child,) = tmp_path.glob("trace.*/trace.json")
    assert '"job"' in child.read_text()
