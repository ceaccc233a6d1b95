"""How ``run`` reads its command line, without running anything."""

import pytest

from codetracer_otel.cli import build_parser
from codetracer_otel.cli.run.command import (
    TargetWords,
    build_keywords,
    build_launch,
    build_target,
    split_target,
    status_of,
)
from codetracer_otel.cli.run.target import Target, TargetKind
from codetracer_otel.errors import ConfigurationError, UsageError
from codetracer_otel.sdk.settings.error_policy import PolicyFlags
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.options.table import POLICY
from codetracer_otel.sdk.settings.resolve import resolve


def keywords_of(*options):
    namespace = build_parser("run").parse_args(["run", *options])
    return {name: value for name, value in build_keywords(namespace).items() if value is not None}


@pytest.mark.parametrize(
    ("arguments", "options", "flag", "words"),
    [
        ("app.py", "", "", "app.py"),
        ("app.py --quiet -m x", "", "", "app.py --quiet -m x"),
        ("--quiet app.py --quiet", "--quiet", "", "app.py --quiet"),
        ("--exporter otlp app.py", "--exporter otlp", "", "app.py"),
        ("--exporter=otlp app.py", "--exporter=otlp", "", "app.py"),
        ("--exporter -m app.py", "--exporter -m", "", "app.py"),
        ("-m shop -- --x", "", "-m", "shop -- --x"),
        ("-mshop --help", "", "-m", "shop --help"),
        ("--quiet -c pass -c", "--quiet", "-c", "pass -c"),
        ("-cpass x", "", "-c", "pass x"),
        ("-- --odd.py -- x", "", "", "--odd.py -- x"),
        ("- x", "", "", "- x"),
        ("--pytest -q tests", "", "--pytest", "-q tests"),
        ("--pytest -- -q tests", "", "--pytest", "-q tests"),
        ("--unittest -- -- -odd", "", "--unittest", "-- -odd"),
        ("--no-json-errors --unittest", "--no-json-errors", "--unittest", ""),
        ("-m", "", "-m", ""),
    ],
)
def test_the_program_starts_at_the_first_word_that_is_not_ours(arguments, options, flag, words):
    found = split_target(arguments.split())

    assert (options.split(), TargetWords(flag, tuple(words.split()))) == found


def test_without_a_program_everything_is_ours():
    assert split_target(["--quiet", "--help"]) == (["--quiet", "--help"], None)


@pytest.mark.parametrize(
    ("flag", "words", "expected"),
    [
        ("-m", ("shop", "x"), Target(TargetKind.MODULE, "shop", ("x",))),
        ("-c", ("pass", "x"), Target(TargetKind.COMMAND, "pass", ("x",))),
        ("", ("-", "x"), Target(TargetKind.STDIN, "-", ("x",))),
        ("--pytest", ("-q",), Target(TargetKind.MODULE, "pytest", ("-q",))),
        ("--unittest", (), Target(TargetKind.MODULE, "unittest", ())),
    ],
)
def test_programs_are_named_in_many_ways(flag, words, expected):
    assert expected == build_target(TargetWords(flag, words))


