"""Values behind their names."""

from __future__ import annotations

import pytest

from codetracer_otel.filters.secrets.named.values import find_named_values


@pytest.mark.parametrize(
    "text",
    [
        "password=lovelace1815",
        "\x1b[31mpassword\x1b[0m=lovelace1815",
        "\x1b[1;31mlogin failed\x1b[0m for ada, password=lovelace1815",
    ],
)
def test_colours_of_a_terminal_move_no_place(text):
    [(start, end)] = find_named_values(text, is_cut=False)
    assert text[start:end] == "lovelace1815"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in {password: !!str lovelace1815, n: 1}", "!!str lovelace1815"),
        ("a: b\npassword: &anchor lovelace1815\n", "&anchor lovelace1815"),
        ("- password: !!binary |\n    bG92ZWxhY2U=\n  n: 1", "!!binary |\n    bG92ZWxhY2U="),
        ("**Password:** lovelace1815", "lovelace1815"),
        ("- **Password**: correct horse battery\n", "correct horse battery"),
        ("see `password`: lovelace1815", "lovelace1815"),
        ("**password** = lovelace1815", "lovelace1815"),
        ("os.environ['API_KEY'] = 'lovelace1815'", "lovelace1815"),
        ('config["db"]["password"] = "lovelace1815"', "lovelace1815"),
        ("password =\n    lovelace1815", "lovelace1815"),
        ("password = \\\n    'lovelace1815'", "'lovelace1815'"),
        ("pass\u200bword: lovelace1815", "lovelace1815"),
        ("see pass\xadword=love\u200blace1815 there", "love\u200blace1815"),
    ],
)
def test_what_stands_between_a_name_and_its_value_hides_neither(text, expected):
    [(start, end)] = find_named_values(text, is_cut=False)
    assert text[start:end] == expected


@pytest.mark.parametrize(
    "text",
    [
        'sent Authorization: Digest username="ada", nonce="c0ffee", response="%s", nc=1',
        "['Authorization: Digest username=\"ada\", response=\"%s\"', 'Accept: text']",
        'curl -H "Authorization: Digest username=\\"ada\\", response=\\"%s\\"" x',
        'sent Cookie: theme="dark"; sid="%s"',
    ],
)
def test_the_parameters_of_a_scheme_belong_to_the_value(text):
    full = text % "kD83hs9Ql2fp"
    [(start, end)] = find_named_values(full, is_cut=False)
    assert "kD83hs9Ql2fp" in full[start:end]


@pytest.mark.parametrize(
    "text",
    [
        "for word in entry['token']:\n    print(word)",
        "a class:`jwt.PrivateKeys`\n        :param algorithm: which one",
        "* for symmetric keys*: plain",
        "the password** is: none",
        "**password**: The password of the user.",
        "a zero\u200bwidth text: x",
    ],
)
def test_texts_that_only_look_alike_are_shown(text):
    assert find_named_values(text, is_cut=False) == []
