"""Secrets that a row or a column of a table names."""

from __future__ import annotations

import pytest
from tests.filters.secrets.named.test_pairs import redacted

from codetracer_otel.filters.secrets.named.lines import find_in_lines
from codetracer_otel.model.value import REDACTED


def hidden(text):
    spans = find_in_lines(text, lambda name: name.strip() == "password")
    return [text[start:end].strip() for start, end in spans]


def test_a_column_whose_head_names_a_secret_is_hidden():
    head = "| user | password | country |\n|---|---|---|\n"
    assert hidden(head + "| ada | lovelace1815 | UK |\n| bob | hopper1906 | US |\n") == [
        "lovelace1815",
        "hopper1906",
    ]


def test_the_cell_beside_a_name_is_hidden_and_no_other():
    rows = "| user | ada | first |\n| password | lovelace1815 | changed |\n"
    assert hidden(rows) == ["lovelace1815"]


def test_in_a_table_with_a_head_the_rows_name_nothing():
    head = "| user | password |\n|---|---|\n"
    assert hidden(head + "| password | lovelace1815 |\n") == ["lovelace1815"]
    first = "| password | country | user |\n|---|---|---|\n"
    assert hidden(first + "| lovelace1815 | UK | ada |\n") == ["lovelace1815"]
    assert hidden(first + "| password | UK | ada |\n") == ["password"]


@pytest.mark.parametrize(
    "text",
    [
        "setenv PASSWORD %s",
        "  SetEnv DB_PASSWORD %s\n",
        "    proxy_set_header Authorization %s",
        "docker login -u ada -p %s registry.example.com",
        "PASS %s\r\n",
        "AUTH %s",
        "AUTH default %s",
        "Your new password is %s.",
        "Your password is %s\nChange it soon.",
        "ada's password was '%s'",
        "Invalid API key provided: %s",
        "[sudo] password for ada: %s",
    ],
)
def test_commands_and_messages_tell_secrets(text):
    assert redacted(text % "kD83hs9Ql2fp") == text % REDACTED


@pytest.mark.parametrize(
    "text",
    [
        "PASS tests/login.test.js",
        "PASS test_login_2",
        "AUTH LOGIN",
        "AUTH CRAM-MD5",
        "AUTH ENABLE UTF8=ACCEPT",
        "The password is required.",
        "the password is SHA-256 of the salt",
        "The password is base64-encoded.",
        "password was argon2id-hashed",
        "setenv LANG en_GB",
        "docker run -p 8080:80 image",
        "Password for user ada: ",
    ],
)
def test_harmless_commands_and_messages_are_shown(text):
    assert redacted(text) == text


@pytest.mark.parametrize("password", ["hunter2x", "hunter-2", "9hunter2"])
def test_a_password_that_looks_like_a_login_is_hidden_behind_auth(password):
    assert redacted(f"AUTH {password}") == f"AUTH {REDACTED}"


@pytest.mark.parametrize("attack", ["password is ", "password for a", "PASS ", " is a1", "AUTH a1"])
@pytest.mark.timeout(60)  # quadratic behaviour would take ten times as long
def test_a_hostile_long_text_of_sentences_is_judged_without_hanging(attack):
    text = attack * (400_000 // len(attack))
    assert len(redacted(text)) <= len(text) * (len(REDACTED) + 1)
