"""Turns the entries of one thread into the events of a native trace, as JSON texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Json
from codetracer_otel.exporters.native.tables import EventKind, quote
from codetracer_otel.exporters.native.write.code_forms import Code, Codes, want_texts
from codetracer_otel.model.record import NOT_CAPTURED
from codetracer_otel.model.step_entries import (
    CALL,
    CLOSE,
    END,
    LAST,
    OUTPUT,
    RAISE,
    RETURN,
    UNSET,
)
from codetracer_otel.model.value import DROPPED_NODE, REDACTED_NODE, Captured, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.model.step_entries import Entry, Failure

UNFINISHED: Final = "<unfinished>"
EXCEPTION_ARGUMENT: Final = "exception"

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_OUTPUT_KINDS: Final = {
    "stdout": EventKind.WRITE,
    "stderr": EventKind.WRITE_OTHER,
    "stdin": EventKind.READ,
}


class _Frame:
    """An open call: the texts of its variables' values, None for those without."""

    __slots__ = ("code", "joined", "line", "values")

    def __init__(self, code: Code) -> None:
        self.code = code
        self.line = code.plan.line
        self.values: list[str | None] = [None] * len(code.prefixes)
        self.joined = ""


class ThreadEncoder:
    """Encodes one thread; it knows which calls are open."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._values = codes.values
        self._frames: list[_Frame] = []
        self._operations: dict[int, Callable[[Any, list[str]], None]] = {
            CALL: self._call,
            RETURN: self._return,
            RAISE: self._raise,
            CLOSE: lambda _, out: self.close(out),
            LAST: self._last_step,
            END: lambda _, out: self._end_unfinished(out),
        }

    def encode(self, entries: list[Entry], *, is_moved: bool = False) -> tuple[list[str], int]:
        """Return the events, and how many of them form whole call trees.

        Args:
            entries: the next ones of this thread.
            is_moved: events of another thread stand before these: the reader's step is not ours.
        """
        self._codes.redact_batch = self._field_policy_of(entries)
        out: list[str] = []
        if is_moved and self._frames and self._needs_step(entries):
            frame = self._frames[-1]
            out.append(frame.code.steps[frame.line])
        whole, frames = 0, self._frames
        append = out.append
        for position, entry in enumerate(entries):
            kind = type(entry)
            if kind is int:
                if frames:
                    frame = frames[-1]
                    frame.line = entry  # type: ignore[assignment]
                    append(frame.code.steps[entry])  # type: ignore[index]
                    if frame.joined:
                        append(frame.joined)
            elif kind is list:
                if frames:
                    self._step(entry, out)
            elif entry[0] == OUTPUT:  # type: ignore[index]
                self._output(entries, position, out)
                whole = whole if frames else len(out)
            else:
                self._operations[entry[0]](entry, out)  # type: ignore[index]
                if not frames:
                    whole = len(out)
        self._codes.redact_batch = _nothing
        return out, whole

    def close(self, out: list[str]) -> None:
        """End every open call as unfinished."""
        while self._frames:
            self._end_unfinished(out)

    def _end_unfinished(self, out: list[str]) -> None:
        if self._frames:
            self._end(self._values.error(UNFINISHED, "Unfinished"), out)

    def _field_policy_of(self, entries: list[Entry]) -> Callable[[], None]:
        """Return what judges every text of a batch together, once, when the first is needed."""
        open_calls = [frame.code.texts for frame in self._frames]

        def judge() -> None:
            want_texts(self._codes, open_calls, entries)
            self._codes.settle()
            self._codes.redact_batch = _nothing

        return judge

    def _needs_step(self, entries: list[Entry]) -> bool:
        first = entries[0] if entries else None
        return type(first) is tuple and first[0] in (OUTPUT, RAISE)

    def _step(self, entry: Any, out: list[str]) -> None:
        frame = self._frames[-1]
        code, values = frame.code, frame.values
        parts = iter(entry)
        frame.line = line = next(parts)
        out.append(code.steps[line])
        prefixes, write = code.prefixes, self._codes.value
        changed = []
        for index, value in zip(parts, parts, strict=True):
            if value is UNSET:
                values[index] = None
                continue
            if value is REDACTED_NODE:
                self._codes.redactions[code.variables[index].kind] += 1
            values[index] = text = f"{prefixes[index]}{write(code, value)}}}}}"
            changed.append(text)
        if self._codes.only_changes:
            out += changed
            return
        frame.joined = joined = ",".join(filter(None, values))
        if joined:
            out.append(joined)

    def _last_step(self, entry: Any, out: list[str]) -> None:
        """Step once more as a frame is left, if its last line has changed what is shown."""
        if not self._frames:
            return
        frame = self._frames[-1]
        before = list(frame.values)
        position = len(out)
        self._step(entry[1], out)
        if before == frame.values:
            del out[position:]

    def _call(self, entry: Any, out: list[str]) -> None:
        _, step_plan, values, thrown = entry
        code = self._codes.of(step_plan)
        frame = _Frame(code)
        arguments = []
        if values is not None:
            self._codes.calls += 1
            arguments = self._arguments(frame, values)
        else:
            self._codes.resumptions += 1
        if thrown is not None:
            number = self._codes.tables.variable(EXCEPTION_ARGUMENT)
            value = self._failure_value(code, thrown)
            arguments.append(f'{{"variable_id":{number},"value":{value}}}')
        out.append(f"{code.call}{','.join(arguments)}]}}}}")
        self._frames.append(frame)

    def _arguments(self, frame: _Frame, values: tuple[Captured, ...]) -> list[str]:
        """Return the texts of a call's arguments, which its steps show from the first one on."""
        code, shown = frame.code, frame.values
        write, texts = self._codes.value, []
        for prefix, position, index in code.arguments:
            if position < 0:
                self._codes.redactions["argument"] += 1
                text = write(code, REDACTED_NODE)
            else:
                text = write(code, values[position])
            texts.append(f"{prefix}{text}}}")
            if index >= 0:
                shown[index] = f"{code.prefixes[index]}{text}}}}}"
        if not self._codes.only_changes:
            frame.joined = ",".join(filter(None, shown))
        return texts

    def _return(self, entry: Any, out: list[str]) -> None:
        if self._frames:
            self._end(self._result(self._frames[-1].code, entry[1]), out)

    def _result(self, code: Code, value: Any) -> str:
        if value is REDACTED_NODE:
            self._codes.redactions["return"] += 1
        elif value is DROPPED_NODE:
            self._codes.drops["return"] += 1
        elif value is NOT_CAPTURED:
            is_call = code.plan.kind not in ("module", "class")
            value = DROPPED_NODE if is_call else None
        return self._codes.value(code, value)

    def _raise(self, entry: Any, out: list[str]) -> None:
        if not self._frames:
            return
        frame, failure = self._frames[-1], entry[1]
        if failure.is_error:
            facts = {"type": failure.type_name, "path_id": frame.code.path_id, "line": frame.line}
            content = quote(_failure_text(failure.type_name, self._message(frame.code, failure)))
            out.append(_event(EventKind.ERROR, Json.dumps(facts), content))
        self._end(self._failure_value(frame.code, failure), out)

    def _failure_value(self, code: Code, failure: Failure) -> str:
        text = _failure_text(failure.type_name, self._message(code, failure))
        return self._values.error(text, failure.type_name)

    def _message(self, code: Code, failure: Failure) -> str:
        judged = code.texts.replaced(failure.message)
        return judged.items if type(judged) is Node else str(judged)

    def _output(self, entries: list[Entry], position: int, out: list[str]) -> None:
        """Write neighbouring pieces of one stream as whole lines, judged together."""
        if position and _continues(entries[position - 1], entries[position]):
            return
        _, stream, _, file, line = entries[position]  # type: ignore[misc]
        pieces = []
        for index in range(position, len(entries)):
            if index > position and not _continues(entries[index - 1], entries[index]):
                break
            pieces.append(entries[index][2])  # type: ignore[index]
        texts = self._frames[-1].code.texts if self._frames else self._codes.output_texts
        facts: dict[str, object] = {"stream": stream}
        if file:
            facts |= {"path_id": self._codes.tables.path(file), "line": line}
        elif self._frames:  # unknown: the step at which the text was noticed
            frame = self._frames[-1]
            facts |= {"path_id": frame.code.path_id, "line": frame.line}
        metadata = Json.dumps(facts)
        kind = _OUTPUT_KINDS[stream]
        lines = _LINES.findall(texts.text("".join(pieces)))
        out.extend([_event(kind, metadata, quote(line)) for line in lines])

    def _end(self, value: str, out: list[str]) -> None:
        out.append(f'{{"Return":{{"return_value":{value}}}}}')
        self._frames.pop()


def _failure_text(type_name: str, message: str) -> str:
    return f"{type_name}: {message}" if message else type_name


def _continues(before: Any, entry: Any) -> bool:
    return (
        type(entry) is tuple
        and type(before) is tuple
        and entry[0] == OUTPUT
        and before[0] == OUTPUT
        and entry[1:2] + entry[3:] == before[1:2] + before[3:]
    )


def _event(kind: EventKind, metadata: str, content: str) -> str:
    return f'{{"Event":{{"kind":{kind:d},"metadata":{quote(metadata)},"content":{content}}}}}'


def _nothing() -> None:
    """Take the place of a judgement that was made."""
