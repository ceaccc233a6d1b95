"""What a program prints is judged by the rules for the code that prints it."""

from __future__ import annotations

import pytest
from tests.conftest import HEADER, rule

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure, shutdown
from codetracer_otel.testing import InMemoryExporter

SAYS = "def says(text):\n    print(text)\n"
HIDDEN = """[[scope.rules.value_patterns]]
selector = 'value:regex:plum-\\d+'
action = 'redact'
"""
LONG = "plum-77 " + 20_000 * "word "  # judged as a whole, before it is cut


def says_of(file):
    """Return a function of this file; those of two files are equal but for where they are."""
    file.write_text(SAYS)
    namespace = {"__name__": file.stem}
    exec(compile(SAYS, str(file), "exec"), namespace)
    return namespace["says"]


@pytest.mark.parametrize("hides_first", [True, False])
def test_equal_code_of_two_files_has_the_rules_of_each(tmp_path, hides_first, capsys):
    private, public = says_of(tmp_path / "private.py"), says_of(tmp_path / "public.py")
    assert private.__code__ == public.__code__
    exporter = InMemoryExporter()
    session = configure(
        filter_from_text(
            HEADER + rule("file:**/{private,public}.py") + rule("file:**/private.py") + HIDDEN
        ),
        exporter,
        policy={"capture_io": "proxies", "on_recorder_error": "abort"},
        learn_secrets=False,  # what one rule hides would be hidden in the other text, too
    )
    try:
        for says in (private, public) if hides_first else (public, private):
            says(LONG)
        assert session.flush()
    finally:
        shutdown()
    said = {
        span.attributes["code.file.path"].rpartition("/")[2]: [
            str(e.attributes) for e in span.events
        ]
        for span in exporter.spans
    }
    assert not any("plum-77" in text for text in said["private.py"])
    assert any("plum-77" in text for text in said["public.py"])
    assert capsys.readouterr().out == f"{LONG}\n" * 2
