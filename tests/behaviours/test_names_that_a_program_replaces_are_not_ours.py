"""A program that replaces functions of the library, as its tests do, sees no call of ours there."""

from tests.traced_run import run_traced, spans_in

from codetracer_otel.sdk.session.configure import active_session  # noqa: F401 - named in the program

# Classes stay: they are asked about with `isinstance`.
PROGRAM = """
import builtins, io, json, linecache, os, random, sys, threading, time, traceback, types, uuid
import warnings
from codetracer_otel.sdk.session.configure import active_session

path = os.path
KEPT = {"print", "isinstance", "len", "exec", "compile", "callable", "getattr", "setattr"}
KINDS = (types.FunctionType, types.BuiltinFunctionType)
called = []

def functions_of(module):
    return {name: value for name, value in vars(module).items()
            if isinstance(value, KINDS) and not name.startswith("_") and name not in KEPT}

def refusal(name):
    def refuse(*arguments, **keywords):
        called.append(name)
        raise AssertionError(name)
    return refuse

class Nothing:
    def __getattr__(self, name):
        called.append(f"os.path.{name}")
        raise AssertionError(name)

def new_function(number):
    space = {"__name__": f"made_{number}"}
    folder = "/nowhere/" if number.endswith("0") else ""  # code of templates has a relative one
    file = f"{folder}package_{number}/made_{number}.py"
    source = "def made(n):\\n    if n: raise KeyError(n)\\n    return [n]"
    exec(compile(source, file, "exec"), space)
    return space["made"]

def attempt(function):
    function(0)
    try:
        function(1)
    except KeyError:
        pass

def replace(place, names, number):
    functions = [new_function(f"{number}_{n}") for n in range(3)]
    session = active_session()
    before = {name: vars(place)[name] for name in names}
    for name, value in names.items():
        setattr(place, name, value)
    try:
        for function in functions:
            attempt(function)
        is_flushed = session.flush(60)
        for function in functions:
            attempt(function)
    finally:
        for name, value in before.items():
            setattr(place, name, value)
    assert is_flushed
    if called:
        print(place.__name__, sorted(set(called)), flush=True)
        called.clear()

def main():
    places = [os, path, json, io, linecache, random, threading, time, traceback, uuid]
    places.append(warnings)
    for number, place in enumerate(places):
        replace(place, {name: refusal(name) for name in functions_of(place)}, number)
    replace(os, {"path": Nothing()}, "path")
    replace(builtins, {"open": refusal("open"), "print": refusal("print")}, "builtins")
    replace(sys, {"stderr": None, "stdout": None}, "sys")
    print("same", flush=True)

main()
"""


PLACES = (*range(11), "path", "builtins", "sys")


def test_no_call_of_ours_arrives_at_what_a_program_put_there(tmp_path):
    program, file = tmp_path / "replaces.py", tmp_path / "spans.jsonl"
    program.write_text(PROGRAM)
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[meta]\nname = "all"\nversion = 2\n[scope]\ndefault_exec = "skip"\n'
        'default_value_action = "allow"\n[[scope.rules]]\n'
        "selector = 'obj:**.{made,attempt}'\nexec = 'trace'\n"
        # a relative name of no file is only a name, which a rule has to name
        + "".join(
            f"[[scope.rules]]\nselector = 'file:literal:<package_{made}/made_{made}.py>'\n"
            "exec = 'trace'\n"
            for made in (f"{place}_{n}" for place in PLACES for n in (1, 2))
        )
    )

    answer = run_traced("--trace-filter", rules, "--exporter", f"jsonl={file}", program)

    assert (answer.returncode, answer.stdout) == (0, "same\n"), answer.stderr
    assert len(answer.stderr.splitlines()) == 1, answer.stderr  # the summary
    names = [span["name"].rpartition(".")[2] for span in spans_in(file)]
    assert names.count("made") == 14 * 3 * 4
    assert names.count("attempt") == 14 * 3 * 2
