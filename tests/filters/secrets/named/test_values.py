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
