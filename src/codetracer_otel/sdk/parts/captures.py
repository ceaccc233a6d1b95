"""Builds the capture of values from the settings of a session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from codetracer_otel.filters.types import learn_nothing
from codetracer_otel.instrumentation.values.capture import build_capture
from codetracer_otel.instrumentation.values.limits import ValueLimits
from codetracer_otel.instrumentation.values.objects.fields import wants_nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.filters.types import Learn, WalkRules
    from codetracer_otel.instrumentation.values.objects.fields import Wanted
    from codetracer_otel.model.value import Captured
    from codetracer_otel.sdk.settings.model import Settings


def build_capture_builder(
    settings: Settings, learn: Learn = learn_nothing, wanted: Wanted = wants_nothing
) -> Callable[[WalkRules | None], Callable[..., Captured]]:
    """Return what builds the value capture for a set of walk rules.

    Args:
        settings: of the session.
        learn: takes what is hidden because of its name.
        wanted: whether the filter wants the fields of a class read.
    """
    return partial(
        build_capture,
        value_limits(settings),
        allow_repr=settings.capture_repr,
        learn=learn,
        wanted=wanted,
    )


def value_limits(settings: Settings) -> ValueLimits:
    """Return how much of one value is kept."""
    return ValueLimits(
        max_depth=settings.limits.max_depth,
        max_items=settings.limits.max_items,
        max_string=settings.limits.max_string,
    )
