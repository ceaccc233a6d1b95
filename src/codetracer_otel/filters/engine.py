"""Compiles a chain into a classifier: what happens to a code object, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.content import ContentCounters, compile_content
from codetracer_otel.filters.model import Action, EventRules, RuleSource, Sampling, Verdict
from codetracer_otel.filters.paths import is_synthetic, normal_path, relative_path
from codetracer_otel.filters.placeholders import SELF, expand_placeholder
from codetracer_otel.filters.selector import SelectorKind
from codetracer_otel.filters.values import ValueRules, newest_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from codetracer_otel.filters.chain import FilterChain, FilterFile, ScopeRule
    from codetracer_otel.filters.content import ContentPattern
    from codetracer_otel.filters.model import (
        CodeIdentity,
        ContentRules,
        ValueKind,
        WalkRules,
    )
    from codetracer_otel.filters.selector import Matcher
    from codetracer_otel.ports import Notify

OWN_CODE: Final = RuleSource("<builtin:own-code>", 1, "file:literal:@self", "the tracer itself")
SYNTHETIC_CODE: Final = RuleSource(
    "<builtin:synthetic>",
    1,
    "file:<...>",
    "code without a file; a rule that names it, such as file:literal:<string>, traces it",
)

# Numbers of what overrules every rule; real rules count from 0.
_OWN: Final = 1_000_000_000
_SYNTHETIC: Final = 1_000_000_001
_OVERRULING: Final = {_OWN: OWN_CODE, _SYNTHETIC: SYNTHETIC_CODE}


class RuleIndex:
    """Finds the rules of one kind that match a text without asking each of them.

    Args:
        rules: numbers of rules with their matchers.
    """

    __slots__ = ("_by_prefix", "_exact", "_open")

    def __init__(self, rules: Iterable[tuple[int, Matcher]]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._open: list[tuple[int, Callable[[str], bool]]] = []
        by_length: dict[int, dict[str, list[tuple[int, Callable[[str], bool]]]]] = {}
        for number, matcher in rules:
            if matcher.exact is not None:
                for text in matcher.exact:
                    self._exact.setdefault(text, []).append(number)
            elif "" in matcher.prefixes:
                self._open.append((number, matcher.matches))
            else:
                for prefix in matcher.prefixes:
                    of_length = by_length.setdefault(len(prefix), {})
                    of_length.setdefault(prefix, []).append((number, matcher.matches))
        self._by_prefix = tuple(by_length.items())

    def find(self, text: str, found: list[int]) -> None:
        """Append the numbers of matching rules; ``~number`` where matching took too long."""
        found += self._exact.get(text, ())
        candidates = self._open
        for length, rules in self._by_prefix:
            fitting = rules.get(text[:length])
            if fitting is not None:
                candidates = candidates + fitting
        for number, matches in candidates:
            try:
                if matches(text):
                    found.append(number)
            except TimeoutError:
                found.append(~number)


class Profile:
    """What one set of matching rules comes to; shared by all code that matches the same rules.

    Attributes:
        rules: the rules that match, oldest first.
        sources: which rule or default set ``exec``, ``value_default``, ``capture``, ``root``,
            ``sampling`` and ``events``.
    """

    __slots__ = (
        "_build_values",
        "_values",
        "capture",
        "events",
        "root",
        "rules",
        "sampling",
        "source",
        "sources",
        "traces",
    )

    def __init__(
        self,
        rules: tuple[ScopeRule, ...],
        resolved: _Resolved,
        build_values: Callable[[], ValueRules],
    ) -> None:
        self.rules = rules
        self.sources = resolved.sources
        self.traces = resolved.traces
        self.source = resolved.sources["exec"]
        self.capture = resolved.capture
        self.root = resolved.root
        self.sampling = Sampling(**resolved.sampling) if resolved.sampling else None
        self.events = EventRules(**resolved.events) if resolved.events else None
        self._build_values = build_values
        self._values: ValueRules | None = None

    @property
    def values(self) -> ValueRules:
        """The value patterns, compiled when they are first needed."""
        if self._values is None:
            self._values = self._build_values()
        return self._values


class Decision:
    """The answer about one code object, with its reason; see `model.Decision`."""

    __slots__ = ("_module_names", "_qualname", "profile")

    def __init__(self, profile: Profile, module_names: tuple[str, ...], qualname: str) -> None:
        self.profile = profile
        self._module_names = module_names
        self._qualname = qualname

    @property
    def traces(self) -> bool:
        """Whether calls become spans."""
        return self.profile.traces

    @property
    def source(self) -> RuleSource:
        """The rule or default that decided `traces`."""
        return self.profile.source

    @property
    def capture(self) -> frozenset[str] | None:
        """What the winning rule wants captured, or None for the session's default."""
        return self.profile.capture

    @property
    def root(self) -> bool:
        """Whether each call starts its own trace."""
        return self.profile.root

    @property
    def sampling(self) -> Sampling | None:
        """The merged sampling table, or None for "always"."""
        return self.profile.sampling

    @property
    def events(self) -> EventRules | None:
        """The merged events table, or None for "all"."""
        return self.profile.events

    @property
    def walk(self) -> WalkRules | None:
        """``attr`` and ``type`` patterns, or None when there are none."""
        return self.profile.values.walk

    @property
    def content(self) -> ContentRules | None:
        """``value`` patterns, or None when there are none."""
        return self.profile.values.content

    def value_verdict(self, kind: ValueKind, name: str) -> Verdict:
        """Return the answer for a value known by name.

        Args:
            kind: where the value stands.
            name: of the variable. For returns ``<return>``, ``<yield>`` or ``<unwind>`` asks about
                that ending alone, anything else about the strictest of the three.
        """
        if kind.value == "ret":
            return self.profile.values.return_verdict(self._module_names, self._qualname, name)
        return self.profile.values.verdict(kind, name)


