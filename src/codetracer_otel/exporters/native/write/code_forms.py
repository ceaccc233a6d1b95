"""Prepares what the events of a code object share, and collects the texts of a batch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native.write.texts import RedactedTexts
from codetracer_otel.exporters.native.write.values import ValueWriter
from codetracer_otel.model.record import NOT_CAPTURED
from codetracer_otel.model.step_entries import CALL, CLOSE, END, LAST, OUTPUT, RAISE, RETURN
from codetracer_otel.model.value import INT64_MAX, INT64_MIN, Captured, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters.native.tables import Tables
    from codetracer_otel.filters.types import ContentRules
    from codetracer_otel.model.step_entries import Entry, Failure, StepPlan

# The step recorder shows these as the same object again and again.
_OFTEN_THE_SAME: Final = frozenset({NodeKind.TEXT, NodeKind.OBJECT})
_MAX_CODES: Final = 10_000  # code made in a loop must not fill the memory


class _Steps(dict[int, str]):
    """The event of a step on each line of a code object."""

    def __init__(self, path_id: int) -> None:
        super().__init__()
        self._path_id = path_id

    def __missing__(self, line: int) -> str:
        text = self[line] = f'{{"Step":{{"path_id":{self._path_id},"line":{line}}}}}'
        return text


class Code:
    """What the events of one code object have in common.

    Attributes:
        path_id: number of its file.
        steps: the event of a step, by line.
        call: the step before each call, and the beginning of the call, before the arguments.
        prefixes: beginning of the value of each variable.
        texts: judged texts under its rules.
        variables: the plan's.
        arguments: for each argument that is shown: beginning of its text, its index among the
            values of a call (-1: redacted), its index among the variables (-1: not shown there).
    """

    __slots__ = (
        "arguments",
        "call",
        "path_id",
        "plan",
        "prefixes",
        "steps",
        "texts",
        "variables",
    )

    def __init__(self, step_plan: StepPlan, tables: Tables, texts: RedactedTexts) -> None:
        plan = step_plan.plan
        self.plan = plan
        self.variables = step_plan.variables
        self.path_id = tables.path(plan.file)
        function_id = tables.function(self.path_id, plan.line, step_plan.name)
        self.steps = _Steps(self.path_id)
        self.call = f'{self.steps[plan.line]},{{"Call":{{"function_id":{function_id},"args":['
        self.prefixes = [
            f'{{"Value":{{"variable_id":{tables.variable(variable.name)},"value":'
            for variable in step_plan.variables
        ]
        self.arguments = self._argument_texts(tables)
        self.texts = texts

    def _argument_texts(self, tables: Tables) -> list[tuple[str, int, int]]:
        names = self.plan.argument_names
        places = {
            variable.name: index
            for index, variable in enumerate(self.variables)
            if variable.kind == "argument"
        }
        return [
            (
                f'{{"variable_id":{tables.variable(argument.name)},"value":',
                -1 if argument.redacted else names.index(argument.name),
                places.get(argument.name, -1),
            )
            for argument in self.plan.arguments
        ]


class Codes:
    """The `Code` of every plan of a trace, and what counts for all of its threads.

    Args:
        tables: the trace's.
        output_rules: judge what is written outside of every traced function.
        only_changes: steps show the variables that changed, not all.

    Attributes:
        redactions: values redacted, by kind.
        drops: values dropped, by kind.
        calls: calls so far, without those that continue after a wait.
        resumptions: how often one went on, which is written as a call, too.
        redact_batch: judges the texts of the batch that is being written.
    """

    def __init__(
        self, tables: Tables, output_rules: ContentRules | None, *, only_changes: bool
    ) -> None:
        self.tables = tables
        self.values = ValueWriter(tables)
        self.only_changes = only_changes
        self.redactions: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.calls = self.resumptions = 0
        self._codes: dict[int, tuple[StepPlan, Code]] = {}
        self._texts: dict[int, tuple[object, RedactedTexts]] = {}
        self.redact_batch: Callable[[], None] = lambda: None
        self.output_texts = self.texts_under(output_rules)
        self._int_tail = _tail(self.values.write(0))
        self._text_tail = _tail(self.values.write(""))

    def of(self, step_plan: StepPlan) -> Code:
        """Return the code of a plan."""
        known = self._codes.get(id(step_plan))
        if known is None:  # the plan is kept beside its code, so that its id stays taken
            if len(self._codes) >= _MAX_CODES:
                self._codes.clear()
            texts = self.texts_under(step_plan.plan.text_rules)
            known = self._codes[id(step_plan)] = (step_plan, Code(step_plan, self.tables, texts))
        return known[1]

    def value(self, code: Code, value: Captured) -> str:
        """Return the JSON of a value, its texts as they may be shown."""
        kind = type(value)
        if kind is int:
            if INT64_MIN <= value <= INT64_MAX:  # type: ignore[operator]
                return f'{{"kind":"Int","i":{value}{self._int_tail}'
        elif kind is str:
            literal = code.texts.literals[value]  # type: ignore[index]
            return f'{{"kind":"String","text":{literal}{self._text_tail}'
        elif kind is Node:
            return self._node(code.texts, value)  # type: ignore[arg-type]
        return self.values.write(value)

    def _node(self, texts: RedactedTexts, node: Node) -> str:
        known = texts.nodes.get(id(node))
        if known is not None:  # the node is kept beside its text, so that its id stays taken
            return known[1]
        text = self.values.write(texts.replaced(node))
        if node.kind in _OFTEN_THE_SAME:
            texts.nodes[id(node)] = (node, text)
        return text

    def texts_under(self, rules: ContentRules | None) -> RedactedTexts:
        """Return the judged texts under a set of rules."""
        known = self._texts.get(id(rules))
        if known is None:
            known = self._texts[id(rules)] = (rules, RedactedTexts(rules, self._redact_batch))
        return known[1]

    def _redact_batch(self) -> None:
        self.redact_batch()

    def redacted_texts(self) -> Counter[str]:
        """Return how many parts of judged texts were replaced, by kind."""
        return sum((texts.redacted for _, texts in list(self._texts.values())), Counter[str]())

    def trim(self) -> None:
        """Bound the memory of judged texts, between two batches."""
        for _, texts in self._texts.values():
            texts.trim()

    def settle(self) -> None:
        """Judge every text that was wanted."""
        for _, texts in self._texts.values():
            texts.settle()


def want_texts(codes: Codes, stack: list[RedactedTexts], entries: list[Entry]) -> None:
    """Ask for the judgement of every text; follow calls and returns to know the rules.

    Args:
        codes: of the trace.
        stack: judged texts of the open calls; is changed.
        entries: the next ones of a thread.
    """
    for entry in entries:
        if type(entry) is int:
            continue
        if type(entry) is list:
            _want_step(stack, entry)
            continue
        operation = entry[0]  # type: ignore[index]
        if operation == CALL:
            texts = codes.of(entry[1]).texts  # type: ignore[index]
            stack.append(texts)
            texts.want_all(entry[2] or ())  # type: ignore[index]
            _want_failure(texts, entry[3])  # type: ignore[index]
        elif operation == LAST:
            _want_step(stack, entry[1])  # type: ignore[index]
        elif stack and operation != OUTPUT:
            _want_of(stack, entry)


def _want_step(stack: list[RedactedTexts], entry: Any) -> None:
    if stack:
        stack[-1].want_all(entry[2::2])


def _want_of(stack: list[RedactedTexts], entry: Any) -> None:
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


def _want_failure(texts: RedactedTexts, failure: Failure | None) -> None:
    if failure is not None:
        texts.want(failure.message)


def _tail(value_text: str) -> str:
    """Return the end of a value's JSON, from its type on."""
    return value_text[value_text.rindex(',"type_id":') :]
