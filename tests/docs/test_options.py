"""Every option is documented, and every documented option exists."""

from __future__ import annotations

import argparse
import inspect
import re
from dataclasses import fields, make_dataclass

import pytest
from tests.traced_run import PROJECT
from tools import options as tool

import codetracer_otel as ct
from codetracer_otel.cli import COMMANDS, build_parser
from codetracer_otel.cli.run.command import TargetWords, build_keywords, split_target
from codetracer_otel.errors import ConfigurationError
from codetracer_otel.sdk.settings import resolve as resolving
from codetracer_otel.sdk.settings.error_policy import Policy
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.model import Settings
from codetracer_otel.sdk.settings.options.option import Flag, Option
from codetracer_otel.sdk.settings.options.table import (
    BUFFER,
    ENVIRONMENT,
    LIMITS,
    OPTIONS,
    POLICY,
)
from codetracer_otel.sdk.settings.parsers import parse_text
from codetracer_otel.sdk.settings.resolve import resolve

PAGE = (PROJECT / "docs" / "options.md").read_text("utf-8")
SOURCE = PROJECT / "src" / "codetracer_otel"
VARIABLE = re.compile(
    r"\b(?:CODETRACER_[A-Z_]+[A-Z]|OTEL_[A-Z_]+[A-Z]|TRACEPARENT|TRACESTATE|NO_COLOR)\b"
)
TARGETS = {"-m", "-c", "--pytest", "--unittest"}  # of `run`, split off before its parser
# Read by OpenTelemetry, not by us.
FOREIGN = {"OTEL_PROPAGATORS"}
# Read while the package is built, not by the package.
OF_THE_BUILD = set(VARIABLE.findall((PROJECT / "hatch_build.py").read_text("utf-8")))
# Rows of the table about OpenTelemetry's specification, see test_specification.py.
OF_THE_SPECIFICATION = re.compile(r"^\| `OTEL_\w+` \| (?:yes|no) \|.*$", re.MULTILINE)
# Of the tests themselves.
OWN = {"CODETRACER_CI", "CODETRACER_TESTS_COLLECT"}


def variables_of_source():
    texts = [path.read_text("utf-8") for path in SOURCE.rglob("*.py")]
    found = {name for text in texts for name in VARIABLE.findall(text)}
    otlp = {
        name
        for text in texts
        for name in re.findall(r'_(?:otlp|choice)\(environ, "([A-Z_]+)"', text)
    }
    composed = {f"OTEL_EXPORTER_OTLP_{name}" for name in otlp}
    return found | composed | {key.variables[0] for key in POLICY.values()}


VARIABLES = variables_of_source()
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]


def flags(command):
    parser = build_parser(command)
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {flag for action in commands.choices[command]._actions for flag in action.option_strings}


def test_the_source_is_searched_for_variables():
    assert len(VARIABLES) > 40
    assert {"CODETRACER_LOG_FILE", "OTEL_EXPORTER_OTLP_CLIENT_KEY", "TRACEPARENT"} <= VARIABLES


def test_the_page_is_what_the_table_says():
    assert tool.build_page(PAGE) == PAGE, "python -m tools.options writes it anew"


def test_the_signature_of_configure_is_what_the_table_says():
    source = tool.SOURCE.read_text("utf-8")
    assert tool.build_source(source) == source, "python -m tools.options writes it anew"
    assert list(inspect.signature(ct.configure).parameters) == list(OPTIONS)


def test_the_defaults_of_settings_are_those_of_the_table():
    rows = [row for row in (*OPTIONS.values(), *ENVIRONMENT.values()) if row.default is not None]
    assert len(rows) > 10
    stands = {row.setting or row.name: row.default for row in rows}
    assert {name: getattr(Settings(), name) for name in stands} == stands


@pytest.mark.parametrize(
    ("table", "made"), [(POLICY, Policy()), (LIMITS, Limits()), (BUFFER, Buffer())]
)
def test_the_fields_of_a_group_are_those_of_the_table(table, made):
    assert [field.name for field in fields(made) if field.compare] == list(table)
    assert {name: row.default for name, row in table.items()} == {
        name: getattr(made, name) for name in table
    }
    assert [name for name in table if f"\n| `{name}` |" not in PAGE] == []


@pytest.fixture
def colour(monkeypatch):
    """Add an option to the table, and to the class that carries its value."""
    option = Option(
        "colour",
        "what colour `span` has",
        parse_text,
        "str",
        shown_default="none",
        flag=Flag("--colour", "100 % of the colour", "NAME"),
        variables=("CODETRACER_COLOUR",),
        read=parse_text,
        more="new",
    )
    wider = make_dataclass("Wider", [("colour", str, None)], bases=(Settings,), frozen=True)
    monkeypatch.setitem(OPTIONS, "colour", option)
    monkeypatch.setattr(resolving, "Settings", wider)
    return option


