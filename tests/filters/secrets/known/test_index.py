"""Known secrets are found wherever they stand, by what does not give them away."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetracer_otel._core import load
from codetracer_otel.filters.secrets.known.forms import forms_of
from codetracer_otel.filters.secrets.known.index import MIN_BYTES, SecretIndex

TEXT = st.text(st.characters(exclude_characters="\0"), max_size=40)
SECRET = st.text(st.characters(exclude_characters="\0"), min_size=8, max_size=60)


@pytest.fixture(params=["python", "compiled"], autouse=True, scope="module")
def core(request):
    """Give `index_of` the search in Python, or the compiled one where there is a core."""
    native = load().module
    if request.param == "compiled" and native is None:
        pytest.skip("no compiled core")
    _Chosen.find_windows = native.find_windows if request.param == "compiled" else None


class _Chosen:
    find_windows = None


def new_index():
    return SecretIndex(_Chosen.find_windows)


def index_of(*secrets):
    index = new_index()
    for secret in secrets:
        index.add(index.form_of(secret.encode("utf-8", "surrogatepass")))
    return index


def parts(index, *texts, cut=None):
    return sorted({(found.text, *found.part) for found in index.search(texts, cut)})


@given(st.lists(st.tuples(TEXT, SECRET, TEXT), min_size=1, max_size=6))
def test_a_secret_is_found_at_every_place_of_every_text(made):
    index = index_of(*[secret for _, secret, _ in made])
    texts = ["".join(pieces) for pieces in made]
    found = parts(index, *texts)
    for number, (before, secret, _) in enumerate(made):
        assert (number, len(before), len(before) + len(secret)) in found


@given(st.lists(SECRET, max_size=5), st.lists(TEXT, max_size=5))
def test_nothing_is_found_that_is_no_secret(secrets, texts):
    for number, start, end in parts(index_of(*secrets), *texts):
        assert texts[number][start:end] in secrets


@pytest.mark.parametrize("length", range(MIN_BYTES, 40))
def test_every_length_is_found_at_every_offset(length):
    secret = "".join(chr(33 + (7 * n) % 90) for n in range(length))
    index = index_of(secret)
    for offset in range(33):
        assert parts(index, "-" * offset + secret + "--") == [(0, offset, offset + length)]


def test_a_secret_does_not_go_over_two_texts():
    assert parts(index_of("tok-9911-abc"), "tok-99", "11-abc") == []


def test_each_of_several_in_a_text_is_found():
    index = index_of("tok-9911", "tok-9911-and-more-of-it")
    assert parts(index, "a tok-9911-and-more-of-it") == [(0, 2, 10), (0, 2, 25)]


@pytest.mark.parametrize("shown", range(4, 12))
def test_the_beginning_of_a_secret_at_the_end_of_a_cut_text_is_found(shown):
    secret = "tok-9911-abcd"
    text = "x = " + secret[:shown]
    assert parts(index_of(secret), text, cut=[True]) == [(0, 4, len(text))]
    assert parts(index_of(secret), text, cut=[False]) == []


def test_three_characters_of_a_beginning_are_no_secret():
    assert parts(index_of("tok-9911-abcd"), "x = tok", cut=[True]) == []


def test_what_is_removed_is_found_no_more_and_leaves_nothing():
    index = new_index()
    forms = [index.form_of(secret) for secret in (b"tok-9911-abcd", b"tok-9911-abce", b"x" * 50)]
    for form in forms:
        index.add(form)
    index.remove(forms[0])
    assert parts(index, "tok-9911-abcd tok-9911-abce") == [(0, 14, 27)]
    for form in forms[1:]:
        index.remove(form)
    assert parts(index, "tok-9911-abce", "x" * 50, cut=[True, True]) == []
    assert not any(tier._places for tier in index._tiers)
    assert not index._heads


def test_forms_that_end_alike_are_found_until_the_last_of_them_is_removed():
    index = new_index()
    forms = [index.form_of(b"%d-the-same-end-of-all" % number) for number in (1, 1, 2, 333)]
    for form in forms:
        index.add(form)
    text = "1-the-same-end-of-all 333-the-same-end-of-all"
    assert parts(index, text) == [(0, 0, 21), (0, 22, 45)]
    for form in (forms[0], forms[2]):
        index.remove(form)
    assert parts(index, text) == [(0, 0, 21), (0, 22, 45)]
    for form in (forms[1], forms[3]):
        index.remove(form)
    assert not any(tier._places for tier in index._tiers)


def test_what_is_kept_of_a_secret_is_few_objects_for_the_collector():
    """It was 290 in Python: with all secrets a million, which each full collection visited."""
    index, count, kept = new_index(), 500, []
    gc.collect()
    before = len(gc.get_objects())
    for number in range(count):
        kept += map(index.form_of, forms_of(f"tok-{number * 0x9E3779B97F4A7C15 % 2**64:x}"))
    for form in kept:
        index.add(form)
    gc.collect()
    assert (len(gc.get_objects()) - before) / count < (50 if _Chosen.find_windows is None else 15)


def test_no_part_of_a_secret_is_kept_as_it_is_written():
    secret = "Zq7-unlikely-in-any-other-object-Zq7"
    index = index_of(secret)
    seen, left = set(), [index]
    while left:
        item = left.pop()
        if id(item) in seen or isinstance(item, type):
            continue
        seen.add(id(item))
        if isinstance(item, bytes | str):
            text = item if isinstance(item, bytes) else item.encode()
            assert not any(secret.encode()[n : n + 8] in text for n in range(len(secret) - 8))
        if isinstance(item, int):
            word = item.to_bytes(16, "little", signed=True)
            assert not any(secret.encode()[n : n + 8] in word for n in range(len(secret) - 8))
        left.extend(gc.get_referents(item))
