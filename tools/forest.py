"""Runs a test suite in this process, traced entirely, and checks that its trace is a forest.

usage: forest.py FOLDER [PYTEST-ARGUMENT ...]      FOLDER: what is traced, and pytest's rootdir

Checked: every parent exists or is remote; no span id appears twice; no span is open at the end,
but of generators that the suite itself left suspended; a synchronous child's interval lies inside
its parent's: a function that begins while its parent function runs on the same thread ends before
its parent does.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import codetracer_otel as ct
from codetracer_otel.model.protocols import ExportResult

if TYPE_CHECKING:
    from codetracer_otel.model.span_view import Batch, SpanView

FILTER = """
[meta]
name = "forest"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = 'file:glob:{folder}/**'
exec = "trace"
"""
SUSPENDS = frozenset({"generator", "coroutine", "async_generator"})


class Forest:
    """An exporter that keeps what the check needs of each span."""

    def __init__(self) -> None:
        self.spans: dict[str, tuple[Any, ...]] = {}
        self.parents: dict[str, str] = {}
        self.problems: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.suspended_at_end = 0

    def export(self, batch: Batch) -> ExportResult:
        for view in batch.views():
            self._take(view)
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002
        return True

    def shutdown(self, timeout: float) -> None:
        pass

    def _take(self, view: SpanView) -> None:
        kind = view.attributes.get("codetracer.kind", "function")
        if view.span_id in self.spans:
            self._report("span id twice", view.name)
        thread = view.attributes.get("thread.id", 0)
        self.spans[view.span_id] = (view.name, kind, thread, view.start_ns, view.end_ns)
        if view.parent_span_id is not None and not view.parent_is_remote:
            self.parents[view.span_id] = view.parent_span_id
        if view.end_ns < view.start_ns:
            self._report("ends before it begins", view.name)
        if view.attributes.get("codetracer.unfinished"):
            if kind in SUSPENDS:
                self.suspended_at_end += 1
            else:
                self._report("open at the end", view.name)

    def check(self) -> None:
        for child_id, parent_id in self.parents.items():
            child, parent = self.spans[child_id], self.spans.get(parent_id)
            if parent is None:
                self._report("parent missing", child[0])
            else:
                self._check_pair(child, parent)

    def _check_pair(self, child: tuple[Any, ...], parent: tuple[Any, ...]) -> None:
        if child[3] < parent[3]:
            self._report("begins before its parent", f"{child[0]} in {parent[0]}")
        synchronous = child[1] not in SUSPENDS and parent[1] not in SUSPENDS
        if synchronous and child[2] == parent[2] and child[3] <= parent[4] < child[4]:
            self._report("ends after its parent", f"{child[0]} in {parent[0]}")

    def _report(self, problem: str, example: str) -> None:
        self.problems[problem] += 1
        self.examples.setdefault(problem, example)


def main(folder: str, arguments: list[str]) -> int:
    folder = os.path.abspath(folder)
    os.chdir(folder)
    sys.path[:0] = [folder, os.path.join(folder, "src")]
    forest = Forest()
    session = ct.configure(
        ct.filter_from_text(FILTER.format(folder=folder)),
        forest,
        policy={"on_recorder_error": "abort"},
        buffer=ct.Buffer(records=4_000_000, bytes=1 << 31),
    )
    status = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", folder, *arguments])
    session.flush(300)
    stats = session.stats()
    session.shutdown(300)
    forest.check()
    print(
        f"forest: {len(forest.spans):,} spans, dropped {stats['dropped'] or 0},"
        f" healed {stats['recorder']['healed_stack_entries']},"
        f" generators left suspended {forest.suspended_at_end},"
        f" threads at the end {threading.active_count()},"
        f" problems {dict(forest.problems) or 'none'}, pytest status {int(status)}",
        file=sys.stderr,
    )
    for problem, example in forest.examples.items():
        print(f"  {problem}: {example}", file=sys.stderr)
    return int(status) or (1 if forest.problems else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
