"""Where the interpreter's own code and installed packages lie."""

from __future__ import annotations

import sysconfig

import pytest
from tests.traced_run import run_python

from codetracer_otel.filters.code.paths import normal_path
from codetracer_otel.filters.code.placeholders import SITE_PACKAGES, STDLIB, expand_placeholder

SAME = """
import sysconfig
from codetracer_otel.filters.code.placeholders import SITE_PACKAGES, STDLIB, expand_placeholder
found = [*expand_placeholder(STDLIB).inside, *expand_placeholder(SITE_PACKAGES).inside]
print("_sysconfigdata" in "".join(__import__("sys").modules))
wanted = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
print({f"{path}/" for path in wanted} <= {*found})
"""


def test_they_are_those_of_sysconfig_whose_variables_are_not_read():
    assert run_python("-c", SAME).stdout == "False\nTrue\n"


@pytest.mark.parametrize(
    ("placeholder", "names"),
    [(STDLIB, ("stdlib", "platstdlib")), (SITE_PACKAGES, ("purelib", "platlib"))],
)
def test_a_scheme_of_a_distributor_is_asked_of_sysconfig(monkeypatch, placeholder, names):
    templates = sysconfig.get_paths(expand=False)
    whole = {
        name: sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    foreign = {name: f"{{of_distributor}}/{text}" for name, text in templates.items()}
    monkeypatch.setattr(sysconfig, "get_paths", lambda **_: foreign)
    monkeypatch.setattr(sysconfig, "get_path", whole.__getitem__)
    found = expand_placeholder(placeholder).inside
    assert {f"{normal_path(whole[name])}/" for name in names} <= {*found}
