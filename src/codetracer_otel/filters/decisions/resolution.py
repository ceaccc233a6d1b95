"""Resolves matching rules: for each setting the last rule that sets it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.data_classes import replace
from codetracer_otel.filters.types import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codetracer_otel.filters.language.chain import FilterChain, ScopeRule
    from codetracer_otel.filters.types import RuleSource


class Resolution:
    """The outcome of a set of rules, for all but the values.

    Attributes:
        sources: which rule or default set what.
    """

    def __init__(self, traces: bool, source: RuleSource) -> None:  # noqa: FBT001 - private
        self.traces = traces
        self.capture: frozenset[str] | None = None
        self.root = False
        self.always = False
        self.reads_objects: bool | None = None
        self.measures = False
        self.sampling: dict[str, Any] = {}
        self.events: dict[str, Any] = {}
        self.tail: dict[str, Any] | None = None
        self.sources: dict[str, RuleSource] = {"exec": source}

    def apply(self, rule: ScopeRule, number: int) -> None:
        """Override what ``rule`` sets."""
        if rule.traces is not None:
            self.traces, self.sources["exec"] = rule.traces, rule.source
        if rule.value_default is not None:
            self.sources["value_default"] = rule.source
        if rule.capture is not None:
            self.capture, self.sources["capture"] = rule.capture, rule.source
        if rule.root is not None:
            self.root, self.sources["root"] = rule.root, rule.source
        if rule.always is not None:
            self.always, self.sources["always"] = rule.always, rule.source
        if rule.reads_objects is not None:
            self.reads_objects, self.sources["objects"] = rule.reads_objects, rule.source
        if rule.measures is not None:
            self.measures, self.sources["measure"] = rule.measures, rule.source
        self._merge("sampling", self.sampling, rule.sampling, rule, number)
        self._merge("events", self.events, rule.events, rule, number)
        if rule.tail is not None:
            self.tail = {**(self.tail or {}), **rule.tail}
            self.sources["tail"] = rule.source

    def _merge(
        self,
        key: str,
        merged: dict[str, Any],
        given: Mapping[str, object],
        rule: ScopeRule,
        number: int,
    ) -> None:
        if not given:
            return
        # Calls that share a token bucket share its rule's number, whatever else is merged in.
        if "max_per_second" in given or "max_per_second" not in merged:
            merged["rule_id"] = number
        merged.update(given)
        self.sources[key] = rule.source


def resolve_scope(
    chain: FilterChain, rules: Sequence[ScopeRule], numbers: Sequence[int]
) -> Resolution:
    """Return what rules come to.

    Args:
        chain: for the defaults.
        rules: that match, oldest first.
        numbers: of the rules in the chain; ``~number`` for one that could not be judged in time.
    """
    traces, source = False, chain.files[0].traces_source
    for file in chain.files:
        if file.traces is not None:
            traces, source = file.traces, file.traces_source
    resolved = Resolution(traces, source)
    for rule, number in zip(rules, numbers, strict=True):
        resolved.apply(rule, max(number, ~number))
    return resolved


def default_value(chain: FilterChain) -> tuple[Action, RuleSource]:
    """Return the action for values that no rule matches, and its source."""
    action, source = Action.REDACT, chain.files[0].value_source
    for file in chain.files:
        if file.value_default is not None:
            action, source = file.value_default, file.value_source
    return action, source


def fail_closed(rule: ScopeRule) -> ScopeRule:
    """Return what remains of a rule if it is not known whether it matches."""
    return replace(
        rule,
        traces=False if rule.traces is False else None,
        value_default=rule.value_default or None,
        capture=None if rule.capture is None else frozenset(),
        root=None,
        always=None,
        reads_objects=rule.reads_objects and None,
        measures=None,
        sampling={},
        events={},
        tail=None,
        patterns=tuple(pattern for pattern in rule.patterns if pattern.action),
    )
