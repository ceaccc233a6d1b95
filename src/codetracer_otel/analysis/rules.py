"""The filter rules behind what a trace shows, as the command line provides them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codetracer_otel.traces.span_columns import Function


@dataclass(frozen=True, slots=True)
class RuleTexts:
    """The rules behind one function.

    Attributes:
        decision: which rule traces it.
        values: attribute key -> which rule lets its value pass, redacts or drops it.
    """

    decision: str
    values: dict[str, str] = field(default_factory=dict)


class Rules(Protocol):
    """Knows rules."""

    def of(self, function: Function, keys: Iterable[str]) -> RuleTexts | None:
        """Return the rules behind a function and these attributes, if they are known."""

    def hide(self, sources: Sequence[tuple[Function, str]]) -> list[str]:
        """Return texts of the functions' files without what looks like a secret in any of them."""
