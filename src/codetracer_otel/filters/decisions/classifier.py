"""Compiles a chain into a classifier: what happens to a code object, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.code.paths import is_synthetic, normal_path, relative_path
from codetracer_otel.filters.code.placeholders import SELF, expand_placeholder
from codetracer_otel.filters.decisions.decision import Decision, Profile
from codetracer_otel.filters.decisions.resolution import default_value, fail_closed, resolve_scope
from codetracer_otel.filters.decisions.rule_hits import RuleHits
from codetracer_otel.filters.decisions.rule_index import RuleIndex
from codetracer_otel.filters.decisions.value_rules import ValueRules, newest_first
from codetracer_otel.filters.language.selector import SelectorKind
from codetracer_otel.filters.patterns.patience import Patience
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import ContentCounters, RuleSource, Verdict
from codetracer_otel.main_module import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.filters.language.chain import FilterChain, FilterFile, ScopeRule
    from codetracer_otel.filters.secrets.content_rules import ContentPattern
    from codetracer_otel.filters.types import CodeIdentity, ContentRules, SecretStore
    from codetracer_otel.model.protocols import Notify

OWN_CODE: Final = RuleSource("<builtin:own-code>", 1, "file:literal:@self", "the tracer itself")
SYNTHETIC_CODE: Final = RuleSource(
    "<builtin:synthetic>",
    1,
    "file:<...>",
    "code without a file; a rule that names it, such as file:literal:<string>, traces it",
)

FROZEN_CODE: Final = RuleSource(
    "<builtin:frozen>", 1, "file:<frozen ...>", "the interpreter's own import system"
)

# Numbers of what overrules every rule; real rules count from 0.
_OWN: Final = 1_000_000_000
_SYNTHETIC: Final = 1_000_000_001
_FROZEN: Final = 1_000_000_002
_OVERRULING: Final = {_OWN: OWN_CODE, _SYNTHETIC: SYNTHETIC_CODE, _FROZEN: FROZEN_CODE}


class Classifier:
    """A compiled chain; a pure function of the code's identity.

    Args:
        chain: the filters.
        notify: told once about each pattern whose match took too long.
        known: the known secrets of the session; None where none are learned.

    Attributes:
        rules: of all files, oldest first.
        hits: what the rules matched so far.
        content_counters: what the ``value`` patterns of all decisions did.
    """

    def __init__(
        self, chain: FilterChain, notify: Notify | None = None, known: SecretStore | None = None
    ) -> None:
        self.chain = chain
        self.known = known
        self._notify = notify
        self._roots = chain.roots
        self._program_files = chain.program_files
        self._own = expand_placeholder(SELF)
        self.rules = tuple(rule for file in chain.files for rule in file.rules)
        self._file_of = [number for number, file in enumerate(chain.files) for _ in file.rules]
        self._pkg = self._index(SelectorKind.PKG)
        self._obj = self._index(SelectorKind.OBJ)
        self._file = self._index(SelectorKind.FILE)
        self._places = self._index(SelectorKind.FILE, absolute=True)
        self.hits = RuleHits(self.rules, self._roots)
        self._profiles: dict[tuple[int, ...], Profile] = {}
        self._values: dict[tuple[int, ...], ValueRules] = {}
        self._patience = Patience(notify, "filter_pattern_timeout")
        self.content_counters = ContentCounters()
        self._on_replaced: list[Callable[[], object]] = []

    def when_replaced(self, forget: Callable[[], object]) -> None:
        """Call ``forget`` whenever another chain takes this one's place: decisions are stale."""
        self._on_replaced.append(forget)

    def become(self, other: Classifier) -> None:
        """Answer by ``other``'s chain from now on, for everybody who holds this classifier."""
        listeners = self._on_replaced
        # one step in C: no thread sees the rules of one chain beside those of the other
        self.__dict__.update({**vars(other), "_on_replaced": listeners})
        for forget in listeners:
            forget()

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
        is_foreign = not profile.traces and profile.source.file.startswith("<builtin:")
        self.hits.count(matching, identity, is_foreign=is_foreign)
        return profile

    def stats(self) -> dict[str, int]:
        """Return the counters, by name."""
        timeouts = self._patience.timeouts + self.content_counters.timeouts
        return {"pattern_timeouts": timeouts}

    # matching

    def _matching(self, identity: CodeIdentity) -> tuple[int, ...]:
        """Return the numbers of the matching rules, in order.

        ``~number`` stands for a rule that could not be judged in time; `_OWN`, `_SYNTHETIC` or
        `_FROZEN` comes last when it overrules them all.
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
        for number in found:
            if number < 0:
                self._patience.timed_out(self.rules[~number].source)
        ordered = _in_order(found)
        if synthetic:
            is_program = file in self._program_files and MAIN in identity.module_names
            is_judged = is_program or self._names_synthetic(ordered)
            overruling = _FROZEN if file.startswith("<frozen ") else _SYNTHETIC
            return ordered if is_judged else (*ordered, overruling)
        return (*ordered, _OWN) if self._own.contain(path) else ordered

    def _names_synthetic(self, matching: tuple[int, ...]) -> bool:
        selectors = [self.rules[index].selector for index in matching if index >= 0]
        return any(
            selector.kind is SelectorKind.FILE and "<" in selector.pattern for selector in selectors
        )

    # resolving

    def _build_profile(self, matching: tuple[int, ...]) -> Profile:
        numbers = [number for number in matching if number not in _OVERRULING]
        rules = tuple(self._rule(number) for number in numbers)
        resolved = resolve_scope(self.chain, rules, numbers)
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
        return self.rules[number] if number >= 0 else fail_closed(self.rules[~number])

    def _value_rules(self, numbers: tuple[int, ...]) -> ValueRules:
        known = self._values.get(numbers)
        if known is None:
            known = self._values[numbers] = self._build_value_rules(numbers)
        return known

    def _build_value_rules(self, numbers: tuple[int, ...]) -> ValueRules:
        action, source = default_value(self.chain)
        by_file: list[tuple[FilterFile, list[ScopeRule]]] = [
            (file, []) for file in self.chain.files
        ]
        for number in numbers:
            rule = self._rule(number)
            by_file[self._file_of[max(number, ~number)]][1].append(rule)
            if rule.value_default is not None:
                action, source = rule.value_default, rule.source
        return ValueRules(
            newest_first(by_file), Verdict(action, source), self._patience, self._compile_content
        )

    def _compile_content(self, patterns: list[ContentPattern]) -> ContentRules | None:
        if not patterns and self.known is None:
            return None
        return compile_content(
            patterns, counters=self.content_counters, notify=self._notify, known=self.known
        )


def _in_order(found: list[int]) -> tuple[int, ...]:
    found.sort()
    if found and found[0] < 0:
        certain = {number for number in found if number >= 0}
        uncertain = [number for number in found if number < 0 and ~number not in certain]
        found = sorted([*certain, *uncertain], key=lambda number: max(number, ~number))
    return tuple(dict.fromkeys(found))


def compile_chain(
    chain: FilterChain, notify: Notify | None = None, known: SecretStore | None = None
) -> Classifier:
    """Return the classifier of a chain.

    Args:
        chain: from `loader.load_chain`.
        notify: told once about each pattern whose match took too long.
        known: the known secrets of the session; None where none are learned.
    """
    return Classifier(chain, notify, known)
