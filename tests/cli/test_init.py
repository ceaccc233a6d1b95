from __future__ import annotations

import pytest

from codetracer_otel.cli import main
from codetracer_otel.filters import builtin_sources, compile_chain, filter_from_path, load_chain
from codetracer_otel.filters.types import CodeIdentity, ValueKind


def verdict(path, name):
    asked = compile_chain(load_chain([*builtin_sources(), filter_from_path(path)]))
    decision = asked.classify(CodeIdentity(("app",), str(path.parent.parent / "app.py"), "f"))
    assert decision.traces is True
    return decision.value_verdict(ValueKind.ARG, name).action.name


@pytest.mark.parametrize(("flags", "expected"), [([], "ALLOW"), (["--private"], "REDACT")])
def test_the_starter_is_valid_and_does_what_it_says(tmp_path, capsys, flags, expected):
    assert main(["init", *flags, str(tmp_path)]) == 0
    path = tmp_path / ".codetracer" / "trace-filter.toml"
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert verdict(path, "order_id") == expected
    assert verdict(path, "password") == "REDACT"


@pytest.mark.parametrize("flags", [[], ["--private"]])
def test_its_commented_examples_are_valid_too(tmp_path, flags):
    main(["init", *flags, str(tmp_path)])
    path = tmp_path / ".codetracer" / "trace-filter.toml"
    text = path.read_text()
    start = text.index("# Rules are read")
    examples = [
        line.removeprefix("# ")
        for line in text[start:].splitlines()
        if line.startswith(
            ("# [", "# selector", "# exec", "# action", "# ratio", "# value", "# re")
        )
    ]
    path.write_text(text[:start] + "\n".join(examples) + "\n")
    rules = load_chain([*builtin_sources(), filter_from_path(path)]).files[-1].rules
    assert len(rules) >= 3


def test_an_existing_filter_is_not_overwritten(tmp_path, capsys):
    path = tmp_path / ".codetracer" / "trace-filter.toml"
    path.parent.mkdir()
    path.write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert path.read_text() == "mine"
    assert str(path) in capsys.readouterr().err


def test_a_file_is_no_directory(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 2
    assert ": not a directory; expected the project's folder" in capsys.readouterr().err


def test_a_missing_directory_is_a_usage_error(tmp_path):
    assert main(["init", str(tmp_path / "none")]) == 2


def test_a_directory_that_cannot_be_written_is_an_environment_error(tmp_path):
    (tmp_path / ".codetracer").write_text("a file in the way")
    assert main(["init", str(tmp_path)]) == 10


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "ü", " "])
def test_any_directory_name_gives_a_valid_filter(tmp_path, name):
    (tmp_path / name).mkdir()
    assert main(["init", str(tmp_path / name)]) == 0
    load_chain(
        [*builtin_sources(), filter_from_path(tmp_path / name / ".codetracer/trace-filter.toml")]
    )
