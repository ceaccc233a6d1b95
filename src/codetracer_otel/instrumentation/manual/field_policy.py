"""Decides what a hand-written span may say: names by its code's filter, texts by their shape."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.filters.types import Action, CodeIdentity, ValueKind, learn_nothing
from codetracer_otel.instrumentation.spans.traced_code import forget_in
from codetracer_otel.instrumentation.values.adjacent_secrets import (
    is_secret_name,
    without_named_secret,
)
from codetracer_otel.model.value import DROPPED, REDACTED_NODE, Captured, Node
from codetracer_otel.model.value_texts import map_texts, texts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import CodeType

    from codetracer_otel.filters.decisions.decision import Decision
    from codetracer_otel.filters.types import ContentRules, Learn, WalkRules

_LONGEST_KEY: Final = 256

# What becomes of texts, each by itself and whether its end was cut off.
Changes = dict[tuple[str, bool], str]


class FieldPolicy:
    """The filter's answer about the code that writes a span.

    Args:
        decision: about this code; whether it is traced does not matter here.
        capture: makes a bounded captured value of anything, by the decision's walk rules.
        learn: takes what is hidden because of its name.
        where: of the code, for people.
    """

    __slots__ = (
        "_argument_actions",
        "_decision",
        "_field_action",
        "_learn",
        "_where",
        "capture",
        "text_rules",
    )

    def __init__(
        self,
        decision: Decision,
        capture: Callable[[object], Captured],
        learn: Learn = learn_nothing,
        where: str = "",
    ) -> None:
        self._learn = learn
        self._where = where
        self._decision = decision
        self._argument_actions: dict[str, Action] = {}  # parameters: as many as the code names
        self._field_action = (
            _everything
            if decision.attribute_rules is None
            else decision.attribute_rules.attribute_action
        )
        self.capture = capture
        self.text_rules = decision.text_rules

    @property
    def hides_messages(self) -> bool:
        """Whether the text of an exception is kept back, as the function's return value is."""
        return self._decision.value_verdict(ValueKind.RETURN, "").action is not Action.ALLOW

    def fields(self, values: Iterable[tuple[str, object]]) -> dict[str, Captured]:
        """Return the fields that may be said, each captured now."""
        return self._judged(values, self._field_action)

    def arguments(self, values: Iterable[tuple[str, object]]) -> dict[str, Captured]:
        """Return the arguments that may be said, each captured now."""
        return self._judged(values, self._argument_action)

    def _judged(
        self, values: Iterable[tuple[str, object]], action_for: Callable[[str], Action]
    ) -> dict[str, Captured]:
        judged: dict[str, Captured] = {}
        capture, allowed = self.capture, Action.ALLOW
        for name, value in values:
            action = action_for(name)
            if action is not Action.DROP:
                key = name if type(name) is str else str.__str__(name)
                if len(key) > _LONGEST_KEY:
                    key = self._cut(key)
                judged[key] = capture(value) if action is allowed else REDACTED_NODE
                if action is not allowed:
                    self._learn(value, (f"attribute {key}", self._where))
        return self._without_told(judged)

    def _cut(self, key: str) -> str:
        """Return the beginning of a key, judged while its end can be seen."""
        rules = self.text_rules
        return (key if rules is None else rules.redact_texts([key])[0])[:_LONGEST_KEY]

    def _without_told(self, judged: dict[str, Captured]) -> dict[str, Captured]:
        """Hide what a neighbour names as a secret: ``header="X-Api-Key", value=...``."""
        attribute_rules, pairs = self._decision.attribute_rules, tuple(judged.items())
        shown = without_named_secret(
            tuple(judged),
            pairs,
            lambda name: is_secret_name(name, attribute_rules),
            self._learn,
        )
        return judged if shown is pairs else dict(shown)

    def _argument_action(self, name: str) -> Action:
        action = self._argument_actions.get(name)
        if action is None:
            verdict = self._decision.value_verdict(ValueKind.ARG, name)
            action = max(verdict.action, self._field_action(name))
            self._argument_actions[name] = action
        return action