class Classifier:
    """A compiled chain; a pure function of the code's identity.

    Args:
        chain: the filters.
        notify: told once about each pattern whose match took too long.

    Attributes:
        rules: of all files, oldest first.
        content_counters: what the ``value`` patterns of all decisions did.
    """

    def __init__(self, chain: FilterChain, notify: Notify | None = None) -> None:
        self.chain = chain
        self._notify = notify
        self._roots = chain.roots
        self._own = expand_placeholder(SELF)
        self.rules = tuple(rule for file in chain.files for rule in file.rules)
        self._file_of = [number for number, file in enumerate(chain.files) for _ in file.rules]
        self._pkg = self._index(SelectorKind.PKG)
        self._obj = self._index(SelectorKind.OBJ)
        self._file = self._index(SelectorKind.FILE)
        self._places = self._index(SelectorKind.FILE, absolute=True)
        self._profiles: dict[tuple[int, ...], Profile] = {}
        self._values: dict[tuple[int, ...], ValueRules] = {}
        self._timeouts: dict[RuleSource, int] = {}
        self.content_counters = ContentCounters()

    def _index(self, kind: SelectorKind, *, absolute: bool = False) -> RuleIndex:
        return RuleIndex(
            (number, rule.matches)
            for number, rule in enumerate(self.rules)
            if rule.selector.kind is kind and rule.absolute is absolute
        )

    def classify(self, identity: CodeIdentity) -> Decision:
        """Return the decision about a code object."""
        return Decision(self.profile(identity), identity.module_names, identity.qualname)

    def profile(self, identity: CodeIdentity) -> Profile:
        """Return what the rules that match a code object come to."""
        matching = self._matching(identity)
        profile = self._profiles.get(matching)
        if profile is None:
            profile = self._profiles[matching] = self._build_profile(matching)
        return profile

    def stats(self) -> dict[str, int]:
        """Return the counters, by name."""
        timeouts = sum(self._timeouts.values()) + self.content_counters.timeouts
        return {"pattern_timeouts": timeouts}

    # matching

    def _matching(self, identity: CodeIdentity) -> tuple[int, ...]:
        """Return the numbers of the matching rules, in order.

        ``~number`` stands for a rule that could not be judged in time; `_OWN` or `_SYNTHETIC` comes
        last when it overrules them all.
        """
        file, qualname = identity.file, identity.qualname
        synthetic = is_synthetic(file)
        path = file if synthetic else normal_path(file)
        found: list[int] = []
        for name in identity.module_names:
            self._pkg.find(name, found)
            self._obj.find(f"{name}.{qualname}" if name else qualname, found)
        self._file.find(file if synthetic else relative_path(path, self._roots), found)
        if not synthetic:
            self._places.find(path, found)
        if found and min(found) < 0:
            self._count_timeouts(found)
        ordered = _in_order(found)
        if synthetic:
            return ordered if self._names_synthetic(ordered) else (*ordered, _SYNTHETIC)
        return (*ordered, _OWN) if self._own.contain(path) else ordered

    def _count_timeouts(self, found: list[int]) -> None:
        for number in found:
            if number < 0:
                self._timed_out(self.rules[~number].source)

    def _names_synthetic(self, matching: tuple[int, ...]) -> bool:
        selectors = [self.rules[index].selector for index in matching if index >= 0]
        return any(
            selector.kind is SelectorKind.FILE and "<" in selector.pattern for selector in selectors
        )

    def _timed_out(self, source: RuleSource) -> None:
        count = self._timeouts.get(source, 0)
        self._timeouts[source] = count + 1
        if count == 0 and self._notify is not None:
            self._notify(
                "filter_pattern_timeout",
                "warning",
                file=source.file,
                line=source.line,
                selector=source.selector,
            )

    # resolving

    def _build_profile(self, matching: tuple[int, ...]) -> Profile:
        numbers = [number for number in matching if number not in _OVERRULING]
        rules = tuple(self._rule(number) for number in numbers)
        resolved = _resolve_scope(self.chain, rules, numbers)
        for number, source in _OVERRULING.items():
            if number in matching:
                resolved.traces, resolved.sources["exec"] = False, source
        relevant = tuple(
            number
            for number, rule in zip(numbers, rules, strict=True)
            if rule.patterns or rule.value_default is not None
        )
        return Profile(rules, resolved, lambda: self._value_rules(relevant))

    def _rule(self, number: int) -> ScopeRule:
        return self.rules[number] if number >= 0 else _fail_closed(self.rules[~number])

    def _value_rules(self, numbers: tuple[int, ...]) -> ValueRules:
        known = self._values.get(numbers)
        if known is None:
            known = self._values[numbers] = self._build_value_rules(numbers)
        return known

    def _build_value_rules(self, numbers: tuple[int, ...]) -> ValueRules:
        action, source = _default_value(self.chain)
        by_file: list[tuple[FilterFile, list[ScopeRule]]] = [
            (file, []) for file in self.chain.files
        ]
        for number in numbers:
            rule = self._rule(number)
            by_file[self._file_of[max(number, ~number)]][1].append(rule)
            if rule.value_default is not None:
                action, source = rule.value_default, rule.source
        return ValueRules(
            newest_first(by_file), Verdict(action, source), self._timed_out, self._compile_content
        )

    def _compile_content(self, patterns: list[ContentPattern]) -> ContentRules:
        return compile_content(patterns, counters=self.content_counters, notify=self._notify)


