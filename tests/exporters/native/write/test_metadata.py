"""What a native trace says about the program that it is a recording of."""

from __future__ import annotations

import pytest

from codetracer_otel.exporters.native.write.metadata import redacted_arguments
from codetracer_otel.model.value import REDACTED


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--password", "x", "file"], ["--password", REDACTED, "file"]),
        (["--password=x", "file"], [f"--password={REDACTED}", "file"]),
        (["password=x"], [f"password={REDACTED}"]),
        (["--password", "-x", "file"], ["--password", REDACTED, "file"]),
        (["--password", "--user", "ada"], ["--password", "--user", "ada"]),
        (["--user", "ada"], ["--user", "ada"]),
    ],
)
def test_the_value_of_a_secret_flag_is_hidden_whatever_it_looks_like(arguments, expected):
    shown = redacted_arguments(arguments, lambda name: name == "password", lambda text: text)
    assert shown == expected
