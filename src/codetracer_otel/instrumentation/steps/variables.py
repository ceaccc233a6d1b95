"""Chooses the variables that the steps of a code object show."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.frame_variables import CO_OPTIMIZED
from codetracer_otel.model.step_entries import StepVariable
from codetracer_otel.model.value import Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    from codetracer_otel.instrumentation.steps.rebinding import Rebindings
    from codetracer_otel.model.record import Plan

# By id: comparing a type would ask its metaclass, which may be the program's.
_MODULE_LEVEL_TYPE_IDS: Final = frozenset(
    id(kind) for kind in (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type)
)
_CONSTANT_KINDS: Final = frozenset(
    {NodeKind.OBJECT, NodeKind.REDACTED, NodeKind.DROPPED, NodeKind.CUT_TEXT}
)

_CONSTANT_TEXTS: Final = frozenset({"function", "builtin_function_or_method", "method", "type"})


def shown_variables(
    code: CodeType, plan: Plan, rebindings: Rebindings | None
) -> tuple[list[StepVariable], list[StepVariable]]:
    """Return the variables that are read at a step, arguments first, and the redacted ones."""
    variables = [
        StepVariable(item.name, kind, item.redacted, item.place)
        for kind, items in (
            ("argument", plan.arguments),
            ("local", _locals(code, plan)),
            ("global", _globals(code, plan, rebindings)),
        )
        for item in items
    ]
    read = [variable for variable in variables if not variable.redacted]
    return read, [variable for variable in variables if variable.redacted]


def trace_name(code: CodeType, plan: Plan) -> str:
    """Return the name of a function in a trace."""
    return plan.name if code.co_qualname == "<module>" else code.co_qualname


def is_volatile(value: object) -> bool:
    """Return whether what a captured value was made of may change by itself."""
    if type(value) is not Node or value.kind in _CONSTANT_KINDS:
        return False
    return value.kind is not NodeKind.TEXT or value.type_name not in _CONSTANT_TEXTS


def is_kept(kind: type, captured: object, value: object) -> bool:
    """Return whether a value of a namespace may be held on to, to be known again.

    Scalars and texts are; of the rest only what modules are made of, while a call lasts.
    """
    return captured is value or is_module_level(kind)


def is_module_level(kind: type) -> bool:
    """Return whether objects of a class are what modules are made of."""
    return id(kind) in _MODULE_LEVEL_TYPE_IDS


def _locals(code: CodeType, plan: Plan) -> Iterable[Any]:
    if plan.locals_on_error:
        return ()
    if code.co_flags & CO_OPTIMIZED:
        return plan.locals
    return [variable for variable in plan.locals if not _is_dunder(variable.name)]


def _globals(code: CodeType, plan: Plan, rebindings: Rebindings | None) -> Iterable[Any]:
    # a module's globals are its locals; a class body's names are looked up in both
    if not code.co_flags & CO_OPTIMIZED:
        return ()
    if rebindings is None:
        return plan.globals
    return [variable for variable in plan.globals if variable.name in rebindings.global_names]


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
