from __future__ import annotations

import pytest

from codetracer_otel.cli.explain.targets import codes_of, discovery_start
from codetracer_otel.errors import TargetError, UsageError

SOURCE = "class Cart:\n    def total(self):\n        return 1\n\ndef f():\n    return 2\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "orders.py").write_text(SOURCE)
    (folder / "broken.py").write_text("def (:\n")
    monkeypatch.chdir(tmp_path)
    return folder


def named(target):
    return [(module, code.co_qualname) for module, _file, code in codes_of(target)]


def test_a_file_names_all_of_its_code(shop):
    assert named("shop/orders.py") == [
        (None, "<module>"),
        (None, "Cart"),
        (None, "Cart.total"),
        (None, "f"),
    ]


def test_a_line_names_the_innermost_code_around_it(shop):
    assert named("shop/orders.py:3") == [(None, "Cart.total")]


def test_a_module_is_found_below_the_working_directory_and_its_name_is_known(shop):
    assert named("shop.orders:f") == [("shop.orders", "f")]


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ("shop.orders.f", "f"),
        ("shop.orders.Cart.total", "Cart.total"),
        ("shop.orders.Cart", "Cart"),
        ("<shop.orders>", "<module>"),
    ],
)
def test_the_name_of_a_span_names_its_code(shop, span, found):
    assert named(span) == [("shop.orders", found)]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("shop/orders.py:99", "no code at this line; functions and classes begin at 1, 2, 5"),
        ("shop.nothing", "ERR_IO shop.nothing: no such function; .*__init__.py has <module>"),
        ("nothing.at.all", "no such file or module"),
        ("__main__.f", "__main__ is the script, whose path is to be given"),
        ("shop.orders:Cart.totl", r"total, f \(did you mean 'Cart.total'\?\)$"),
        ("shop.orders:g", "no such function; .* has <module>, Cart, Cart.total, f"),
    ],
)
def test_a_target_that_names_nothing_is_refused_with_what_there_is(shop, target, message):
    with pytest.raises(UsageError, match=message):
        named(target)


def test_a_file_that_is_not_python_is_no_target(shop):
    with pytest.raises(TargetError, match="not valid Python"):
        named("shop/broken.py")


def test_the_filter_is_searched_for_from_the_directory_of_a_file(shop, tmp_path):
    assert discovery_start("shop/orders.py:3") == str(shop)
    assert discovery_start("shop.orders") == str(tmp_path)
