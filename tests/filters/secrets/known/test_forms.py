"""What of a hidden value is a secret, and in which forms it comes again."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetracer_otel.filters.secrets.known.forms import forms_of, is_ordinary, secrets_in


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("tok-9911", ["tok-9911"]),
        ("  tok-9911\n", ["tok-9911"]),
        ("Bearer tok-9911", ["tok-9911"]),
        ("bearer  tok-9911", ["tok-9911"]),
        ("Basic dXNlcjpodW50ZXIyMg==", ["dXNlcjpodW50ZXIyMg==", "hunter22"]),
        ("sid=abcd12345; theme=dark", ["abcd12345"]),
        ("sid=abcd12345&csrf=xyz98765;HttpOnly", ["abcd12345", "xyz98765"]),
        ("user:s3cr3tpw!", ["s3cr3tpw!"]),
        ("postgres://u:s3cr3tpw@h/db", ["s3cr3tpw"]),
        ("https://hooks.example.com/services/T000/XXXXxxxx1234", ["XXXXxxxx1234"]),
        ("https://example.com/oauth2/token", []),
        ("correct horse battery staple", ["correct horse battery staple"]),
        ("my-secret-password", ["my-secret-password"]),
        ("YWJjZGVmZ2g=", ["YWJjZGVmZ2g="]),
        ("user:short", ["user:short"]),
        ("'tok-9911'", ["tok-9911"]),
        ('"Bearer tok-9911"', ["tok-9911"]),
        ('"echo this"', []),
        ('"tok-9911', ['"tok-9911']),
        ("john.doe:hunter2", ["john.doe:hunter2"]),
        ('"hunter2"', ['"hunter2"']),
        ("first.last:s3cr3tpw!", ["s3cr3tpw!"]),
        ("first.last:qwzxkjvbn", ["qwzxkjvbn"]),
        ("--raw-control-chars", []),
        ("--RAW-CONTROL-CHARS=x", []),
        ("--prompt=resume", []),
        ("--api-key=xyz98765", ["xyz98765"]),
        ("--Xk9-2fQ81", ["--Xk9-2fQ81"]),
        ("-correct-horse-battery", ["-correct-horse-battery"]),
        ("hunter2", []),
        ("x" * 9000, []),
    ],
)
def test_the_secret_parts_of_a_value(value, secrets):
    assert secrets_in(value) == secrets


@pytest.mark.parametrize(
    "text",
    [
        "password", "Password1", "CHANGEME", "changeme1", "production", "localhost", "identifier",
        "True", "access_token", "shop.people", "django.contrib.auth", "user@example.com",
        "db.example.com", "db.example.com:5432", "12345678", "1700000000000", "-12.3456789e+10",
        "2024-01-01", "2024-01-01T10:00:00+00:00", "10:00:00.123456", "31/12/2024", "********",
        "--------", "00000000-0000", "<redacted>", "x <redacted>", "${TOKEN_X}", "{{ token }}",
        "%(password)s", "4111111111111111", "password2024", "(size: int = 0)",
        "(factor: float = 1.0) -> float",
        "(self, names: dict[str, list[int]] | None = None) -> None",
    ],
)  # fmt: skip
def test_what_is_common_is_no_secret(text):
    assert is_ordinary(text)
    assert secrets_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "tok-9911", "p4ssw0rd", "hunter2hunter2", "Tr0ub4dor&3", "k8s-cluster-1",
        "550e8400-e29b-41d4-a716-446655440000", "5105105105105148273", "SuperSecret-Value",
        "(key: tok9911xyz)", "(password: str = 'hunter2')", "(n: int = 84736251)",
        "(correct: horse; 7)",
    ],
)  # fmt: skip
def test_what_is_not_common_is_a_secret(text):
    assert not is_ordinary(text)


@given(st.text(min_size=8))
def test_a_secret_is_known_in_every_encoding(secret):
    forms = set(forms_of(secret))
    raw = secret.encode("utf-8", "surrogatepass")
    assert {
        raw,
        quote(raw, safe="").encode(),
        quote_plus(raw).encode(),
        json.dumps(secret)[1:-1].encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
    } <= forms


@given(st.text(min_size=10, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_a_secret_is_known_in_base64_of_what_holds_it(secret, before, behind):
    raw = secret.encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(before + raw + behind)
        assert any(form in whole for form in forms_of(secret))


def test_a_secret_is_known_in_hexadecimal():
    assert {b"746f6b2d39393131", b"746F6B2D39393131"} <= set(forms_of("tok-9911"))
