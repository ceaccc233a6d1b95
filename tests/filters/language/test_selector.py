from __future__ import annotations

import pytest

from codetracer_otel.filters.language.selector import (
    SCOPE_KINDS,
    VALUE_KINDS,
    MatchType,
    SelectorError,
    SelectorKind,
    compile_pattern,
    matcher_below,
    parse_selector,
)


@pytest.mark.parametrize("kind", SCOPE_KINDS)
def test_every_scope_kind_takes_a_glob_by_default(kind):
    selector = parse_selector(f"{kind.value}:app.*", SCOPE_KINDS, 1)
    assert (selector.kind, selector.match, selector.pattern) == (kind, MatchType.GLOB, "app.*")


@pytest.mark.parametrize("kind", VALUE_KINDS)
@pytest.mark.parametrize("match", [MatchType.GLOB, MatchType.REGEX, MatchType.LITERAL])
def test_every_value_kind_takes_every_match(kind, match):
    selector = parse_selector(f"{kind.value}:{match.value}:x", VALUE_KINDS, 2)
    assert (selector.kind, selector.match, selector.pattern) == (kind, match, "x")


@pytest.mark.parametrize("kind", ["arg", "local", "global", "ret", "attr"])
def test_words_compares_names(kind):
    assert parse_selector(f"{kind}:words:token$", VALUE_KINDS, 2).match is MatchType.WORDS


def test_the_pattern_may_hold_colons():
    assert parse_selector("obj:literal:a:b:c", SCOPE_KINDS, 1).pattern == "a:b:c"


def test_nothing_is_trimmed():
    assert parse_selector("pkg: app ", SCOPE_KINDS, 1).pattern == " app "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the selector is empty"),
        ("pkg", "has no pattern"),
        ("pkg:", "has no pattern"),
        ("pkg:glob:", "has no pattern"),
        ("pkg::x", "empty match type"),
        ("package:x", "unknown kind 'package'"),
        ("fil:x", "did you mean 'file'"),
        ("PKG:x", "did you mean 'pkg'"),
        ("arg:x", r"not allowed here.*in \[\[scope.rules.value_patterns\]\]"),
        ("shop.py", "'shop.py' has no kind; expected one before it: 'pkg', 'file' or 'obj'"),
        ("pkg:globb:x", "did you mean 'glob'"),
        ("obj:a:b", "unknown match type 'a'"),
        ("pkg:words:x", "`words` compares names only"),
        ("pkg:" + "x" * 5000, "characters long"),
    ],
)
def test_each_mistake_has_its_own_message(text, message):
    with pytest.raises(SelectorError, match=message):
        parse_selector(text, SCOPE_KINDS, 2)


def test_a_selector_of_code_among_values_is_told_its_place():
    with pytest.raises(SelectorError, match=r"'pkg' selects code, in \[\[scope.rules\]\]"):
        parse_selector("pkg:x", VALUE_KINDS, 2)


@pytest.mark.parametrize("text", ["type:x", "value:x", "arg:words:x"])
def test_second_version_selectors_say_so_in_a_first_version_file(text):
    with pytest.raises(SelectorError, match="version = 2"):
        parse_selector(text, VALUE_KINDS, 1)


@pytest.mark.parametrize("kind", ["type", "value"])
def test_words_is_not_for_types_and_text(kind):
    with pytest.raises(SelectorError, match="names only"):
        parse_selector(f"{kind}:words:x", VALUE_KINDS, 2)


@pytest.mark.parametrize(
    ("match", "pattern", "hit", "miss"),
    [
        (MatchType.GLOB, "a*", "ab", "ba"),
        (MatchType.REGEX, "b", "abc", "ac"),
        (MatchType.LITERAL, "a*", "a*", "ab"),
        (MatchType.WORDS, "api+key", "apiKey", "key"),
    ],
)
def test_each_match_compares_in_its_own_way(match, pattern, hit, miss):
    matcher = compile_pattern(match, pattern)
    assert (matcher.matches(hit), matcher.matches(miss)) == (True, False)
    assert hit.startswith(matcher.prefixes)


def test_kinds_are_exactly_the_documented_ones():
    assert {kind.value for kind in SelectorKind} == {
        "pkg", "file", "obj", "local", "global", "arg", "ret", "attr", "type", "value",
    }  # fmt: skip


@pytest.mark.parametrize("directory", ["/p", "/"])
def test_a_matcher_below_a_directory_knows_whole_prefixes_and_texts(directory):
    start = directory.rstrip("/") + "/"
    below = matcher_below(directory, compile_pattern(MatchType.GLOB, "{a,b}/**"))
    assert (below.prefixes, below.exact) == ((f"{start}a/", f"{start}b/"), None)
    exact = matcher_below(directory, compile_pattern(MatchType.LITERAL, "m.py"))
    assert exact.exact == {f"{start}m.py"}
    assert [exact.matches(text) for text in (f"{start}m.py", "m.py", "/q/m.py")] == [
        True,
        False,
        False,
    ]
