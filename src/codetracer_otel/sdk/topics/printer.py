"""Prints topics: decides what is printed, and orders the lines of a trace if that is wanted."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Threads
from codetracer_otel.exporters.files.json_text import encode_line
from codetracer_otel.exporters.files.line_writer import MAX_LINE_BYTES
from codetracer_otel.instrumentation.topics import Level
from codetracer_otel.sdk.settings.topic_directives import parse_topics_text
from codetracer_otel.sdk.topics.line_format import (
    bad_directive_line,
    event_line,
    own_line,
    redaction_line,
    span_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.exporters.files.watched_writer import WatchedWriter
    from codetracer_otel.instrumentation.manual.backend import (
        ClosedSpan,
        HappenedEvent,
        LocalRoot,
    )
    from codetracer_otel.instrumentation.topics import TopicTree
    from codetracer_otel.sdk.settings.topic_directives import BadDirective, TopicSpec

MAX_BAD_DIRECTIVES: Final = 16
MAX_WAITING_CHARACTERS: Final = 4 * 1024 * 1024
MAX_REMEMBERED: Final = 65_536


class _Waiting:
    """The finished lines of a trace whose root is still open."""

    __slots__ = ("characters", "lines")

    def __init__(self) -> None:
        self.lines: list[tuple[tuple[int, int, int], str]] = []
        self.characters = 0


class PrintedSpans:
    """Remembers which spans an output already has, for the exporter that shares it."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._ids: set[int] = set()

    def add(self, span_id: int) -> None:
        """Remember a span; of many the oldest is forgotten."""
        self._ids.add(span_id)
        self._order.append(span_id)
        if len(self._order) > MAX_REMEMBERED:
            self._ids.discard(self._order.popleft())

    def __contains__(self, span_id: int) -> bool:
        return span_id in self._ids


class TopicLines:
    """The topics of one session, or of a program without one.

    Args:
        text: what is printed at first, as in ``CODETRACER_TRACE``.
        tree: the topics there are; the text is read again when one is added.
        open_writer: opens the output, when there is something to write.
        wall_ns: Unix time.
        is_directory: see `parse_topics_text`.
        ordered: keep the lines of a trace until its root ends, and print them root first.
        printed: is told which spans were printed.

    Attributes:
        bad: directives of the text that are not in force.
    """

    def __init__(
        self,
        text: str,
        tree: TopicTree,
        open_writer: Callable[[], WatchedWriter],
        wall_ns: Callable[[], int],
        *,
        is_directory: Callable[[str], bool] | None = None,
        ordered: bool = False,
        printed: PrintedSpans | None = None,
    ) -> None:
        self._tree = tree
        self._open_writer = open_writer
        self._wall_ns = wall_ns
        self._ordered = ordered
        self._printed = printed
        self._writer: WatchedWriter | None = None
        self._stats = {"lines": 0, "lost": 0}
        self._lock = Threads.RLock()
        self._waiting: dict[LocalRoot, _Waiting] = {}
        self._process = Os.getpid()
        self.bad = self.reload(text, is_directory)

    def reload(
        self, text: str, is_directory: Callable[[str], bool] | None = None
    ) -> tuple[BadDirective, ...]:
        """Put another text in force for what happens from now on; return what is bad in it."""
        self._text, self._is_directory = text, is_directory
        return self._read().bad

    def _read(self) -> TopicSpec:
        self._names = self._tree.names
        spec = parse_topics_text(self._text, self._tree, is_directory=self._is_directory)
        self._rules = spec.rules
        return spec

    @property
    def is_off(self) -> bool:
        """Whether no topic is printed."""
        return not self._rules

    def prints(self, topic: str, level: Level, trace_id: int = 0) -> bool:
        """Return whether a line of ``level`` about ``topic`` is printed in this trace."""
        if self._names is not self._tree.names:
            self._read()
        rule = self._rules.get(topic)
        return rule is not None and rule.prints(level, trace_id)

    def span_closed(self, closed: ClosedSpan) -> None:
        """Print the line of a span, if its topic and level are on."""
        if self.prints(closed.topic, closed.level, closed.trace_id):
            self._put(closed.root, (closed.time_ns, closed.number), span_line(closed))
            if self._printed is not None:
                self._printed.add(closed.span_id)
        if closed.redacted and self.prints("redact", Level.DEBUG, closed.trace_id):
            self._put(closed.root, (closed.time_ns, closed.number), redaction_line(closed))

    def root_closed(self, root: LocalRoot) -> None:
        """Print the lines of a trace that waited for its root."""
        root.is_closed = True
        if self._waiting:
            self._release(root)

    def event_happened(self, event: HappenedEvent) -> None:
        """Print the line of an event, if its topic and level are on."""
        if self.prints(event.topic, event.level, event.trace_id):
            self._put(event.root, (event.time_ns, event.number), event_line(event))

    def emit(
        self,
        topic: str,
        event: str,
        facts: Mapping[str, object],
        level: Level = Level.INFO,
        *,
        kind: str = "event",
    ) -> None:
        """Print a line about this package's own work, if its topic and level are on."""
        if self.prints(topic, level):
            now = self._wall_ns()
            self._write(own_line(topic, event, facts, level=level, kind=kind, time_ns=now))

    def emit_bad_directives(self) -> None:
        """Print one line for each directive that is not in force, at most 16."""
        for directive in self.bad[:MAX_BAD_DIRECTIVES]:
            self._write(bad_directive_line(directive, self._wall_ns()))

    def stats(self) -> dict[str, int]:
        """Return how many lines were written, and how many were lost."""
        return self._stats if self._writer is None else self._writer.stats()

    def close(self) -> None:
        """Print what still waits for its root, and release the output."""
        for root in list(self._waiting):
            self._release(root)
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.flush()
            writer.close()
            self._stats = writer.stats()

    def after_fork(self) -> None:
        """Begin anew in a forked child: what waits is printed by the parent."""
        self._lock = Threads.RLock()
        self._waiting = {}
        if self._writer is not None:
            self._writer.reopen_after_fork()

    def _put(self, root: LocalRoot | None, order: tuple[int, int], line: dict[str, Any]) -> None:
        if not self._ordered or root is None or root.is_closed:
            self._write(line)
            return
        text = encode_line(self._with_place(line), MAX_LINE_BYTES)
        with self._lock:
            waiting = self._waiting.setdefault(root, _Waiting())
            waiting.lines.append(((*order, len(waiting.lines)), text))
            waiting.characters += len(text)
        if waiting.characters > MAX_WAITING_CHARACTERS:
            self._release(root)

    def _release(self, root: LocalRoot) -> None:
        with self._lock:
            waiting = self._waiting.pop(root, None)
        if waiting is not None:
            for _, text in sorted(waiting.lines):
                self._output().write_text(text)

    def _write(self, line: dict[str, Any]) -> None:
        self._output().write(self._with_place(line))

    def _output(self) -> WatchedWriter:
        with self._lock:
            if self._writer is None:
                self._writer = self._open_writer()
            return self._writer

    def _with_place(self, line: dict[str, Any]) -> dict[str, Any]:
        process = Os.getpid()
        if process != self._process:
            line["pid"] = process
        if Threads.get_ident() != threading.main_thread().ident:
            line["tid"] = Threads.get_native_id()
        return line
