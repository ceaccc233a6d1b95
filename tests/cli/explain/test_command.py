from __future__ import annotations

import json
import sys

import pytest
from tests.filters.chains import filter_text, rule

from codetracer_otel.cli import main

SOURCE = """\
LIMIT = 3

class Cart:
    def total(self, token, items=()):
        rate = 2
        def inner(x):
            return x * LIMIT
        return inner(rate)

raise SystemExit("never run")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "cart.py").write_text(SOURCE)
    marker = tmp_path / ".codetracer"
    marker.mkdir()
    rules = rule("pkg:shop.*", ("local:rate", "drop"), reason="shown in the report")
    (marker / "trace-filter.toml").write_text(
        filter_text(rules, execute="inherit", values="inherit")
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CODETRACER_TRACE_FILTER", raising=False)
    return tmp_path


def explained(capsys, *arguments):
    assert main(["explain", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("target", "function"),
    [
        ("shop.cart:Cart.total", "shop.cart.Cart.total"),
        ("shop/cart.py:4", "shop.cart.Cart.total"),
        ("shop/cart.py:5", "shop.cart.Cart.total"),
        ("shop/cart.py:7", "shop.cart.Cart.total.<locals>.inner"),
        ("shop/cart.py:8", "shop.cart.Cart.total"),
        ("shop/cart.py:10", "shop.cart.<module>"),
    ],
)
def test_a_target_is_a_function_or_a_line(project, capsys, target, function):
    [found] = explained(capsys, target)["targets"]
    assert (found["function"], found["traced"]) == (function, True)


def test_a_file_stands_for_all_its_code(project, capsys):
    found = [each["function"] for each in explained(capsys, "shop/cart.py")["targets"]]
    assert found == [
        "shop.cart.<module>",
        "shop.cart.Cart",
        "shop.cart.Cart.total",
        "shop.cart.Cart.total.<locals>.inner",
    ]


def test_each_value_names_the_rule_behind_it(project, capsys):
    [found] = explained(capsys, "shop.cart:Cart.total", "--name", "apiKey")["targets"]
    values = {
        (each["kind"], each["name"]): (each["action"], each["rule"]["selector"])
        for each in found["values"]
    }
    assert values["arg", "token"] == ("redact", "arg:words:@secrets")
    assert values["arg", "items"] == ("allow", "")
    assert values["local", "rate"] == ("drop", "local:rate")
    assert values["attr", "apiKey"] == ("redact", "attr:words:@secrets")
    assert values["ret", "<return>"] == ("allow", "")


def test_the_text_says_decision_rules_and_reasons(project, capsys):
    assert main(["explain", "shop.cart:Cart.total"]) == 0
    text = capsys.readouterr().out
    file = project / ".codetracer" / "trace-filter.toml"
    assert f"shop.cart.Cart.total  ({project}/shop/cart.py:4)" in text
    assert f"pkg:shop.* ({file}:7): shown in the report" in text
    assert "redact   arg token  by arg:words:@secrets" in text


def test_the_text_says_which_arguments_may_name_the_result_as_a_secret(project, capsys):
    (project / "shop" / "conf.py").write_text("def get(section, option, key=None): return option\n")
    assert main(["explain", "shop.conf:get"]) == 0
    [result] = [it for it in capsys.readouterr().out.splitlines() if " ret " in it]
    assert result.endswith("(texts hidden where option or key names a secret)")


def test_locals_of_failed_calls_alone_are_captured_and_said_to_be_so(project, capsys):
    path = project / ".codetracer" / "trace-filter.toml"
    path.write_text(path.read_text() + only_errors("obj:shop.cart.Cart.total"))
    [found] = explained(capsys, "shop.cart:Cart.total")["targets"]
    values = {each["name"]: (each["captured"], each["only_at_error"]) for each in found["values"]}
    assert values["rate"] == (True, True)
    assert values["items"] == (True, False)
    assert main(["explain", "shop.cart:Cart.total"]) == 0
    assert "(where an exception leaves the call)" in capsys.readouterr().out


def only_errors(selector):
    return f"\n[[scope.rules]]\nselector = '{selector}'\ncapture = ['args', 'error_locals']\n"


def test_the_inventory_lists_what_would_leave(project, capsys):
    leaves = explained(capsys, "--all", "shop/cart.py:4")["leaves"]
    assert [(each["kind"], each["name"]) for each in leaves] == [
        ("arg", "self"), ("arg", "items"), ("ret", "<return>"),
    ]  # fmt: skip
    assert main(["explain", "--all", "shop/cart.py:4"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_directory_is_an_inventory_of_all_its_files(project, capsys):
    functions = {each["function"] for each in explained(capsys, "--all", "shop")["leaves"]}
    assert functions >= {"shop.cart.Cart.total", "shop.<module>"}


@pytest.mark.parametrize(
    ("selector", "target", "hint"),
    [
        ("pkg:shop.cart.*", "shop.cart:Cart", "use pkg:{shop.cart,shop.cart.*}"),
        ("pkg:shop", "shop.cart:Cart", "use pkg:{shop,shop.*}"),
        ("pkg:shop/cart.py", "shop.cart:Cart", "use file:shop/cart.py"),
        ("obj:Cart.total", "shop.cart:Cart.total", "use obj:shop.cart.Cart.total"),
        ("obj:total", "shop.cart:Cart.total", "put `*.` before it"),
        ("file:*.py", "shop.cart:Cart", "use file:**/*.py"),
        ("file:shop", "shop.cart:Cart", "use file:shop/**"),
        ("file:shop.cart", "shop.cart:Cart", "use pkg:shop.cart"),
    ],
)
def test_the_usual_slips_are_hinted_at(project, capsys, selector, target, hint):
    extra = project / "extra.toml"
    extra.write_text(filter_text(rule(selector), execute="inherit", values="inherit"))
    [found] = explained(capsys, target, "--trace-filter", str(extra))["targets"]
    assert [text for text in found["hints"] if hint in text]


def test_the_environments_filters_count(project, capsys, monkeypatch):
    extra = project / "extra.toml"
    extra.write_text(filter_text(rule("pkg:shop.cart", exec="skip")))
    monkeypatch.setenv("CODETRACER_TRACE_FILTER", str(extra))
    [found] = explained(capsys, "shop.cart:Cart.total")["targets"]
    assert (found["traced"], found["rule"]["file"]) == (False, str(extra))


def test_a_script_is_known_as_main_and_by_its_path(project, capsys):
    [found] = explained(capsys, "--as-script", "shop/cart.py:4")["targets"]
    assert found["module_names"] == ["__main__", "shop.cart"]


def test_nothing_is_imported(project, capsys):
    explained(capsys, "shop.cart:Cart.total")
    assert "shop" not in sys.modules


def test_an_installed_module_is_found_and_its_skip_explained(project, capsys):
    [found] = explained(capsys, "json.decoder:JSONDecoder.decode")["targets"]
    assert (found["traced"], found["rule"]["selector"]) == (False, "file:literal:@stdlib")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("nowhere.py", 2),
        ("no.such.module:f", 2),
        ("shop.cart:nothing", 2),
        ("shop/cart.py:999", 2),
        ("broken.py", 20),
        ("nul.py", 20),
    ],
)
def test_a_target_that_cannot_be_explained_is_one_line(project, capsys, target, status):
    (project / "broken.py").write_text("def (:\n")
    (project / "nul.py").write_bytes(b"x = '\0'\n")
    assert main(["explain", target]) == status
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_which_values_become_known_secrets_and_what_switches_it_off(project, capsys):
    assert main(["explain", "shop.cart:Cart.total"]) == 0
    (line,) = [ln for ln in capsys.readouterr().out.splitlines() if "known secrets" in ln]
    assert "the values of token are hidden wherever they appear again" in line
    assert "[secrets] learn = false" in line
    assert explained(capsys, "shop.cart:Cart.total")["targets"][0]["learned"] == ["token"]

    off = project / "off.toml"
    off.write_text(filter_text("[secrets]\nlearn = false\n"))
    assert main(["explain", "--trace-filter", str(off), "shop.cart:Cart.total"]) == 0
    assert "known secrets" not in capsys.readouterr().out
