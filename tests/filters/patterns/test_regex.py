from __future__ import annotations

import time

import pytest

from codetracer_otel.filters.patterns.pattern_error import PatternError
from codetracer_otel.filters.patterns.regex import compile_expression


@pytest.mark.parametrize("pattern", ["(a|aa)+$", "(a|b|ab)*$", "(aa|aaa|a)*c|d$"])
def test_a_pattern_that_explodes_on_its_own_probes_is_refused(pattern):
    with pytest.raises(PatternError, match="needs more than 50 ms"):
        compile_expression(pattern)


def test_an_optimised_repetition_of_nothing_is_accepted():
    assert compile_expression("(?:x*)*y").found_in("xxxy") is True


def test_a_slow_match_ends_with_a_timeout():
    expression = compile_expression("(x+x+)+y|(ab|ba|aba|bab)+c$")
    began = time.thread_time()
    with pytest.raises(TimeoutError):
        expression.found_in("abba" * 5000 + "d" + "ab" * 40_000)
    assert time.thread_time() - began < 5


def test_a_quadratic_pattern_is_limited_on_long_text():
    expression = compile_expression("a+b")
    assert expression.needs_limit is False
    with pytest.raises(TimeoutError):
        compile_expression("[ab]*[ab]*[ab]*c$").found_in("ab" * 20_000 + "cd")


def test_a_regex_searches_anywhere():
    assert compile_expression("pp").found_in("app.x") is True
    assert compile_expression("^pp").found_in("app.x") is False


@pytest.mark.parametrize("pattern", ["[z-a]", r"\p{NoSuchProperty}"])
def test_what_the_engine_refuses_is_a_pattern_error(pattern):
    with pytest.raises(PatternError, match="not valid"):
        compile_expression(pattern)
