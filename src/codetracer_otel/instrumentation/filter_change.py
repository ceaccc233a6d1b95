"""Applies another filter while calls are open: each of them gets the stricter of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.plan_builder import PlannedCode
from codetracer_otel.instrumentation.spans.traced_code import TracedCode
from codetracer_otel.model.record import (
    CODE,
    EXTRAS,
    NOT_CAPTURED,
    PLAN,
    SAMPLED_OUT_PLAN,
    Plan,
    Record,
    SpanDetails,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from codetracer_otel.filters.types import ContentCounters, ContentRules, Learn, WalkRules
    from codetracer_otel.model.record import Variable
    from codetracer_otel.model.value import Captured

_TRACED_NO_MORE: Final = Plan("", "", "", 0)


class OpenCalls:
    """Makes the plans of open calls stricter, each pair of plans once.

    Args:
        capture_of: returns the value capture for a set of walk rules.
        learn: takes what is hidden because of its name.
    """

    def __init__(
        self, capture_of: Callable[[WalkRules | None], Callable[[object], Captured]], learn: Learn
    ) -> None:
        self._capture_of = capture_of
        self._learn = learn
        self._known: dict[tuple[int, int], TracedCode] = {}

    def restrict(self, entry: Record, new: Plan | None) -> None:
        """Let what is still read of a call be hidden where its own plan or ``new`` hides it.

        Args:
            entry: of a stack, or suspended.
            new: of its code; None where that is traced no more.
        """
        is_left_out = entry[PLAN] is None
        old = entry[SAMPLED_OUT_PLAN] if is_left_out else entry[PLAN]
        if old is new or not isinstance(old, Plan):
            return  # it began after the change, or it is no call
        closing = self._closing(entry[CODE], old, new or _TRACED_NO_MORE)
        if is_left_out:
            entry[SAMPLED_OUT_PLAN] = closing.plan
            return
        extras = entry[EXTRAS]
        if extras is None:
            extras = entry[EXTRAS] = SpanDetails()
        extras.closing = closing
        # its result is read by `closing`, and not by what the code has now
        shown = NOT_CAPTURED if closing.plan.captures_return else closing.plan.fixed_result
        entry[PLAN] = replace(
            closing.plan, captures_return=False, fixed_result=shown, result_place=""
        )

    def _closing(self, code: CodeType, old: Plan, new: Plan) -> TracedCode:
        key = id(old), id(new)
        known = self._known.get(key)
        if known is None:
            plan = stricter_plan(old, new)
            planned = PlannedCode(plan, lambda _key: Action.REDACT, None, self._learn)
            capture = self._capture_of(plan.attribute_rules)
            known = self._known[key] = TracedCode(code, planned, capture, lambda _reference: None)
        return known


def stricter_plan(old: Plan, new: Plan) -> Plan:
    """Return the plan of a call that began with one and ends under another."""
    is_shown = old.captures_return and new.captures_return
    hidden = old if not old.captures_return else new
    return replace(
        old,
        captures_return=is_shown,
        fixed_result=NOT_CAPTURED if is_shown else hidden.fixed_result,
        result_place=old.result_place or new.result_place,
        locals=_stricter_variables(old.locals, new.locals),
        locals_on_error=old.locals_on_error or new.locals_on_error,
        globals=_stricter_variables(old.globals, new.globals),
        attribute_rules=_both(old.attribute_rules, new.attribute_rules, StricterWalk),
        text_rules=_both(old.text_rules, new.text_rules, StricterContent),
    )


def _both[T](old: T | None, new: T | None, combine: Callable[[T, T], T]) -> T | None:
    if old is None or new is None:
        return old or new
    return combine(old, new)


def _stricter_variables(
    old: tuple[Variable, ...], new: tuple[Variable, ...]
) -> tuple[Variable, ...]:
    by_name = {variable.name: variable for variable in new}
    return tuple(
        by_name[variable.name] if by_name[variable.name].redacted else variable
        for variable in old
        if variable.name in by_name
    )


class StricterWalk:
    """`WalkRules` that are as strict as the stricter of two."""

    def __init__(self, old: WalkRules, new: WalkRules) -> None:
        self._rules = (old, new)
        self.has_type_patterns = old.has_type_patterns or new.has_type_patterns
        self.has_repr_patterns = old.has_repr_patterns and new.has_repr_patterns

    def attribute_action(self, name: str) -> Action:
        """Return the action for a mapping key or attribute name."""
        return max(rules.attribute_action(name) for rules in self._rules)

    def type_action(self, type_name: str) -> Action:
        """Return the action for ``module.QualName`` of a value's class."""
        return max(rules.type_action(type_name) for rules in self._rules)

    def allows_repr(self, type_name: str) -> bool:
        """Return whether the type's own ``__repr__`` may run."""
        return all(rules.allows_repr(type_name) for rules in self._rules)


class StricterContent:
    """`ContentRules` that replace what either of two replaces.

    Attributes:
        counters: of the newer ones.
        has_drops: whether `drops` can ever be true.
        looks_at_every_text: whether texts that compiled code finds clean have to be judged, too.
        known: the known secrets that texts are searched for, too.
    """

    def __init__(self, old: ContentRules, new: ContentRules) -> None:
        self._rules = (old, new)
        self.counters = new.counters
        self.has_drops = old.has_drops or new.has_drops
        self.looks_at_every_text = old.looks_at_every_text or new.looks_at_every_text
        self.known = new.known or old.known

    @property
    def generation(self) -> int:
        """Another number once texts that were judged before may be judged otherwise."""
        return sum(rules.generation for rules in self._rules)

    def redact_texts(
        self,
        texts: Sequence[str],
        cut: Sequence[bool] | None = None,
        counters: ContentCounters | None = None,
    ) -> list[str]:
        """Return the texts with every matching part replaced, in order."""
        shown = list(texts)
        for rules in self._rules:
            shown = rules.redact_texts(shown, cut, counters)
        return shown

    def presume_clean(self, text: str) -> None:
        """Take a text for one in which no shape is, unless a filter has patterns of its own."""
        for rules in self._rules:
            rules.presume_clean(text)

    def drops(self, text: str, *, is_cut: bool = False) -> bool:
        """Return whether a pattern with action ``drop`` matches the text."""
        return any(rules.drops(text, is_cut=is_cut) for rules in self._rules)
