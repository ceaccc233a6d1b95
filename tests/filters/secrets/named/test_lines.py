"""Secrets that a row or a column of a table names."""

from __future__ import annotations

from codetracer_otel.filters.secrets.named.lines import find_in_lines


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
