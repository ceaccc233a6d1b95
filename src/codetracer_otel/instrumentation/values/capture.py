"""Captures values safely: bounded, without running code of the program, never raising."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from codetracer_otel.filters.types import learn_nothing
from codetracer_otel.instrumentation.values.objects.fields import wants_nothing
from codetracer_otel.instrumentation.values.walker import Walker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.filters.types import Learn, WalkRules
    from codetracer_otel.instrumentation.values.limits import ValueLimits
    from codetracer_otel.instrumentation.values.objects.fields import Wanted
    from codetracer_otel.model.value import Captured


def build_capture(
    limits: ValueLimits,
    attribute_rules: WalkRules | None,
    *,
    allow_repr: bool,
    modules: Mapping[str, Any] | None = None,
    learn: Learn = learn_nothing,
    wanted: Wanted = wants_nothing,
) -> Callable[..., Captured]:
    """Build the function that captures values for one configuration.

    Args:
        limits: what is kept of a value.
        attribute_rules: ``attr`` and ``type`` patterns, or None for none.
        allow_repr: objects without a form of their own are asked for their ``repr``.
        modules: where NumPy and others are looked up once loaded; default ``sys.modules``.
        learn: takes what is hidden because of its key or field.
        wanted: whether a filter wants the fields of a class read.

    Returns:
        A function that gives the captured value. It holds no object of the program, and is
        `DROPPED_NODE` where a pattern drops the whole value. A second argument that is true says
        that the value is the object whose method is called, of which no fields are read.
    """
    modules = sys.modules if modules is None else modules
    walker = Walker(
        limits, attribute_rules, modules, allow_repr=allow_repr, learn=learn, wanted=wanted
    )
    capture = walker.capture
    if attribute_rules is not None and attribute_rules.has_type_patterns:
        return capture
    longest = limits.max_string
    bound = limits.integer_bound

    def capture_quickly(value: object, is_receiver: bool = False) -> Captured:  # noqa: FBT001, FBT002
        kind = type(value)
        if kind is str:
            if len(value) <= longest:  # type: ignore[arg-type]
                return value  # type: ignore[return-value]
        elif kind is int:
            if -bound < value < bound:  # type: ignore[operator]
                return value  # type: ignore[return-value]
        elif value is None or kind is bool or kind is float:
            return value  # type: ignore[return-value]
        return capture(value, is_receiver)

    return capture_quickly
