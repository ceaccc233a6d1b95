"""The manual of error codes is complete, and the codes are what the exceptions carry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codetracer_otel import errors
from codetracer_otel.errors import CodetracerError, ErrorCode, configuration_error, lines_of
from codetracer_otel.sdk.diagnostics.events import FAILURES

MANUAL = Path(__file__).parent.parent / "docs" / "messages.md"


def paragraphs():
    parts = re.split(r"^## ", MANUAL.read_text(), flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip() for part in parts}


def test_every_code_has_one_paragraph_and_no_other_has():
    assert list(paragraphs()) == list(ErrorCode)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_a_paragraph_says_enough(code):
    text = paragraphs()[code]
    assert "\n\n" not in text
    assert len(text) > 150


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("UsageError", "usage", 2),
        ("ConfigurationError", "usage", 2),
        ("FilterError", "usage", 2),
        ("EnvironmentFailure", "environment", 10),
        ("TargetError", "target", 20),
        ("InternalError", "internal", 70),
    ],
)
def test_the_kind_of_an_error_is_its_exit_status(name, kind, status):
    error_class = getattr(errors, name)
    assert (error_class.kind, error_class.exit_status) == (kind, status)
    assert issubclass(error_class, CodetracerError)


def test_the_text_of_an_error_has_code_message_and_context():
    error = errors.EnvironmentFailure("no room", ErrorCode.IO, {"path": "/x", "free": "0"})
    assert str(error) == "ERR_IO no room (path=/x, free=0)"
    assert lines_of(error) == [str(error)]


def test_all_problems_of_a_configuration_are_lines():
    problems = [
        errors.Problem(ErrorCode.INVALID_FILTER, "one", "/f.toml", 3),
        errors.Problem(ErrorCode.INVALID_FILTER, "two", "/f.toml", 7),
    ]
    error = configuration_error(problems)
    assert isinstance(error, errors.FilterError)
    assert isinstance(error, ValueError)
    assert lines_of(error) == [
        "/f.toml:3: ERR_INVALID_FILTER one",
        "/f.toml:7: ERR_INVALID_FILTER two",
    ]


def test_every_failure_of_a_session_has_a_code():
    assert {failure.code for failure in FAILURES.values()} <= set(ErrorCode)