def _everything(_name: str) -> Action:
    return Action.ALLOW


class _Known(NamedTuple):
    reference: weakref.ref[CodeType]
    field_policy: FieldPolicy


class FieldPolicies:
    """Answers about code objects, each decided once.

    Args:
        classify: the compiled filter.
        identify: says what a code object is judged by, from it and what its module calls itself.
        build_capture: returns the value capture for a set of walk rules.
        learn: takes what is hidden because of its name.
    """

    def __init__(
        self,
        classify: Callable[[CodeIdentity], Any],
        identify: Callable[[CodeType, str | None], CodeIdentity],
        build_capture: Callable[[WalkRules | None], Callable[[object], Captured]],
        learn: Learn = learn_nothing,
    ) -> None:
        self._learn = learn
        self._classify = classify
        self._identify = identify
        self._build_capture = build_capture
        self._known: dict[int, _Known] = {}

    def forget(self) -> None:
        """Decide anew about everything: the filter is another one."""
        self._known = {}

    def about(self, code: CodeType, namespace: Mapping[str, Any]) -> FieldPolicy:
        """Return the answer about ``code``, whose globals are ``namespace``."""
        policies = self._known  # `forget` puts another one into its place, and this may be stale
        known = policies.get(id(code))
        if known is not None and known.reference() is code:
            return known.field_policy
        hint = namespace.get("__name__")
        identity = self._identify(code, hint if type(hint) is str else None)
        field_policy = self._judge(identity, code.co_firstlineno)
        # by identity: equality of code objects ignores the file that a rule is about
        reference = weakref.ref(code, forget_in(policies, id(code)))
        policies[id(code)] = _Known(reference, field_policy)
        return field_policy

    def _judge(self, identity: CodeIdentity, line: int) -> FieldPolicy:
        decision = self._classify(identity)
        where = f" at {identity.file}:{line}"
        return FieldPolicy(
            decision, self._build_capture(decision.attribute_rules), self._learn, where
        )


def changed_texts(values: Sequence[Captured], rules: ContentRules | None) -> Changes:
    """Return what becomes of the texts in captured values that hold a secret of a known shape.

    Empty, as almost always, where no text changes.
    """
    if rules is None:
        return {}
    plain = [value for value in values if type(value) is str]
    inner = [text for value in values if type(value) is Node for text in texts_in(value)]
    if inner or rules.has_drops:
        return _changed([*[(text, False) for text in plain], *inner], rules)
    texts = list(dict.fromkeys(plain))
    shown = rules.redact_texts(texts)
    if shown == texts:
        return {}
    return {(old, False): new for old, new in zip(texts, shown, strict=True) if new != old}


def _changed(found: list[tuple[str, bool]], rules: ContentRules) -> Changes:
    texts = list(dict.fromkeys(found))
    redacted = rules.redact_texts([text for text, _ in texts], [cut for _, cut in texts])
    changed = {
        original: result
        for original, result in zip(texts, redacted, strict=True)
        if result != original[0]
    }
    dropped = {(text, cut): DROPPED for text, cut in texts if rules.drops(text, is_cut=cut)}
    return changed | dropped


def shown_text(text: str, changes: Changes, *, is_cut: bool = False) -> str:
    """Return a text without its secrets."""
    return changes.get((text, is_cut), text)


def shown_value(value: Captured, changes: Changes) -> Captured:
    """Return a captured value without its secrets; the same object where it has none."""
    return map_texts(value, lambda text, cut: changes.get((text, cut), text))


def redact_content(values: Sequence[Captured], rules: ContentRules | None) -> list[Captured]:
    """Return captured values without the secrets that have a known shape."""
    changes = changed_texts(values, rules)
    return [shown_value(value, changes) for value in values] if changes else list(values)
