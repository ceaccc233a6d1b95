"""What a person sees first: the demo."""

from __future__ import annotations

import pytest
from tests.shop_secrets import PERSONAL, SECRETS
from tests.traced_run import PROJECT, run_python


@pytest.fixture(scope="module")
def shown():
    answer = run_python(PROJECT / "examples" / "demo.py", cwd=PROJECT)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout + answer.stderr


def test_it_shows_the_program_the_tree_the_spans_and_the_summary(shown):
    assert "Ada: 47.71 EUR paid" in shown
    assert "shop.pricing.price_of_item" in shown
    assert '"name": "shop.people.sign_in"' in shown
    assert "75 spans recorded" in shown


def test_it_shows_what_was_hidden_and_none_of_it(shown):
    assert shown.count("<redacted>") > 10
    assert "card <redacted> was declined" in shown
    assert [secret for secret in (*SECRETS, *PERSONAL) if secret in shown] == []


def test_it_fits_two_screens(shown):
    assert len(shown.splitlines()) <= 120
