"""docs/api.md is what the docstrings say."""

from __future__ import annotations

import inspect

import pytest
from tools.api import GROUPS, PAGE, build_page

import codetracer_otel as ct


def test_the_page_is_up_to_date():
    assert build_page() == PAGE.read_text("utf-8"), "python -m tools.api writes it anew"


def test_every_public_name_is_on_the_page():
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted([*grouped, "__version__"]) == sorted(ct.__all__)


@pytest.mark.parametrize("name", [name for name in ct.__all__ if name != "__version__"])
def test_every_public_name_has_a_docstring_that_is_a_sentence(name):
    first = (inspect.getdoc(getattr(ct, name)) or "").splitlines()[0]
    assert first.endswith((".", ":"))
