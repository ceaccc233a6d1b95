"""Ids come from a generator of ours: the program's random numbers are those it had without us."""

import random

from tests.conftest import HEADER, rule
from tests.traced_run import run_python

PROGRAM = """
import random, sys
import codetracer_otel as ct

def draw(n):
    return [random.random() for _ in range(n)]

random.seed(7)
state = random.getstate()
with ct.configure(sys.argv[1], "none") as session:
    assert random.getstate() == state
    drawn = draw(3) + draw(2)
    assert session.flush(30)
print(drawn, random.random(), hash(random.getstate()))
"""


def leaf(n):
    return n


def test_tracing_draws_no_number_of_the_programs_generator(record):
    random.seed(1)
    state = random.getstate()
    with record() as spans:
        for n in range(100):
            leaf(n)
    assert len(spans) == 100
    assert random.getstate() == state


def test_a_seed_repeats_no_id(record):
    ids = []
    for _ in range(2):
        random.seed(1)
        with record() as spans:
            random.seed(1)
            leaf(1)
        ids += [spans[0].trace_id, spans[0].span_id]
    assert len(set(ids)) == 4


def test_a_whole_session_leaves_the_sequence_as_it_was(tmp_path):
    program, filters = tmp_path / "program.py", tmp_path / "all.toml"
    program.write_text(PROGRAM)
    filters.write_text(HEADER + rule("pkg:__main__"))
    done = run_python(program, filters)
    random.seed(7)
    drawn = [random.random() for _ in range(5)]
    expected = f"{drawn} {random.random()} {hash(random.getstate())}\n"
    assert (done.stdout, done.stderr) == (expected, "")
