from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.exporters.native.read.validation import Validator
from codetracer_otel.exporters.native.tables import Tables, TypeKind
from codetracer_otel.exporters.native.write.values import ValueWriter, short_text
from codetracer_otel.model.value import DROPPED_NODE, REDACTED_NODE, Node, NodeKind

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
)


def containers(values):
    items = st.lists(values, max_size=3).map(tuple)
    pairs = st.lists(st.tuples(st.text(max_size=3), values), max_size=3).map(tuple)
    kinds = st.sampled_from([NodeKind.LIST, NodeKind.TUPLE, NodeKind.SET])
    return (
        st.builds(Node, kinds, st.just("list"), items, st.integers(0, 3))
        | st.builds(Node, st.just(NodeKind.MAPPING), st.just("dict"), pairs, st.integers(0, 3))
        | st.builds(Node, st.just(NodeKind.STRUCT), st.just("a.B"), pairs, st.integers(0, 1))
    )


LEAVES = (
    SCALARS
    | st.sampled_from([REDACTED_NODE, DROPPED_NODE])
    | st.builds(Node, st.just(NodeKind.TEXT), st.just("a.B"), st.text())
    | st.builds(Node, st.just(NodeKind.CUT_TEXT), st.just("str"), st.text(), st.just(5000))
    | st.builds(Node, st.just(NodeKind.BYTES), st.just("bytes"), st.binary(), st.just(50))
    | st.builds(
        Node,
        st.sampled_from([NodeKind.OBJECT, NodeKind.CYCLE, NodeKind.DEEPER]),
        st.text(max_size=5),
    )
)
VALUES = st.recursive(LEAVES, containers, max_leaves=8)


def write(value):
    """Return a value's JSON, read back, and the validator that knows its types."""
    tables = Tables()
    text = ValueWriter(tables).write(value)
    assert text.isascii()
    validator = Validator()
    for definition in tables.take_definitions():
        validator._by_name["Type"](json.loads(definition)["Type"])
    return json.loads(text), validator


@settings(max_examples=examples(150))
@given(VALUES)
def test_every_captured_value_is_written_with_its_type(value):
    written, validator = write(value)
    validator._check_value(written)
    assert isinstance(short_text(written), str)


def test_integers_beyond_64_bit_keep_their_value():
    for number in (2**63, -(2**63) - 1, 2**200, -(2**200)):
        written, _ = write(number)
        size = int.from_bytes(base64.b64decode(written["b"]), "big")
        assert (written["kind"], -size if written["negative"] else size) == ("BigInt", number)


def test_integers_of_64_bit_are_numbers():
    for number in (2**63 - 1, -(2**63), 0):
        assert write(number)[0] == {"kind": "Int", "i": number, "type_id": 0}


def test_floats_are_text_also_where_json_has_no_number():
    assert [write(value)[0]["f"] for value in (1.5, float("nan"), float("-inf"))] == [
        "1.5",
        "nan",
        "-inf",
    ]


def test_what_is_not_shown_is_an_error_of_a_raw_type():
    for node, text, name in (
        (REDACTED_NODE, "<redacted>", "Redacted"),
        (DROPPED_NODE, "<dropped>", "Dropped"),
    ):
        written, validator = write(node)
        assert written == {"kind": "Error", "msg": text, "type_id": 0}
        assert validator.types == [(TypeKind.RAW, name, 0)]


def test_a_dictionary_is_a_sequence_of_pairs():
    written, validator = write(Node(NodeKind.MAPPING, "dict", (("a", 1),)))
    assert written["kind"] == "Sequence"
    assert [item["kind"] for item in written["elements"]] == ["Tuple"]
    assert (TypeKind.SEQ, "Dict", 0) in validator.types


def test_a_dataclass_names_its_fields_in_its_type():
    tables = Tables()
    ValueWriter(tables).write(Node(NodeKind.STRUCT, "shop.Item", (("name", "cup"), ("n", 2))))
    definition = json.loads(tables.take_definitions()[-1])["Type"]
    assert definition["lang_type"] == "shop.Item"
    assert [field["name"] for field in definition["specific_info"]["fields"]] == ["name", "n"]


def test_what_the_limits_left_out_is_told():
    written, _ = write(Node(NodeKind.LIST, "list", (1,), omitted=7))
    assert written["elements"][-1]["r"] == "... 7 more"


def test_redactions_inside_of_values_are_counted():
    writer = ValueWriter(Tables())
    writer.write(Node(NodeKind.LIST, "list", (REDACTED_NODE, REDACTED_NODE, DROPPED_NODE)))
    assert writer.redactions == {NodeKind.REDACTED: 2, NodeKind.DROPPED: 1}


def test_the_number_of_types_is_bounded():
    tables = Tables()
    writer = ValueWriter(tables)
    for number in range(10_050):
        writer.raw("x", f"made.Class{number}")
    assert len(tables.take_definitions()) <= 10_001
