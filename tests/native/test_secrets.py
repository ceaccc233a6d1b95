"""What has a redacted name or a known shape stands nowhere in a recording."""

from __future__ import annotations

from tests.native_run import record
from tests.native_trace import read_trace
from tests.shop_secrets import SECRETS
from tests.traced_run import PROJECT, run_traced


def content(folder):
    return "".join(path.read_text() for path in folder.iterdir())


def test_no_secret_of_the_shop_is_in_its_recording(tmp_path):
    target = tmp_path / "trace"
    options = ("--quiet", "--capture-io", "proxies+fd", "--exporter", f"native={target}")
    done = run_traced(*options, PROJECT / "examples" / "shop" / "main.py")
    assert done.returncode == 0
    read_trace(target)
    found = content(target)
    assert "price_of_basket" in found
    assert [secret for secret in SECRETS if secret in found] == []


PROGRAM = """\
import os, sys
CARD = "4242 4242 4242 4242"
def f(password, config, **more):
    token = "tok-" + password
    text = f"Authorization: Bearer {password}abcdefghijklmnop"
    nested = [{"api_key": password}, (1, {"user": {"passwd": password}})]
    url = f"postgres://admin:{password}@db.example/x"
    print(text)
    print(url, file=sys.stderr)
    print("password=" + password)
    os.write(1, ("Bearer " + password + "qrstuvwxyzabcdef\\n").encode())
    raise ValueError(url)
try:
    f("hunter2hunter2", {"secret": "hunter2hunter2"}, client_secret="hunter2hunter2")
except ValueError as error:
    kept = error
"""


def test_secrets_are_hidden_wherever_they_turn_up(tmp_path):
    for mode in ("proxies", "proxies+fd"):
        record(PROGRAM, tmp_path, "--capture-io", mode)
        found = content(tmp_path / "trace")
        assert "hunter2" not in found
        assert "4242 4242" not in found
        assert "<redacted>" in found


def test_the_programs_arguments_are_hidden_by_name_and_by_shape(tmp_path):
    script = tmp_path / "program.py"
    script.write_text("import sys\nassert sys.argv[2] == 'hunter2'\n")
    target = tmp_path / "trace"
    arguments = (
        "--password", "hunter2", "--api-key=hunter2", "--verbose", "file.txt",
        "https://me:hunter2@example.org/", "token=hunter2", "--token", "--next",
    )  # fmt: skip
    done = run_traced("--quiet", "--exporter", f"native={target}", script, *arguments)
    assert done.returncode == 0
    shown = read_trace(target).metadata["args"]
    assert "hunter2" not in content(target)
    assert shown[:5] == [
        "--password",
        "<redacted>",
        "--api-key=<redacted>",
        "--verbose",
        "file.txt",
    ]
    assert shown[-2:] == ["--token", "--next"]


def test_redacted_variables_are_never_touched(tmp_path):
    source = """\
class Proud:
    def __getattribute__(self, name): raise SystemExit("touched")
    def __repr__(self): raise SystemExit("touched")
def f(password, x):
    secret = password
    y = x
    return 1
f(Proud(), Proud())
"""
    assert record(source, tmp_path).metadata["process_exit_status"]["code"] == 0


def test_what_a_cut_left_of_a_secret_in_a_message_is_hidden(tmp_path):
    source = """\
def f(token_of):
    raise ValueError("x" * 1000, "ghp_" + token_of("hunter2hunter2hunter2hunter2"))
try:
    f(str)
except ValueError:
    pass
"""
    record(source, tmp_path, "--capture", "args")
    assert "ghp_hunter2" not in content(tmp_path / "trace")