def test_a_path_is_a_script_a_directory_an_archive(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").touch()
    (tmp_path / "app").mkdir()

    script = build_target(TargetWords("", ("./app.py", "x")))
    directory = build_target(TargetWords("", ("app",)))

    assert script == Target(TargetKind.SCRIPT, "./app.py", ("x",), f"{tmp_path}/./app.py")
    assert directory == Target(TargetKind.ARCHIVE, "app", (), f"{tmp_path}/app")


@pytest.mark.parametrize(
    "given", [None, TargetWords("", ()), TargetWords("-m", ()), TargetWords("-c", ())]
)
def test_no_program_is_a_usage_error(given):
    with pytest.raises(UsageError, match=r"no program to run; expected .* as in code"):
        build_target(given)


def test_a_missing_script_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"can't open file .*: \[Errno 2\] No such file"):
        build_target(TargetWords("", (str(tmp_path / "no.py"),)))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(TargetKind.MODULE, "shop", ("x",)), StartMode(StartKind.MODULE, "shop", ("x",))),
        (Target(TargetKind.MODULE, "pytest"), StartMode(StartKind.PYTEST, "pytest")),
        (Target(TargetKind.MODULE, "unittest"), StartMode(StartKind.UNITTEST, "unittest")),
        (Target(TargetKind.COMMAND, "pass"), StartMode(StartKind.COMMAND)),
        (Target(TargetKind.STDIN, "-"), StartMode(StartKind.COMMAND)),
        (
            Target(TargetKind.SCRIPT, "a.py", (), "/x/a.py"),
            StartMode(StartKind.SCRIPT, "/x/a.py"),
        ),
    ],
)
def test_the_session_learns_what_it_records(target, expected):
    assert expected == build_launch(target, framework_filter=True)


def test_the_main_file_stands_for_a_directory(tmp_path):
    target = Target(TargetKind.ARCHIVE, "app", (), str(tmp_path))

    assert build_launch(target, framework_filter=True).target == str(tmp_path / "__main__.py")


def test_options_become_keywords():
    keywords = keywords_of(
        "--trace-filter", "a::b", "--trace-filter", "c", "--exporter", "otlp", "--exporter=jsonl",
        "--capture", "args,locals", "--service-name", "shop", "--trace", "eval",
        "--activation-path", "x.py", "--no-builtin-filter",
    )  # fmt: skip

    assert keywords == {
        "trace_filter": ["a::b", "c"],
        "exporter": ["otlp", "jsonl"],
        "capture": "args,locals",
        "service_name": "shop",
        "trace": "eval",
        "activation_path": "x.py",
        "builtin_filter": False,
        "policy": PolicyFlags({}),
        "signals": True,
    }


def test_policy_flags_become_policy():
    keywords = keywords_of(
        "--on-recorder-error=abort", "--require-trace", "--no-keep-partial-trace",
        "--log-level=debug", "--log-file=x", "--json-errors", "--capture-io=proxies",
        "--no-module-name-from-globals", "--no-propagate-script-exit", "--deliver-at-os-exit",
    )  # fmt: skip

    assert keywords["policy"] == PolicyFlags(
        {
            "on_recorder_error": "abort",
            "require_trace": True,
            "keep_partial_trace": False,
            "log_level": "debug",
            "log_file": "x",
            "json_errors": True,
            "capture_io": "proxies",
            "module_name_from_globals": False,
            "propagate_script_exit": False,
            "deliver_at_os_exit": True,
        }
    )


def test_every_policy_field_has_a_flag():
    assert [name for name, key in POLICY.items() if key.flag is None] == []


@pytest.mark.parametrize(
    ("code", "status"), [(None, 0), (0, 0), (3, 3), (259, 3), (-1, 255), (True, 1), ("text", 1)]
)
def test_a_system_exit_has_the_status_of_the_interpreter(code, status):
    assert status == status_of(SystemExit(code))


def test_bounds_have_flags():
    options, _ = split_target(["--max-items", "3", "--buffer", "drop", "--buffer-bytes", "100"])
    parsed = build_parser("run").parse_args(["run", *options])
    keywords = build_keywords(parsed)
    assert keywords["limits"] == {"max_items": "3"}
    settings = resolve({name: keywords[name] for name in ("limits", "buffer")}, {})
    assert settings.limits == Limits(max_items=3)
    assert settings.buffer == Buffer(when_full="drop_newest", bytes=100)


def test_a_bad_bound_is_named_by_its_flag():
    launch = StartMode(StartKind.SCRIPT)
    with pytest.raises(ConfigurationError, match=r"--buffer-bytes: out of range, got 'many'"):
        resolve({"buffer": {"bytes": "many"}}, {}, launch=launch)
