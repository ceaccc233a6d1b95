"""What is typed at a prompt that names a secret is recorded nowhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest
from tests.depth import IS_WHOLE
from tests.exporters.collector import running_collector
from tests.exporters.every_exporter import content_of
from tests.exporters.otlp.test_grpc import serving
from tests.traced_run import DELIVER, environment, run_traced

from codetracer_otel.filters.secrets.named.values import NAMES
from codetracer_otel.instrumentation.io.prompts import Prompts
from codetracer_otel.model.value import REDACTED

PASSWORD = "hush-4711-hush"
KEPT = "kept-4711-kept"
PROGRAM = f"""\
import getpass, sys
def ask():
    password = input("Password: ")
    print("API key:")
    token = sys.stdin.readline()
    print("Type your", "token", "here", end="> ", flush=True)
    token = next(sys.stdin)
    print("passphrase of bob", file=sys.stderr)
    password = sys.stdin.readline()
    password = getpass.getpass("say it: ")
    name = input("Your name? ")
    print("password", token)
    print()
    print("colour?")
    colour = sys.stdin.readline()
    assert password == "{PASSWORD}" and name == "{KEPT}"
    del password, token
import warnings
warnings.simplefilter("ignore")
ask()
"""
TYPED = "".join(f"{word}\n" for word in [PASSWORD] * 5 + [KEPT] * 2)


@pytest.mark.parametrize("mode", ["proxies", "proxies+fd"])
def test_no_exporter_shows_what_is_typed_at_a_prompt_for_a_secret(tmp_path, mode):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.replace('print("password", token)', 'print("password")') + DELIVER)
    with running_collector() as http, serving() as (grpc, grpc_url):
        places = [f"jsonl={tmp_path / 'x.jsonl'}", f"chrome={tmp_path / 'x.json'}", "console"]
        places += [f"native={tmp_path / 'native'}", f"otlp={http.url}", f"otlp-grpc={grpc_url}"]
        options = [word for place in places for word in ("--exporter", place)]
        done = run_traced("--capture-io", mode, *options, script, stdin=TYPED, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        shown = {"otlp": repr(http.requests), "otlp-grpc": repr(grpc.requests)}
    shown |= {name: (tmp_path / name).read_text() for name in ("x.jsonl", "x.json")}
    shown |= {"native": content_of(tmp_path / "native"), "console": done.stderr}
    for name, text in shown.items():
        assert PASSWORD not in text, name
    assert shown["x.jsonl"].count(KEPT) >= 2
    assert KEPT in shown["native"]


@pytest.mark.parametrize(
    ("printed", "is_hidden"),
    [
        (["Password: "], True),
        (["API", " ", "key", ":", "\n"], True),
        (["Enter the api key of bob, please: "], True),
        (["password\n", "Your name? "], False),
        (["Your name? "], False),
        (["Password for x" + "." * 200 + ": "], True),
        (["Continue [y/n]? "], False),
        ([], False),
        (["Password:\n", "\n", "  \n"], True),
    ],
)
def test_the_line_that_was_printed_last_names_the_answer(printed, is_hidden):
    prompts = Prompts()
    for text in printed:
        prompts.printed(text)
    assert prompts.answer("typed\n", None, NAMES.matches) == (
        f"{REDACTED}\n" if is_hidden else "typed\n"
    )
    assert prompts.answer("next", None, NAMES.matches) == "next"


def test_what_getpass_reads_is_never_shown():
    space = {"__name__": "getpass", "sys": sys}
    frame = eval("sys._getframe()", space)
    assert Prompts().answer("typed", frame, NAMES.matches) == REDACTED


STEP = 1 if IS_WHOLE else 4
LONG = f"""\
import json
import subprocess
import sys
def write(filler):
    sys.stdout.write("x " * (filler // 2) + "password= {PASSWORD} and more\\n" + "y" * 70_000)
    sys.stdout.write("z" * filler + " Authorization: Bearer {PASSWORD}abcdefgh " + "y " * 40_000)
for filler in range(65_536 - 40, 65_536 + 4, {STEP}):
    write(filler)
"""


@pytest.mark.timeout(900)  # 17 s of processor time: 25 MB of text are searched
def test_where_a_long_write_is_cut_no_secret_loses_its_name(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(LONG + DELIVER)
    options = ("--quiet", "--capture-io", "proxies", "--exporter")
    for place in (f"jsonl={tmp_path / 'x.jsonl'}", f"native={tmp_path / 'native'}"):
        done = run_traced(*options, place, script, cwd=tmp_path)
        assert done.returncode == 0
    shown = [(tmp_path / "x.jsonl").read_text(), content_of(tmp_path / "native")]
    assert [text.count(PASSWORD) for text in shown] == [0, 0]
    assert all(text.count(REDACTED) > 44 // STEP for text in shown)


def test_one_pipe_for_both_streams_is_recorded_once(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        "import os, subprocess, sys\n"
        "def work():\n"
        "    for n in range(60):\n"
        "        print('out', n)\n"
        "        print('err', n, file=sys.stderr)\n"
        "        if n % 20 == 3:\n"
        "            sys.stdout.flush()\n"
        "            os.write(1, b'raw\\n')\n"
        "            subprocess.run(['sh', '-c', 'echo child; echo error >&2'])\n"
        "work()\n"
    )
    tracer = f"{sys.executable} -m codetracer_otel run --quiet --capture-io proxies+fd"
    command = f"{tracer} --exporter native={tmp_path}/native {script} 2>&1 | cat > {tmp_path}/out"
    assert subprocess.run(["sh", "-c", command], env=environment(), check=False).returncode == 0
    written = (tmp_path / "out").read_text()
    events = json.loads((tmp_path / "native" / "trace.json").read_text())
    recorded = "".join(event["Event"]["content"] for event in events if "Event" in event)
    assert len(written) > 800
    # By character: what comes by descriptor arrives between the pieces that `print` writes.
    assert Counter(recorded) == Counter(written)


RULES = """\
[meta]
name = "module"
version = 2

[scope]
default_exec = "trace"
default_value_action = "allow"

[[scope.rules]]
selector = "pkg:teller"
exec = "trace"

[[scope.rules.value_patterns]]
selector = "attr:literal:colour"
action = "redact"

[[scope.rules.value_patterns]]
selector = "value:regex:CUST [0-9]{4} [0-9]{4}"
action = "redact"
"""
TELLER = """\
import sys
def ask():
    input("Your colour? ")
def tell():
    sys.stdout.write("x " * 32766 + "CUST 4711 4712 end\\n")
"""
MAIN = """\
import sys
import teller
def ask():
    input("Your colour? ")
def tell():
    sys.stdout.write("y " * 32766 + "CUST 1174 1174 end\\n")
ask(); tell()
teller.ask(); teller.tell()
"""


def test_rules_for_a_module_judge_what_it_reads_and_its_long_writes(tmp_path):
    (tmp_path / "main.py").write_text(MAIN + DELIVER)
    (tmp_path / "teller.py").write_text(TELLER)
    (tmp_path / "rules.toml").write_text(RULES)
    places = [f"jsonl={tmp_path / 'x.jsonl'}", f"chrome={tmp_path / 'x.json'}", "console"]
    with running_collector() as http, serving() as (grpc, grpc_url):
        places += [f"native={tmp_path / 'native'}", f"otlp={http.url}", f"otlp-grpc={grpc_url}"]
        options = [word for place in places for word in ("--exporter", place)]
        options += ["--trace-filter", tmp_path / "rules.toml"]
        typed = "green-4711\nhush-4712\n"
        done = run_traced("--capture-io", "proxies", *options, "main.py", stdin=typed, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        shown = {"otlp": repr(http.requests), "otlp-grpc": repr(grpc.requests)}
    shown |= {name: (tmp_path / name).read_text() for name in ("x.jsonl", "x.json")}
    shown |= {"native": content_of(tmp_path / "native"), "console": done.stderr}
    for name, text in shown.items():
        for hidden in ("hush-4712", "4711 4712", "CUST 4711"):
            assert hidden not in text, name
    assert "green-4711" in shown["x.jsonl"]
    assert "CUST 1174 1174" in shown["native"]
