"""What compiled code calls clean holds no secret that the filters would find."""

import random
import re

import pytest
from benchmarks import redaction_corpus as corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.filters.secrets.shapes.test_vendors import ROWS, sample_of

from codetracer_otel._core import load
from codetracer_otel.filters.patterns.name_words import BUILTIN_SECRET_WORDS
from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.secrets.encodings import decodings
from codetracer_otel.filters.secrets.prefilter import shapes_possible
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.secrets.scan_tables import SCANNED_SHAPES, automaton, scan_tables
from codetracer_otel.filters.secrets.shapes.cards import BEGINNINGS, ISSUERS
from codetracer_otel.filters.secrets.shapes.tokens import FAMILIES
from codetracer_otel.filters.types import Action, RuleSource

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
ALL = frozenset(shape.name for shape in SHAPES)
NARROWED = {"named", "card"}  # of these compiled code knows more than the prefilter
SHAPE_RULES = ContentPattern("shapes", "all", Action.REDACT, RuleSource("<test>", 1))
TEXT_POSITIONS = [put for put in corpus.POSITIONS.values() if isinstance(put("x"), str)]
NAMES = [entry.strip().strip("^$*!").split("+") for entry in BUILTIN_SECRET_WORDS.split(",")]
PIECES = [
    *(
        "=",
        ":",
        "://",
        "%",
        "%41",
        "<",
        ">",
        "->",
        "--",
        "-",
        "|",
        "\\",
        "\\n",
        "'",
        '"',
        "(",
        "[",
        ",",
    ),
    *(
        " ",
        "\n",
        "\r\n",
        "\0",
        "\x1b[31m",
        "@",
        ".",
        "/",
        "_",
        "+",
        "{",
        "}",
        ")",
        "]",
        "&",
        "\uff1a",
        "\uff1d",
    ),
    *(
        "ENV ",
        "ARG ",
        "machine ",
        "login ",
        "password ",
        "identified by ",
        "value",
        "name=",
        "form-data; ",
    ),
    *(
        "-u ",
        "--user=",
        "--auth ",
        "http -a ",
        "bob:hunter2",
        "Bearer ",
        "basic ",
        "BASİC ",
        "to\u212aen",
    ),
    *(
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "-----BEGIN PRIVATE KEY-----",
        "Private-Lines: 2",
        "0000",
        "4111",
    ),
    *(
        "4111111111111111",
        "3782 822463 10005",
        "6304000000000000",
        "é",
        "пароль",
        "密码",
        "\uff50\uff57",
        "http",
    ),
    *(
        "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6hJ8k",
        "0123456789abcdef",
        "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
        "JTGvsxsXBraLEKHmNebmCx",
        "q7Rt+WmZ9x/d4LpB8vNc3Y=",
        "KEYA1B2C3D4E5F6G7H8A1B2C3D4",
        "waka_",
    ),
    *(literal for family in FAMILIES for literal in family.literals),
]


@pytest.fixture(scope="module")
def scanner():
    return NATIVE.module.Scanner(**scan_tables())


def possible_shapes(text):
    """Return which shapes are in a text; of most Python's prefilter says so."""
    possible = shapes_possible([text], None, ALL).get(0, set())
    return {
        shape.name
        for shape in SHAPES
        if shape.name in possible
        and (shape.name not in NARROWED or any(shape.find(text, is_cut=False)))
    }


def check(scanner, text):
    changed = compile_content([SHAPE_RULES]).redact_texts([text]) != [text]
    readings = [reading.text for reading in decodings(text)]
    found = [possible_shapes(reading) for reading in (text, *readings)]
    if changed or any(found):
        assert scanner.suspects(text), (text, found)


names = st.sampled_from(NAMES).flatmap(
    lambda words: st.sampled_from(["", "_", "-", " ", ".", "__", "1"]).map(
        lambda separator: separator.join(words)
    )
)
cased = names.flatmap(lambda name: st.sampled_from([name, name.upper(), name.title()]))
pieces = st.one_of(
    st.sampled_from(PIECES),
    cased,
    st.text(max_size=6),
    st.text("0123456789", max_size=19),
    st.from_regex(r"[0-9]{4}([ +-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_-]{6,40}", fullmatch=True),
)


