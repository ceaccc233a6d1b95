"""Every option is documented, and every documented option exists."""

from __future__ import annotations

import argparse
import inspect
import re
from dataclasses import fields

import pytest
from tests.traced_run import PROJECT

import codetracer_otel as ct
from codetracer_otel.cli import COMMANDS, build_parser
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.options.table import POLICY

PAGE = (PROJECT / "docs" / "options.md").read_text("utf-8")
SOURCE = PROJECT / "src" / "codetracer_otel"
VARIABLE = re.compile(
    r"\b(?:CODETRACER_[A-Z_]+[A-Z]|OTEL_[A-Z_]+[A-Z]|TRACEPARENT|TRACESTATE|NO_COLOR)\b"
)
TARGETS = {"-m", "-c", "--pytest", "--unittest"}  # of `run`, split off before its parser
# Read by OpenTelemetry, not by us.
FOREIGN = {"OTEL_PROPAGATORS"}
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


@pytest.mark.parametrize("name", inspect.signature(ct.configure).parameters)
def test_every_keyword_of_configure_is_documented(name):
    assert f"\n| `{name}` |" in PAGE


@pytest.mark.parametrize("bounds", [Limits, Buffer])
def test_every_bound_is_documented(bounds):
    assert [f.name for f in fields(bounds) if f"\n| `{f.name}` |" not in PAGE] == []


def test_every_variable_is_documented():
    missing = {name for name in VARIABLES if f"`{name}`" not in PAGE}
    of_traces = {name for name in missing if name.startswith("OTEL_EXPORTER_OTLP_TRACES")}
    assert missing - of_traces == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_a_command_is_documented(command):
    assert [flag for flag in flags(command) if not re.search(rf"`{flag}[` ]", PAGE)] == []


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
    named = set(VARIABLE.findall(page.read_text("utf-8")))
    general = {name for name in named if name.endswith(("_OTLP", "_BSP", "_SPAN", "_ATTRIBUTE"))}
    of_traces = {name.replace("_TRACES_", "_") for name in VARIABLES} | VARIABLES
    unknown = {name for name in named if name.replace("OTLP_TRACES_", "OTLP_") not in of_traces}
    assert unknown - general - FOREIGN - OWN == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_names_a_flag_of_ours_that_does_not_exist(page):
    known = TARGETS.union(*map(flags, COMMANDS), {"--version"})
    commands = re.findall(r"codetracer-otel ([^`\n]*)", page.read_text("utf-8"))
    own = [
        re.split(r" (?:-m|-c|--pytest|--unittest|\S+\.py)\b", command)[0] for command in commands
    ]
    used = {flag for command in own for flag in re.findall(r"(?:^| )(--[a-z][a-z-]+)", command)}
    assert used - known == set()
