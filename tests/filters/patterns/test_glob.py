from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.patterns.glob import compile_glob

MATCHES = [
    ("app.*", "app.sub.mod"),
    ("app.*", "app."),
    ("*", ""),
    ("*", "anything.dotted"),
    ("*.py", ".py"),
    ("?", "x"),
    ("?", "\u00e9"),
    ("[ab]", "a"),
    ("[a-c]x", "bx"),
    ("[!a]", "b"),
    ("[^a]", "b"),
    ("[]a]", "]"),
    ("[a-]", "-"),
    ("[\\]", "\\"),
    ("**", "a/b/c"),
    ("**", ""),
    ("**/x.py", "x.py"),
    ("**/x.py", "a/b/x.py"),
    ("a/**/b", "a/b"),
    ("a/**/b", "a/x/y/b"),
    ("dir/**", "dir/x"),
    ("dir/**", "dir/x/y"),
    ("a**b", "axxb"),
    ("***", "abc"),
    ("{a,b}", "b"),
    ("{a,b{c,d}}e", "bde"),
    ("{app,app.*}", "app"),
    ("{app,app.*}", "app.x"),
    ("x{}y", "xy"),
    ("\\*", "*"),
    ("\\{a\\}", "{a}"),
    (".*", ".hidden"),
    ("*a*b*c*", "1a2b3c4"),
    ("a[0-9]*z", "a5bz"),
    ("{**/a,b}", "x/y/a"),
    ("a,b", "a,b"),
    ("*ab", "aab"),
    ("**/a/**/b", "a/a/b"),
    ("<*>", "<string>"),
]
MISSES = [
    ("app.*", "app"),
    ("app.*", "app./x"),
    ("*", "a/b"),
    ("?", "/"),
    ("[!a]", "/"),
    ("[+-0]", "/"),
    ("a?c", "a/c"),
    ("dir/**", "dir"),
    ("a/**/b", "a/b/c"),
    ("a**b", "a/b"),
    ("{a,b}", "c"),
    ("{a,}", ""),
    ("App", "app"),
    ("ab*ba", "aba"),
    ("*.py", "x.pyc"),
    ("x\n*", "x"),
    ("x", "x\n"),
    ("**/x", "ax"),
]


@pytest.mark.parametrize(("pattern", "text"), MATCHES)
def test_a_glob_matches(pattern, text):
    assert compile_glob(pattern)(text) is True


@pytest.mark.parametrize(("pattern", "text"), MISSES)
def test_a_glob_does_not_match(pattern, text):
    assert compile_glob(pattern)(text) is False


def naive(pattern: str, text: str) -> bool:  # noqa: PLR0911 - one line for each case
    """Match by definition: try every way, without braces."""
    if not pattern:
        return not text
    if pattern.startswith("**/"):
        rest = pattern[3:]
        starts = [0, *(index + 1 for index, char in enumerate(text) if char == "/")]
        return any(naive(rest, text[start:]) for start in starts)
    if pattern == "/**":
        return text.startswith("/")
    if pattern[0] == "*":
        rest = pattern.lstrip("*")
        run = len(text.split("/", 1)[0])
        return any(naive(rest, text[end:]) for end in range(run + 1))
    if not text:
        return False
    if pattern.startswith("/**/"):
        return text[0] == "/" and naive(pattern[1:], text[1:])
    if pattern[0] == "?":
        return text[0] != "/" and naive(pattern[1:], text[1:])
    return pattern[0] == text[0] and naive(pattern[1:], text[1:])


def naive_glob(pattern: str, text: str) -> bool:
    return pattern == "**" or naive(pattern, text)


components = (
    st.lists(st.sampled_from(["a", "b", "*", "?", "ab"]), min_size=1, max_size=4)
    .map("".join)
    .filter(lambda text: "**" not in text)
)
patterns = st.lists(st.one_of(components, st.just("**")), min_size=1, max_size=4).map("/".join)
texts = st.text("ab/", max_size=10)


@settings(max_examples=examples(300))
@given(patterns, texts)
def test_a_glob_agrees_with_trying_every_way(pattern, text):
    assert compile_glob(pattern)(text) == naive_glob(pattern, text)


@settings(max_examples=examples(100))
@given(st.lists(components, min_size=1, max_size=3), st.text("ab", max_size=6))
def test_braces_mean_any_of_their_alternatives(parts, text):
    joined = "{" + ",".join(parts) + "}"
    assert compile_glob(joined)(text) == any(compile_glob(part)(text) for part in parts)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 50 + "b", "a" * 100_000),
        ("*a?" * 50 + "b", "a" * 20_000),
        ("**/a/" * 20 + "b", "a/" * 5_000 + "c"),
        ("*token*key*", "token" * 100_000),
    ],
)
def test_a_hostile_glob_takes_no_longer_than_the_text_is_long(pattern, text):
    began = time.thread_time()
    assert compile_glob(pattern)(text) is False
    assert time.thread_time() - began < 10
