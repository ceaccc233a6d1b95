from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.filters.chains import action, classifier, decide, filter_text, rule

from codetracer_otel.filters import filter_from_path, filter_from_text, load_chain
from codetracer_otel.filters.decisions.classifier import compile_chain
from codetracer_otel.filters.decisions.value_rules import CompiledWalk
from codetracer_otel.filters.types import CodeIdentity

SKIP = {"exec": "skip"}
TRACE = {"exec": "trace"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("pkg:app.mod", True),
        ("pkg:app.*", True),
        ("pkg:app", False),
        ("pkg:literal:app.mod", True),
        ("pkg:regex:mod$", True),
        ("pkg:regex:^mod", False),
        ("file:srv/app/mod.py", True),
        ("file:srv/**", True),
        ("file:**/mod.py", True),
        ("file:*.py", False),
        ("file:literal:/srv/app/mod.py", True),
        ("file:regex:^srv/app/", True),
        ("file:regex:^/srv/", False),
        ("obj:app.mod.f", True),
        ("obj:*.f", True),
        ("obj:f", False),
        ("obj:literal:app.mod.f", True),
        (r"obj:regex:\.f$", True),
        ("pkg:App.mod", False),
    ],
)
def test_a_scope_selector_is_compared_with_its_own_text(selector, matches):
    assert decide(filter_text(rule(selector, **SKIP))).traces is not matches


@pytest.mark.parametrize(
    ("selector", "file", "matches"),
    [
        ("file:{root}/**", "{root}/app/mod.py", True),
        ("file:{root}/**", "/elsewhere/mod.py", False),
        ("file:{root}/*.py", "{root}/mod.py", True),
        ("file:{root}/*.py", "/mod.py", False),
        ("file:literal:{root}/mod.py", "{root}/mod.py", True),
        ("file:literal:{root}/mod.py", "/mod.py", False),
        ("file:{root}/a/../**", "/elsewhere/mod.py", False),
        ("file:{root}/inner/*.py", "{root}/inner/mod.py", True),
        ("file:**", "/elsewhere/mod.py", True),
    ],
)
def test_an_absolute_path_in_a_filter_file_matches_only_below_the_project(
    tmp_path, selector, file, matches
):
    root = tmp_path / "a [project]"
    filters = (root / "f.toml", root / "inner" / "f.toml")  # a second root makes other relatives
    (root / "inner").mkdir(parents=True)
    filters[0].write_text(filter_text(rule(selector.format(root=root), **SKIP)))
    filters[1].write_text(filter_text(execute="inherit"))
    asked = compile_chain(load_chain([filter_from_path(str(path)) for path in filters]))
    decision = asked.classify(CodeIdentity(("m",), file.format(root=root), "f"))
    assert decision.traces is not matches


@pytest.mark.parametrize(
    ("qualname", "pattern"),
    [
        ("K.meth", "app.mod.K.meth"),
        ("f.<locals>.g", "app.mod.f.<locals>.g"),
        ("<module>", "app.mod.<module>"),
        ("f.<locals>.<lambda>", "app.mod.f.*"),
    ],
)
def test_obj_is_compared_with_module_and_qualified_name(qualname, pattern):
    assert decide(filter_text(rule(f"obj:{pattern}", **SKIP)), qualname=qualname).traces is False


def test_any_name_of_a_module_is_enough():
    asked = classifier(filter_text(rule("pkg:tools.run", **SKIP) + rule("obj:tools.ok.f", **SKIP)))
    for names, traces in ((("__main__", "tools.run"), False), (("__main__",), True)):
        assert asked.classify(CodeIdentity(names, "/t/run.py", "f")).traces is traces
    assert asked.classify(CodeIdentity(("x", "tools.ok"), "/t/ok.py", "f")).traces is False


@pytest.mark.parametrize(
    ("selector", "traces"),
    [
        ("file:literal:<string>", True),
        ("file:<ipython-*>", False),
        ("file:<*>", True),
        ("file:regex:^<string>$", True),
        ("file:**", False),
        ("pkg:app.mod", False),
    ],
)
def test_code_without_a_file_is_traced_only_when_a_rule_names_it(selector, traces):
    text = filter_text(rule(selector, **TRACE))
    assert decide(text, file="<string>").traces is traces


def test_our_own_code_is_never_traced():
    import codetracer_otel

    text = filter_text(rule("file:**", **TRACE))
    assert decide(text, file=codetracer_otel.__file__).traces is False


