from __future__ import annotations

import pytest
from tests.filters.chains import filter_text, rule

from codetracer_otel.cli import main


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text(filter_text(rule("pkg:app.*"), execute="inherit", values="inherit"))
    return path


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(filter_text(rule("pgk:app.*", exec="trac")))
    return path


def test_good_filters_end_with_0(good, capsys):
    assert main(["check", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: ok, 1 rule\n"


def test_every_problem_is_printed_with_file_and_line(good, bad, capsys):
    assert main(["check", str(bad), f"{good}::{bad}.missing"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{bad}:8:1: ERR_INVALID_FILTER scope.rules[0].selector: ")
    assert lines[1].startswith(f"{bad}:9:1: ERR_INVALID_FILTER scope.rules[0].exec: ")
    assert lines[2].startswith(f"{bad}.missing: ERR_IO ")
    assert lines[3:] == ["3 problems"]


def test_what_has_no_effect_is_said(tmp_path, capsys):
    path = tmp_path / "io.toml"
    path.write_text("[io]\ncapture = true\nstreams = ['files']\n" + filter_text())
    assert main(["check", str(path)]) == 0
    assert "note: " in capsys.readouterr().out


def test_without_a_filter_it_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 2


@pytest.mark.parametrize("text", ["", " ", "::"])
def test_a_name_that_is_empty_checks_nothing_and_says_so(text, capsys):
    assert main(["check", text]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"no filter is named, got {text!r}; expected a file" in told.err


def test_rules_are_compared_with_code_before_it_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "cart.py").write_text("def total(): pass\n")
    rules = rule("obj:shop.cart.total") + rule("obj:shop.cart.totl") + rule("pkg:requests")
    (tmp_path / "a.toml").write_text(filter_text(rules))
    for code in ("shop", "shop/cart.py", "shop.cart"):
        assert main(["check", "a.toml", "--against", code]) == 1
        told = capsys.readouterr().out
        assert "`obj:shop.cart.totl` matched nothing; did you mean shop.cart.total?" in told
        assert f"a.toml:11 matched nothing in {code}" in told
        assert told.count("matched nothing") == 2
    (tmp_path / "b.toml").write_text(filter_text(rule("obj:shop.cart.total")))
    assert main(["check", "b.toml", "--against", "shop"]) == 0
