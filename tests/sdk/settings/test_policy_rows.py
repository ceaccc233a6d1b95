"""Each row of the policy works from keyword, environment and flag, and its origin is visible."""

from __future__ import annotations

import argparse

import pytest

from codetracer_otel.cli.run import command
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.error_policy import (
    CaptureIo,
    LogLevel,
    LogLevels,
    OnRecorderError,
    Origin,
    Policy,
)
from codetracer_otel.sdk.settings.options.table import POLICY
from codetracer_otel.sdk.settings.resolve import resolve

# Field -> (as text, the flag that says it, the value).
ROWS = {
    "on_recorder_error": ("abort", ["--on-recorder-error", "abort"], OnRecorderError.ABORT),
    "require_trace": ("1", ["--require-trace"], True),
    "keep_partial_trace": ("no", ["--no-keep-partial-trace"], False),
    "log_level": (
        "error,export=debug",
        ["--log-level", "error,export=debug"],
        LogLevels(LogLevel.ERROR, (("export", LogLevel.DEBUG),)),
    ),
    "log_file": ("/x/y.log", ["--log-file", "/x/y.log"], "/x/y.log"),
    "json_errors": ("on", ["--json-errors"], True),
    "capture_io": ("proxies+fd", ["--capture-io", "proxies+fd"], CaptureIo.PROXIES_AND_DESCRIPTORS),
    "module_name_from_globals": (
        "0",
        ["--no-module-name-from-globals"],
        False,
    ),
    "propagate_script_exit": ("f", ["--no-propagate-script-exit"], False),
    "deliver_at_os_exit": ("1", ["--deliver-at-os-exit"], True),
}


def keywords_of(words):
    parser = argparse.ArgumentParser()
    command._add_options(parser)
    return command.build_keywords(parser.parse_args(words))


def origins(policy):
    return {name: policy.origin_of(name) for name in POLICY if policy.origin_of(name).value}


def only(name, origin):
    return {**dict.fromkeys(POLICY, Origin.DEFAULT), name: origin}


def test_every_row_is_tried_and_differs_from_its_default():
    assert set(ROWS) == set(POLICY)
    assert [name for name in ROWS if getattr(Policy(), name) == ROWS[name][2]] == []


@pytest.mark.parametrize("name", ROWS)
def test_a_row_from_a_keyword(name):
    text, _, expected = ROWS[name]
    policy = resolve({"policy": {name: text}}, {}).policy
    assert expected == getattr(policy, name)
    assert origins(policy) == only(name, Origin.KEYWORD)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_from_the_environment(name):
    text, _, expected = ROWS[name]
    policy = resolve({}, {POLICY[name].variables[0]: text}).policy
    assert expected == getattr(policy, name)
    assert origins(policy) == only(name, Origin.ENVIRONMENT)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_from_a_flag(name):
    _, words, expected = ROWS[name]
    policy = resolve(keywords_of(words), {}).policy
    assert expected == getattr(policy, name)
    assert origins(policy) == only(name, Origin.FLAG)


@pytest.mark.parametrize("name", ROWS)
def test_a_flag_beats_the_environment(name):
    _, words, expected = ROWS[name]
    default = str(getattr(Policy(), name))
    policy = resolve(keywords_of(words), {POLICY[name].variables[0]: default}).policy
    assert expected == getattr(policy, name)
    assert policy.origin_of(name) is Origin.FLAG


def test_the_session_shows_the_policy_in_force(monkeypatch):
    monkeypatch.setenv("CODETRACER_REQUIRE_TRACE", "no")
    with configure(exporter="none", policy={"json_errors": True}) as session:
        policy = session.policy
    assert (policy.require_trace, policy.json_errors) == (False, True)
    assert policy.origin_of("require_trace") is Origin.ENVIRONMENT
    assert policy.origin_of("json_errors") is Origin.KEYWORD
    assert policy.origin_of("log_level") is Origin.DEFAULT


IO_FILTER = """
[meta]
name = "io"
version = 2
[io]
capture = true
streams = {streams}
[scope]
default_exec = "skip"
default_value_action = "allow"
"""


def test_a_filter_that_captures_io_is_an_origin_too():
    chain = filter_from_text(IO_FILTER.format(streams='["stdout"]'))
    with configure(chain, "none") as session:
        assert session.policy.capture_io is CaptureIo.PROXIES
        assert session.policy.origin_of("capture_io") is Origin.FILTER
    with configure(chain, "none", policy={"capture_io": "off"}) as session:
        assert session.policy.capture_io is CaptureIo.OFF


def test_what_a_filter_asks_for_without_effect_is_told_once(capsys):
    chain = filter_from_text(IO_FILTER.format(streams='["stdout", "files"]'))
    with configure(chain, "none", functions=False):
        configure(chain, "none", functions=False)
    (line,) = capsys.readouterr().err.splitlines()
    assert "the stream 'files' of [io] is accepted but not captured" in line
    assert '"level": "WARN"' in line
