"""A text that was cut shows no more of a secret than three characters, wherever the cut was."""

from __future__ import annotations

import contextlib
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from tests.depth import examples
from tests.exporters.every_exporter import shown_by_every_exporter, shown_by_span_exporters

import codetracer_otel
from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, RuleSource
from codetracer_otel.model.value import REDACTED

EXAMPLES = int(os.environ.get("TESTS_FUZZ_EXAMPLES", "400"))
MOST_SHOWN = 3
LIKELY_BY_CHANCE = 5  # characters of a secret that stand somewhere in a long output

# No hexadecimal digits: an output is full of ids, and one may hold four of them by chance.
ALNUM = "GHJKLMNPQRSTUVWXYZghijkmnpqrstuvwxyz"
# The secret of each format stands where `{}` is; what the format adds around it gives it away.
FORMATS = {
    "ghp_{}": (ALNUM, 36),
    "sk_live_{}": (ALNUM, 24),
    "xoxb-123456789012-{}": (ALNUM, 24),
    "SG.abcdefghijkLMNOPQRSTUV.{}": (ALNUM, 43),
    "AKIA{}": ("ABCDEFGHJKLMNPQRSTUVWXYZ234567", 16),
    "glpat-{}": (ALNUM, 20),
    "eyJhbGciOiJIUzI1NiJ9.{}": (ALNUM, 40),
    "postgres://admin:{}@db.example/x": (ALNUM, 14),
    "https://bob:{}@example.org:8080/x?y=1": (ALNUM, 14),
    "admin:{}@db.example": (ALNUM, 14),
    "password={}": (ALNUM, 14),
    'password="{}"': (ALNUM, 14),
    '{"user": "ada", "password": "{}", "age": 7}': (ALNUM, 14),
    "('password', '{}')": (ALNUM, 14),
    '[["X-Api-Key", "{}"], ["Accept", "x"]]': (ALNUM, 14),
    '{"name": "api_key", "value": "{}"}': (ALNUM, 14),
    "Authorization: Bearer {}": (ALNUM, 24),
    "--password {} --verbose": (ALNUM, 14),
    "<password>{}</password>": (ALNUM, 14),
    "ALTER USER bob PASSWORD '{}'": (ALNUM, 14),
    "api_key: {}": (ALNUM, 14),
    "?user=bob&token={}&x=1": (ALNUM, 14),
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----": (ALNUM, 64),
    'form-data; name="password"\r\n\r\n{}\r\n--x': (ALNUM, 14),
}
ALONE = {"admin:{}@db.example"}  # found where it is the whole text
SURROUNDINGS = ("{}", "see {} there", "GET {}", "line\n{}\nline", "note: ({})", 'x="{}"')


def rules():
    source = RuleSource("test", 1)
    return compile_content([ContentPattern("shapes", "all", Action.REDACT, source)])


RULES = rules()


@st.composite
def written_secrets(draw):
    form = draw(st.sampled_from(sorted(FORMATS)))
    alphabet, length = FORMATS[form]
    secret = draw(st.text(alphabet, min_size=length, max_size=length + 12))
    around = "{}" if form in ALONE else draw(st.sampled_from(SURROUNDINGS))
    return around.replace("{}", form.replace("{}", secret)), secret


def shown_of(secret, text):
    """Return the longest part of a secret that a text shows."""
    best = ""
    for start in range(len(secret)):
        while secret[start : start + len(best) + 1] in text and start + len(best) < len(secret):
            best = secret[start : start + len(best) + 1]
    return best


@settings(max_examples=examples(EXAMPLES))
@given(written_secrets(), st.integers(0, 300))
def test_a_cut_never_shows_more_than_three_characters_of_a_secret(written, length):
    text, secret = written
    kept = text[:length]
    (shown,) = RULES.redact_texts([kept], [len(kept) < len(text)])
    assert len(shown_of(secret, shown.replace(REDACTED, "\0"))) <= MOST_SHOWN, (kept, shown)


LIMIT = 64
PASSWORD = "Qx7Lm2Vb9Rt4Kp8Zw3Ny"
TOKEN = "ghp_" + "Qx7Lm2Vb9Rt4Kp8Zw3NyHd6Gs5Jf2Xc1"
URL = f"connecting to the shop's database postgres://admin:{PASSWORD}@db.example/shop"
NOTE = f"a note of somebody about a token of theirs: {TOKEN} and more of it"
TEXTS = {"url": URL, "notes": [NOTE], "more": {"note": NOTE}}


class Refused(Exception):
    pass


