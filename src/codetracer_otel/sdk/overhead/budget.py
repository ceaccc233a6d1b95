"""Folds, then switches off, costly and uninformative calls while recording costs too much."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Protocol

from codetracer_otel.bindings import Time
from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.types import FoldRules
from codetracer_otel.sdk.overhead.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.model.record import Plan
    from codetracer_otel.model.record_block import RecordBlock
    from codetracer_otel.sdk.overhead.calls import FunctionCalls

_SECOND_NS: Final = 1_000_000_000
_TOO_LONG_NS: Final = 3 * _SECOND_NS  # above the bound, before anything is done about it
_REST_NS: Final = 60 * _SECOND_NS  # below the bound, before the last one comes back
_LONGEST_REST_NS: Final = 60 * _REST_NS  # of what had to go again and again
_NEGLIGIBLE: Final = 0.01  # of one core: less is never too much, as in a process at rest
_HARDLY_ANY: Final = (
    0.01  # of the excess: a function below that is not worth what it no longer tells
)
_MOST_STEPS: Final = 100  # that are told at the end; all are counted
FOLD: Final = FoldRules(after=50, shorter_than_ns=100_000)
_FOLD_RULE: Final = "[scope.fold] after = 50, shorter_than_us = 100"
_OFF_RULE: Final = "[[scope.rules]] selector = 'obj:literal:{}', exec = 'skip'"


class Switches(Protocol):
    """What a budget may do about a function."""

    def fold(self, plan: Plan, rules: FoldRules | None) -> None:
        """Make one span of many calls; with None as the filters say."""

    def switch_off(self, plan: Plan) -> bool:
        """Record it no more; return whether that is so now."""

    def switch_on(self, plan: Plan) -> None:
        """Record it again."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done about one function.

    Attributes:
        seconds: since the session began.
        action: ``folded``, ``off`` or ``back``.
        function: as in ``code.function.name``.
        share: of the process's CPU that recording cost then.
        rule: of a filter, that says the same for good; empty for what came back.
    """

    seconds: float
    action: str
    function: str
    share: float
    rule: str


@dataclass(slots=True)
class _Limited:
    """A function that is not recorded as it would be."""

    plan: Plan
    rest_ns: int
    is_off: bool = False


class Budget:
    """Bounds what recording costs, once a second, on the thread that takes what was recorded.

    Roots, functions of which a call has failed, and those that a rule marks ``always = true`` are
    never switched off; roots and the latter are not folded either.

    Args:
        share: of the process's CPU.
        call_ns: CPU that the program's threads take to record a call.
        own_cpu_ns: CPU that our own threads have taken so far.
        untaken: calls so far that were recorded and not taken: they wait, or were lost.
        switches: act upon functions.
        notify: told of each step.
        on_step: called after each.
        now: monotonic time in ns.
        process_cpu_ns: CPU that the process has taken so far.

    Attributes:
        steps: the last of them.
    """

    def __init__(
        self,
        share: float,
        call_ns: float,
        own_cpu_ns: Callable[[], int],
        untaken: Callable[[], int],
        switches: Switches,
        notify: Notify,
        on_step: Callable[[], object] = bool,
        *,
        now: Callable[[], int] = Time.monotonic_ns,
        process_cpu_ns: Callable[[], int] = Time.process_time_ns,
    ) -> None:
        self._share = share
        self._call_ns = call_ns
        self._own_cpu_ns = own_cpu_ns
        self._untaken = untaken
        self._switches = switches
        self._notify = notify
        self._on_step = on_step
        self._now = now
        self._process_cpu_ns = process_cpu_ns
        self._calls = Calls()
        self.steps: deque[Step] = deque(maxlen=_MOST_STEPS)
        self._counts: Counter[str] = Counter()
        self._limited: dict[int, _Limited] = {}  # by the id of the plan, the latest last
        self._rests: dict[int, int] = {}  # ns below the bound before it comes back, once it went
        self._waiting: list[FunctionCalls] = []  # to be switched off as soon as no call is open
        self._share_now = 0.0
        self._restart(self._now())
        self._began_ns = self._last_ns
        self._above_since: int | None = None
        self._below_since: int | None = None

    def begin_in_child(self) -> None:
        """Measure from now on, in a forked child; what is limited stays so."""
        self.steps.clear()
        self._counts.clear()
        self._above_since = self._below_since = None
        self._restart(self._now())
        self._began_ns = self._last_ns

    def _restart(self, now: int) -> None:
        self._calls.restart()
        self._last_ns = now
        self._last_calls = 0
        self._last_untaken = self._untaken()
        self._last_cpu = self._process_cpu_ns()
        self._last_own = self._own_cpu_ns()

    def take(self, block: RecordBlock) -> None:
        """Count recorded calls, and judge what they cost once a second."""
        self._calls.add(block)
        if self._waiting:
            self._waiting = [each for each in self._waiting if not self._switch_off(each)]
        now = self._now()
        if now - self._last_ns >= _SECOND_NS:
            self._judge(now)

    def _judge(self, now: int) -> None:
        elapsed = now - self._last_ns
        untaken, cpu, own = self._untaken(), self._process_cpu_ns(), self._own_cpu_ns()
        taken = self._calls.number - self._last_calls
        calls = max(taken + untaken - self._last_untaken, 0)
        cost = own - self._last_own + calls * self._call_ns
        spent = max(cpu - self._last_cpu, 1)
        self._share_now = cost / spent
        excess = cost - self._share * spent
        began, self._last_ns, self._last_calls = self._last_ns, now, self._calls.number
        self._last_untaken, self._last_cpu, self._last_own = untaken, cpu, own
        if excess > 0 and cost > _NEGLIGIBLE * elapsed:
            self._note_excess(began, now, excess / cost)
        else:
            self._note_rest(began, now)

    def _note_excess(self, began: int, now: int, share: float) -> None:
        """Take note of a second above the bound: this share of the calls less, and it is kept."""
        self._below_since = None
        if self._above_since is None:
            self._above_since = began
        if now - self._above_since >= _TOO_LONG_NS:
            self._limit(share * self._calls.number)
            self._above_since = None
            self._count_anew()

    def _note_rest(self, began: int, now: int) -> None:
        self._above_since = None
        self._waiting.clear()
        if self._below_since is None:
            self._below_since = began
        self._count_anew()
        latest = next(reversed(self._limited), None)
        if latest is None:
            return
        if now - self._below_since >= self._limited[latest].rest_ns:
            self._below_since = now
            self._bring_back(self._limited.pop(latest))

    def _count_anew(self) -> None:
        self._calls.restart()
        self._last_calls = 0

    def _limit(self, excess: float) -> None:
        """Limit the hottest functions until the calls that are too many are no more."""
        off = {key for key, limited in self._limited.items() if limited.is_off}
        gone = off | {id(each.plan) for each in self._waiting}
        excess -= self._calls.number_of(gone)  # they were made before, and are taken only now
        smallest = _HARDLY_ANY * excess
        for function in self._calls.hottest(gone):
            if excess <= 0 or function.calls < smallest:
                return
            limited = self._limited.get(id(function.plan))
            if limited is None and id(function.plan) not in self._rests:
                self._fold(function.plan)
            elif id(function.plan) in self._calls.failing:
                continue
            elif not self._switch_off(function):
                self._waiting.append(function)
            excess -= function.calls

    def _fold(self, plan: Plan) -> None:
        self._switches.fold(plan, FOLD)
        self._limited[id(plan)] = _Limited(plan, _REST_NS)
        self._tell("folded", plan, _FOLD_RULE)

    def _switch_off(self, function: FunctionCalls) -> bool:
        plan = function.plan
        if not self._switches.switch_off(plan):
            return False
        self._switches.fold(plan, FOLD)  # calls of it may still wait
        rest = min(self._rests.get(id(plan), _REST_NS), _LONGEST_REST_NS)
        self._rests[id(plan)] = 2 * rest
        self._limited.pop(id(plan), None)
        self._limited[id(plan)] = _Limited(plan, rest, is_off=True)
        self._tell("off", plan, _OFF_RULE.format(plan.function_name))
        return True

    def _bring_back(self, limited: _Limited) -> None:
        if limited.is_off:
            self._switches.switch_on(limited.plan)
        self._switches.fold(limited.plan, None)
        self._tell("back", limited.plan, "")

    def _tell(self, action: str, plan: Plan, rule: str) -> None:
        seconds = round((self._now() - self._began_ns) / _SECOND_NS, 1)
        share = round(self._share_now, 4)
        self.steps.append(Step(seconds, action, plan.function_name, share, rule))
        self._counts[action] += 1
        self._on_step()
        what = {
            "folded": f"calls of {plan.function_name} are folded",
            "off": f"calls of {plan.function_name} are not recorded any more",
            "back": f"calls of {plan.function_name} are recorded again as before",
        }[action]
        for_good = f"; for good: {rule}" if rule else ""
        message = f"recording costs {share:.1%} of the CPU, may cost {self._share:.1%}: {what}"
        self._notify("overhead_bounded", "warn", message=f"{message}{for_good}")

    def limited(self, *, is_off: bool) -> tuple[str, ...]:
        """Return the functions that are folded, or not recorded at all, by name."""
        return tuple(
            limited.plan.function_name
            for limited in list(self._limited.values())
            if limited.is_off is is_off
        )

    def stats(self) -> dict[str, Any]:
        """Return the latest share, what a call costs, and what was done about it."""
        return {
            "share": round(self._share_now, 4),
            "call_ns": round(self._call_ns, 1),
            "folded": list(self.limited(is_off=False)),
            "off": list(self.limited(is_off=True)),
            "steps": dict(self._counts),
            "last_steps": [asdict(step) for step in list(self.steps)],
        }
