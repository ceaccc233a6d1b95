"""Samples hand-written and library spans by the rules of the filter: ``codetracer_rules``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import TraceState, get_current_span

from codetracer_otel.bindings import Time
from codetracer_otel.filters import compile_chain
from codetracer_otel.filters.types import CodeIdentity
from codetracer_otel.instrumentation.plan_builder import told_bound
from codetracer_otel.instrumentation.spans.sampling import RuleSampler, SamplerTable
from codetracer_otel.model.ids import RandomIds
from codetracer_otel.model.probability import ratio_key, with_threshold
from codetracer_otel.sdk.settings.filter_loading import load_filters
from codetracer_otel.sdk.settings.model import from_process_environment
from codetracer_otel.sdk.settings.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind
    from opentelemetry.util.types import Attributes

    from codetracer_otel.filters.decisions.classifier import Classifier
    from codetracer_otel.filters.decisions.decision import Decision as RuleDecision

_MAX_KNOWN = 4096


class RuleSamplerForSpans(Sampler):
    """Keeps or drops a span as the scope rule that matches it says; no match: kept.

    ``obj`` and ``pkg`` selectors compare with ``code.function.name``, else with the span's name;
    ``file`` with ``code.file.path``. What needs a span's end (``min_duration_ms``,
    ``keep_errors``) cannot be known here and does not drop. Children of a span that is not
    sampled are not sampled either.

    Args:
        classifier: the compiled filter chain.
        monotonic_ns: time, for ``max_per_second``.
        random_bits: source of random 64-bit integers, for ``per = "span"``.
    """

    def __init__(
        self,
        classifier: Classifier,
        monotonic_ns: Callable[[], int] = Time.monotonic_ns,
        random_bits: Callable[[], int] | None = None,
    ) -> None:
        bits = RandomIds().next_wire_span_id if random_bits is None else random_bits
        self._classifier = classifier
        self._table = SamplerTable(monotonic_ns, bits, lambda _names: lambda _name: True)
        self._known: dict[tuple[str, str], _Verdict] = {}

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,  # noqa: ARG002 - OpenTelemetry's signature
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """Decide about a span that is about to begin."""
        parent = get_current_span(parent_context).get_span_context()
        state = parent.trace_state if parent.is_valid else None
        if parent.is_valid and not parent.trace_flags.sampled:
            return SamplingResult(Decision.DROP, None, state)
        verdict = self._verdict_for(name, attributes or {})
        header = "" if state is None else state.to_header()
        if not verdict.keeps(ratio_key(trace_id, header)):
            return SamplingResult(Decision.DROP, None, state)
        if verdict.ratio_bound is not None:
            state = TraceState.from_header([with_threshold(header, verdict.ratio_bound)])
        return SamplingResult(Decision.RECORD_AND_SAMPLE, verdict.attributes, state)

    def get_description(self) -> str:
        """Return the sampler's name in OpenTelemetry's configuration."""
        return "CodetracerRules"

    def _verdict_for(self, name: str, attributes: Mapping[str, Any]) -> _Verdict:
        function = attributes.get("code.function.name")
        file = attributes.get("code.file.path")
        key = (function if type(function) is str else name, file if type(file) is str else "")
        verdict = self._known.get(key)
        if verdict is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            verdict = self._known[key] = self._decide(*key)
        return verdict

    def _decide(self, function: str, file: str) -> _Verdict:
        module, _, qualname = function.rpartition(".")
        decision = self._classifier.classify(CodeIdentity((module,), file, qualname))
        return _Verdict(decision, self._table.sampler_for(decision.sampling))


class _Verdict:
    """What a rule says about the spans of one name."""

    __slots__ = ("_calls", "_sampler", "_skips", "attributes", "ratio_bound")

    def __init__(self, decision: RuleDecision, sampler: RuleSampler | None) -> None:
        self._skips = not decision.traces and bool(decision.source.selector)
        self._sampler = sampler
        self._calls = 0
        self.ratio_bound = told_bound(decision.sampling)
        ratio = 1.0 if decision.sampling is None else decision.sampling.ratio
        self.attributes = {"codetracer.sampling.ratio": ratio} if ratio < 1.0 else None

    def keeps(self, key: int) -> bool:
        if self._skips:
            return False
        calls_before, self._calls = self._calls, self._calls + 1
        return self._sampler is None or self._sampler.keeps(key, calls_before)


def build_rule_sampler(argument: str | None = None, *, trace_filter: str | None = None) -> Sampler:
    """Return the sampler ``codetracer_rules`` of OpenTelemetry's configuration.

    Args:
        argument: ``OTEL_TRACES_SAMPLER_ARG``, a filter chain; without it the discovered one.
        trace_filter: the same, from ``OTEL_CONFIG_FILE``.

    Raises:
        FilterError: a filter is invalid.
    """
    chosen = trace_filter or argument
    keywords = {"trace_filter": chosen} if chosen else {}
    settings = resolve(keywords, from_process_environment())
    return RuleSamplerForSpans(compile_chain(load_filters(settings)))
