"""Which traces of function spans begin at all: ``OTEL_TRACES_SAMPLER``, or the host's sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    ParentBased,
    Sampler,
    StaticSampler,
    TraceIdRatioBased,
)

from codetracer_otel.sdk.provider import host_provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.ports import Notify
    from codetracer_otel.sdk.settings import Settings

_LOW_64_BITS: Final = (1 << 64) - 1
_BY_PARENT: Final = "parentbased_"
_SPAN_NAME: Final = "function"  # a root is decided on before its span has a name


def build_root_sampler(settings: Settings, notify: Notify) -> Callable[[int, bool], bool] | None:
    """Return what decides whether a trace is recorded, or None where every trace is.

    The sampler of a stated or global provider of the OpenTelemetry SDK goes before the one that
    ``OTEL_TRACES_SAMPLER`` names; names of OpenTelemetry's own samplers are understood.

    Args:
        settings: of the session.
        notify: told of a name that is not known, and once of a sampler that raises.
    """
    host = host_provider(settings.tracer_provider)
    if host is not None:
        return _of_sampler(host.sampler, notify)
    name = settings.sampler or ""
    kind = name.removeprefix(_BY_PARENT)
    is_by_parent = name.startswith(_BY_PARENT)
    if kind in ("", "always_on"):
        return None
    if kind == "always_off":
        return lambda _trace_id, is_remote: is_remote and is_by_parent
    if kind == "traceidratio":
        return _by_ratio(float(settings.sampler_argument or 1.0), is_by_parent=is_by_parent)
    if kind != "codetracer_rules":  # its rules are those of the filter, which judges functions
        notify("environment_ignored", "warn", sampler=name, reason="unknown sampler")
    return None


def _by_ratio(ratio: float, *, is_by_parent: bool) -> Callable[[int, bool], bool]:
    bound = TraceIdRatioBased.get_bound_for_rate(ratio)

    def keeps(trace_id: int, is_remote: bool) -> bool:  # noqa: FBT001 - called by position
        return (is_remote and is_by_parent) or trace_id & _LOW_64_BITS < bound

    return keeps


def _of_sampler(sampler: Sampler, notify: Notify) -> Callable[[int, bool], bool] | None:
    if sampler in (ALWAYS_ON, DEFAULT_ON):
        return None
    is_by_parent = isinstance(sampler, ParentBased)
    if isinstance(sampler, StaticSampler):
        is_on = sampler.should_sample(None, 0, _SPAN_NAME).decision is Decision.RECORD_AND_SAMPLE
        return None if is_on else (lambda _trace_id, _is_remote: False)
    told: list[str] = []

    def keeps(trace_id: int, is_remote: bool) -> bool:  # noqa: FBT001 - called by position
        if is_remote and is_by_parent:
            return True
        try:
            decision = sampler.should_sample(None, trace_id, _SPAN_NAME).decision
        except Exception as error:  # noqa: BLE001 - a host's sampler must not end the program
            if not told:
                told.append(type(error).__qualname__)
                notify("sampler_raised", "warn", error=told[0])
            return True
        return decision is Decision.RECORD_AND_SAMPLE

    return keeps
