"""What a recorder knows of code goes with the code, whatever comes to its address."""

import gc
import marshal
import os
import random
import sys
from itertools import count, pairwise
from types import CodeType, FunctionType

import pytest
from tests.conftest import only
from tests.depth import examples
from tests.traced_run import run_python, run_traced, spans_in

from codetracer_otel._core import load
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

NATIVE = load()
ODD_ONLY = "[[scope.rules]]\nselector = 'obj:**.even_*'\nexec = 'skip'\n"
numbers = count()


def new_function(name):
    """Return a function of this file's whose code no other one has."""
    made = {"__name__": __name__}
    exec(compile(f"def {name}(n):\n    return n + {next(numbers)}", __file__, "exec"), made)
    return made[name]


def call_once(name):
    function = new_function(name)
    function(1)
    return id(function.__code__)


@pytest.fixture
def exporter():
    return InMemoryExporter()


@pytest.fixture
def session(exporter):
    rules = only(__file__, ODD_ONLY)
    with configure(rules, exporter, set_global=False) as started:
        yield started


def names(exporter, session):
    session.flush()
    found = [span.name.rpartition(".")[2] for span in exporter.spans]
    exporter.clear()
    return [name for name in found if name.startswith(("odd_", "even_"))]


def test_code_is_not_taken_for_what_was_at_its_address(session, exporter):
    many = examples(2000)
    addresses = {call_once(f"{'even' if n % 3 else 'odd'}_{n}") for n in range(many)}

    assert names(exporter, session) == [f"odd_{n}" for n in range(0, many, 3)]
    if len(addresses) == many:
        pytest.skip("no address came again: the allocator of a sanitizer keeps what is freed")


def test_each_of_many_functions_is_known_while_others_go(session, exporter):
    many = examples(3000)
    pick = random.Random(5)
    living = {f"odd_{n}": new_function(f"odd_{n}") for n in range(many)}
    for _ in range(4):
        for function in living.values():
            function(1)
        assert names(exporter, session) == list(living)
        gone = pick.sample(sorted(living), len(living) // 2)
        for name in gone:
            del living[name]
        living |= {f"odd_{n}": new_function(f"odd_{n}") for n in range(len(gone) // 2)}


def test_memory_is_flat_over_code_that_goes(session, exporter):
    def run(rounds):
        for n in range(rounds):
            call_once(f"odd_{n % 100}")
            if n % 500 == 499:
                session.flush()
                exporter.clear()
        gc.collect()
        return sys.getallocatedblocks()

    sizes = [run(2000), *[run(examples(4000)) for _ in range(4)]]
    # of one run or another a thread of ours may still hold the last batch
    assert min(after - before for before, after in pairwise(sizes)) < 1000


def test_a_session_knows_nothing_of_what_went_between_two(exporter):
    rules = only(__file__, ODD_ONLY)
    with configure(rules, exporter, set_global=False) as first:
        kept = new_function("odd_kept")
        kept(1)
        gone = [new_function(f"odd_{n}") for n in range(500)]
        for function in gone:
            function(1)
        first.flush()
    del gone, function
    exporter.clear()
    again = InMemoryExporter()
    with configure(rules, again, set_global=False) as second:
        for n in range(500):
            call_once(f"even_{n}")
        kept(1)
        assert names(again, second) == ["odd_kept"]


def test_code_that_is_made_of_other_code_is_code_of_its_own(session, exporter):
    function = new_function("odd_first")
    function(1)
    code = function.__code__
    copies = [code.replace(), marshal.loads(marshal.dumps(code)), code.replace(co_name="odd_b")]
    for copy in copies:
        assert isinstance(copy, CodeType)
        assert copy is not code
        FunctionType(copy, function.__globals__)(1)
        del copy
    assert code == copies[0] == copies[1]
    del copies
    function(1)
    assert len(names(exporter, session)) == 5


FORKS = """
import os

def work(n):
    return n

def made(name):
    space = {"__name__": __name__}
    exec(compile(f"def {name}(n): return n", __file__, "exec"), space)
    return space[name]

def main():
    work(1)
    before = [made(f"before_{n}") for n in range(200)]
    for function in before:
        function(1)
    child = os.fork()
    if child == 0:
        del before[:], function
        for n in range(200):
            made(f"after_{n}")(1)
        work(2)
        return
    os.waitpid(child, 0)
    for function in before:
        function(2)

main()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_and_its_parent_each_know_their_own(tmp_path):
    program = tmp_path / "forks.py"
    program.write_text(FORKS)
    answer = run_traced("--exporter", f"jsonl={tmp_path / 'spans.jsonl'}", program)
    assert answer.returncode == 0, answer.stderr
    found = [span["name"] for span in spans_in(*tmp_path.glob("spans*"))]
    assert sum(".before_" in name for name in found) == 400, found
    assert sum(".after_" in name for name in found) == 200, found
    assert found.count("__main__.work") == 2


needs_core = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")

WATCHES = """
import ctypes
import gc
import sys
from codetracer_otel._core import load

def watchers_left():
    taken = []
    while True:
        try:
            taken.append(ctypes.pythonapi.PyCode_AddWatcher(callback))
        except RuntimeError:
            for each in taken:
                ctypes.pythonapi.PyCode_ClearWatcher(each)
            return len(taken)

callback = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.py_object)(lambda event, code: 0)
"""

LOADS_OFTEN = (
    WATCHES
    + """
counts = []
for _ in range(20):
    assert load().module is not None, load()
    counts.append(watchers_left())
    del sys.modules["codetracer_otel._core.native"], sys.modules["codetracer_otel._core"].native
    gc.collect()
print(set(counts), watchers_left())
"""
)

FINDS_NONE = (
    WATCHES
    + """
while watchers_left():
    ctypes.pythonapi.PyCode_AddWatcher(callback)
print(load().reason)
"""
)


@needs_core
def test_a_module_that_is_loaded_again_watches_once():
    answer = run_python("-c", LOADS_OFTEN)
    assert answer.stdout == "{7} 8\n", answer.stderr


@needs_core
def test_where_others_watch_already_calls_are_recorded_in_python():
    answer = run_python("-c", FINDS_NONE)
    assert answer.stdout == "other tools watch code objects: no watcher is left\n", answer.stderr
