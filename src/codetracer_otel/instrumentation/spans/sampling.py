"""Decides which calls of a rule are kept: ratio, first calls, rate; one sampler per rule."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from codetracer_otel.filters.types import Sampling
from codetracer_otel.model.probability import BITS, ratio_bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codetracer_otel.filters.types import EventRules

_NS_PER_SECOND: Final = 1_000_000_000
_BITS_TOO_MANY: Final = 64 - BITS  # of a random number


class TokenBucket:
    """At most ``rate`` per second on average, and in one burst.

    Args:
        rate: tokens per second; also the size of the bucket, at least one.
        monotonic_ns: time.
    """

    def __init__(self, rate: float, monotonic_ns: Callable[[], int]) -> None:
        self._rate = rate
        self._size = max(rate, 1.0)
        self._tokens = self._size
        self._monotonic_ns = monotonic_ns
        self._filled_ns = monotonic_ns()

    def take(self) -> bool:
        """Take a token if there is one."""
        now = self._monotonic_ns()
        # No call from here on: threads take turns at calls, and none may come in between.
        tokens = self._tokens
        elapsed = now - self._filled_ns
        if elapsed > 0:  # another thread may have looked at a later time
            self._filled_ns = now
            tokens += elapsed * self._rate / _NS_PER_SECOND
        if tokens > self._size:  # noqa: PLR1730 - `min` is a call
            tokens = self._size
        has_one = tokens >= 1.0
        self._tokens = tokens - has_one
        return has_one


class EventGate:
    """Decides which events of the spans of one rule are kept.

    Args:
        rules: the merged ``[scope.rules.events]`` table.
        governs: whether the table is about an event of this name.
        monotonic_ns: time.
        random_bits: source of random 64-bit integers.
    """

    def __init__(
        self,
        rules: EventRules,
        governs: Callable[[str], bool],
        monotonic_ns: Callable[[], int],
        random_bits: Callable[[], int],
    ) -> None:
        self.rules = rules
        self.dropped = 0
        self._governs = governs
        self._bound = ratio_bound(rules.ratio)
        self._random_bits = random_bits
        rate = rules.max_per_second
        self._bucket = None if rate is None else TokenBucket(rate, monotonic_ns)

    def keeps(self, name: str, kept_on_span: int) -> bool:
        """Return whether an event is kept.

        Args:
            name: of the event.
            kept_on_span: how many events its span already has.
        """
        kept = self._decide(name, kept_on_span)
        self.dropped += not kept
        return kept

    def _decide(self, name: str, kept_on_span: int) -> bool:
        if name == "exception":
            return self.rules.exceptions
        if not self._governs(name):
            return True
        if self.rules.max_per_span is not None and kept_on_span >= self.rules.max_per_span:
            return False
        if self._random_bits() >> _BITS_TOO_MANY >= self._bound:
            return False
        return self._bucket is None or self._bucket.take()


class RuleSampler:
    """The state of one ``[scope.rules.sampling]`` table within a process.

    Args:
        sampling: the merged table.
        monotonic_ns: time.
        random_bits: source of random 64-bit integers, for ``per = "span"``.
        session: the bucket of ``limits.max_spans_per_second``, or None.
    """

    def __init__(
        self,
        sampling: Sampling,
        monotonic_ns: Callable[[], int],
        random_bits: Callable[[], int],
        session: TokenBucket | None = None,
    ) -> None:
        self.sampling = sampling
        self.counters: Counter[str] = Counter()
        self._bound = ratio_bound(sampling.ratio)
        self._random_bits = random_bits
        self._session = session
        rate = sampling.max_per_second
        self._bucket = None if rate is None else TokenBucket(rate, monotonic_ns)

    @property
    def ratio_threshold(self) -> int | None:
        """The bound of keys where a ratio per trace is all there is to decide, else None."""
        rules = self.sampling
        simple = not (rules.per_span or rules.first or rules.min_duration_ns)
        return self._bound if simple and self._bucket is None and self._session is None else None

    def keeps(self, key: int, calls_before: int) -> bool:
        """Return whether a call is kept, as far as that is known when it begins.

        Args:
            key: `ratio_key` of the trace.
            calls_before: how many calls of this function came before.
        """
        self.counters["seen"] += 1
        cause = self._cause_to_drop(key, calls_before)
        self.counters[cause or "kept"] += 1
        return cause is None

    def _cause_to_drop(self, key: int, calls_before: int) -> str | None:
        if calls_before < self.sampling.first:
            return None
        bits = self._random_bits() >> _BITS_TOO_MANY if self.sampling.per_span else key
        if bits >= self._bound:
            return "dropped_ratio"
        if self._bucket is not None and not self._bucket.take():
            return "dropped_rate"
        if self._session is not None and not self._session.take():
            return "dropped_session_rate"
        return None


class SampledCode(Protocol):
    """What the table reads of a traced code object to count what its sampler saw."""

    kept: int
    sampled_out: int

    @property
    def plan(self) -> object: ...  # noqa: D102

    @property
    def sampler(self) -> RuleSampler | None: ...  # noqa: D102

    @property
    def ratio_threshold(self) -> int | None: ...  # noqa: D102


class SamplerTable:
    """The samplers and event gates of a session, one per rule and process.

    Args:
        monotonic_ns: time.
        random_bits: source of random 64-bit integers.
        compile_names: makes a predicate of ``events.names``; None stands for every name.
        max_spans_per_second: bound of the whole session, or None.
    """

    def __init__(
        self,
        monotonic_ns: Callable[[], int],
        random_bits: Callable[[], int],
        compile_names: Callable[[tuple[str, ...] | None], Callable[[str], bool]],
        max_spans_per_second: float | None = None,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._random_bits = random_bits
        self._compile_names = compile_names
        self._session = (
            None
            if max_spans_per_second is None
            else TokenBucket(max_spans_per_second, monotonic_ns)
        )
        self._samplers: dict[Sampling, RuleSampler] = {}
        self._gates: dict[EventRules, EventGate] = {}

    def sampler_for(self, sampling: Sampling | None) -> RuleSampler | None:
        """Return the sampler of a rule, or None where every call is kept."""
        if sampling is None:
            if self._session is None:
                return None
            sampling = Sampling(keep_errors=False)
        sampler = self._samplers.get(sampling)
        if sampler is None:
            sampler = self._samplers[sampling] = RuleSampler(
                sampling, self._monotonic_ns, self._random_bits, self._session
            )
        return sampler

    def gate_for(self, events: EventRules | None) -> EventGate | None:
        """Return the event gate of a rule, or None where every event is kept."""
        if events is None:
            return None
        gate = self._gates.get(events)
        if gate is None:
            gate = self._gates[events] = EventGate(
                events, self._compile_names(events.names), self._monotonic_ns, self._random_bits
            )
        return gate

    def stats(self, traced_codes: Iterable[SampledCode]) -> dict[str, dict[str, int]]:
        """Return seen, kept and dropped by cause for each rule that samples."""
        # The program's threads add to both tables meanwhile, and a sampler before its first site.
        known, samplers = list(traced_codes), list(self._samplers.values())
        counters = {sampler: Counter(sampler.counters) for sampler in samplers}
        for traced_code in known:
            if (
                traced_code.plan is not None
                and traced_code.sampler is not None
                and traced_code.ratio_threshold is not None
            ):
                counts = counters[traced_code.sampler]
                counts["seen"] += traced_code.kept + traced_code.sampled_out
                counts["dropped_ratio"] += traced_code.sampled_out
                counts["kept"] += traced_code.kept
        return {str(sampler.sampling.rule_id): dict(counts) for sampler, counts in counters.items()}
