"""Describes a call in one line with its id, or with everything that is known about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.captured_values import ARGUMENT, RETURN, short_text
from codetracer_otel.analysis.differences.outcomes import exception_type
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.traces import Traces

NATIVE_ID: Final = "#"
_ERROR: Final = int(Mark.ERROR)
_UNFINISHED: Final = int(Mark.UNFINISHED)
_IN_LINE: Final = 60
_IN_FULL: Final = 800
_CHILDREN: Final = 15
_NS_PER_MS: Final = 1e6


class Calls:
    """The calls of some traces, by their ids.

    Args:
        traces: what was read.
    """

    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self._spans = traces.spans

    def find(self, text: str) -> int:
        """Return the index of an id: of a span, or of a recording's call as it was shown.

        Raises:
            KeyError: there is none.
        """
        if text.startswith(NATIVE_ID):
            number = text.removeprefix(NATIVE_ID)
            if not self.traces.is_timed and number.isdecimal() and int(number) < len(self._spans):
                return int(number)
            raise KeyError(text)
        found = self.traces.ids.find(text)
        if not found:
            raise KeyError(text)
        return found[0]

    def id_of(self, index: int) -> str:
        """Return what `find` takes."""
        ids = self.traces.details(index).ids if self.traces.is_timed else None
        return ids[1] if ids else f"{NATIVE_ID}{index}"

    def name(self, index: int) -> str:
        """Return the name of the function."""
        return self._spans.function_table[self._spans.functions[index]].name

    def has_failed(self, index: int) -> bool:
        """Return whether an exception left it, or its status says so."""
        return bool(self._spans.marks[index] & _ERROR)

    def length(self, index: int) -> int:
        """Return ns, or steps."""
        folded = self._spans.folded.get(index)
        return folded.total if folded else self._spans.ends[index] - self._spans.starts[index]

    def length_text(self, length: float) -> str:
        """Return a length with its unit."""
        return f"{length / _NS_PER_MS:.3f}ms" if self.traces.is_timed else f"{length:.0f}steps"

    def line(self, index: int) -> str:
        """Return a call in one line: id, length, name, arguments, result or exception."""
        details = self.traces.details(index)
        arguments = ", ".join(
            f"{key.removeprefix(ARGUMENT)}={short_text(value, _IN_LINE)}"
            for key, value in details.values
            if key.startswith(ARGUMENT)
        )
        text = f"{self.id_of(index)} {self.length_text(self.length(index))} "
        folded = self._spans.folded.get(index)
        text += (
            f"{self.name(index)} x{folded.count}" if folded else f"{self.name(index)}({arguments})"
        )
        if self.has_failed(index):
            text += f" !! {self.failure(index)}"
        else:
            results = [value for key, value in details.values if key == RETURN]
            text += "".join(f" -> {short_text(value, _IN_LINE)}" for value in results)
        return text + (" UNFINISHED" if self._spans.marks[index] & _UNFINISHED else "")

    def failure(self, index: int) -> str:
        """Return type and message of the exception."""
        details = self.traces.details(index)
        for name, _, pairs in details.events:
            if name == "exception":
                facts = dict(pairs)
                message = facts.get("exception.message") or facts.get("text") or ""
                return f"{exception_type(details)}: {short_text(message, 200)}"
        return details.message or exception_type(details)

    def way(self, index: int) -> list[int]:
        """Return the calls that a call was made in, the outermost first."""
        found = []
        parent = self._spans.parents[index]
        while parent != NONE:
            found.append(parent)
            parent = self._spans.parents[parent]
        return found[::-1]

    def full(self, index: int) -> Iterator[str]:
        """Yield everything that is known about a call."""
        spans, details = self._spans, self.traces.details(index)
        function = spans.function_table[spans.functions[index]]
        thread = spans.thread_table[spans.threads[index]]
        yield self.line(index)
        yield f"at {function.file}:{function.line}, thread {thread.name}" + (
            f", trace {details.ids[0]}" if details.ids else ""
        )
        for above in self.way(index):
            yield f"in {self.id_of(above)} {self.name(above)}"
        for key, value in details.values:
            if not key.startswith(("code.", "thread.")):
                yield f"{key} = {short_text(value, _IN_FULL)}"
        for name, _, pairs in details.events:
            yield f"event {name}"
            yield from (f"  {key} = {short_text(value, _IN_FULL)}" for key, value in pairs)
        children = list(self.traces.tree.children(index))
        if children:
            yield f"{len(children)} calls in it:"
        yield from (f"  {self.line(child)}" for child in children[:_CHILDREN])
        if len(children) > _CHILDREN:
            yield f"  ... {len(children) - _CHILDREN} more, see subtree"

    def subtree(self, root: int, depth: int) -> Iterator[str]:
        """Yield the lines of a call and of those in it; many siblings of one name are one line."""
        yield self.line(root)
        pending = [(text, 1) for text in reversed(self._groups(root))]
        while pending:
            group, level = pending.pop()
            indent = "  " * level
            if len(group) > 1:
                total = self.length_text(sum(map(self.length, group)))
                failed = sum(map(self.has_failed, group))
                yield (
                    f"{indent}{len(group)} more calls of {self.name(group[0])}, {total} in all, "
                    f"{failed} failed, from {self.id_of(group[0])} on"
                )
                continue
            yield f"{indent}{self.line(group[0])}"
            inner = self._groups(group[0])
            if level < depth:
                pending += [(text, level + 1) for text in reversed(inner)]
            elif inner:
                yield f"{indent}  {sum(map(len, inner))} calls in it"

    def _groups(self, parent: int) -> list[list[int]]:
        """Group the calls in one: failed ones and three of each name alone, others together."""
        groups: list[list[int]] = []
        counts: dict[str, int] = {}
        rest: dict[str, list[int]] = {}
        for child in self.traces.tree.children(parent):
            name = self.name(child)
            counts[name] = counts.get(name, 0) + 1
            if counts[name] <= _ONE_BY_ONE or self.has_failed(child):
                groups.append([child])
            elif name in rest:
                rest[name].append(child)
            else:
                rest[name] = [child]
                groups.append(rest[name])
        return groups


_ONE_BY_ONE: Final = 3
