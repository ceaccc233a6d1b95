"""Which tests `make test` runs once more on another interpreter, and which would say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY_INTERPRETER: Final[Mapping[str, str]] = {
    "tests/analysis/differences/test_comparison.py": "compares simulated runs",
    "tests/docs/test_api.py": "reads a page",
    "tests/docs/test_figures.py": "reads pages and stored results",
    "tests/docs/test_options.py": "compares a page with the table of options",
    "tests/docs/test_prose.py": "reads pages",
    "tests/docs/test_security.py": "compares a page with the filters' tables",
    "tests/docs/test_site.py": "reads pages and a menu",
    "tests/docs/test_specification.py": "compares a page with a list of variables",
    "tests/exporters/native/read/test_repair.py": "reads files",
    "tests/filters/decisions": "decides about names",
    "tests/filters/language/test_hostile_filters.py": "reads texts of filters",
    "tests/filters/language/test_lint.py": "reads texts of filters",
    "tests/filters/language/test_loader.py": "reads texts of filters",
    "tests/filters/language/test_positions.py": "reads texts of filters",
    "tests/filters/language/test_schema.py": "compares a JSON schema with the loader",
    "tests/filters/language/test_selector.py": "reads selectors",
    "tests/filters/secrets/named": "finds secrets in texts",
    "tests/filters/secrets/shapes": "finds secrets in texts",
    "tests/filters/secrets/test_command_lines.py": "finds secrets in texts",
    "tests/filters/secrets/test_content_rules.py": "finds secrets in texts",
    "tests/filters/secrets/test_encodings.py": "finds secrets in texts",
    "tests/filters/secrets/test_redactor.py": "finds secrets in texts",
    "tests/filters/secrets/test_text_parts.py": "finds secrets in texts",
    "tests/filters/test_documentation.py": "compares a page with the filters",
    "tests/filters/test_secrets_table.py": "compares a page with the filters' tables",
    "tests/report/test_flame.py": "lays a page out",
    "tests/report/test_folding.py": "lays a page out",
    "tests/report/test_layout.py": "lays a page out",
    "tests/traces/test_call_tree.py": "orders spans",
    "tests/test_build.py": "tests the build's hook, which the set-up has run on each interpreter",
    "tests/test_capacity.py": "calculates, and reads the clock of a process",
    "tests/test_house.py": "reads sources",
    "tests/test_make.py": "tests the search for interpreters",
    "tests/test_matrix.py": "tests what runs the tests",
    "tests/test_messages.py": "compares a page with the error codes",
    "tests/test_seams.py": "reads sources",
}
"""Path -> why an interpreter more tells nothing: no code is traced there.

They run on the oldest and on the newest one, whose standard libraries differ most.
"""

NAMES_ITS_CORE: Final[Mapping[str, str]] = {
    "tests/_core": "asks for the compiled core, or for both one after the other",
    "tests/instrumentation/spans/test_conformance.py": "asks for both recorders",
}
"""Path -> why CODETRACER_OTEL_CORE changes nothing there: the test itself sets it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs on one interpreter.

    Attributes:
        left_out: paths of tests that would say what they say elsewhere.
        is_whole: whether every random example is tried; a quarter of them elsewhere.
    """

    left_out: tuple[str, ...] = ()
    is_whole: bool = True


EVERYTHING: Final = Plan()


def plans(count: int, *, ends_with_python: bool) -> list[Plan]:
    """Return a plan for each of ``count`` runs, from the oldest interpreter to the newest.

    With each recorder all random examples are tried on one interpreter.

    Args:
        count: of runs.
        ends_with_python: the last one is that of the newest interpreter with the other recorder.
    """
    newest = count - 1 - ends_with_python
    found = [
        Plan(() if position in (0, newest) else tuple(ANY_INTERPRETER), is_whole=position == 0)
        for position in range(newest + 1)
    ]
    other = Plan((*ANY_INTERPRETER, *NAMES_ITS_CORE))
    return [*found, other] if ends_with_python else found
