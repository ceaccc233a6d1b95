"""Turns the decision about a code object into the recorder's plan, once per code object."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Paths
from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.filters.types import (
    CAPTURED_AS,
    Action,
    CodeIdentity,
    ValueKind,
    is_nobodys,
    learn_nothing,
)
from codetracer_otel.instrumentation.values.frame_variables import CO_OPTIMIZED
from codetracer_otel.model.bounds import DEFAULT_BOUNDS
from codetracer_otel.model.probability import ratio_bound
from codetracer_otel.model.record import NOT_CAPTURED, Plan, Variable
from codetracer_otel.model.value import DROPPED_NODE, REDACTED_NODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

    from codetracer_otel.filters.decisions.classifier import Classifier
    from codetracer_otel.filters.decisions.decision import Decision
    from codetracer_otel.filters.types import Learn, RuleSource, Sampling, Verdict
    from codetracer_otel.model.bounds import SpanBounds
    from codetracer_otel.model.record import NotCaptured
    from codetracer_otel.model.value import Node

_KINDS: Final = (
    (inspect.CO_ASYNC_GENERATOR, "async_generator"),
    (inspect.CO_COROUTINE, "coroutine"),
    (inspect.CO_ITERABLE_COROUTINE, "coroutine"),
    (inspect.CO_GENERATOR, "generator"),
)
_PREFIXES: Final = {
    ValueKind.ARG: "codetracer.arg.",
    ValueKind.LOCAL: "codetracer.local.",
    ValueKind.GLOBAL: "codetracer.global.",
}
_RETURN_VERDICTS: Final = {Action.REDACT: REDACTED_NODE, Action.DROP: DROPPED_NODE}


@dataclass(frozen=True, slots=True)
class PlannedCode:
    """A plan with what only the Python recorder wants to know.

    Attributes:
        plan: pure data.
        judge_keyword: answers for a key of ``**kwargs`` as for an argument of that name.
        keywords_name: name of the ``**kwargs`` variable, or None.
        learn: takes what is hidden because of its name.
        is_secret_keyword: whether a key of ``**kwargs`` is hidden because of its name.
        module_hint: what the module calls itself, to plan the code again without a frame.
        told_plan: of a call whose argument names a secret, which its result then is if it holds
            text; None where a rule shows the result, or none is captured.
    """

    plan: Plan
    judge_keyword: Callable[[str], Action]
    keywords_name: str | None
    learn: Learn = learn_nothing
    is_secret_keyword: Callable[[str], bool] = bool
    module_hint: str | None = None
    told_plan: Plan | None = None


class PlanBuilder:
    """Asks the classifier about code objects and plans those that are traced.

    Args:
        classifier: the compiled filter chain.
        identify: says what a code object is judged by, from it and what its module calls itself.
        capture: what is captured where no rule says: of args, return, locals, globals,
            error_locals.
        on_skip: told of each skipped code object's deciding rule.
        shown_path: returns how a file's path is written in spans.
        bounds: how much of a span is delivered.
        tells_ratios: whether a ratio of traces is all that decides about the calls of its rule.

    Attributes:
        learns: whether what is hidden because of its name becomes a known secret.
        learn: takes it.
    """

    def __init__(
        self,
        classifier: Classifier,
        identify: Callable[[CodeType, str | None], CodeIdentity],
        capture: frozenset[str],
        on_skip: Callable[[RuleSource], None],
        shown_path: Callable[[str], str] = str,
        bounds: SpanBounds = DEFAULT_BOUNDS,
        *,
        tells_ratios: bool = True,
    ) -> None:
        self._bounds = bounds
        self._tells_ratios = tells_ratios
        self._classifier = classifier
        self.learns = classifier.known is not None
        self.learn: Learn = learn_nothing if classifier.known is None else classifier.known.learn
        self._identify = identify
        self._capture = capture
        self._on_skip = on_skip
        self._shown_path = shown_path

    def build(self, code: CodeType, frame: FrameType) -> PlannedCode | None:
        """Return the plan for ``code``, first seen in ``frame``, or None to skip it."""
        return self.build_again(code, module_hint(frame))

    def build_again(self, code: CodeType, hint: str | None) -> PlannedCode | None:
        """Return the plan for ``code`` whose module calls itself ``hint``, or None to skip it."""
        if is_nobodys(code):
            return None
        identity = self._identify(code, hint)
        decision = self._classifier.classify(identity)
        if not decision.traces:
            self._on_skip(decision.source)
            return None
        return self._plan(code, identity, decision, hint)

    def _plan(
        self, code: CodeType, identity: CodeIdentity, decision: Decision, hint: str | None
    ) -> PlannedCode:
        capture = self._capture if decision.capture is None else decision.capture
        file = self._shown_path(identity.file)
        where = f" at {file}:{code.co_firstlineno}" if self.learns else ""
        arguments = _variables(decision, ValueKind.ARG, _argument_names(code), capture, where)
        result = _result(decision, identity.qualname, capture)
        keywords = _keywords_name(code)
        local_values = _variables(decision, ValueKind.LOCAL, _local_names(code), capture, where)
        global_values = _variables(decision, ValueKind.GLOBAL, code.co_names, capture, where)
        is_read_at_error = bool(local_values) and "locals" not in capture
        each_call = () if is_read_at_error else local_values
        plan = Plan(
            name=_span_name(identity),
            function_name=shown_function_name(identity),
            file=file,
            line=code.co_firstlineno,
            kind=kind_of(code),
            arguments=arguments,
            argument_names=tuple(v.name for v in arguments if not v.redacted),
            captures_return=result is None,
            fixed_result=NOT_CAPTURED if result is None else result,
            result_place=_result_place(decision, result, identity.qualname, where),
            locals=local_values,
            locals_on_error=is_read_at_error,
            globals=global_values,
            attribute_rules=decision.attribute_rules,
            text_rules=decision.text_rules,
            sampling=decision.sampling,
            sampling_ratio=1.0 if decision.sampling is None else decision.sampling.ratio,
            events=decision.events,
            root=decision.root,
            always=decision.always,
            tail=decision.tail,
            redactions=_redactions(arguments, each_call, global_values, result),
            rule=f"{decision.source.file}:{decision.source.line}",
            bounds=self._bounds,
            ratio_bound=told_bound(decision.sampling) if self._tells_ratios else None,
        )
        return PlannedCode(
            plan=plan,
            judge_keyword=_keyword_judge(decision),
            keywords_name=keywords,
            learn=self.learn,
            is_secret_keyword=_secret_keywords(decision),
            module_hint=hint,
            told_plan=_told_plan(decision, plan, where),
        )


def told_bound(sampling: Sampling | None) -> int | None:
    """Return the bound of a share of traces, where nothing else decides what is kept."""
    if sampling is None or sampling.ratio >= 1.0 or sampling.per_span:
        return None
    others = sampling.first or sampling.min_duration_ns or sampling.max_per_second is not None
    return None if others else ratio_bound(sampling.ratio)


def kind_of(code: CodeType) -> str:
    """Return ``codetracer.kind`` of a code object."""
    for flag, kind in _KINDS:
        if code.co_flags & flag:
            return kind
    if code.co_flags & CO_OPTIMIZED:
        return "function"
    return "module" if code.co_name == "<module>" else "class"


def module_hint(frame: FrameType) -> str | None:
    """Return what the module of a frame calls itself."""
    namespace = frame.f_globals
    hint = dict.get(namespace, "__name__")
    return hint if type(hint) is str else None


def _span_name(identity: CodeIdentity) -> str:
    if identity.qualname == "<module>":
        return f"<{_primary(identity)}>"
    return shown_function_name(identity)


def shown_function_name(identity: CodeIdentity) -> str:
    """Return ``code.function.name``: module and qualified name."""
    return f"{_primary(identity)}.{identity.qualname}"


def _primary(identity: CodeIdentity) -> str:
    return identity.module_names[0] if identity.module_names else Paths.basename(identity.file)


def _argument_names(code: CodeType) -> tuple[str, ...]:
    names = code.co_varnames[: _argument_count(code)]
    return tuple(name for name in names if not name.startswith("."))  # a comprehension's iterator


def _argument_count(code: CodeType) -> int:
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS)
    return count + bool(code.co_flags & inspect.CO_VARKEYWORDS)


def _keywords_name(code: CodeType) -> str | None:
    if not code.co_flags & inspect.CO_VARKEYWORDS:
        return None
    return code.co_varnames[_argument_count(code) - 1]


def _local_names(code: CodeType) -> tuple[str, ...]:
    if not code.co_flags & CO_OPTIMIZED:
        return code.co_names
    arguments = frozenset(code.co_varnames[: _argument_count(code)])
    names = (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    return tuple(dict.fromkeys(name for name in names if name not in arguments))


def _variables(
    decision: Decision, kind: ValueKind, names: Iterable[str], capture: frozenset[str], where: str
) -> tuple[Variable, ...]:
    if CAPTURED_AS[kind].isdisjoint(capture):
        return ()
    verdicts = ((name, decision.value_verdict(kind, name)) for name in names)
    return tuple(
        Variable(
            name,
            _PREFIXES[kind] + name,
            verdict.action is Action.REDACT,
            f"{kind.value} {name}{where}" if where and _is_secret(verdict) else "",
        )
        for name, verdict in verdicts
        if verdict.action is not Action.DROP
    )


def _is_secret(verdict: Verdict) -> bool:
    # A default hides everything that no rule shows: that says nothing about a value.
    return verdict.is_by_name and verdict.action is Action.REDACT


def _result(
    decision: Decision, qualname: str, capture: frozenset[str]
) -> Node | NotCaptured | None:
    if "return" not in capture or qualname == "<module>":
        return NOT_CAPTURED
    return _RETURN_VERDICTS.get(decision.value_verdict(ValueKind.RETURN, "").action)


def _result_place(decision: Decision, result: object, qualname: str, where: str) -> str:
    if not where or result is not REDACTED_NODE:
        return ""
    is_secret = _is_secret(decision.value_verdict(ValueKind.RETURN, ""))
    return f"result of {qualname}{where}" if is_secret else ""


def _told_plan(decision: Decision, plan: Plan, where: str) -> Plan | None:
    if not plan.captures_return or decision.value_verdict(ValueKind.RETURN, "").is_by_name:
        return None
    return replace(
        plan,
        captures_return=False,
        fixed_result=REDACTED_NODE,
        result_place=where and f"what an argument names{where}",
    )


def _redactions(
    arguments: tuple[Variable, ...],
    local_values: tuple[Variable, ...],
    global_values: tuple[Variable, ...],
    result: object,
) -> tuple[tuple[str, int], ...]:
    counts = {
        "argument": sum(variable.redacted for variable in arguments),
        "local": sum(variable.redacted for variable in local_values),
        "global": sum(variable.redacted for variable in global_values),
        "return": int(result is REDACTED_NODE),
    }
    return tuple((kind, count) for kind, count in counts.items() if count)


def _secret_keywords(decision: Decision) -> Callable[[str], bool]:
    return lambda key: _is_secret(decision.value_verdict(ValueKind.ARG, key))


def _keyword_judge(decision: Decision) -> Callable[[str], Action]:
    def judge(key: str) -> Action:
        return decision.value_verdict(ValueKind.ARG, key).action

    return judge
