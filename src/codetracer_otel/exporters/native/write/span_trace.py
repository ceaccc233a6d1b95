"""Writes anybody's spans as a native trace: each tree of spans as one tree of calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native.directory import EVENTS, METADATA, PATHS, TraceDirectory
from codetracer_otel.exporters.native.tables import EventKind, Tables, quote
from codetracer_otel.exporters.native.write.event_files import EventFile
from codetracer_otel.exporters.native.write.metadata import TraceMetadata, metadata_text, paths_text
from codetracer_otel.exporters.native.write.values import ValueWriter
from codetracer_otel.model.record import StatusCode
from codetracer_otel.model.value import DROPPED, REDACTED, Captured, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from codetracer_otel.model.span_view import SpanView

NO_FILE: Final = "<spans>"
MAX_WAITING: Final = 65_536  # spans whose root has not ended yet

_EXIT: Final = "<exit>"
_RETURN: Final = "codetracer.return"
_ARGUMENT: Final = "codetracer.arg."
_CODE: Final = "code."
_SENTINELS: Final = {
    REDACTED: Node(NodeKind.REDACTED, ""),
    DROPPED: Node(NodeKind.DROPPED, ""),
}


class SpanTrace:
    """A native trace of spans on disk that grows with every root that ends.

    Siblings stand in the order of their starts. The format has neither times nor links, and of a
    span's events it has exceptions only.

    Args:
        directory: where it is written.
        metadata: what is known at its beginning.

    Raises:
        OSError: a file cannot be written.
    """

    def __init__(self, directory: TraceDirectory, metadata: TraceMetadata) -> None:
        self._directory = directory
        self._metadata = metadata
        self._tables = Tables()
        self._values = ValueWriter(self._tables)
        self._waiting: dict[tuple[str, str | None], list[SpanView]] = {}
        self._count = 0
        self._file = EventFile(directory.create(EVENTS))
        path = self._tables.path(metadata.program)
        self._tables.function(path, 1, "<toplevel>")
        self._emit(['{"Call":{"function_id":0,"args":[]}}'])
        self._write_facts()

    def add(self, views: Iterable[SpanView]) -> None:
        """Take ended spans; write the trees whose root is among them.

        Raises:
            OSError: they could not be written.
        """
        for view in views:
            if view.parent_span_id is None or view.parent_is_remote:
                self._write_tree(view)
            else:
                self._waiting.setdefault((view.trace_id, view.parent_span_id), []).append(view)
                self._count += 1
        if self._count > MAX_WAITING:
            self._write_waiting()

    def finish(self) -> None:
        """Write the spans whose root never came, as trees without it; end the trace.

        Raises:
            OSError: it could not be written.
        """
        self._write_waiting()
        self._emit([_return(self._values.text(_EXIT))])
        self._file.end()
        self.close()

    def close(self) -> None:
        """Close the files where they are."""
        self._file.close()
        self._write_facts()
        self._directory.close()

    def abandon(self) -> None:
        """Leave the files to the process that this one was forked from."""
        self._file.close()
        self._directory.close()

    def _write_waiting(self) -> None:
        spans = {
            (span.trace_id, span.span_id) for found in self._waiting.values() for span in found
        }
        orphans = [key for key in self._waiting if key not in spans]
        for key in orphans:
            roots = self._waiting.pop(key)
            self._count -= len(roots)
            for view in sorted(roots, key=_start):
                self._write_tree(view)
        # parents that are each other's: nobody's spans, and no tree
        self._waiting.clear()
        self._count = 0

    def _write_tree(self, root: SpanView) -> None:
        events = list(self._events_of(root))
        self._emit(events)

    def _events_of(self, root: SpanView) -> Iterator[str]:
        """Yield the events of a tree, without recursion: a tree of spans may be deep."""
        yield self._call(root)
        stack = [(root, iter(self._take_children(root)))]
        while stack:
            view, children = stack[-1]
            child = next(children, None)
            if child is None:
                yield from self._ending(view)
                stack.pop()
            else:
                yield self._call(child)
                stack.append((child, iter(self._take_children(child))))

    def _take_children(self, view: SpanView) -> list[SpanView]:
        children = self._waiting.pop((view.trace_id, view.span_id), [])
        self._count -= len(children)
        return sorted(children, key=_start)

    def _call(self, view: SpanView) -> str:
        path, line = self._place(view.attributes)
        number = self._tables.function(path, line, view.name)
        arguments = ",".join(self._arguments(view.attributes))
        step = f'{{"Step":{{"path_id":{path},"line":{line}}}}}'
        return f'{step},{{"Call":{{"function_id":{number},"args":[{arguments}]}}}}'

    def _place(self, attributes: Mapping[str, Any]) -> tuple[int, int]:
        file, line = attributes.get("code.file.path"), attributes.get("code.line.number")
        path = file if type(file) is str and file else NO_FILE
        number = line if type(line) is int and line > 0 and path != NO_FILE else 1
        return self._tables.path(path), number

    def _arguments(self, attributes: Mapping[str, Any]) -> Iterator[str]:
        for key, value in attributes.items():
            if key != _RETURN and not key.startswith(_CODE):
                number = self._tables.variable(key.removeprefix(_ARGUMENT))
                yield f'{{"variable_id":{number},"value":{self._value(value)}}}'

    def _ending(self, view: SpanView) -> Iterator[str]:
        path, line = self._place(view.attributes)
        failure = None
        for event in view.events:
            if event.name == "exception":
                failure = _failure(event.attributes)
                facts = f'{{"type":{quote(failure[0])},"path_id":{path},"line":{line}}}'
                yield (
                    f'{{"Event":{{"kind":{EventKind.ERROR:d},"metadata":{quote(facts)},'
                    f'"content":{quote(_text(failure))}}}}}'
                )
        yield _return(self._result(view, failure))

    def _result(self, view: SpanView, failure: tuple[str, str] | None) -> str:
        if view.status is StatusCode.ERROR:
            name, message = failure or (view.status_message or "error", "")
            return self._values.error(_text((name, message)), name)
        return self._value(view.attributes.get(_RETURN))

    def _value(self, value: Any) -> str:
        return self._values.write(_captured(value))

    def _emit(self, events: list[str]) -> None:
        self._file.write(",".join([*self._tables.take_definitions(), *events]))

    def _write_facts(self) -> None:
        self._metadata.count(Counter(), Counter(), self._values.redactions)
        self._directory.replace(PATHS, paths_text(self._tables.paths))
        self._directory.replace(METADATA, metadata_text(self._metadata))


def _captured(value: Any) -> Captured:
    """Return an attribute's value as a captured one."""
    if type(value) is str:
        return _SENTINELS.get(value, value)
    if type(value) is tuple or type(value) is list:
        return Node(NodeKind.LIST, "list", tuple(_captured(item) for item in value))
    if type(value) is dict:
        pairs = tuple((_captured(key), _captured(item)) for key, item in value.items())
        return Node(NodeKind.MAPPING, "dict", pairs)
    if type(value) is bytes:
        return Node(NodeKind.BYTES, "bytes", value, len(value))
    return value  # type: ignore[no-any-return]  # the SDK has plain scalars only


def _failure(attributes: Mapping[str, Any]) -> tuple[str, str]:
    name = attributes.get("exception.type") or "Exception"
    return str(name), str(attributes.get("exception.message") or "")


def _text(failure: tuple[str, str]) -> str:
    return ": ".join(part for part in failure if part)


def _start(view: SpanView) -> int:
    return view.start_ns


def _return(value: str) -> str:
    return f'{{"Return":{{"return_value":{value}}}}}'
