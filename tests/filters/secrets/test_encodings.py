"""What a text says in another writing is judged, and hidden where it stands."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from tests.exporters.every_exporter import shown_by_every_exporter

from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.encodings import decodings
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, RuleSource
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets

SHAPES = ContentPattern("shapes", "all", Action.REDACT, RuleSource("<test>", 1))
TOKEN = "ghp_aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6"
KNOWN = "Zq7-hush-91x"
WRITINGS = {
    "numbers of Python": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "numbers of JSON": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "numbers of JSON in JSON": lambda text: "".join(f"\\\\u{ord(char):04X}" for char in text),
    "numbers of Python, wide": lambda text: "".join(f"\\U{ord(char):08x}" for char in text),
    "numbers of HTML": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hexadecimal numbers of HTML": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "percent-encoded throughout": lambda text: "".join(f"%{ord(char):02X}" for char in text),
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "UTF-32": lambda text: text.encode("utf-32-be").decode("latin-1"),
}


def rules():
    known = KnownSecrets()
    known.learn(KNOWN, "arg password at shop.py:1")
    return compile_content([SHAPES], known=known)


@pytest.mark.parametrize("secret", [TOKEN, KNOWN])
@pytest.mark.parametrize("write", WRITINGS.values(), ids=WRITINGS)
def test_a_secret_is_hidden_in_any_writing(secret, write):
    shown = rules().redact_texts([f"a {write(secret)} b", f"x{write('innocent')}"])
    assert shown[0].startswith("a ")
    assert shown[0].endswith(" b")
    assert REDACTED in shown[0]
    assert write(secret[4:]).strip("\0") not in shown[0]
    assert shown[1] == f"x{write('innocent')}"


def test_a_private_key_that_was_seen_whole_is_hidden_line_by_line():
    lines = [f"{'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj'}{number:04}aZ9+" for number in range(9)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])
    judge = rules()
    assert judge.redact_texts([key]) == [REDACTED]
    assert judge.redact_texts([f"line: {line}" for line in lines]) == [f"line: {REDACTED}"] * 9


@given(st.text(st.sampled_from("ab\\xu&#;%0149AfZ\0")))
def test_a_decoded_text_knows_where_its_characters_stood(text):
    for decoded in decodings(text):
        assert len(decoded.starts) == len(decoded.text) + 1
        assert list(decoded.starts) == sorted(decoded.starts)
        assert decoded.starts[-1] == len(text)


@pytest.mark.parametrize("text", ["C:\\xampp\\htdocs", "a &#99999999; b", "\\U00FFFFFF", "50% &#"])
def test_what_only_looks_like_numbers_stays(text):
    assert rules().redact_texts([text]) == [text]


BESIDE = (f"bob:{TOKEN}", f'{{"by": "bob", "item": "{TOKEN}"}}', f"/hooks/{TOKEN}?n=1")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize(
    "position", ["{}", "got {}, ok", "https://host/p?c={}&n=2", '{{"c": "{}"}}']
)
def test_a_token_in_base64_of_a_text_is_hidden_where_it_stands(encode, beside, position):
    whole = encode(beside.encode()).decode()
    shown = compile_content([SHAPES]).redact_texts([position.format(whole)])[0]
    begin = beside.index(TOKEN) * 4 // 3 + 1
    for start in range(begin, begin + len(TOKEN) * 4 // 3 - 6):
        assert whole[start : start + 6] not in shown
    assert shown.count(REDACTED) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\\r\\n"])
@pytest.mark.parametrize("length", [30, 90, 200])
@pytest.mark.parametrize("behind", ["", " and a few more words", " and many more" * 9])
def test_a_token_in_base64_is_hidden_over_the_ends_of_lines(end, length, behind):
    token = "sk-proj-" + "aB3dE5gH7jK9mN1pQ3sT" * (length // 20) + "x7Y8z9W0v1"
    lines = base64.encodebytes(f"of a person named bob: {token}{behind}".encode()).decode()
    for text in (lines, f"{lines}{'w' * 70}\nthat was it"):
        shown = compile_content([SHAPES]).redact_texts([text.replace("\n", end)])[0]
        whole = lines.replace("\n", "")
        begin = 23 * 4 // 3 + 1
        for start in range(begin, begin + len(token) * 4 // 3 - 6):
            assert whole[start : start + 6] not in shown


@pytest.mark.parametrize("rest", ["a", "it", "\u00e9", "_" * 76, "a\n" * 3])
def test_lines_behind_base64_that_are_none_stay(rest):
    line = base64.b64encode(b"of a person named bob: " + TOKEN.encode() * 3)[:76].decode()
    shown = compile_content([SHAPES]).redact_texts([f"{line}\n{rest}"])[0]
    assert shown.endswith(f"\n{rest}")
    assert REDACTED in shown


@pytest.mark.parametrize("text", ["the quick brown fox jumps", '{"id": 17, "next": "abcdefgh"}'])
def test_base64_of_other_texts_stays(text):
    shown = base64.b64encode(text.encode()).decode()
    assert compile_content([SHAPES]).redact_texts([shown]) == [shown]


def handed(value):
    span = trace.get_current_span()
    span.set_attribute("value", {"deep": [value, value.encode()]})
    span.add_event(f"got {value}")
    print(value)
    return {"value": value}


def program():
    for beside in BESIDE:
        handed(base64.b64encode(beside.encode()).decode())


def test_no_exporter_shows_a_token_in_base64_of_a_text(tmp_path, capsys):
    shown = shown_by_every_exporter(program, tmp_path, capsys)
    for name, text in shown.items():
        for beside in BESIDE:
            begin = beside.index(TOKEN) * 4 // 3 + 12
            whole = base64.b64encode(beside.encode()).decode()
            assert whole[begin : begin + 12] not in text, name
