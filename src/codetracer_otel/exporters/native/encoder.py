"""Turns the entries of one thread into the events of a native trace, as JSON texts."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import DROPPED_NODE, REDACTED_NODE, Captured, Node
from codetracer_otel.exporters.native.tables import EventKind, Tables, TypeKind, quote
from codetracer_otel.exporters.native.texts import JudgedTexts
from codetracer_otel.exporters.native.values import ValueWriter
from codetracer_otel.records import NOT_CAPTURED
from codetracer_otel.step_records import (
    CALL,
    CLOSE,
    END,
    LAST,
    OUTPUT,
    RAISE,
    RETURN,
    UNSET,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.filters.content import ContentRules
    from codetracer_otel.step_records import Entry, Failure, StepPlan

UNFINISHED: Final = "<unfinished>"
EXCEPTION_ARGUMENT: Final = "exception"

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_OUTPUT_KINDS: Final = {
    "stdout": EventKind.WRITE,
    "stderr": EventKind.WRITE_OTHER,
    "stdin": EventKind.READ,
}


class Code:
    """What the events of one code object have in common.

    Attributes:
        path_id: number of its file.
        step: beginning of a step, before the line.
        call: beginning of a call, before the arguments.
        entry: the step before each call.
        prefixes: beginning of the value of each variable.
        texts: judged texts under its rules.
        variables: the plan's.
    """

    __slots__ = ("call", "entry", "path_id", "plan", "prefixes", "step", "texts", "variables")

    def __init__(self, step_plan: StepPlan, tables: Tables, texts: JudgedTexts) -> None:
        plan = step_plan.plan
        self.plan = plan
        self.variables = step_plan.variables
        self.path_id = tables.path(plan.file)
        function_id = tables.function(self.path_id, plan.line, step_plan.name)
        self.step = f'{{"Step":{{"path_id":{self.path_id},"line":'
        self.entry = f"{self.step}{plan.line}}}}}"
        self.call = f'{{"Call":{{"function_id":{function_id},"args":['
        self.prefixes = [
            f'{{"Value":{{"variable_id":{tables.variable(variable.name)},"value":'
            for variable in step_plan.variables
        ]
        self.texts = texts


class _Frame:
    """An open call: the texts of its variables' values, None for those without."""

    __slots__ = ("code", "is_closing", "joined", "line", "values")

    def __init__(self, code: Code, *, is_closing: bool) -> None:
        self.code = code
        self.is_closing = is_closing  # entered only to be closed, as a generator is
        self.line = code.plan.line
        self.values: list[str | None] = [None] * len(code.prefixes)
        self.joined = ""


