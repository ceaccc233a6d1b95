from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.exporters.files.json_text import encode_line
from codetracer_otel.model.value import REDACTED_NODE, decimal

LIMIT = 64 * 1024

texts = st.text(st.characters(codec=None), max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=9)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


def refuse_constant(name: str) -> None:
    raise AssertionError(name)


def strict_loads(line: str) -> dict[str, object]:
    return json.loads(line, parse_constant=refuse_constant)


@settings(max_examples=examples(150))
@given(st.dictionaries(texts, values, max_size=6), st.sampled_from([4500, LIMIT]))
def test_any_mapping_becomes_one_ascii_line_of_strict_json_within_the_limit(fields, limit):
    line = encode_line(fields, limit)
    assert line.isascii()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert len(line) <= limit
    text = json.dumps(strict_loads(line), ensure_ascii=False)
    assert text.encode("utf-8")


@settings(max_examples=examples(40))
@given(
    st.dictionaries(
        st.text(max_size=4),
        st.text(max_size=4).map(lambda text: text * 3000)
        | st.lists(st.integers(), max_size=3).map(lambda items: items * 2000)
        | st.dictionaries(st.text(max_size=900), st.text(max_size=3), max_size=9),
        max_size=8,
    )
)
def test_large_values_of_any_kind_are_cut_to_the_limit(fields):
    line = encode_line(fields, 8192)
    assert len(line) <= 8192
    strict_loads(line)


def test_keys_keep_their_order():
    assert encode_line({"b": 1, "a": "x"}, LIMIT) == '{"b":1,"a":"x"}\n'


def test_numbers_that_json_lacks_become_text():
    line = encode_line({"a": float("nan"), "b": [float("inf")], "c": 1.5}, LIMIT)
    assert strict_loads(line) == {"a": "nan", "b": ["inf"], "c": 1.5}


def test_an_integer_too_long_for_decimal_text_becomes_text():
    assert strict_loads(encode_line({"a": 1 << 20_000}, LIMIT)) == {"a": decimal(1 << 20_000)}


def test_a_lone_surrogate_becomes_visible_text_and_a_pair_stays_a_character():
    line = encode_line({"a": "x\udc80", "b": "\U0001f600"}, LIMIT)
    assert strict_loads(line) == {"a": "x\\udc80", "b": "\U0001f600"}


def test_a_line_end_in_a_value_is_escaped():
    assert encode_line({"a": "x\ny\u2028"}, LIMIT) == '{"a":"x\\ny\\u2028"}\n'


def test_an_object_is_named_by_its_type_without_running_its_code():
    class Loud:
        def __repr__(self):
            raise AssertionError

    line = encode_line({"a": Loud(), "b": REDACTED_NODE}, LIMIT)
    assert strict_loads(line) == {
        "a": f"<{Loud.__module__}.{Loud.__qualname__}>",
        "b": "<redacted>",
    }


def test_a_value_that_contains_itself_ends_at_the_depth_limit():
    loop: list[object] = []
    loop.append(loop)
    assert "<...>" in encode_line({"a": loop}, LIMIT)


def test_only_the_longest_values_are_cut_and_they_are_named():
    fields = {"name": "n", "attributes": {"short": "s" * 100, "long": "l" * 100_000}, "end": 1}
    found = strict_loads(encode_line(fields, LIMIT))
    assert found["truncated"] == ["attributes.long"]
    assert found["attributes"]["short"] == "s" * 100
    assert found["attributes"]["long"].endswith("l... [100000 in all]")
    assert found["name"] == "n"
    assert found["end"] == 1


def test_a_long_list_keeps_its_beginning_and_says_how_long_it_was():
    found = strict_loads(encode_line({"items": list(range(100_000))}, LIMIT))
    assert found["truncated"] == ["items"]
    assert found["items"][:3] == [0, 1, 2]
    assert found["items"][-1] == "... 100000 in all"


def test_too_many_keys_leave_the_last_ones_out():
    found = strict_loads(encode_line({f"key{n}": "v" for n in range(20_000)}, LIMIT))
    assert found["key0"] == "v"
    assert found["truncated"] == ["..."]
