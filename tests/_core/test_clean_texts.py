"""A text that was found clean is looked at no more, until something else is looked for."""

import random

import pytest
from tests.conftest import only, rule

from codetracer_otel._core import load
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no core: {NATIVE.reason}")
NAMES = """exec = "trace"
[[scope.rules.value_patterns]]
selector = "arg:glob:password"
action = "redact"
"""
TOKEN = "ghp_" + "a1B2c3D4e5" * 4


def echo(value):
    return None


def login(password):
    return None


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")


def shown_by(exporter):
    spans = [span for span in exporter.spans if span.name.endswith(".echo")]
    return [span.attributes["codetracer.arg.value"] for span in spans]


def test_what_is_learned_later_is_hidden_from_then_on():
    exporter = InMemoryExporter()
    with configure(only(__file__, rule("obj:glob:**.login", NAMES)), exporter) as session:
        for _ in range(3):
            echo("Tr0ub4dor-and-3")
        assert session.flush()
        login("Tr0ub4dor-and-3")
        for _ in range(3):
            echo("Tr0ub4dor-and-3")
    assert shown_by(exporter) == ["Tr0ub4dor-and-3"] * 3 + [REDACTED] * 3


@pytest.mark.parametrize("seed", range(3))
def test_each_of_many_texts_is_shown_or_hidden_for_itself(seed):
    chance = random.Random(seed)
    clean = ["word " * chance.randrange(14) + "x" * chance.randrange(9) for _ in range(3000)]
    clean += [f"{number} is a number" for number in range(3000)]
    secret = [f"{'of ' * chance.randrange(12)}{TOKEN}{number}" for number in range(30)]
    exporter = InMemoryExporter()
    with configure(only(__file__), exporter) as session:
        for _ in range(2):
            texts = chance.sample(clean, 4000) + secret
            chance.shuffle(texts)
            for text in texts:
                echo(text)
            assert session.flush()
            shown = shown_by(exporter)
            assert [text for text in shown if TOKEN in text] == []
            assert [a for a, b in zip(shown, texts, strict=True) if a != b and b in clean] == []
            exporter.clear()
