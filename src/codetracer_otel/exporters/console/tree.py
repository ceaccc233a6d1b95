"""The spans of a trace as a tree that stays small: siblings beyond the twentieth are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.exporters.console.text import call_text, error_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codetracer_otel.exporters.console.text import Style
    from codetracer_otel.model.span_view import SpanView

    Entry = tuple[int, "Node | str"]  # depth, and a span or a finished line

MAX_SHOWN: Final = 20
MAX_DEPTH: Final = 50
_MAX_FOLDED: Final = 20
_OTHERS: Final = "other functions"
_MAX_NAME: Final = 120


class Node:
    """A span that is shown; of its values only their short text is held.

    Attributes:
        size: how many nodes this is with those below.
    """

    __slots__ = ("call", "children", "duration_ns", "error", "name", "size", "start_ns")

    def __init__(self, view: SpanView, children: Siblings | None) -> None:
        self.name = printable(view.name, _MAX_NAME)
        self.start_ns = view.start_ns
        self.duration_ns = max(view.end_ns - view.start_ns, 0)
        self.call = call_text(view)
        self.error = error_text(view)
        self.children = children
        self.size = 1 + (children.size if children else 0)


class Siblings:
    """The spans below one parent: the first ones, and counts of the others by name.

    Attributes:
        size: how many nodes are held here and below.
    """

    __slots__ = ("_folded", "_shown", "size")

    def __init__(self) -> None:
        self._shown: list[Node] = []
        self._folded: dict[str, list[int]] = {}  # name -> calls, ns, errors
        self.size = 0

    def add(self, node: Node) -> None:
        """Take in a span that has ended."""
        if len(self._shown) < MAX_SHOWN:
            self._shown.append(node)
            self.size += node.size
        else:
            self._fold(node.name, 1, node.duration_ns, bool(node.error))

    def absorb(self, others: Siblings) -> None:
        """Take in spans that came after their parent."""
        for node in others._shown:
            self.add(node)
        for name, counts in others._folded.items():
            self._fold(name, *counts)

    def entries(self, style: Style, depth: int) -> list[Entry]:
        """Return what to show, in the order in which it began."""
        shown = sorted(self._shown, key=lambda node: node.start_ns)
        folded = (style.folded(depth, name, *counts) for name, counts in self._folded.items())
        return [*((depth, node) for node in shown), *((depth, line) for line in folded)]

    def _fold(self, name: str, count: int, duration_ns: int, errors: int) -> None:
        is_known = name in self._folded or len(self._folded) < _MAX_FOLDED
        counts = self._folded.setdefault(name if is_known else _OTHERS, [0, 0, 0])
        counts[0] += count
        counts[1] += duration_ns
        counts[2] += errors


def tree_lines(style: Style, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the lines of entries and of all that is below; recursion of the program is deep."""
    stack = list(entries)[::-1]
    while stack:
        depth, entry = stack.pop()
        if isinstance(entry, str):
            yield entry
            continue
        yield style.span(depth, entry.duration_ns, entry.call, entry.error)
        if entry.children and depth + 1 >= MAX_DEPTH:
            yield style.deeper(depth + 1, entry.children.size)
        elif entry.children:
            stack.extend(reversed(entry.children.entries(style, depth + 1)))


class Tree:
    """The spans of one trace that wait for their parents."""

    def __init__(self) -> None:
        self._waiting: dict[str, Siblings] = {}  # by the parent's span id
        self._latest: dict[str, Node] = {}  # by span id, of one batch
        self._adopted = 0

    def add(self, view: SpanView) -> Node | None:
        """Add a span; return it if it has no parent in this process."""
        node = Node(view, self._waiting.pop(view.span_id, None))
        self._latest[view.span_id] = node
        if view.parent_span_id is None or view.parent_is_remote:
            return node
        self._waiting.setdefault(view.parent_span_id, Siblings()).add(node)
        return None

    def settle(self) -> None:
        """Hand spans to a parent that ended before them, if it came in the same batch."""
        for span_id in self._waiting.keys() & self._latest.keys():
            below, node = self._waiting.pop(span_id), self._latest[span_id]
            self._adopted += below.size
            node.children = node.children or Siblings()
            node.children.absorb(below)
        self._latest.clear()

    def size(self) -> int:
        """Return how many nodes are held."""
        waiting = sum(siblings.size for siblings in self._waiting.values())
        return waiting + self._adopted if waiting else 0

    def entries(self, style: Style) -> list[Entry]:
        """Return every span that waits."""
        return [entry for below in self._waiting.values() for entry in below.entries(style, 0)]