class Codes:
    """The `Code` of every plan of a trace, and what counts for all of its threads.

    Args:
        tables: the trace's.
        output_rules: judge what is written outside of every traced function.
        only_changes: steps show the variables that changed, not all.

    Attributes:
        redactions: values redacted, by kind.
        drops: values dropped, by kind.
        events: events written so far.
    """

    def __init__(
        self, tables: Tables, output_rules: ContentRules | None, *, only_changes: bool
    ) -> None:
        self.tables = tables
        self.values = ValueWriter(tables)
        self.only_changes = only_changes
        self.redactions: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self._codes: dict[int, tuple[StepPlan, Code]] = {}
        self._texts: dict[int, tuple[object, JudgedTexts]] = {}
        self.output_texts = self.texts_under(output_rules)

    def of(self, step_plan: StepPlan) -> Code:
        """Return the code of a plan."""
        known = self._codes.get(id(step_plan))
        if known is None:  # the plan is kept beside its code, so that its id stays taken
            texts = self.texts_under(step_plan.plan.content)
            known = self._codes[id(step_plan)] = (step_plan, Code(step_plan, self.tables, texts))
        return known[1]

    def texts_under(self, rules: ContentRules | None) -> JudgedTexts:
        """Return the judged texts under a set of rules."""
        known = self._texts.get(id(rules))
        if known is None:
            known = self._texts[id(rules)] = (rules, JudgedTexts(rules))
        return known[1]

    def trim(self) -> None:
        """Bound the memory of judged texts, between two batches."""
        for _, texts in self._texts.values():
            texts.trim()

    def settle(self) -> None:
        """Judge every text that the next batch uses."""
        for _, texts in self._texts.values():
            texts.settle()


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

    @property
    def depth(self) -> int:
        """How many calls are open."""
        return len(self._frames)

    def encode(self, entries: list[Entry], *, is_moved: bool = False) -> tuple[list[str], int]:
        """Return the events, and how many of them form whole call trees.

        Args:
            entries: the next ones of this thread.
            is_moved: events of another thread stand before these: the reader's step is not ours.
        """
        self._want_texts(entries)
        self._codes.settle()
        out: list[str] = []
        if is_moved and self._frames and self._needs_step(entries):
            out.append(_step_text(self._frames[-1]))
        whole, frames = 0, self._frames
        for position, entry in enumerate(entries):
            kind = type(entry)
            if kind is int or kind is list:
                if frames:
                    self._step(entry, out)
                continue
            operation = entry[0]  # type: ignore[index]
            if operation == OUTPUT:
                self._output(entries, position, out)
            else:
                self._operations[operation](entry, out)
            if not frames:
                whole = len(out)
        return out, whole

    def close(self, out: list[str]) -> None:
        """End every open call as unfinished."""
        while self._frames:
            self._end_unfinished(out)

    def _end_unfinished(self, out: list[str]) -> None:
        if self._frames:
            self._end(self._values.error(UNFINISHED, "Unfinished"), out)

    def _needs_step(self, entries: list[Entry]) -> bool:
        first = entries[0] if entries else None
        return type(first) is tuple and first[0] in (OUTPUT, RAISE)

    # texts

    def _want_texts(self, entries: list[Entry]) -> None:
        """Ask for the judgement of every text; follow calls and returns to know the rules."""
        stack = [frame.code.texts for frame in self._frames]
        for entry in entries:
            if type(entry) is int:
                continue
            if type(entry) is list:
                _want_step(stack, entry)
            elif entry[0] == LAST:  # type: ignore[index]
                _want_step(stack, entry[1])  # type: ignore[index]
            elif entry[0] == CALL:  # type: ignore[index]
                texts = self._codes.of(entry[1]).texts  # type: ignore[index]
                stack.append(texts)
                for value in entry[2] or ():  # type: ignore[index]
                    texts.want(value)
                _want_failure(texts, entry[3])  # type: ignore[index]
            elif stack:
                _want_of(stack, entry)

    def _value(self, code: Code, value: Captured) -> str:
        kind = type(value)
        if kind is str:
            number = self._values.type_id(TypeKind.STRING, "String")
            literal = code.texts.literals[value]  # type: ignore[index]
            return f'{{"kind":"String","text":{literal},"type_id":{number}}}'
        if kind is Node:
            return self._values.write(code.texts.replaced(value))
        return self._values.write(value)

    # entries

    def _step(self, entry: Any, out: list[str]) -> None:
        frame = self._frames[-1]
        if type(entry) is int:
            frame.line = entry
            out.append(f"{frame.code.step}{entry}}}}}")
            if frame.joined:
                out.append(frame.joined)
            return
        frame.line = line = entry[0]
        out.append(f"{frame.code.step}{line}}}}}")
        changed = self._change(frame, entry)
        if self._codes.only_changes:
            out.extend(changed)
            return
        frame.joined = ",".join([text for text in frame.values if text is not None])
        if frame.joined:
            out.append(frame.joined)

    def _last_step(self, entry: Any, out: list[str]) -> None:
        """Step once more as a frame is left, if its last line has changed what is shown."""
        if not self._frames:
            return
        frame = self._frames[-1]
        before = list(frame.values)
        if frame.is_closing and not any(before):
            return
        position = len(out)
        self._step(entry[1], out)
        if before == frame.values:
            del out[position:]

    def _change(self, frame: _Frame, entry: list[Any]) -> list[str]:
        code, values, changed = frame.code, frame.values, []
        prefixes = code.prefixes
        for position in range(1, len(entry), 2):
            index, value = entry[position], entry[position + 1]
            if value is UNSET:
                values[index] = None
                continue
            if value is REDACTED_NODE:
                self._codes.redactions[code.variables[index].kind] += 1
            text = f"{prefixes[index]}{self._value(code, value)}}}}}"
            values[index] = text
            changed.append(text)
        return changed

    def _call(self, entry: Any, out: list[str]) -> None:
        _, step_plan, values, thrown = entry
        code = self._codes.of(step_plan)
        arguments = [] if values is None else self._arguments(code, values)
        if thrown is not None:
            number = self._codes.tables.variable(EXCEPTION_ARGUMENT)
            value = self._failure_value(code, thrown)
            arguments.append(f'{{"variable_id":{number},"value":{value}}}')
        out.append(code.entry)
        out.append(f"{code.call}{','.join(arguments)}]}}}}")
        is_closing = thrown is not None and not thrown.is_error
        self._frames.append(_Frame(code, is_closing=is_closing))

    def _arguments(self, code: Code, values: tuple[Captured, ...]) -> list[str]:
        by_name = dict(zip(code.plan.argument_names, values, strict=True))
        variable = self._codes.tables.variable
        arguments = []
        for argument in code.plan.arguments:
            value = REDACTED_NODE if argument.redacted else by_name[argument.name]
            if argument.redacted:
                self._codes.redactions["argument"] += 1
            number = variable(argument.name)
            text = self._value(code, value)
            arguments.append(f'{{"variable_id":{number},"value":{text}}}')
        return arguments

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
        return self._value(code, value)

    def _raise(self, entry: Any, out: list[str]) -> None:
        if not self._frames:
            return
        frame, failure = self._frames[-1], entry[1]
        if failure.is_error:
            facts = {"type": failure.type_name, "path_id": frame.code.path_id, "line": frame.line}
            content = quote(_failure_text(failure.type_name, self._message(frame.code, failure)))
            out.append(_event(EventKind.ERROR, json.dumps(facts, separators=(",", ":")), content))
        self._end(self._failure_value(frame.code, failure), out)

    def _failure_value(self, code: Code, failure: Failure) -> str:
        text = _failure_text(failure.type_name, self._message(code, failure))
        return self._values.error(text, failure.type_name)

    def _message(self, code: Code, failure: Failure) -> str:
        judged = code.texts.replaced(failure.message)
        return judged if type(judged) is str else ""

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
        elif self._frames:  # the step at which it was noticed
            frame = self._frames[-1]
            facts |= {"path_id": frame.code.path_id, "line": frame.line}
        metadata = json.dumps(facts, separators=(",", ":"))
        kind = _OUTPUT_KINDS[stream]
        lines = _LINES.findall(texts.text("".join(pieces)))
        out.extend([_event(kind, metadata, quote(line)) for line in lines])

    def _end(self, value: str, out: list[str]) -> None:
        out.append(f'{{"Return":{{"return_value":{value}}}}}')
        self._frames.pop()


def _want_step(stack: list[JudgedTexts], entry: Any) -> None:
    if stack:
        want = stack[-1].want
        for value in entry[2::2]:
            want(value)


def _want_of(stack: list[JudgedTexts], entry: Any) -> None:
    operation = entry[0]
    if operation == RETURN:
        if entry[1] is not NOT_CAPTURED:
            stack[-1].want(entry[1])
        stack.pop()
    elif operation == RAISE:
        _want_failure(stack[-1], entry[1])
        stack.pop()
    elif operation == END:
        stack.pop()
    elif operation == CLOSE:
        stack.clear()


def _want_failure(texts: JudgedTexts, failure: Failure | None) -> None:
    if failure is not None:
        texts.want(failure.message)


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


def _step_text(frame: _Frame) -> str:
    return f"{frame.code.step}{frame.line}}}}}"
