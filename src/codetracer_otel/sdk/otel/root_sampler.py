"""Which traces of function spans begin at all: ``OTEL_TRACES_SAMPLER``, or the host's sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind, get_current_span

from codetracer_otel.errors import ErrorCode
from codetracer_otel.exporters.attributes import deliverable
from codetracer_otel.instrumentation.manual.context import below_remote
from codetracer_otel.model.record import KEPT, KeepsByRatio, Sampled
from codetracer_otel.sdk.otel.host_provider import host_provider
from codetracer_otel.sdk.otel.rule_sampler import build_rule_sampler
from codetracer_otel.sdk.settings.exporter_specs import NAMED_SAMPLERS, RULES_SAMPLER, SAMPLER_GROUP

if TYPE_CHECKING:
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.model.record import RemoteParent, RootSampler
    from codetracer_otel.sdk.settings.model import Settings

_BY_PARENT: Final = "parentbased_"
_ROOT: Final = Context()  # None would be the current context, which may hold a span
_SPAN_NAME: Final = "function"  # a root is decided on before its span has a name


def load_sampler(settings: Settings, notify: Notify) -> Sampler | None:
    """Return the sampler of an entry point that ``OTEL_TRACES_SAMPLER`` names, or None.

    OpenTelemetry's provider knows its own samplers by name, and no others.

    Args:
        settings: of the session.
        notify: told of a sampler that cannot be made; every trace is recorded then.

    Raises:
        FilterError: the sampler is ``codetracer_rules``, and its filter is invalid.
    """
    name = settings.sampler
    if name is None or name in NAMED_SAMPLERS:
        return None
    if name == RULES_SAMPLER:
        return build_rule_sampler(settings.sampler_argument)
    from importlib.metadata import entry_points  # noqa: PLC0415 - seldom needed, and 10 ms

    try:
        (entry, *_) = entry_points(group=SAMPLER_GROUP, name=name)
        sampler: Sampler = entry.load()(settings.sampler_argument)
    except Exception as error:  # noqa: BLE001 - another package's code
        code, kind = ErrorCode.INVALID_POLICY_VALUE, type(error).__qualname__
        message = f"ignored OTEL_TRACES_SAMPLER: its entry point {name!a} raised {kind}"
        notify("environment_ignored", "warn", error_code=code, message=message)
        return None
    return sampler


def build_root_sampler(
    settings: Settings, named: Sampler | None, notify: Notify
) -> RootSampler | None:
    """Return what decides whether a trace is recorded, or None where every trace is.

    The sampler of a stated or global provider of the OpenTelemetry SDK goes before the one that
    ``OTEL_TRACES_SAMPLER`` names.

    Args:
        settings: of the session.
        named: the sampler of an entry point, see `load_sampler`.
        notify: told once of a sampler that raises.
    """
    host = host_provider(settings.tracer_provider)
    if host is not None:
        return _of_sampler(host.sampler, notify)
    name = settings.sampler or ""
    kind = name.removeprefix(_BY_PARENT)
    is_by_parent = name.startswith(_BY_PARENT)
    if kind == "always_off":
        return lambda _trace_id, parent: KEPT if parent and is_by_parent else None
    if kind == "traceidratio":
        bound = TraceIdRatioBased.get_bound_for_rate(float(settings.sampler_argument or 1.0))
        return KeepsByRatio(bound, is_by_parent=is_by_parent)
    if named is None or name == RULES_SAMPLER:
        return None  # the rules are those of the filter, which judges functions
    return _of_sampler(named, notify)


def _of_sampler(sampler: Sampler, notify: Notify) -> RootSampler | None:
    if sampler in (ALWAYS_ON, DEFAULT_ON):
        return None
    told: list[str] = []

    def keeps(trace_id: int, parent: RemoteParent | None) -> Sampled | None:
        try:
            return _asked(sampler, trace_id, parent)
        except Exception as error:  # noqa: BLE001 - a host's sampler must not end the program
            if not told:
                told.append(type(error).__qualname__)
                notify("sampler_raised", "warn", error=told[0])
            return KEPT

    return keeps


def _asked(sampler: Sampler, trace_id: int, parent: RemoteParent | None) -> Sampled | None:
    """Ask as the SDK's tracer does; its samplers read the state of a parent in the context."""
    context, state = _ROOT, None
    if parent is not None:
        context = below_remote(_ROOT, parent)
        state = get_current_span(context).get_span_context().trace_state
    result = sampler.should_sample(
        context, trace_id, _SPAN_NAME, SpanKind.INTERNAL, None, None, state
    )
    if result.decision is not Decision.RECORD_AND_SAMPLE:
        return None
    header = result.trace_state.to_header() if result.trace_state else ""
    return Sampled(header, deliverable(result.attributes or {}))