def write_to(span):
    span.set_attributes(TEXTS)
    span.add_event("happened", TEXTS)
    span.add_link(trace.SpanContext(1, 2, is_remote=False), TEXTS)
    span.record_exception(Refused("x" * 999 + f" postgres://admin:{PASSWORD}@db.example"))


def traced(url, note):
    write_to(trace.get_current_span())
    return note, url


def refuse():
    raise Refused("x" * 1000 + " " + TOKEN)


def program():
    traced(URL, NOTE)
    with trace.get_tracer("library").start_as_current_span("library's") as span:
        write_to(span)
    with codetracer_otel.span("ours", **TEXTS):
        codetracer_otel.event("told", **TEXTS)
    with pytest.raises(Refused):
        refuse()


@pytest.mark.parametrize(
    "variable", ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"]
)
@pytest.mark.parametrize("limit", [LIMIT, 57, 52])
def test_what_the_environment_cuts_is_judged_first(tmp_path, capsys, monkeypatch, variable, limit):
    monkeypatch.setenv(variable, str(limit))
    shown = shown_by_every_exporter(program, tmp_path, capsys)
    for text in shown.values():
        assert len(shown_of(PASSWORD, text)) <= MOST_SHOWN
        assert len(shown_of(TOKEN, text)) <= len("ghp_")


def test_texts_of_programs_are_as_long_as_the_environment_says(record, monkeypatch):
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "8")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4")
    value = {"deep": ["0123456789"], "text": "0123456789", "raw": b"0123456789"}

    def write(span):
        span.set_attribute("value", value)
        span.add_event("event", {"value": "0123456789"})

    def within():
        write(trace.get_current_span())

    with record() as spans:
        within()
        with trace.get_tracer("library").start_as_current_span("s") as span:
            write(span)
    own = [span for span in spans if span.events]
    assert [span.attributes["value"] for span in own] == [
        {"deep": ("0123",), "text": "0123", "raw": b"0123"}
    ] * 2
    assert [span.events[0].attributes["value"] for span in own] == ["01234567"] * 2


@pytest.mark.parametrize("limit", range(40, 76, 3))
def test_what_a_foreign_sdk_has_cut_is_hidden_to_its_end(tmp_path, monkeypatch, limit):
    monkeypatch.chdir(tmp_path)
    limits = SpanLimits(max_attribute_length=limit)
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)

    def write(provider):
        with provider.get_tracer("library").start_as_current_span("s") as span:
            span.set_attributes(TEXTS)
            span.add_event("happened", TEXTS)
            span.add_link(trace.SpanContext(1, 2, is_remote=False), TEXTS)

    for text in shown_by_span_exporters(write, tmp_path, provider).values():
        assert len(shown_of(PASSWORD, text)) <= MOST_SHOWN
        assert len(shown_of(TOKEN, text)) <= len("ghp_")


def written_for(seed):
    """Return a secret in each format, and each with something harmless around it."""
    chance = random.Random(seed)
    for form, (alphabet, length) in FORMATS.items():
        secret = "".join(chance.choices(alphabet, k=length + chance.randrange(12)))
        around = "{}" if form in ALONE else chance.choice(SURROUNDINGS)
        yield around.replace("{}", form.replace("{}", secret)), secret


def take(given):
    span = trace.get_current_span()
    for number, text in enumerate(given):
        span.set_attribute(f"k{number}", {"deep": [text, text.encode()], "text": text})
        span.add_event(text, {"more": (text,)})
    return given


def raise_all(given):
    for text in given:
        with contextlib.suppress(Refused):
            refuse_with(text)


def refuse_with(text):
    raise Refused(text)


WRITTEN: list[str] = []


def write_everywhere():
    for text in WRITTEN:
        take([text])
        raise_all([text])
        with trace.get_tracer("library").start_as_current_span(text) as span:
            span.set_attribute("note", text)
            span.set_status(trace.StatusCode.ERROR, text)
        with codetracer_otel.span("ours", note=text, deep={"in": [text]}):
            codetracer_otel.event("told", note=text)


@pytest.mark.parametrize("seed", range(int(os.environ.get("TESTS_FUZZ_SEEDS", "2"))))
@pytest.mark.parametrize("limit", ["", "24", "70"])
def test_what_one_exporter_hides_all_hide_in_every_position(
    tmp_path, capsys, monkeypatch, seed, limit
):
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", limit)
    made = list(written_for(seed))
    monkeypatch.setattr(f"{__name__}.WRITTEN", [text for text, _ in made])
    shown = shown_by_every_exporter(write_everywhere, tmp_path, capsys)
    found = {
        (name, secret, visible)
        for _, secret in made
        for name, text in shown.items()
        if len(visible := shown_of(secret, text)) > LIKELY_BY_CHANCE
    }
    assert found == set()
