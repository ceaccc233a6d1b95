"""The layout of the package: rooms of a size, names that differ, and imports in one direction."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent.parent / "src"
FACADE = "codetracer_otel"
MOST_FILES = 12
MOST_OF_ONE_NAME = 2
LEAST_FAMILY = 3
FILES = sorted(SOURCES.rglob("*.py"))
FOLDERS = sorted({file.parent for file in FILES})


def shown(path):
    return str(path.relative_to(SOURCES))


def names_in(folder):
    return [file.stem for file in folder.glob("*.py") if file.stem != "__init__"]


def families(names):
    """Return the first words that three or more modules of a folder share."""
    first = Counter(name.partition("_")[0] for name in names if not name.startswith("_"))
    return sorted(word for word, count in first.items() if count >= LEAST_FAMILY)


@pytest.mark.parametrize("folder", FOLDERS, ids=shown)
def test_no_folder_has_more_than_twelve_files(folder):
    assert len(list(folder.glob("*.py"))) <= MOST_FILES


@pytest.mark.parametrize("folder", FOLDERS, ids=shown)
def test_no_prefix_makes_a_family_where_a_folder_should(folder):
    assert families(names_in(folder)) == []


def test_a_family_is_found():
    assert families(["span", "span_end", "span_content", "spanner", "noop"]) == ["span"]


def test_no_module_name_stands_more_than_twice():
    count = Counter(file.name for file in FILES if file.stem != "__init__")
    assert {name: n for name, n in count.items() if n > MOST_OF_ONE_NAME} == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=shown)
def test_each_folder_says_what_it_is_for(folder):
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))


def module_name(file):
    parts = file.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}


def imported_by(tree):
    """Yield what a module imports, for type checkers or when it runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@cache
def graph():
    """Return module -> modules, without the facade: it names everything for type checkers."""
    found = {
        name: set(imported_by(ast.parse(file.read_text("utf-8")))) & MODULES.keys() - {name}
        for name, file in MODULES.items()
        if name != FACADE
    }
    return {name: targets - {FACADE} for name, targets in found.items()}


def circle_in(modules):
    try:
        TopologicalSorter(modules).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_no_imports_make_a_circle_not_even_those_for_types():
    assert circle_in(graph()) is None


def test_a_circle_is_found():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) is not None


WINGS = {
    "filters": ("secrets", "language", "decisions"),
    "instrumentation": ("values", "spans", "context", "manual"),
    "sdk": ("settings", "delivery", "otel", "topics", "session", "entry_points"),
}


@pytest.mark.parametrize("wing", WINGS)
def test_the_rooms_of_a_wing_import_in_one_direction_types_included(wing):
    rank = {f"{FACADE}.{wing}.{room}": place for place, room in enumerate(WINGS[wing])}

    def place_of(name):
        return rank.get(".".join(name.split(".")[:3]))

    wrong = [
        (name, target)
        for name, targets in graph().items()
        for target in targets
        if None not in (place_of(name), place_of(target)) and place_of(target) > place_of(name)
    ]
    assert wrong == []


def test_nothing_within_imports_the_facade():
    named = [
        name
        for name, file in MODULES.items()
        if name != FACADE and FACADE in set(imported_by(ast.parse(file.read_text("utf-8"))))
    ]
    assert named == []


CONTRIBUTING = (SOURCES.parent / "CONTRIBUTING.md").read_text("utf-8")


def test_contributing_shows_the_layers_that_import_linter_checks():
    project = tomllib.loads((SOURCES.parent / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "layers")
    diagram = re.search(r"```\n(cli .*?)```", CONTRIBUTING, re.DOTALL)[1]
    shown = [re.split(" {4,}", line)[0].split() for line in diagram.splitlines()]
    assert shown == [[name.split(".")[1] for name in layer.split(" | ")] for layer in layers]


def test_contributing_names_targets_that_make_has():
    makefile = (SOURCES.parent / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = re.findall(r"`make ((?:[a-z-]+ ?)+)", CONTRIBUTING)
    assert {word for words in named for word in words.split()} <= targets
