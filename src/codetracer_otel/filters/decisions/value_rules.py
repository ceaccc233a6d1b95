"""Which action applies to a value: patterns from the newest matching rule to the oldest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.language.selector import MatchType, SelectorKind
from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.types import Action, ValueKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetracer_otel.filters.language.chain import FilterFile, ScopeRule, ValuePattern
    from codetracer_otel.filters.patterns.patience import Patience
    from codetracer_otel.filters.types import ContentRules, RuleSource

YIELD: Final = "<yield>"
UNWIND: Final = "<unwind>"
_REMEMBERED_NAMES: Final = 1024
_REMEMBERED_LENGTH: Final = 128

_VALUE_KIND: Final = {
    SelectorKind.ARG: ValueKind.ARG,
    SelectorKind.LOCAL: ValueKind.LOCAL,
    SelectorKind.GLOBAL: ValueKind.GLOBAL,
    SelectorKind.RET: ValueKind.RETURN,
}
_OTHER_KIND: Final = {ValueKind.ARG: ValueKind.LOCAL, ValueKind.LOCAL: ValueKind.ARG}
_WALK_KINDS: Final = (SelectorKind.ATTR, SelectorKind.TYPE)


@dataclass(frozen=True, slots=True)
class Floor:
    """A default that older patterns may only make stricter."""

    action: Action
    source: RuleSource


@dataclass(frozen=True, slots=True)
class Step:
    """One pattern with the default that newer rules and files have set over it."""

    pattern: ValuePattern
    floor: Floor | None

    @property
    def is_inert(self) -> bool:
        """Whether the pattern would loosen a newer default, so that it never decides."""
        return (
            self.floor is not None
            and self.floor.action is not Action.ALLOW
            and self.pattern.action is Action.ALLOW
        )


def newest_first(files: Sequence[tuple[FilterFile, Sequence[ScopeRule]]]) -> tuple[Step, ...]:
    """Return the patterns of matching rules, from the newest rule to the oldest.

    Args:
        files: every file with those of its rules that match, oldest first.
    """
    return tuple(_steps(files))


def _steps(files: Sequence[tuple[FilterFile, Sequence[ScopeRule]]]) -> Iterator[Step]:
    floor: Floor | None = None
    for file, rules in reversed(files):
        for rule in reversed(rules):
            for pattern in rule.patterns:
                yield Step(pattern, floor)
            if floor is None and rule.value_default is not None:
                floor = Floor(rule.value_default, rule.source)
        if floor is None and file.value_default is not None:
            floor = Floor(file.value_default, file.value_source)


class ValueRules:
    """The value patterns of one set of matching rules; built once and shared by decisions.

    Args:
        steps: from `newest_first`.
        default: the answer for what no pattern hits.
        patience: told of a pattern whose match took too long.
        compile_content: makes rules of ``value`` patterns, or None where none are needed.
    """

    __slots__ = ("_cross", "_default", "_own", "_patience", "attribute_rules", "text_rules")

    def __init__(
        self,
        steps: tuple[Step, ...],
        default: Verdict,
        patience: Patience,
        compile_content: Callable[[list[ContentPattern]], ContentRules | None],
    ) -> None:
        self._default = default
        self._patience = patience
        self._own: dict[ValueKind, list[Step]] = {kind: [] for kind in ValueKind}
        self._cross: dict[ValueKind, list[Step]] = {}
        for step in steps:
            kind = _VALUE_KIND.get(step.pattern.selector.kind)
            if kind is not None:
                self._own[kind].append(step)
        for kind, other in _OTHER_KIND.items():
            self._cross[kind] = _cross_steps(self._own[kind], self._own[other])
        self.attribute_rules = _compile_walk(steps, patience)
        content = _content_patterns(steps)
        self.text_rules = compile_content(content)

    def verdict(self, kind: ValueKind, name: str) -> Verdict:
        """Return the answer for an argument, local or global."""
        for step in self._own[kind]:
            if _hits(step.pattern, name, self._patience):
                return _resolve(step)
        for step in self._cross.get(kind, ()):
            if _hits(step.pattern, name, self._patience):
                return _stricter(_resolve(step), self._default)
        return self._default

    def return_verdict(self, module_names: Sequence[str], qualname: str, ending: str) -> Verdict:
        """Return the answer for returns, yields and exceptions of a function.

        Args:
            module_names: every name of its module.
            qualname: of the function.
            ending: ``<yield>`` or ``<unwind>`` for one of those, ``<return>`` for plain returns,
                anything else for the strictest of the three.
        """
        steps = self._own[ValueKind.RETURN]
        if ending in (YIELD, UNWIND, "<return>"):
            return self._return_verdict(steps, module_names, qualname, ending)
        verdict = self._return_verdict(steps, module_names, qualname, "")
        for literal in (YIELD, UNWIND):
            if any(step.pattern.pattern == literal for step in steps):
                other = self._return_verdict(steps, module_names, qualname, literal)
                verdict = _stricter(other, verdict)
        return verdict

    def _return_verdict(
        self, steps: Sequence[Step], module_names: Sequence[str], qualname: str, ending: str
    ) -> Verdict:
        names = [f"{module}.{qualname}" for module in module_names] or [qualname]
        last_name = qualname.rpartition(".")[2]
        for step in steps:
            pattern = step.pattern
            if pattern.selector.match is MatchType.WORDS:
                candidates: Sequence[str] = (last_name,)
            elif pattern.pattern in (YIELD, UNWIND):
                candidates = (ending,)
            else:
                candidates = names
            if any(_hits(pattern, name, self._patience) for name in candidates):
                return _resolve(step)
        return self._default


def _cross_steps(own: Sequence[Step], other: Sequence[Step]) -> list[Step]:
    """Return the steps of the other kind that can make a value of the own kind stricter."""
    # A predicate that missed under the value's own kind would miss again.
    tried = {id(step.pattern.matches) for step in own}
    return [
        step
        for step in other
        if step.pattern.action is not Action.ALLOW and id(step.pattern.matches) not in tried
    ]


def _hits(pattern: ValuePattern, name: str, patience: Patience) -> bool:
    assert pattern.matches is not None
    # Fail closed: what could not be judged is not shown.
    if patience.given_up and pattern.source in patience.given_up:
        return pattern.action is not Action.ALLOW
    try:
        return pattern.matches.matches(name)
    except TimeoutError:
        patience.timed_out(pattern.source)
        return pattern.action is not Action.ALLOW


def _resolve(step: Step) -> Verdict:
    floor, pattern = step.floor, step.pattern
    if floor is not None and floor.action > pattern.action:
        return Verdict(floor.action, floor.source)
    return Verdict(pattern.action, pattern.source, is_by_name=bool(pattern.pattern.strip("*")))


def _stricter(first: Verdict, second: Verdict) -> Verdict:
    return first if first.action >= second.action else second


# ------------------------------------------------------------------------- inside a value


class CompiledWalk:
    """The ``attr`` and ``type`` patterns of one set of matching rules; see `model.WalkRules`."""

    __slots__ = ("_attributes", "_known", "_known_types", "_patience", "_types")

    def __init__(
        self,
        attributes: tuple[ValuePattern, ...],
        types: tuple[ValuePattern, ...],
        patience: Patience,
    ) -> None:
        self._attributes = attributes
        self._types = types
        self._patience = patience
        self._known: dict[str, Action] = {}
        self._known_types: dict[str, ValuePattern | None] = {}

    @property
    def has_type_patterns(self) -> bool:
        """Whether `type_action` can ever answer anything but ALLOW."""
        return any(pattern.action is not Action.ALLOW for pattern in self._types)

    @property
    def has_repr_patterns(self) -> bool:
        """Whether `allows_repr` can ever answer True."""
        return any(pattern.allows_repr for pattern in self._types)

    def attribute_action(self, name: str) -> Action:
        """Return the action for a mapping key or attribute name."""
        action = self._known.get(name)
        if action is None:
            pattern = self.attribute_pattern(name)
            action = Action.ALLOW if pattern is None else pattern.action
            _remember(self._known, name, action)
        return action

    def attribute_pattern(self, name: str) -> ValuePattern | None:
        """Return the ``attr`` pattern that decides about a key, or None."""
        return self._first(self._attributes, name)

    def type_action(self, type_name: str) -> Action:
        """Return the action for ``module.QualName`` of a value's class."""
        pattern = self.type_pattern(type_name)
        return Action.ALLOW if pattern is None else pattern.action

    def allows_repr(self, type_name: str) -> bool:
        """Return whether the type's own ``__repr__`` may run."""
        pattern = self.type_pattern(type_name)
        return pattern is not None and pattern.allows_repr and pattern.action is Action.ALLOW

    def type_pattern(self, type_name: str) -> ValuePattern | None:
        """Return the ``type`` pattern that decides about a class, or None."""
        if type_name in self._known_types:
            return self._known_types[type_name]
        pattern = self._first(self._types, type_name)
        _remember(self._known_types, type_name, pattern)
        return pattern

    def _first(self, patterns: tuple[ValuePattern, ...], name: str) -> ValuePattern | None:
        for pattern in patterns:
            if _hits(pattern, name, self._patience):
                return pattern
        return None


def _remember[T](known: dict[str, T], name: str, answer: T) -> None:
    if len(name) > _REMEMBERED_LENGTH:
        return
    if len(known) >= _REMEMBERED_NAMES:
        known.clear()
    known[name] = answer


def _compile_walk(steps: tuple[Step, ...], patience: Patience) -> CompiledWalk | None:
    attributes, types = (
        tuple(
            step.pattern
            for step in steps
            if step.pattern.selector.kind is kind and not step.is_inert
        )
        for kind in _WALK_KINDS
    )
    return CompiledWalk(attributes, types, patience) if attributes or types else None


def _content_patterns(steps: tuple[Step, ...]) -> list[ContentPattern]:
    return [
        ContentPattern(
            step.pattern.content_match,
            step.pattern.pattern,
            step.pattern.action,
            step.pattern.source,
        )
        for step in steps
        if step.pattern.selector.kind is SelectorKind.VALUE and not step.is_inert
    ]
