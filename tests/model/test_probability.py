"""Which traces a ratio keeps, and how a span's trace state tells it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.validator import MEMBER

from codetracer_otel.model.probability import ratio_bound, ratio_key, with_threshold

EXPLICIT = "ot=rv:6e6d1a75832a2f"  # the specification's example: kept from 56.9 % on


@pytest.mark.parametrize(
    ("ratio", "told"),
    [(0.5, "8"), (0.25, "c"), (1.0, "0"), (0.01, "fd70a3d70a3d71"), (2**-56, "ffffffffffffff")],
)
def test_a_ratio_is_told_as_its_rejection_threshold(ratio, told):
    assert with_threshold("", ratio_bound(ratio)) == f"ot=th:{told}"


@pytest.mark.parametrize(
    ("state", "made"),
    [
        ("a=1,b=2", "ot=th:8,a=1,b=2"),
        ("a=1,ot=rv:6e6d1a75832a2f", "ot=th:8;rv:6e6d1a75832a2f,a=1"),
        ("ot=th:c", "ot=th:c"),
        ("ot=th:4;rv:6e6d1a75832a2f", "ot=th:8;rv:6e6d1a75832a2f"),
        (" a=1 , ot=x:y;th:0 ", "ot=th:8;x:y,a=1"),
    ],
)
def test_the_stage_that_keeps_least_stays_told_and_the_rest_as_it_was(state, made):
    assert with_threshold(state, ratio_bound(0.5)) == made


def test_a_trace_state_has_no_more_members_than_it_may():
    full = ",".join(f"k{number}=v" for number in range(32))
    members = with_threshold(full, ratio_bound(0.5)).split(",")
    assert len(members) == 32
    assert members[:2] == ["ot=th:8", "k0=v"]


@pytest.mark.parametrize(
    ("state", "is_explicit"),
    [
        (EXPLICIT, True),
        (f"a=1,{EXPLICIT};th:8", True),
        ("ot=th:8;rv:6e6d1a75832a2f,b=1", True),
        ("ot=rv:6e6d1a", False),
        ("not=rv:6e6d1a75832a2f", False),
        ("a=rv:6e6d1a75832a2f", False),
        ("", False),
    ],
)
def test_explicit_randomness_goes_before_that_of_the_id(state, is_explicit):
    randomness = 0x6E6D1A75832A2F if is_explicit else 5
    assert ratio_key(5, state) == 2**56 - 1 - randomness


@pytest.mark.parametrize(("ratio", "is_kept"), [(0.568, False), (0.57, True)])
def test_the_specifications_example_is_kept_from_its_probability_on(ratio, is_kept):
    assert (ratio_key(1, EXPLICIT) < ratio_bound(ratio)) == is_kept


@given(st.integers(1, 2**128 - 1), st.floats(0, 1), st.floats(0, 1))
def test_who_keeps_more_keeps_what_others_keep(trace_id, one, other):
    less, more = sorted((ratio_bound(one), ratio_bound(other)))
    key = ratio_key(trace_id)
    assert not key < less or key < more


@given(st.floats(2**-56, 1))
def test_whatever_is_told_is_a_member_of_a_trace_state(ratio):
    assert MEMBER.fullmatch(with_threshold("", ratio_bound(ratio)))
