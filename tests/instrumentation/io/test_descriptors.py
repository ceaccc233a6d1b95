"""What reaches a descriptor beside the program's streams is found, once and as a whole."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.instrumentation.io.descriptors import ExpectedBytes, Tail

PIECES = st.lists(st.tuples(st.booleans(), st.text("ab\n", min_size=1, max_size=6)), max_size=12)


def test_expected_bytes_match_as_whole_pieces():
    expected = ExpectedBytes()
    expected.add(b"one\n")
    expected.add(b"two")
    assert expected.match(b"one\ntw") == 6
    assert len(expected) == 1
    assert expected.match(b"x") == 0
    assert expected.match(b"o") == 1
    assert len(expected) == 0


def test_too_much_that_never_arrives_is_given_up():
    expected = ExpectedBytes()
    for _ in range(3):
        expected.add(b"x" * 600_000)
    assert len(expected) == 600_000


def test_the_place_of_expected_bytes_is_found_also_where_they_only_begin():
    expected = ExpectedBytes()
    expected.add(b"known\n")
    assert expected.find(b"foreign known\n") == 8
    assert expected.find(b"foreign kno") == 8
    assert expected.find(b"foreign") == 7


@settings(max_examples=examples(60))
@given(PIECES)
def test_what_nobody_expected_is_read_in_order(tmp_path_factory, pieces):
    """Foreign text is upper case here, so that it cannot be taken for what was expected."""
    path = tmp_path_factory.mktemp("tail") / "out"
    path.write_bytes(b"before the session\n")
    expected = ExpectedBytes()
    tail = Tail(os.open(path, os.O_RDONLY), "stdout", "utf-8", [expected])
    found = ""
    with open(path, "ab", buffering=0) as out:
        for is_foreign, text in pieces:
            data = (text.upper() if is_foreign else text).encode()
            if not is_foreign:
                found += tail.read()
                expected.add(data)
            out.write(data)
        found += tail.read()
    tail.close()
    assert found.replace("\n", "") == "".join(
        text.upper() for is_foreign, text in pieces if is_foreign
    ).replace("\n", "")


def test_a_character_cut_in_two_is_one_character(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"")
    tail = Tail(os.open(path, os.O_RDONLY), "stdout", "utf-8", [])
    with open(path, "ab", buffering=0) as out:
        out.write("\N{SNOWMAN}".encode()[:1])
        assert tail.read() == ""
        out.write("\N{SNOWMAN}".encode()[1:])
        assert tail.read() == "\N{SNOWMAN}"
    os.truncate(path, 0)
    assert tail.read() == ""
    tail.close()


def test_a_tail_whose_number_is_another_file_by_now_neither_reads_nor_closes_it(tmp_path):
    path, other = tmp_path / "out", tmp_path / "other"
    path.write_bytes(b"")
    other.write_bytes(b"of the program")
    number = os.open(path, os.O_RDONLY)
    tail = Tail(number, "stdout", "utf-8", [])
    replacement = os.open(other, os.O_RDONLY)
    os.dup2(replacement, number)
    os.close(replacement)
    assert tail.read() == ""
    tail.close()
    assert os.read(number, 99) == b"of the program"
    os.close(number)


def test_a_tail_whose_descriptor_is_gone_reads_nothing(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"")
    number = os.open(path, os.O_RDONLY)
    tail = Tail(number, "stdout", "utf-8", [])
    os.close(number)
    assert tail.read() == ""
    tail.close()