@pytest.mark.usefixtures("colour")
def test_an_option_that_is_added_to_the_table_is_on_the_page():
    line = (
        "| `colour` | `--colour NAME` | `CODETRACER_COLOUR` | none | what colour `span` has; new |"
    )
    assert line not in PAGE
    assert line in tool.build_page(PAGE).splitlines()


@pytest.mark.usefixtures("colour")
def test_an_option_that_is_added_to_the_table_is_in_the_signature():
    source = tool.SOURCE.read_text("utf-8")
    made = tool.build_source(source)
    assert made != source  # so `test_the_signature_of_configure...` would fail until it is written
    namespace = {"__name__": "made"}
    exec(compile(made, "made.py", "exec"), namespace)
    parameter = inspect.signature(namespace["configure"]).parameters["colour"]
    assert str(parameter) == "colour: 'str | None' = None"
    assert parameter.kind is parameter.KEYWORD_ONLY
    assert "    colour: what colour `span` has.\n" in inspect.getdoc(namespace["configure"])


@pytest.mark.usefixtures("colour")
def test_an_option_that_is_added_to_the_table_has_its_flag(capsys):
    given = ["--colour", "red", "app.py"]
    assert split_target(given) == (given[:2], TargetWords("", ("app.py",)))
    parser = build_parser("run")
    assert build_keywords(parser.parse_args(["run", *given[:2]]))["colour"] == "red"
    assert build_keywords(parser.parse_args(["run"]))["colour"] is None
    with pytest.raises(SystemExit):
        parser.parse_args(["run", "--help"])
    assert "--colour NAME" in capsys.readouterr().out


@pytest.mark.usefixtures("colour")
def test_an_option_that_is_added_to_the_table_is_read_and_judged():
    variable = {"CODETRACER_COLOUR": " red "}
    assert resolve({}, {}).colour is None
    assert resolve({}, variable).colour == "red"
    assert resolve({"colour": "blue"}, variable).colour == "blue"
    with pytest.raises(ConfigurationError) as caught:
        resolve({"colour": 3, "colours": 4}, {})
    shown = "\n".join(problem.message for problem in caught.value.problems)
    assert "colour: not a text, got 3" in shown
    assert "colours: unknown option" in shown
    assert "did you mean 'colour'?" in shown
    (warning,) = resolve({}, {"CODETRACER_COLUOR": "red"}).warnings
    assert "did you mean 'CODETRACER_COLOUR'?" in warning.message


def test_every_variable_is_documented():
    missing = {name for name in VARIABLES | OF_THE_BUILD if f"`{name}`" not in PAGE}
    of_traces = {name for name in missing if name.startswith("OTEL_EXPORTER_OTLP_TRACES")}
    assert missing - of_traces == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_a_command_is_documented(command):
    assert [flag for flag in flags(command) if not re.search(rf"`{flag}[` ]", PAGE)] == []


def test_every_command_has_a_row_with_its_flags_and_no_others():
    table = PAGE.partition("## Other commands")[2].partition("\n\n`run` itself")[0]
    rows = {}
    for cells in re.findall(r"^\| (`.*?) \|(.*)\|$", table, re.MULTILINE):
        for name in re.findall(r"`([a-z-]+)", cells[0]):
            rows[name] = set(re.findall(r"`(-[\w-]+)", cells[1]))
    assert rows == {name: flags(name) - {"-h", "--help"} for name in COMMANDS if name != "run"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_that_its_parser_takes(command):
    parser = build_parser(command)
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    examples = re.findall(rf"codetracer-otel {command}(.*)", commands.choices[command].epilog)
    assert examples
    if command != "run":  # whose program is split off first, see tests/cli/run/test_command.py
        for example in examples:
            parser.parse_args([command, *example.replace("'", "").split()])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_names_a_variable_that_nothing_reads(page):
    named = set(VARIABLE.findall(re.sub(OF_THE_SPECIFICATION, "", page.read_text("utf-8"))))
    general = {name for name in named if name.endswith(("_OTLP", "_BSP", "_SPAN", "_ATTRIBUTE"))}
    of_traces = {name.replace("_TRACES_", "_") for name in VARIABLES} | VARIABLES
    unknown = {name for name in named if name.replace("OTLP_TRACES_", "OTLP_") not in of_traces}
    assert unknown - general - FOREIGN - OF_THE_BUILD - OWN == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_names_a_flag_of_ours_that_does_not_exist(page):
    known = TARGETS.union(*map(flags, COMMANDS), {"--version"})
    commands = re.findall(r"codetracer-otel ([^`\n]*)", page.read_text("utf-8"))
    own = [
        re.split(r" (?:-m|-c|--pytest|--unittest|\S+\.py)\b", command)[0] for command in commands
    ]
    used = {flag for command in own for flag in re.findall(r"(?:^| )(--[a-z][a-z-]+)", command)}
    assert used - known == set()
