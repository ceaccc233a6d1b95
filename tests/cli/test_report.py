from __future__ import annotations

import gc
import webbrowser

import pytest
from tests.report.lines import line, write

from codetracer_otel.cli import main
from codetracer_otel.cli.report import FilterRules
from codetracer_otel.traces.span_columns import Function

FILTER = """\
[meta]
name = "app"
version = 2
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = "pkg:shop"
value_default = "drop"
reason = "nobody's business"
[[scope.rules.value_patterns]]
selector = "arg:user"
action = "allow"
"""


@pytest.fixture
def trace(tmp_path):
    values = {"codetracer.arg.password": "<redacted>"}
    return write(tmp_path / "a.jsonl", line(1, name="shop.pay", attributes=values))


def test_it_writes_the_page_and_says_what_is_in_it(tmp_path, trace, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gc.enable()
    assert main(["report", trace]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("report.html: 1 span, ")
    assert err == ""
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert gc.isenabled()


def test_notes_go_to_standard_error(tmp_path, trace, capsys):
    with open(trace, "a", encoding="ascii") as file:
        file.write("noise\n")
    assert main(["report", trace, "-o", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().err == "codetracer-otel: a.jsonl: skipped 1 line without a span\n"


def test_a_file_that_holds_no_trace_makes_no_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("import json\n\nprint(json)\n")
    assert main(["report", "app.py"]) == 2
    assert "app.py: no line of it is a span" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_it_opens_the_page_when_asked(tmp_path, trace, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    page = tmp_path / "a page#1.html"
    assert main(["report", trace, "-o", str(page), "--open"]) == 0
    assert opened == [page.as_uri()]


def test_what_cannot_be_shown_ends_with_one_line(tmp_path, capsys):
    assert main(["report", str(tmp_path / "nothing.jsonl")]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "many", "2000000", "9" * 5000])
def test_the_limit_is_a_number_in_bounds(trace, limit, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["report", trace, "--limit", limit])
    assert ended.value.code == 2
    assert "expected a whole number from 1 to 1,000,000" in capsys.readouterr().err


def test_a_filter_that_is_not_valid_is_an_error(tmp_path, trace, capsys):
    (tmp_path / "bad.toml").write_text("[meta]\n")
    arguments = ["report", trace, "--trace-filter", str(tmp_path / "bad.toml")]
    assert main([*arguments, "-o", str(tmp_path / "page.html")]) == 2
    assert "bad.toml" in capsys.readouterr().err


def rules(tmp_path, text=FILTER):
    path = tmp_path / "app.toml"
    path.write_text(text)
    return FilterRules([str(path)]), path


def test_rules_are_named_with_their_place_and_reason(tmp_path):
    known, path = rules(tmp_path)
    keys = ["codetracer.arg.user", "codetracer.arg.password", "codetracer.return", "other"]
    found = known.of(Function("shop.pay", "/app/shop.py", 3), keys)
    assert found.decision.startswith("traced by the default, <builtin:default>:")
    assert found.values["codetracer.arg.user"].startswith(f"allowed by arg:user, {path}:11")
    assert found.values["codetracer.arg.password"].startswith("dropped by")
    assert found.values["codetracer.return"] == f"dropped by pkg:shop, {path}:7 (nobody's business)"
    assert "other" not in found.values


def test_a_function_is_known_by_the_module_its_file_is(tmp_path):
    known, _ = rules(tmp_path)
    inside = known.of(Function("shop.Order.pay", "/app/shop.py", 3), ["codetracer.return"])
    package = known.of(Function("shop.pay", "/app/shop/__init__.py", 3), ["codetracer.return"])
    body = known.of(Function("<shop>", "/app/shop.py", 1), ["codetracer.return"])
    other = known.of(Function("store.pay", "/app/store.py", 3), ["codetracer.return"])
    assert [found.values["codetracer.return"][:7] for found in (inside, package, body, other)] == [
        "dropped",
        "dropped",
        "dropped",
        "allowed",
    ]


def test_what_todays_filters_would_skip_is_said(tmp_path):
    known, _ = rules(tmp_path, FILTER.replace('value_default = "drop"', 'exec = "skip"'))
    found = known.of(Function("shop.pay", "/app/shop.py", 3), [])
    assert found.decision.startswith("the filters of now would skip it by pkg:shop")


def test_the_projects_own_filter_is_found_from_the_file(tmp_path):
    (tmp_path / ".codetracer").mkdir()
    (tmp_path / ".codetracer" / "trace-filter.toml").write_text(FILTER)
    found = FilterRules([]).of(
        Function("shop.pay", str(tmp_path / "shop.py"), 3), ["codetracer.return"]
    )
    assert found.values["codetracer.return"].startswith("dropped by pkg:shop")


def test_a_project_filter_that_is_not_valid_leaves_rules_unknown(tmp_path):
    (tmp_path / ".codetracer").mkdir()
    (tmp_path / ".codetracer" / "trace-filter.toml").write_text("no toml")
    assert FilterRules([]).of(Function("shop.pay", str(tmp_path / "shop.py"), 3), []) is None


@pytest.mark.parametrize("file", ["", "/app/\0.py"])
def test_a_function_without_a_file_has_no_rules(tmp_path, file):
    assert FilterRules([]).of(Function("load", file, 0), []) is None


SOURCE = """\
def check():
    return len("zebra4471-Anvil") == 15
def connect(user, password="zebra4471-Anvil"):
    return user
"""


@pytest.mark.parametrize("learns", [True, False])
def test_a_secret_that_stands_in_a_source_is_hidden_wherever_it_stands_there(tmp_path, learns):
    file, page = tmp_path / "shop.py", tmp_path / "page.html"
    file.write_text(SOURCE)
    (tmp_path / "f.toml").write_text(FILTER + ("" if learns else "[secrets]\nlearn = false\n"))
    spans = [
        line(number, 0, length, name=f"shop.{name}", attributes=where)
        for number, length, name, where in (
            (1, 900, "check", {"code.file.path": str(file), "code.line.number": 1}),
            (2, 10, "connect", {"code.file.path": str(file), "code.line.number": 3}),
        )
    ]
    trace = write(tmp_path / "a.jsonl", *spans)
    assert (
        main(["report", str(trace), "-o", str(page), "--trace-filter", f"{tmp_path}/f.toml"]) == 0
    )
    shown = page.read_text()
    assert "def check" in shown
    assert shown.count("zebra4471") == (0 if learns else 1)
