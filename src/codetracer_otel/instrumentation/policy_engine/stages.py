"""Defines the stages of a policy evaluation: their fields, and what one reports to another."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from codetracer_otel.instrumentation.manual.noop import OffSpan
from codetracer_otel.instrumentation.policy_engine.wasm_memory import WasmMemory, trap_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codetracer_otel.instrumentation.manual.span import HandWrittenSpan


class OffStage(OffSpan):
    """A stage while nothing is traced: every method of every stage does nothing."""

    __slots__ = ()

    def event(self, name: str, /, **fields: object) -> None:
        """Do nothing."""

    def matched(self, policies: Iterable[str]) -> None:
        """Do nothing."""

    def decided(self, decision: str, priority: int | None = None, **facts: object) -> None:
        """Do nothing."""

    def watch(self, memory: WasmMemory) -> None:
        """Do nothing."""


PRIORITIES: Final[Mapping[str, int]] = {
    "halt": 1,
    "deny": 2,
    "block": 2,
    "ask": 3,
    "modify": 4,
    "allow": 5,
}
_PREFIX: Final = "codetracer.policy."
_STANDARD_KEYS: Final = {"exit_code": "process.exit.code", "rule_id": "security_rule.name"}
_NS_PER_MS: Final = 1_000_000


class Stage(OffStage):
    """One stage of an evaluation, as a span.

    Attributes:
        name: of the line; the OpenTelemetry span is ``policy.<name>``.
        topic: full name.
        order: of the fields in the line.
        span: carries it.
    """

    __slots__ = ("_recorded", "span")

    name: ClassVar[str]
    topic: ClassVar[str]
    order: ClassVar[tuple[str, ...]]

    def __init__(self, span: HandWrittenSpan, fields: Mapping[str, object]) -> None:
        self.span = span
        self._recorded: dict[str, object] = {}
        span.owner = self
        self.record(**fields)

    def record(self, /, **fields: object) -> None:
        """Add fields; a later value of the same name wins. Do not add inputs of policies."""
        known = {name: value for name, value in fields.items() if value is not None}
        if known:
            self._recorded.update(known)
            self.span.add_fields(known, {name: _keys(name) for name in known})

    def event(self, name: str, /, **fields: object) -> None:
        """Add an event to the stage's span, and print a line of its own."""
        self.span.event(name, level="trace", **fields)  # type: ignore[arg-type]

    def set_error(self, error: BaseException) -> None:
        """Mark the stage as failed by ``error``, which the program has handled."""
        self._recorded["error"] = True
        self.span.set_error(error)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment for a child process, whose spans are then below this stage."""
        return self.span.environment(environ)

    def __enter__(self) -> Self:
        self.span.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            if error is not None:
                self._fail(error)
            self._complete()
            content = self.span.content
            first = [name for name in self.order if name in content.fields]
            content.fields = {name: content.fields[name] for name in (*first, *content.fields)}
        except Exception as failure:  # noqa: BLE001 - the program goes on
            self.span.backend.failed(failure)
        self.span.end(error)
        self.span.owner = type(self)  # no cycle; what begins below still knows where it stands

    def _complete(self) -> None:
        """Add what is known only at the end."""

    def _fail(self, error: BaseException) -> None:
        """Take note of the exception that leaves the stage."""
        self._recorded["error"] = type(error)

    def _add_default(self, name: str, value: object) -> None:
        if name not in self._recorded:
            self.record(**{name: value})

    def _elapsed_ms(self) -> float:
        return self.span.elapsed_ns() / _NS_PER_MS

    def _around[S: Stage](self, kind: type[S]) -> S | None:
        span = self.span.enclosing
        while span is not None and span.owner is not kind:
            if isinstance(span.owner, kind):
                return span.owner
            span = span.enclosing
        return None


class Evaluation(Stage):
    """Everything that one event causes."""

    __slots__ = ()
    name = "evaluate"
    topic = "eval"
    order = (
        "event_name",
        "tool_name",
        "matched_policies",
        "matched_policy_count",
        "policies",
        "final_decision",
        "phase",
        "exit_reason",
    )

    def _complete(self) -> None:
        self._add_default("matched_policies", 0)
        self._add_default("matched_policy_count", 0)
        self._add_default("policies", [])


class Routing(Stage):
    """The search for the policies that apply to an event."""

    __slots__ = ()
    name = "routing"
    topic = "eval.routing"
    order = ("routing_key", "matched_policy_count", "policies")

    def matched(self, policies: Iterable[str]) -> None:
        """Record which policies apply to the event, in this stage and in the evaluation."""
        names = [str(policy) for policy in policies]
        self.record(matched_policy_count=len(names), policies=names)
        evaluation = self._around(Evaluation)
        if evaluation is not None:
            count = len(names)
            evaluation.record(matched_policies=count, matched_policy_count=count, policies=names)

    def _complete(self) -> None:
        self._add_default("matched_policy_count", 0)
        self._add_default("policies", [])


class Signals(Stage):
    """The gathering of signals; counts the `Signal` stages inside it and their failures."""

    __slots__ = ("_failures",)
    name = "signals"
    topic = "eval.signals"
    order = ("signal_count", "failed_count")

    def __init__(self, span: HandWrittenSpan, fields: Mapping[str, object]) -> None:
        self._failures: list[bool] = []  # appended to by the threads of a pool
        super().__init__(span, fields)

    def count(self, *, failed: bool) -> None:
        """Count a signal."""
        self._failures.append(failed)

    def _complete(self) -> None:
        self._add_default("signal_count", len(self._failures))
        self._add_default("failed_count", sum(self._failures))


class Signal(Stage):
    """One signal: a child process, a lookup."""

    __slots__ = ()
    name = "signal"
    topic = "eval.signals"
    order = ("signal_name", "exit_code", "execution_time_ms", "output_size_bytes", "timed_out")

    def _complete(self) -> None:
        self._add_default("execution_time_ms", self._elapsed_ms())
        self._add_default("timed_out", False)
        signals = self._around(Signals)
        if signals is not None:
            signals.count(failed=self._has_failed())

    def _has_failed(self) -> bool:
        recorded = self._recorded
        if "error" in recorded or recorded.get("timed_out"):
            return True
        return recorded.get("exit_code", 0) != 0


class WasmEvaluation(Stage):
    """A policy that runs in an engine."""

    __slots__ = ("_fuel", "_memory", "_size")
    name = "wasm_eval"
    topic = "eval.wasm"
    order = (
        "input_size_bytes",
        "output_size_bytes",
        "decision_count",
        "evaluation_time_ms",
        "engine",
        "memory_before_bytes",
        "memory_after_bytes",
        "memory_growth_bytes",
        "memory_limit_bytes",
        "fuel_consumed",
        "trap",
    )

    def __init__(self, span: HandWrittenSpan, fields: Mapping[str, object]) -> None:
        self._memory: WasmMemory | None = None
        self._size: int | None = None
        self._fuel: int | None = None
        super().__init__(span, fields)

    def watch(self, memory: WasmMemory) -> None:
        """Measure a linear memory from now to the end of the stage."""
        self._memory, self._size, self._fuel = memory, memory.size_bytes(), memory.fuel()

    def _complete(self) -> None:
        self._add_default("evaluation_time_ms", self._elapsed_ms())
        if self._memory is not None:
            self._add_memory(self._memory)

    def _fail(self, error: BaseException) -> None:
        self.record(trap=trap_name(error))

    def _add_memory(self, memory: WasmMemory) -> None:
        after, fuel = memory.size_bytes(), memory.fuel()
        self.record(
            memory_before_bytes=self._size,
            memory_after_bytes=after,
            memory_growth_bytes=_difference(after, self._size),
            memory_limit_bytes=memory.limit_bytes,
            fuel_consumed=_difference(self._fuel, fuel),
        )


class Synthesis(Stage):
    """The making of one decision from many."""

    __slots__ = ()
    name = "synthesis"
    topic = "eval.synthesis"
    order = ("decision_type", "decision_count", "priority", "final_decision", "context_count")

    def decided(self, decision: str, priority: int | None = None, **facts: object) -> None:
        """Record what was decided, in this stage and in the evaluation.

        Args:
            decision: such as ``Deny``.
            priority: 1 Halt, 2 Deny or Block, 3 Ask, 4 Modify, 5 Allow; by default by name.
            facts: further fields, such as ``decision_count`` and ``context_count``.
        """
        rank = PRIORITIES.get(str(decision).lower()) if priority is None else priority
        self.record(decision_type=decision, priority=rank, final_decision=decision)
        self.record(**facts)
        evaluation = self._around(Evaluation)
        if evaluation is not None:
            evaluation.record(final_decision=decision)

    def _complete(self) -> None:
        if "final_decision" in self._recorded:
            self._add_default("decision_count", 1)
        self._add_default("context_count", 0)


class Action(Stage):
    """An action that a decision causes."""

    __slots__ = ()
    name = "action"
    topic = "eval.actions"
    order = ("rule_id", "action_type", "execution_time_ms", "exit_code")

    def _complete(self) -> None:
        self._add_default("execution_time_ms", self._elapsed_ms())


@lru_cache(maxsize=256)
def _keys(name: str) -> tuple[str, ...]:
    standard = _STANDARD_KEYS.get(name)
    return (_PREFIX + name,) if standard is None else (_PREFIX + name, standard)


def _difference(larger: int | None, smaller: int | None) -> Any:
    return None if larger is None or smaller is None else larger - smaller