def test_file_rules_compare_with_the_path_under_the_best_root(tmp_path):
    outer, inner = tmp_path / ".codetracer" / "f.toml", tmp_path / "sub" / ".codetracer" / "f.toml"
    for path, text in (
        (outer, filter_text(rule("file:a.py", **SKIP))),
        (inner, filter_text(rule("file:b.py", **SKIP), execute="inherit")),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    asked = compile_chain(load_chain([filter_from_path(outer), filter_from_path(inner)]))

    def traces(relative):
        file = str(tmp_path / relative)
        return asked.classify(CodeIdentity((), file, "f")).traces

    found = [traces(path) for path in ("a.py", "b.py", "sub/a.py", "sub/b.py", "sub/x/b.py")]
    assert found == [False, False, False, False, True]


# ------------------------------------------------------------------- patterns that are too slow

SLOW = "(x+x+)+y|(ab|ba|aba|bab)+c$"
LONG = "abba" * 2000 + "d" + "ab" * 40_000


def slow(text):
    told = []
    source = filter_from_text(filter_text(text), "slow")
    asked = compile_chain(
        load_chain([source]),
        lambda event, level="info", **facts: told.append((event, level, facts)),
    )
    return asked, told


@pytest.mark.parametrize(("execute", "traces"), [("skip", False), ("trace", True)])
def test_a_scope_pattern_that_takes_too_long_counts_for_skip_alone(execute, traces):
    asked, told = slow(rule(f"obj:regex:{SLOW}", exec=execute, value_default="allow"))
    decision = asked.classify(CodeIdentity(("m",), "/m.py", LONG))
    assert decision.traces is traces
    assert decision.source.selector.startswith("obj" if execute == "skip" else "")
    assert asked.stats() == {"pattern_timeouts": 1}
    asked.classify(CodeIdentity(("n",), "/m.py", LONG))
    assert [event for event, *_ in told] == ["filter_pattern_timeout"]
    assert asked.stats() == {"pattern_timeouts": 2}


def test_an_undecided_rule_still_redacts_but_allows_nothing():
    text = rule(f"obj:regex:{SLOW}", ("arg:a", "redact"), ("arg:b", "allow"))
    asked, _ = slow(rule("obj:**", ("arg:b", "drop")) + text)
    decision = asked.classify(CodeIdentity(("m",), "/m.py", LONG))
    assert [action(decision, "arg", name) for name in "ab"] == ["redact", "drop"]


@pytest.mark.parametrize(("given", "expected"), [("redact", "redact"), ("drop", "drop")])
def test_a_name_that_takes_too_long_to_judge_is_hidden(given, expected):
    asked, told = slow(rule("pkg:m", (f"arg:regex:{SLOW}", given)))
    decision = asked.classify(CodeIdentity(("m",), "/m.py", "f"))
    assert action(decision, "arg", LONG) == expected
    assert len(told) == 1


def test_a_name_that_takes_too_long_to_judge_is_not_allowed():
    asked, _ = slow(rule("pkg:m", (f"arg:regex:{SLOW}", "allow"), value_default="redact"))
    decision = asked.classify(CodeIdentity(("m",), "/m.py", "f"))
    assert action(decision, "arg", LONG) == "redact"


# --------------------------------------------------------------------------------- properties

NAMES = ["app", "app.a", "app.b", "lib.a"]
ACTIONS = st.sampled_from(["allow", "redact", "drop"])
SELECTORS = st.sampled_from(
    ["pkg:app", "pkg:app.*", "pkg:lib.*", "obj:*.f", "obj:app.a.*", "file:**"]
)
PATTERNS = st.lists(
    st.tuples(
        st.sampled_from(["arg:a", "arg:*", "local:a", "ret:*.f", "attr:a", "arg:b"]), ACTIONS
    ),
    max_size=2,
)
RULES = st.builds(
    lambda selector, patterns, execute, default: rule(
        selector, *patterns, exec=execute, value_default=default
    ),
    SELECTORS,
    PATTERNS,
    st.sampled_from(["trace", "skip", "inherit"]),
    st.sampled_from(["allow", "redact", "drop", "inherit", "inherit"]),
)
BODIES = st.lists(RULES, max_size=3).map("".join)
FILES = st.builds(
    lambda body, execute, values: filter_text(body, execute=execute, values=values),
    BODIES,
    st.sampled_from(["trace", "skip"]),
    st.sampled_from(["allow", "redact", "drop"]),
)
INHERITING = st.builds(lambda body: filter_text(body, execute="inherit", values="inherit"), BODIES)


def behaviour(asked):
    found = []
    for name in NAMES:
        for qualname in ("f", "K.g"):
            decision = asked.classify(CodeIdentity((name,), f"/p/{name}.py", qualname))
            attribute_rules = decision.attribute_rules
            found.append(
                (
                    decision.traces,
                    [action(decision, kind, x) for kind in ("arg", "local") for x in "abc"],
                    action(decision, "ret", ""),
                    attribute_rules.attribute_action("a") if attribute_rules else 0,
                )
            )
    return found


@settings(max_examples=examples(60))
@given(st.lists(st.one_of(FILES, INHERITING), max_size=3), FILES, BODIES)
def test_chaining_files_is_writing_their_rules_one_after_the_other(rest, first, body):
    # Two files that inherit everything are one file with both their rules.
    tail = [filter_text(part, execute="inherit", values="inherit") for part in (body, body)]
    joined = filter_text(body + body, execute="inherit", values="inherit")
    apart = behaviour(classifier(first, *rest, *tail))
    assert behaviour(classifier(first, *rest, joined)) == apart


@settings(max_examples=examples(60))
@given(FILES, BODIES, st.integers(0, 1))
def test_a_rule_that_matches_nothing_changes_nothing(first, body, position):
    nothing = rule("pkg:no.such.module", ("arg:*", "allow"), exec="skip", value_default="allow")
    bodies = [nothing + body, body + nothing]
    second = filter_text(body, execute="inherit", values="inherit")
    with_it = filter_text(bodies[position], execute="inherit", values="inherit")
    assert behaviour(classifier(first, with_it)) == behaviour(classifier(first, second))


SECRETS = ["password", "api_token", "x-api-key", "sessionid"]
OTHER_PATTERNS = st.lists(
    st.tuples(
        st.sampled_from(
            ["arg:a*b", "local:user", "global:x", "attr:name", "arg:regex:^u", "ret:zz"]
        ),
        ACTIONS,
    ),
    max_size=3,
)
OTHER_RULES = st.builds(
    lambda selector, patterns, default: rule(
        selector, *patterns, exec="trace", value_default=default
    ),
    SELECTORS,
    OTHER_PATTERNS,
    st.sampled_from(["allow", "inherit"]),
)
OTHER_FILES = st.builds(
    lambda rules, values: filter_text("".join(rules), values=values),
    st.lists(OTHER_RULES, max_size=3),
    st.sampled_from(["allow", "inherit"]),
)


@settings(max_examples=examples(60))
@given(st.lists(OTHER_FILES, max_size=3))
def test_no_chain_shows_a_secret_without_an_allow_that_hits_it(files):
    asked = classifier(*files, builtin=True)
    for name in NAMES:
        decision = asked.classify(CodeIdentity((name,), f"/p/{name}.py", "f"))
        for secret in SECRETS:
            shown = [action(decision, kind, secret) for kind in ("arg", "local", "global")]
            assert "allow" not in shown
            assert decision.attribute_rules is not None
            assert decision.attribute_rules.attribute_action(secret) > 0


def test_decisions_with_the_same_rules_share_what_is_compiled():
    asked = classifier(filter_text(rule("pkg:app.*", ("attr:x", "redact"), ("value:y*", "redact"))))
    first, second = (asked.classify(CodeIdentity(("app.a",), "/a.py", name)) for name in ("f", "g"))
    assert first.attribute_rules is second.attribute_rules
    assert isinstance(first.attribute_rules, CompiledWalk)
    assert first.text_rules is second.text_rules
    assert first.profile is second.profile


@pytest.mark.parametrize(
    ("module", "file", "traced"),
    [
        ("__main__", "<string>", True),
        ("__main__", "<timed exec>", True),
        ("__main__", "<dynamic-code>", True),  # sent to a worker by cloudpickle
        ("app.models", "<dynamic-code>", False),
        ("__main__", "<stdin>", False),  # not what this program is made of
        ("app.models", "<string>", False),  # such as the methods of a data class
    ],
)
def test_code_without_a_file_is_the_programs_where_the_chain_says_so(module, file, traced):
    chain = load_chain(
        [filter_from_text(filter_text(execute="trace"))], program_files=("<string>",)
    )
    decision = compile_chain(chain).classify(CodeIdentity((module,), file, "f"))
    assert decision.traces is traced
