"""Holds a classifier's answer: a decision about one code object, and the profile it shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.filters.decisions.adjacent_names import holds_something
from codetracer_otel.filters.types import Action, EventRules, Sampling, TailRules, ValueKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.filters.decisions.resolution import Resolution
    from codetracer_otel.filters.decisions.value_rules import ValueRules
    from codetracer_otel.filters.language.chain import ScopeRule
    from codetracer_otel.filters.types import (
        ContentRules,
        RuleSource,
        Verdict,
        WalkRules,
    )


class Profile:
    """What one set of matching rules comes to; shared by all code that matches the same rules.

    Attributes:
        rules: the rules that match, oldest first.
        sources: which rule or default set ``exec``, ``value_default``, ``capture``, ``root``,
            ``always``, ``objects``, ``measure``, ``sampling``, ``events`` and ``tail``.
    """

    def __init__(
        self,
        rules: tuple[ScopeRule, ...],
        resolved: Resolution,
        build_values: Callable[[], ValueRules],
    ) -> None:
        self.rules = rules
        self.sources = resolved.sources
        self.traces = resolved.traces
        self.source = resolved.sources["exec"]
        self.capture = resolved.capture
        self.root = resolved.root
        self.always = resolved.always
        self.reads_objects = resolved.reads_objects
        self.measures = resolved.measures
        self.sampling = Sampling(**resolved.sampling) if resolved.sampling else None
        self.events = EventRules(**resolved.events) if resolved.events else None
        self.tail = None if resolved.tail is None else TailRules(**resolved.tail)
        self._build_values = build_values
        self._values: ValueRules | None = None

    @property
    def values(self) -> ValueRules:
        """The value patterns, compiled when they are first needed."""
        if self._values is None:
            self._values = self._build_values()
        return self._values


class Decision:
    """The answer about one code object, with its reason.

    Attributes:
        profile: what the rules that match come to; most of the others are its.
        traces: whether calls become spans.
        source: the rule or default that decided ``traces``.
        capture: what the winning rule wants captured, or None for the session's default.
        root: each call starts its own trace.
        always: a bound on the overhead leaves its calls alone.
        reads_objects: whether fields of instances are read, if this is a class; None where no rule
            says.
        measures: whether every call is counted and timed, spans or not.
        sampling: None for "always".
        events: None for "all".
        tail: which of the traces that begin here are kept; None for the session's default.
    """

    # A program has thousands: four words each, and what they share stays in the profile.
    __slots__ = ("_module_names", "_qualname", "capture", "profile")

    traces: bool
    source: RuleSource
    root: bool
    always: bool
    reads_objects: bool | None
    measures: bool
    sampling: Sampling | None
    events: EventRules | None
    tail: TailRules | None

    def __init__(self, profile: Profile, module_names: tuple[str, ...], qualname: str) -> None:
        self.profile = profile
        self._module_names = module_names
        self._qualname = qualname
        self.capture = profile.capture  # steps add lines to a decision of their own

    def __getattr__(self, name: str) -> object:
        # A copy asks before it has a profile.
        if name.startswith("_") or name == "profile":
            raise AttributeError(name)
        return getattr(self.profile, name)

    @property
    def attribute_rules(self) -> WalkRules | None:
        """``attr`` and ``type`` patterns, or None when there are none."""
        return self.profile.values.attribute_rules

    @property
    def text_rules(self) -> ContentRules | None:
        """``value`` patterns, or None when there are none."""
        return self.profile.values.text_rules

    def value_verdict(self, kind: ValueKind, name: str) -> Verdict:
        """Return the answer for a value known by name.

        Args:
            kind: where the value stands.
            name: of the variable. For returns ``<return>``, ``<yield>`` or ``<unwind>`` asks about
                that ending alone, anything else about the strictest of the three.
        """
        if kind is ValueKind.RETURN:
            return self.profile.values.return_verdict(self._module_names, self._qualname, name)
        verdict = self.profile.values.verdict(kind, name)
        if kind is ValueKind.ARG and not verdict.is_by_name and holds_something(name):
            return self._verdict_on_what_is_set(verdict)
        return verdict

    def _verdict_on_what_is_set(self, verdict: Verdict) -> Verdict:
        # What `set_password(value)` and the setter of a property take is called as they are.
        named = self.profile.values.verdict(ValueKind.ARG, self._qualname.rpartition(".")[2])
        return named if named.is_by_name and named.action is not Action.ALLOW else verdict
