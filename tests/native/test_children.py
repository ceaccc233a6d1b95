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
