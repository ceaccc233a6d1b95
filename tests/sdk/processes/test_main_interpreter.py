"""Subinterpreters: no session, no noise, and nothing that ends the process."""

from tests.traced_run import run_traced, spans_in

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