class _Resolved:
    """The outcome of the exec side of a set of rules."""

    def __init__(self, traces: bool, source: RuleSource) -> None:  # noqa: FBT001 - private
        self.traces = traces
        self.capture: frozenset[str] | None = None
        self.root = False
        self.sampling: dict[str, Any] = {}
        self.events: dict[str, Any] = {}
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
        self._merge("sampling", self.sampling, rule.sampling, rule, number)
        self._merge("events", self.events, rule.events, rule, number)

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


def _resolve_scope(
    chain: FilterChain, rules: Sequence[ScopeRule], numbers: Sequence[int]
) -> _Resolved:
    traces, source = False, chain.files[0].traces_source
    for file in chain.files:
        if file.traces is not None:
            traces, source = file.traces, file.traces_source
    resolved = _Resolved(traces, source)
    for rule, number in zip(rules, numbers, strict=True):
        resolved.apply(rule, max(number, ~number))
    return resolved


def _default_value(chain: FilterChain) -> tuple[Action, RuleSource]:
    action, source = Action.REDACT, chain.files[0].value_source
    for file in chain.files:
        if file.value_default is not None:
            action, source = file.value_default, file.value_source
    return action, source


def _fail_closed(rule: ScopeRule) -> ScopeRule:
    """Return what is left of a rule when nobody knows whether it matches."""
    return replace(
        rule,
        traces=False if rule.traces is False else None,
        value_default=rule.value_default or None,
        capture=None if rule.capture is None else frozenset(),
        root=None,
        sampling={},
        events={},
        patterns=tuple(pattern for pattern in rule.patterns if pattern.action),
    )


def _in_order(found: list[int]) -> tuple[int, ...]:
    found.sort()
    if found and found[0] < 0:
        certain = {number for number in found if number >= 0}
        uncertain = [number for number in found if number < 0 and ~number not in certain]
        found = sorted([*certain, *uncertain], key=lambda number: max(number, ~number))
    return tuple(dict.fromkeys(found))


def compile_chain(chain: FilterChain, notify: Notify | None = None) -> Classifier:
    """Return the classifier of a chain.

    Args:
        chain: from `loader.load_chain`.
        notify: told once about each pattern whose match took too long.
    """
    return Classifier(chain, notify)
