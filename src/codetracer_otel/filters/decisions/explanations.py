"""Explains what a chain does to code and its values, with every reason, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.filters.code.source_code import variables_of
from codetracer_otel.filters.decisions.adjacent_names import names_something
from codetracer_otel.filters.language.lint import find_slips
from codetracer_otel.filters.types import CAPTURED_AS, Action, CodeIdentity, ValueKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    from codetracer_otel.filters.decisions.classifier import Classifier
    from codetracer_otel.filters.decisions.decision import Decision
    from codetracer_otel.filters.language.chain import FilterChain, ScopeRule
    from codetracer_otel.filters.types import RuleSource

DEFAULT_CAPTURE: Final = frozenset(("args", "return"))


@dataclass(frozen=True, slots=True)
class ValueExplanation:
    """What happens to one named value, and why.

    Attributes:
        kind: ``arg``, ``local``, ``global``, ``ret`` or ``attr``.
        captured: whether values of this kind are read at all.
        only_at_error: they are read only where an exception leaves the call.
        naming: arguments of which each hides this value, a result, where it names a secret.
    """

    kind: str
    name: str
    action: Action
    source: RuleSource
    captured: bool
    only_at_error: bool = False
    naming: tuple[str, ...] = ()

    @property
    def leaves(self) -> bool:
        """Whether the value would leave the process."""
        return self.captured and self.action is Action.ALLOW


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happens to one code object, and why.

    Attributes:
        matching: every rule that matches, oldest first.
        settings: which rule set ``capture``, ``root``, ``sampling`` and so on.
        hints: usual slips in rules that do not match.
    """

    identity: CodeIdentity
    line: int
    traces: bool
    source: RuleSource
    matching: tuple[ScopeRule, ...]
    settings: dict[str, tuple[str, RuleSource]]
    values: tuple[ValueExplanation, ...]
    hints: tuple[str, ...]


def explain_code(
    classifier: Classifier,
    module_names: tuple[str, ...],
    file: str,
    code: CodeType,
    asked: Iterable[str] = (),
) -> Explanation:
    """Explain one code object.

    Args:
        classifier: the compiled chain.
        module_names: every name of its module.
        file: absolute path.
        code: the code object.
        asked: further names to judge, as keys inside values too.
    """
    identity = CodeIdentity(module_names, file, code.co_qualname)
    decision = classifier.classify(identity)
    matching = decision.profile.rules
    sources = {rule.source for rule in matching}
    missed = [rule for rule in classifier.rules if rule.source not in sources]
    return Explanation(
        identity,
        code.co_firstlineno,
        decision.traces,
        decision.source,
        matching,
        {
            **(_tail(classifier.chain) if decision.traces else {}),
            **_settings(decision),
            **(_fold(classifier.chain) if decision.traces else {}),
        },
        tuple(_values(decision, code, tuple(asked))),
        tuple(find_slips(missed, identity, classifier.chain.roots)),
    )


_ERRORS_ONLY: Final = "errors only"


def _settings(decision: Decision) -> dict[str, tuple[str, RuleSource]]:
    shown = {
        "capture": ", ".join(sorted(decision.capture or ())) or "nothing",
        "root": "each call starts its own trace" if decision.root else "no",
        "always": "a bound on the overhead leaves it alone" if decision.always else "no",
        "objects": "fields" if decision.reads_objects else "type",
        "measure": "every call is counted and timed" if decision.measures else "no",
        "sampling": _fields(decision.sampling),
        "events": _fields(decision.events),
        "tail": _fields(decision.tail) or _ERRORS_ONLY,
    }
    sources = decision.profile.sources
    return {key: (text, sources[key]) for key, text in shown.items() if key in sources}


def _tail(chain: FilterChain) -> dict[str, tuple[str, RuleSource]]:
    rules, source = chain.tail, chain.tail_source
    return (
        {}
        if rules is None or source is None
        else {"tail": (_fields(rules) or _ERRORS_ONLY, source)}
    )


def _fold(chain: FilterChain) -> dict[str, tuple[str, RuleSource]]:
    rules, source = chain.fold, chain.fold_source
    if rules is None or source is None:
        return {}
    shortest = f"{rules.shorter_than_ns / 1000:g} us"
    text = f"after {rules.after} calls below one parent, what is shorter than {shortest}"
    return {"fold": (text, source)}


def _fields(rules: Any) -> str:
    if rules is None:
        return ""
    default = type(rules)()
    names = [name for name in type(rules).__slots__ if name != "rule_id"]
    changed = [name for name in names if getattr(rules, name) != getattr(default, name)]
    return ", ".join(_as_written(name, getattr(rules, name)) for name in changed)


def _as_written(name: str, value: Any) -> str:
    """Return a setting as a filter has it: times in ms."""
    if name.endswith("_ns"):
        return f"{name.removesuffix('_ns')}_ms={value / 1_000_000:g}"
    return f"{name}={value!r}"


def _values(decision: Decision, code: CodeType, asked: tuple[str, ...]) -> list[ValueExplanation]:
    names = variables_of(code)
    found = [_value(decision, ValueKind.ARG, name) for name in names.arguments]
    found += [_value(decision, ValueKind.LOCAL, name) for name in names.locals]
    found += [_value(decision, ValueKind.GLOBAL, name) for name in names.globals]
    found.append(_result(decision, names.arguments))
    for name in asked:
        kinds = (ValueKind.ARG, ValueKind.LOCAL, ValueKind.GLOBAL)
        found += [_value(decision, kind, name) for kind in kinds]
        found.append(_key(decision, name))
    return list(dict.fromkeys(found))


def _value(decision: Decision, kind: ValueKind, name: str) -> ValueExplanation:
    verdict = decision.value_verdict(kind, name)
    capture = DEFAULT_CAPTURE if decision.capture is None else decision.capture
    captured = decision.traces and not CAPTURED_AS[kind].isdisjoint(capture)
    only_at_error = captured and kind is ValueKind.LOCAL and "locals" not in capture
    return ValueExplanation(
        kind.value, name, verdict.action, verdict.source, captured, only_at_error
    )


def _result(decision: Decision, arguments: Iterable[str]) -> ValueExplanation:
    result = _value(decision, ValueKind.RETURN, "<return>")
    verdict = decision.value_verdict(ValueKind.RETURN, "")
    captures = DEFAULT_CAPTURE if decision.capture is None else decision.capture
    is_judged = decision.attribute_rules is not None and not verdict.is_by_name
    if not (is_judged and result.leaves and "args" in captures):
        return result
    shown = [
        name
        for name in arguments
        if names_something(name)
        and decision.value_verdict(ValueKind.ARG, name).action is Action.ALLOW
    ]
    return replace(result, naming=tuple(shown))


def _key(decision: Decision, name: str) -> ValueExplanation:
    attribute_rules = decision.profile.values.attribute_rules
    pattern = attribute_rules.attribute_pattern(name) if attribute_rules is not None else None
    if pattern is None:
        nothing = decision.value_verdict(ValueKind.ARG, "").source
        return ValueExplanation("attr", name, Action.ALLOW, nothing, decision.traces)
    return ValueExplanation("attr", name, pattern.action, pattern.source, decision.traces)
