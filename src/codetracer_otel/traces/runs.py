"""Reads a run: the first line of a trace describes its process, the last its losses."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Final

from codetracer_otel.data_classes import dataclass

RUN_SCHEMA: Final = "run/1"
LOSS_SCHEMA: Final = "loss/1"
LINES: Final = "jsonl"
NATIVE: Final = "native"
CHROME: Final = "chrome"
_BEFORE_ALL: Final = "all exporters"


@dataclass(slots=True)
class Run:
    """One run of a program, as one of its processes wrote it.

    Attributes:
        label: of the input it stands in.
        number: among the runs of that input, from 1.
        facts: its first line; empty where there is none.
        losses: its last lines.
        spans: how many were read.
        exporter: whose output it is; what the others lost is in it.
    """

    label: str
    number: int = 1
    facts: dict[str, Any] = field(default_factory=dict)
    losses: list[dict[str, Any]] = field(default_factory=list)
    spans: int = 0
    exporter: str = LINES

    @property
    def is_whole(self) -> bool:
        """Whether nothing says that its end is missing."""
        return bool(self.losses) or not self.facts

    def lost(self) -> dict[str, int]:
        """Return by reason how many calls were recorded and are not in the trace."""
        counts: dict[str, int] = {}
        for line in self.losses:
            exporters = _mapping(line.get("exporters"))
            own = [facts for name, facts in exporters.items() if self._wrote(name)]
            for facts in (*self._before(line), *own[:1]):
                for reason, count in _dropped(facts):
                    counts[reason] = counts.get(reason, 0) + count
        return counts

    def lost_elsewhere(self) -> dict[str, int]:
        """Return by exporter how many calls are in the trace and did not reach that one."""
        counts: dict[str, int] = {}
        for line in self.losses:
            of_all = {} if self._before(line) else {_BEFORE_ALL: line}
            for name, facts in (*of_all.items(), *_mapping(line.get("exporters")).items()):
                count = sum(count for _, count in _dropped(facts))
                if count and not self._wrote(name):
                    counts[name] = counts.get(name, 0) + count
        return counts

    def rules(self) -> dict[str, int]:
        """Return by rule, as ``file:line``, how many code objects it matched."""
        counts: dict[str, int] = {}
        for line in self.losses:
            for place, hits in _mapping(line.get("rules")).items():
                if type(hits) is int:
                    counts[place] = counts.get(place, 0) + hits
        return counts

    def lost_lines(self) -> dict[str, int]:
        """Return how many lines of the log and of topics could not be written."""
        counts: dict[str, int] = {}
        for line in self.losses:
            for name, count in _mapping(line.get("lines")).items():
                if type(count) is int and count > 0:
                    counts[name] = counts.get(name, 0) + count
        return counts

    def _wrote(self, name: str) -> bool:
        return name.startswith(self.exporter)

    def _before(self, line: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Return the losses on the way to this trace; a native recording states its own."""
        return () if self.exporter == NATIVE else (line,)


def _dropped(facts: object) -> list[tuple[str, int]]:
    found = _mapping(_mapping(facts).get("dropped")).items()
    return [(name, count) for name, count in found if type(count) is int and count > 0]


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
