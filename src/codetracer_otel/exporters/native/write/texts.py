"""Judges the texts of a native trace by their shape, many at a time, before they are written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codetracer_otel.exporters.native.tables import quote
from codetracer_otel.filters.secrets.redactor import KNOWN_KIND
from codetracer_otel.filters.types import ContentCounters
from codetracer_otel.model.value import DROPPED, Captured, Node
from codetracer_otel.model.value_texts import map_texts, texts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from codetracer_otel.filters.types import ContentRules

_MAX_KNOWN: Final = 4096


class _Literals(dict[str, str]):
    """JSON literals of judged texts; one that is missing is judged with all that come with it."""

    def __init__(self, judged: Mapping[tuple[str, bool], str]) -> None:
        super().__init__()
        self._judged = judged

    def __missing__(self, text: str) -> str:
        literal = self[text] = quote(self._judged[text, False])
        return literal


class _Judged(dict[tuple[str, bool], str]):
    """Judged texts, by text and whether it was cut; one that is missing asks for its batch."""

    def __init__(self, redact_batch: Callable[[], None], judge: Callable[[str, bool], str]) -> None:
        super().__init__()
        self._redact_batch = redact_batch
        self._judge = judge

    def __missing__(self, key: tuple[str, bool]) -> str:
        self._redact_batch()
        if key not in self:
            self[key] = self._judge(*key)
        return self[key]


class RedactedTexts:
    """The judged forms of texts under one set of rules, asked for when a text is first used.

    Args:
        rules: ``value`` patterns, or None where nothing is to be judged.
        redact_batch: calls `want` for each text of the batch that is written, and `settle`.

    Attributes:
        literals: JSON literal of each plain text.
        nodes: JSON of values that were written before, with the values, by their id.
    """

    def __init__(self, rules: ContentRules | None, redact_batch: Callable[[], None]) -> None:
        self._rules = rules
        self._judged: dict[tuple[str, bool], str] = _Judged(redact_batch, self._judge_one)
        self._wanted: dict[tuple[str, bool], None] = {}
        self._generation = 0
        self._counters = ContentCounters()  # its own: spans count the same values
        self.literals: dict[str, str] = _Literals(self._judged)
        self.nodes: dict[int, tuple[Node, str]] = {}

    @property
    def redacted(self) -> Counter[str]:
        """How many parts of texts were replaced; repeated texts are not always counted."""
        known = self._counters.redactions.get(KNOWN_KIND, 0)
        content = sum(self._counters.redactions.values()) - known
        return Counter({"content": content, KNOWN_KIND: known})

    def trim(self) -> None:
        """Forget what is known where it is much or judged otherwise now; called before a batch."""
        generation = 0 if self._rules is None else self._rules.generation
        is_outdated, self._generation = generation != self._generation, generation
        if is_outdated or len(self._judged) > _MAX_KNOWN:
            self._judged.clear()
            self.literals.clear()
        if is_outdated or len(self.nodes) > _MAX_KNOWN:
            self.nodes.clear()

    def want(self, value: Captured) -> None:
        """Ask for the texts inside a value."""
        if type(value) is str:
            if value not in self.literals:
                self._wanted[value, False] = None
        elif type(value) is Node and id(value) not in self.nodes:
            for key in texts_in(value):
                if key not in self._judged:
                    self._wanted[key] = None

    def want_all(self, values: Iterable[Captured]) -> None:
        """Ask for the texts inside several values."""
        for value in values:
            kind = type(value)
            if kind is str:
                if value not in self.literals:
                    self._wanted[value, False] = None  # type: ignore[index]
            elif kind is Node:
                self.want(value)

    def settle(self) -> None:
        """Judge everything that was asked for."""
        if not self._wanted:
            return
        wanted, self._wanted = list(self._wanted), {}
        for key, judged in zip(wanted, self._judge(wanted), strict=True):
            self._judged[key] = judged

    def replaced(self, value: Captured) -> Captured:
        """Return a value with its texts as they may be shown."""
        return map_texts(value, lambda text, cut: self._judged[text, cut])

    def text(self, text: str, *, is_cut: bool = False) -> str:
        """Judge one text, such as output of the program."""
        return self._judge_one(text, is_cut)

    def _judge_one(self, text: str, is_cut: bool) -> str:  # noqa: FBT001 - part of a key
        return self._judge([(text, is_cut)])[0]

    def _judge(self, wanted: list[tuple[str, bool]]) -> list[str]:
        texts = [text for text, _ in wanted]
        if self._rules is None:
            return texts
        judged = self._rules.redact_texts(texts, [cut for _, cut in wanted], self._counters)
        if self._rules.has_drops:
            drops = self._rules.drops
            judged = [
                DROPPED if drops(text, is_cut=cut) else shown
                for (text, cut), shown in zip(wanted, judged, strict=True)
            ]
        return judged
