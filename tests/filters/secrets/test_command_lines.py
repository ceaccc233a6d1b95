from __future__ import annotations

import pytest

from codetracer_otel.filters.secrets.command_lines import hides_next
from codetracer_otel.filters.secrets.named.values import NAMES


@pytest.mark.parametrize(
    ("flag", "word", "hidden"),
    [
        ("--password", "hunter2", True),
        ("-password", "-hunter2", True),
        ("--token", b"raw", True),
        ("--password", "--verbose", False),
        ("--password=x", "next", False),
        ("password", "x", False),
        ("-a", "user:PW", True),
        ("-u", "bob:hunter2:more", True),
        ("--user", "bob:a b", True),
        ("-u", "bob", False),
        ("-u", "1000:1000", False),
        ("-a", "https://example.org", False),
        ("-a", "C:/x", True),
        ("-a", 7, False),
        ("-x", "user:PW", False),
        ("--verbose", "yes", False),
    ],
)
def test_the_word_behind_a_flag_is_hidden_where_the_flag_tells(flag, word, hidden):
    assert hides_next(flag, word, NAMES.matches) is hidden
