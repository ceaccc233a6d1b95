"""Delivers what was measured of functions: over OTLP, or to the program's own meter provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, metrics, trace

from codetracer_otel.bindings import Time
from codetracer_otel.instrumentation.measures.histogram import DurationHistogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codetracer_otel.instrumentation.measures.measured_calls import Exemplar, FunctionMeasure

NAME: Final = "codetracer.function.duration"
UNIT: Final = "s"
DESCRIPTION: Final = "Duration of the calls of measured functions"
MOST_FUNCTIONS: Final = 2_000
FUNCTION: Final = "code.function.name"
ERROR: Final = "error.type"
OVERFLOW: Final = {"otel.metric.overflow": True}
_SCOPE: Final = "codetracer_otel"
_NS_PER_S: Final = 1e9
_SAMPLED: Final = trace.TraceFlags(trace.TraceFlags.SAMPLED)

Key = tuple[tuple[str, str | bool], ...]


class FunctionMetrics:
    """All that was measured since the session began, by function and exception.

    Attributes:
        histograms: attributes of a data point -> its durations.
    """

    def __init__(self) -> None:
        self.histograms: dict[Key, DurationHistogram] = {}
        self._exemplars: dict[Key, Exemplar] = {}
        self._functions: set[str] = set()
        self._began_ns = Time.time_ns()

    def collect(self, measures: Iterable[FunctionMeasure]) -> None:
        """Take in what functions have measured."""
        for measure in measures:
            durations, errors, exemplar = measure.take()
            if durations:
                self._add(self._key(measure.name), durations)
            for kind, duration in errors:
                self._add(self._key(measure.name, kind), (duration,))
            if exemplar is not None:
                self._exemplars[self._key(measure.name)] = exemplar

    def _key(self, name: str, error: str = "") -> Key:
        """Return the attributes of a point; all functions beyond the first 2,000 share one."""
        if name not in self._functions:
            if len(self._functions) >= MOST_FUNCTIONS:
                return tuple(OVERFLOW.items())
            self._functions.add(name)
        return ((FUNCTION, name), *(((ERROR, error),) if error else ()))

    def _add(self, key: Key, durations: Iterable[int]) -> None:
        self.histograms.setdefault(key, DurationHistogram()).add(durations)

    def note(self, name: str, error: str, duration: int) -> Key:
        """Take in one call; return the attributes of its point."""
        key = self._key(name, error)
        self._add(key, (duration,))
        return key

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return for each function its calls, its errors and their seconds."""
        found: dict[str, dict[str, Any]] = {}
        for key, histogram in self.histograms.items():
            facts = dict(key)
            name = str(facts.get(FUNCTION, "(others)"))
            sums = found.setdefault(name, {"calls": 0, "errors": 0, "seconds": 0.0})
            sums["calls"] += histogram.count
            sums["errors"] += histogram.count if ERROR in facts else 0
            sums["seconds"] += histogram.total / _NS_PER_S
        return found

    def data(self, resource: Mapping[str, Any]) -> Any:
        """Return everything as the SDK's exporters take it: one exponential histogram."""
        from opentelemetry.sdk.metrics import export  # noqa: PLC0415 - where metrics go over OTLP
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        now = Time.time_ns()
        points = [self._point(export, key, found, now) for key, found in self.histograms.items()]
        cumulative = export.AggregationTemporality.CUMULATIVE
        histogram = export.ExponentialHistogram(points, cumulative)
        metric = export.Metric(NAME, DESCRIPTION, UNIT, histogram)
        scope = export.ScopeMetrics(InstrumentationScope(_SCOPE), [metric], "")
        return export.MetricsData([export.ResourceMetrics(Resource(dict(resource)), [scope], "")])

    def _point(self, export: Any, key: Key, found: DurationHistogram, now: int) -> Any:
        offset, counts = found.buckets()
        return export.ExponentialHistogramDataPoint(
            attributes=dict(key),
            start_time_unix_nano=self._began_ns,
            time_unix_nano=now,
            count=found.count,
            sum=found.total / _NS_PER_S,
            scale=found.scale,
            zero_count=found.zeros,
            positive=export.Buckets(offset, counts),
            negative=export.Buckets(0, []),
            flags=0,
            min=found.least / _NS_PER_S,
            max=found.most / _NS_PER_S,
            exemplars=[_exemplar(self._exemplars[key], now)] if key in self._exemplars else [],
        )


def _exemplar(kept: Exemplar, now: int) -> Any:
    from opentelemetry.sdk.metrics import Exemplar as SdkExemplar  # noqa: PLC0415

    duration, trace_id, span_id = kept
    return SdkExemplar({}, duration / _NS_PER_S, now, span_id, trace_id)


class HostMeter:
    """Records every call with the program's own meter provider, which delivers in its own way.

    Args:
        provider: the program's.
    """

    def __init__(self, provider: Any) -> None:
        meter = provider.get_meter(_SCOPE)
        self._histogram = meter.create_histogram(NAME, unit=UNIT, description=DESCRIPTION)

    def record(self, measures: Iterable[FunctionMeasure], metrics_of: FunctionMetrics) -> None:
        """Record what functions have measured, in ``metrics_of`` as well."""
        for measure in measures:
            durations, errors, exemplar = measure.take()
            calls = [(duration, "") for duration in durations]
            calls += [(duration, kind) for kind, duration in errors]
            for duration, kind in calls:
                is_exemplar = exemplar is not None and exemplar[0] == duration
                where = _context_of(exemplar) if exemplar and is_exemplar else context.Context()
                key = metrics_of.note(measure.name, kind, duration)
                self._histogram.record(duration / _NS_PER_S, dict(key), where)


def _context_of(exemplar: Exemplar) -> context.Context:
    """Return a context with the span of an exemplar, by which the SDK finds its ids."""
    _, trace_id, span_id = exemplar
    span = trace.SpanContext(trace_id, span_id, is_remote=False, trace_flags=_SAMPLED)
    return trace.set_span_in_context(trace.NonRecordingSpan(span), context.Context())


def host_meter_provider() -> Any:
    """Return the meter provider that the program has set, or None."""
    provider = metrics.get_meter_provider()
    is_placeholder = type(provider).__name__ in ("_ProxyMeterProvider", "NoOpMeterProvider")
    return None if is_placeholder else provider


def build_metric_exporter(name: str, target: str | None) -> Any:
    """Return the SDK's exporter of metrics beside an exporter of spans.

    Args:
        name: ``otlp`` or ``otlp-grpc``.
        target: its URL, or None for what OpenTelemetry's variables say.

    Raises:
        ImportError: its package is not installed.
    """
    if name == "otlp-grpc":
        from opentelemetry.exporter.otlp.proto.grpc import (  # noqa: PLC0415 - an extra
            metric_exporter as grpc_exporters,
        )

        return grpc_exporters.OTLPMetricExporter(endpoint=target)
    from opentelemetry.exporter.otlp.proto.http import (  # noqa: PLC0415 - the program's choice
        metric_exporter as http_exporters,
    )

    endpoint = None
    if target is not None:
        endpoint = target.rstrip("/").removesuffix("/v1/traces") + "/v1/metrics"
    return http_exporters.OTLPMetricExporter(endpoint=endpoint)
