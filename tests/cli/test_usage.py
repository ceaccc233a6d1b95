"""What the command line says about slips of the pen."""

from __future__ import annotations

import pytest
from tests.traced_run import PROJECT

from codetracer_otel.cli import main
from codetracer_otel.cli.terminal import without_typed_secrets


def complaint(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_request:
        main(list(arguments))
    assert exit_request.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["rnu", "app.py"], "run"),
        (["exlpain", "app:f"], "explain"),
        (["run", "--exportr", "console", "app.py"], "--exporter"),
        (["show", "--summry", "spans.jsonl"], "--summary"),
        (["--versoin"], "--version"),
        (["explain", "--filter", "a.toml", "app:f"], "--trace-filter"),
    ],
)
def test_a_misspelt_command_or_flag_gets_a_suggestion(capsys, arguments, meant):
    assert f"(did you mean '{meant}'?)" in complaint(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["--quiet", "run", "app.py"], "codetracer-otel run --quiet"),
        (["run", "--version", "app.py"], "codetracer-otel --version"),
        (["help"], "codetracer-otel --help"),
        (["version"], "codetracer-otel --version"),
    ],
)
def test_a_flag_in_the_wrong_place_is_told_of_the_right_one(capsys, arguments, meant):
    assert f"(did you mean '{meant}'?)" in complaint(capsys, *arguments)


def test_an_option_that_has_taken_the_program_is_named(capsys):
    assert main(["run", "--quiet", "--service-name", "app.py"]) == 2
    assert "no program to run: 'app.py' is the value of --service-name; " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ap.py", "app", "app.oy"])
def test_a_program_that_is_missing_is_told_of_the_one_beside_it(capsys, tmp_path, name):
    (tmp_path / "app.py").write_text("")
    assert main(["run", str(tmp_path / name)]) == 2
    assert "No such file or directory (did you mean 'app.py'?)" in capsys.readouterr().err


def test_one_line_says_what_is_missing_and_where_the_help_is(capsys):
    (line,) = complaint(capsys, "show").splitlines()
    assert line.startswith("codetracer-otel show: the following arguments are required: TRACE")
    assert line.endswith("; see codetracer-otel show --help")


def test_an_unknown_flag_points_to_the_help_that_lists_the_flags(capsys):
    (line,) = complaint(capsys, "run", "-f", "a.toml", "app.py").splitlines()
    assert line.endswith("; see codetracer-otel run --help")


def test_a_value_that_is_missing_is_named(capsys):
    text = complaint(capsys, "show", "--depth", "many", "spans.jsonl")
    assert "--depth" in text
    assert "many" in text


def test_a_line_without_code_is_told_where_code_is(capsys, tmp_path):
    file = tmp_path / "app.py"
    file.write_text("def f():\n    pass\n\n\ndef g():\n    pass\n")
    assert main(["explain", f"{file}:99"]) == 2
    assert "begin at 1, 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("app.py", "--port", "1"), "codetracer-otel run app.py"),
        (("-m", "shop"), "codetracer-otel run -m shop"),
        (("-c", "1"), "codetracer-otel run -c 1"),
    ],
)
def test_a_program_without_run_is_told_of_run(capsys, words, meant):
    assert f"did you mean {meant!r}?" in complaint(capsys, *words)


def test_a_process_is_asked_for_by_its_number(capsys):
    assert "argument PID: got 'app'; expected a whole number from 1 to " in complaint(
        capsys, "attach", "app"
    )


def test_help_is_as_wide_as_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        main(["show", "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_a_path_cannot_act_on_the_terminal(capsys, tmp_path):
    name = "app\x1b[31m\u202e\udcff.py"
    (tmp_path / name).write_text("def f(): pass\n")
    for words in (
        ["explain", str(tmp_path / name)],
        ["explain", "--all", str(tmp_path / name)],
        ["explain", f"{name}:f"],
        ["check", name],
        ["show", name],
        ["report", name],
        ["init", name],
        ["diff", name, name],
    ):
        main(words)
    told = "".join(capsys.readouterr())
    assert "app\\x1b[31m\\u202e\\udcff" in told
    assert not {"\x1b", "\u202e", "\udcff"} & set(told)
    assert "\x1b" not in complaint(capsys, "run", "--\x1b[31m", "app.py")


TOKEN = "ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", TOKEN],
        ["explain", f"app.py:{TOKEN}"],
        ["report", TOKEN],
        ["show", TOKEN],
        ["diff", TOKEN, "other"],
        ["init", TOKEN],
        ["run", TOKEN],
        ["run", "--json-errors", TOKEN],
    ],
)
def test_a_secret_in_the_place_of_a_target_is_not_repeated(capsys, arguments):
    assert main(arguments) != 0
    said = capsys.readouterr().err
    assert TOKEN not in said
    assert "<redacted>" in said


@pytest.mark.parametrize(
    "arguments",
    [
        [TOKEN],
        ["run", f"--api-key={TOKEN}", "app.py"],
        ["run", f"--{TOKEN}", "app.py"],
        ["run", f"--records={TOKEN}"],
        ["run", "--records", TOKEN, "app.py"],
        ["explain", f"--filter={TOKEN}", "x"],
        ["run", f"--trace-filter={TOKEN}", "tests/cli/test_usage.py"],
        ["run", f"--trace-filter=a.toml::{TOKEN}", "tests/cli/test_usage.py"],
        ["run", f"--exporter={TOKEN}", "tests/cli/test_usage.py"],
        ["check", TOKEN],
        ["check", f"a.toml::{TOKEN}"],
        ["check", f"password={TOKEN}'\u00e4\""],
        ["init", "--\u00e4'\"", TOKEN],
        ["attach", TOKEN],
        ["attach", f"--pid={TOKEN}"],
    ],
)
def test_a_secret_is_not_repeated_wherever_it_was_typed(capsys, monkeypatch, arguments):
    monkeypatch.chdir(PROJECT)
    try:
        assert main(arguments) != 0
    except SystemExit as request:
        assert request.code == 2
    said = capsys.readouterr().err
    assert TOKEN not in said
    assert said


@pytest.mark.parametrize("written", [str, repr, ascii])
def test_a_secret_is_found_as_a_message_writes_it(written):
    word = f"\u00e4'{TOKEN}\u00e4\""
    line = without_typed_secrets(f"got {written(word)}", [f"--name={word}"])
    assert TOKEN not in line
    assert "<redacted>" in line


def test_a_secret_that_is_looked_for_in_vain_is_not_repeated(tmp_path, capsys):
    (tmp_path / "spans.jsonl").write_text("")
    main(["show", "--value", TOKEN, str(tmp_path / "spans.jsonl")])
    said = capsys.readouterr().err
    assert TOKEN not in said
    assert "no call has a value with" in said


def test_a_path_is_shown_as_it_was_typed(capsys):
    assert main(["report", f"traces/{TOKEN}.jsonl"]) != 0
    assert f"traces/{TOKEN}.jsonl" in capsys.readouterr().err
