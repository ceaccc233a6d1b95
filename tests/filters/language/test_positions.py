from __future__ import annotations

import tomli
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.language.positions import Positions, path_text

TEXT = '''\
# [not.a.table]
top = "a # no comment" # a comment
[meta]
  name = """two [lines]
key = 1 """"
"quoted key" = 1
dotted.key.deep = 1979-05-27 07:32:00
list = [ 1, [2,
  3], { inner = "x", other = ['y'] },
]
[[scope.rules]]
selector = \'\'\'a
[[scope.rules]]\'\'\'
[[scope.rules.value_patterns]]
selector = 1.5
[[scope.rules.value_patterns]]
[scope.rules.sampling]
ratio = 1
[[scope.rules]]
value_patterns = [
  {selector = "a"},
]
'''

EXPECTED = {
    ("top",): (2, 1),
    ("meta",): (3, 1),
    ("meta", "name"): (4, 3),
    ("meta", "quoted key"): (6, 1),
    ("meta", "dotted", "key", "deep"): (7, 1),
    ("meta", "list", 1, 1): (9, 3),
    ("meta", "list", 2, "inner"): (9, 9),
    ("meta", "list", 2, "other", 0): (9, 31),
    ("scope", "rules", 0): (11, 1),
    ("scope", "rules", 0, "selector"): (12, 1),
    ("scope", "rules", 0, "value_patterns", 0, "selector"): (15, 1),
    ("scope", "rules", 0, "value_patterns", 1): (16, 1),
    ("scope", "rules", 0, "sampling", "ratio"): (18, 1),
    ("scope", "rules", 1): (19, 1),
    ("scope", "rules", 1, "value_patterns", 0, "selector"): (21, 4),
    ("scope", "rules", 1, "missing"): (19, 1),
    ("nothing",): (1, 1),
}


def test_every_key_and_table_is_found_where_it_stands():
    tomli.loads(TEXT)
    positions = Positions(TEXT)
    assert {path: positions.of(path) for path in EXPECTED} == EXPECTED


def test_a_path_is_written_like_in_messages():
    assert path_text(("scope", "rules", 3, "selector")) == "scope.rules[3].selector"
    assert path_text(()) == ""


@settings(max_examples=examples(300))
@given(st.text("ab[]{}=,.\"'#\n\\ ", max_size=30))
def test_any_text_is_read_to_its_end(text):
    assert Positions(text).of(("a", 0, "b"))[0] >= 1


def paths_of(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths_of(item, (*path, index))
    yield path


def test_no_path_of_a_filter_is_missing():
    known = Positions(TEXT)._offsets
    assert [path for path in paths_of(tomli.loads(TEXT)) if path not in known] == [("scope",)]