@settings(max_examples=examples(400))
@given(st.lists(pieces, min_size=1, max_size=7).map("".join))
def test_nothing_that_the_filters_find_is_called_clean(scanner, text):
    check(scanner, text)


@settings(max_examples=examples(150))
@given(cased, st.sampled_from([": ", "=", " = '", '": "', "%3D", "->", " => ", "=\\u003d"]), pieces)
def test_the_name_of_a_secret_is_seen_in_any_spelling(scanner, name, join, value):
    check(scanner, f"a {name}{join}{value}x9 b")


def test_the_vendors_of_the_corpus_are_seen_in_every_position(scanner):
    pick = random.Random(1)
    tables = [
        corpus.KNOWN, corpus.HELD_OUT, corpus.HELD_OUT_SECOND, corpus.HELD_OUT_THIRD,
        corpus.HELD_OUT_FOURTH, corpus.HELD_OUT_FIFTH,
    ]  # fmt: skip
    rows = [line.split(" ", 1)[1] for table in tables for line in table.split("\n") if line]
    for template in [*rows, "live_sk_JTGvsxsXBraLEKHmNebmCx{A0}", "mysql -u bob -phush{D4}"]:
        secret = corpus.fill(template, pick)
        for put in TEXT_POSITIONS:
            check(scanner, put(secret))


def test_the_formats_of_the_table_are_seen(scanner):
    rules = compile_content([SHAPE_RULES])
    texts = [f"{put}{sample_of(*case)}" for case in ROWS for put in ("", "got ", "\\n", "/")]
    shown = rules.redact_texts(texts)
    changed = [text for text, after in zip(texts, shown, strict=True) if after != text]
    assert len(changed) > 0.9 * len(texts)
    assert [text for text in changed if not scanner.suspects(text)] == []


@settings(max_examples=examples(400))
@given(st.text("ab-_.:/+XYZ01289", min_size=18, max_size=60))
def test_every_run_that_may_be_a_token_is_seen(scanner, text):
    check(scanner, text)


def test_fewer_harmless_texts_are_judged_than_the_prefilter_lets_through(scanner):
    pick = random.Random(2)
    texts = [corpus.harmless(pick) for _ in range(4000)]
    possible = shapes_possible(texts, None, ALL)
    suspects = {index for index, text in enumerate(texts) if scanner.suspects(text)}
    assert len(suspects) < 0.8 * len(possible)


def test_every_shape_has_its_test_in_compiled_code():
    assert SCANNED_SHAPES == ALL


def test_the_beginnings_of_cards_are_those_of_their_issuers():
    assert BEGINNINGS.keys() == ISSUERS.keys()
    for length, issuers in ISSUERS.items():
        begins = tuple(BEGINNINGS[length].split())
        for number in range(10_000):
            if re.match(issuers, f"{number:04}"):
                assert f"{number:04}".startswith(begins), (length, number)


@given(
    st.dictionaries(
        st.binary(min_size=1, max_size=4).map(bytes.lower), st.just(1 << 24), min_size=1
    ),
    st.binary(max_size=40),
)
def test_an_automaton_finds_each_of_its_keys_in_any_case(keys, text):
    table, columns = automaton(keys)
    rows = memoryview(table).cast("I")
    state = ends = 0
    for byte in text:
        state = rows[(state & 0xFFFFFF) + columns[byte]]
        ends |= state
    assert bool(ends >> 24) == any(key in text.lower() for key in keys)


def test_tables_that_do_not_fit_are_refused():
    tables = scan_tables()
    table, columns = tables["literals"]
    for wrong in (
        {"issuers": b""},
        {"literals": (b"", columns)},
        {"literals": (table[:-4], columns)},
        {"literals": (table, columns[1:])},
        {"names": (b"\xff" * len(table), columns)},
    ):
        with pytest.raises(ValueError, match="do not fit"):
            NATIVE.module.Scanner(**{**tables, **wrong})
    with pytest.raises(TypeError):
        NATIVE.module.Scanner(**{**tables, "exact": ("text",)})
