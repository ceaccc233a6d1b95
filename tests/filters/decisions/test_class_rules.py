"""Which file a class is judged by."""

from __future__ import annotations

import types

import pytest

from codetracer_otel.filters.decisions.class_rules import reads_fields


class Asked:
    """A classifier that notes what it is asked."""

    def __init__(self):
        self.files = []

    def classify(self, identity):
        self.files.append(identity.file)
        return types.SimpleNamespace(reads_objects=None, traces=True)


def method(self):
    return self


@pytest.mark.parametrize(
    ("facts", "members", "file"),
    [
        ({"__file__": "/app/shop.py"}, {"method": method}, "/app/shop.py"),
        ({"__file__": "/app/shop.py"}, {}, "/app/shop.py"),
        ({"__file__": None}, {"method": method}, method.__code__.co_filename),
        ({}, {"method": method}, method.__code__.co_filename),
        ({}, {}, "<string>"),
        (None, {"method": method}, method.__code__.co_filename),
    ],
)
def test_the_file_is_the_modules_else_that_of_a_method(facts, members, file):
    classifier = Asked()
    module = None if facts is None else types.ModuleType("shop")
    if facts is not None:
        vars(module).update(facts)
    cls = type("Cart", (), {"__module__": "shop", **members})
    wanted = reads_fields(classifier, lambda name, _file: (name,), {"shop": module})
    assert wanted(cls)
    assert classifier.files == [file]
