"""Subinterpreters: no session, no noise, and nothing that ends the process."""

import sys

import pytest
from tests.traced_run import run_python, run_traced, spans_in

from codetracer_otel.sdk.processes.main_interpreter import is_main_interpreter

# Legacy ones share the lock of the main one and load any extension, as under mod_wsgi; isolated
# ones are those of `concurrent.interpreters`.
INTERPRETERS = """
import sys

if sys.version_info < (3, 13):
    import _xxsubinterpreters as interpreters
    def create(is_isolated):
        return interpreters.create(isolated=is_isolated)
else:
    import _interpreters as interpreters
    def create(is_isolated):
        return interpreters.create("isolated" if is_isolated else "legacy")

def run(is_isolated, code):
    number = create(is_isolated)
    problem = interpreters.run_string(number, code)
    if problem is not None:
        print(problem.errdisplay)
    interpreters.destroy(number)
"""

ASKS_FOR_A_SESSION = (
    INTERPRETERS
    + '''
CODE = """
import codetracer_otel as ct

@ct.instrument
def work(number):
    with ct.span("by hand"):
        return number + 1

try:
    ct.configure(exporter="none")
except ct.EnvironmentFailure as failure:
    print(failure.code, work(1), flush=True)
"""

def main():
    for is_isolated in (False, False, True, True):
        run(is_isolated, CODE)

main()
'''
)


def test_this_is_the_main_one():
    assert is_main_interpreter()


def test_a_session_is_refused_and_the_one_of_the_main_interpreter_goes_on(tmp_path):
    program, file = tmp_path / "asks.py", tmp_path / "spans.jsonl"
    program.write_text(ASKS_FOR_A_SESSION)

    answer = run_traced("--exporter", f"jsonl={file}", program)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "ERR_OTHER_INTERPRETER 2\n" * 4
    assert [s["name"] for s in spans_in(file)].count("__main__.run") == 4
    assert len(answer.stderr.splitlines()) == 1, answer.stderr  # the summary


SENDS_WHAT_WAS_RECORDED = """
from concurrent import interpreters
from concurrent.futures import InterpreterPoolExecutor

def of_this_module(number):
    return number + 1

def attempt(call, *arguments):
    try:
        return call(*arguments)
    except Exception as problem:
        return type(problem).__name__

def main():
    def local():
        return 6 * 7

    def takes(first, second=2):
        return first + second

    def makes():
        def inner():
            return 5
        return inner()

    def closes_over():
        return local

    def prints():
        print("from there", flush=True)

    functions = [local, makes, prints, lambda: 3, closes_over]
    for _ in range(2):
        print([function() is None for function in functions], takes(1), of_this_module(1))
        there = interpreters.create()
        print([attempt(there.call, function) for function in functions[:-1]])
        print(attempt(there.call, functions[-1]), attempt(there.call, takes, 3))
        print(attempt(there.call, of_this_module, 3))
        with InterpreterPoolExecutor(1) as pool:
            print([pool.submit(function).result() for function in functions[:2]])
            print(pool.submit(of_this_module, 4).result())
        queue = interpreters.create_queue()
        queue.put(local)
        print(queue.get_nowait()())
        there.close()

main()
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="interpreters take functions from 3.14 on")
def test_a_function_that_was_recorded_is_handed_on_to_another_as_before(tmp_path):
    program, file = tmp_path / "sends.py", tmp_path / "spans.jsonl"
    program.write_text(SENDS_WHAT_WAS_RECORDED)
    plain = run_python(program)

    answer = run_traced("--exporter", f"jsonl={file}", program)

    assert plain.returncode == answer.returncode == 0, (plain.stderr, answer.stderr)
    assert "[42, 5, None, 3]" in plain.stdout
    assert answer.stdout == plain.stdout
    recorded = [span["name"] for span in spans_in(file)]
    for name in ("main.<locals>.local", "main.<locals>.prints", "of_this_module"):
        assert f"__main__.{name}" in recorded
