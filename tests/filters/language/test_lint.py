from __future__ import annotations

import pytest
from tests.filters.chains import classifier, filter_text, rule

from codetracer_otel.filters import filter_from_path, load_chain
from codetracer_otel.filters.decisions.classifier import compile_chain
from codetracer_otel.filters.language.lint import find_slips
from codetracer_otel.filters.types import CodeIdentity

QUALIFIED = (
    "matches the qualified name alone, but `obj` compares with module and qualified name; "
    "use obj:app.mod.K.meth"
)
IDENTITY = CodeIdentity(("app.mod",), "/srv/app/mod.py", "K.meth")


def slips(selector, identity=IDENTITY):
    asked = classifier(filter_text(rule(selector)))
    return find_slips(asked.rules, identity, asked.chain.roots)


@pytest.mark.parametrize(
    ("selector", "advice"),
    [
        ("pkg:app", "matches 'app' alone, not what is inside it; use pkg:{app,app.*}"),
        (
            "pkg:app.mod.*",
            "matches what is inside 'app.mod', not 'app.mod' itself; use pkg:{app.mod,app.mod.*}",
        ),
        ("pkg:app/mod.py", "compares with module names; use file:app/mod.py"),
        (
            "obj:K.meth",
            QUALIFIED,
        ),
        ("obj:meth", "matches the last name alone; put `*.` before it"),
        (
            "file:mod.py",
            "does not cross `/`, and the path is 'srv/app/mod.py'; use file:**/mod.py",
        ),
        ("file:srv/app/", "matches the path itself, not what is below; use file:srv/app/**"),
        ("file:app.mod", "compares with paths; use pkg:app.mod"),
    ],
)
def test_a_usual_slip_is_named_with_its_place_and_a_remedy(selector, advice):
    assert slips(selector) == [f"<inline:f0>:7: {selector} {advice}"]


@pytest.mark.parametrize("selector", ["pkg:other", "obj:*.other", "file:b.py", "pkg:regex:^app$"])
def test_a_rule_about_other_code_is_no_slip(selector):
    assert slips(selector) == []


def test_a_rule_with_an_absolute_path_gets_no_advice_about_relative_ones(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(filter_text(rule(f"file:{tmp_path}/*.py")))
    asked = compile_chain(load_chain([filter_from_path(str(path))]))
    identity = CodeIdentity(("m",), str(tmp_path / "deep" / "m.py"), "f")
    assert find_slips(asked.rules, identity, asked.chain.roots) == []


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ('"value:regex:\\bCUST\\b"', "write the selector between single quotes"),
        ('"attr:folder\\file"', "write the selector between single quotes"),
        ("'arg: password'", "wants a space where no name has one"),
        ("'local:literal:password '", "wants a space where no name has one"),
        ("'arg:{password, pin}'", "wants a space where no name has one"),
    ],
)
def test_a_selector_that_can_hit_nothing_is_noticed(toml, reason):
    pattern = f"[[scope.rules.value_patterns]]\nselector = {toml}\naction = 'redact'\n"
    (notice,) = classifier(filter_text(rule("file:**") + pattern)).chain.notices
    assert notice.startswith("<inline:f0>:9: ")
    assert reason in notice


@pytest.mark.parametrize(
    "selector",
    [
        "attr: key",
        "value:literal: secret ",
        r"value:regex:\bCUST",
        "arg:{a,b}",
        "arg:regex:^a | b$",
    ],
)
def test_a_selector_that_may_hit_something_is_not(selector):
    assert classifier(filter_text(rule("file:**", (selector, "redact")))).chain.notices == ()


def test_a_rule_whose_module_has_a_space_before_it_is_noticed():
    (notice,) = classifier(filter_text(rule("pkg: shop"))).chain.notices
    assert "'pkg: shop' wants a space" in notice
