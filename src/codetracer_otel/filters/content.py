"""``value`` patterns: redaction of the parts of text that look like secrets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from codetracer_otel.captured import REDACTED
from codetracer_otel.filters.content_patterns import ShapesPattern, compile_content_pattern
from codetracer_otel.filters.encodings import decodings, may_be_encoded
from codetracer_otel.filters.model import Action
from codetracer_otel.filters.patience import Patience
from codetracer_otel.filters.prefilter import shapes_possible
from codetracer_otel.filters.text_parts import TextParts, replace_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from codetracer_otel.filters.content_patterns import CompiledPattern, ContentPattern, Found
    from codetracer_otel.filters.encodings import Decoded
    from codetracer_otel.filters.text_parts import TextPart
    from codetracer_otel.ports import Notify

    Readings = Sequence[tuple[Decoded, AbstractSet[str]]]

_MAX_CLEAN: Final = 8192
_MAX_CLEAN_LENGTH: Final = 64
_NO_SHAPES: Final[frozenset[str]] = frozenset()
# Names before `%3D` are found as they stand; what is decoded shows quotes that open nothing.
_NOT_PERCENT_DECODED: Final = frozenset({"named"})


@dataclass(slots=True)
class ContentCounters:
    """What content redaction did; for one thread at a time.

    Attributes:
        redactions: name of a shape, or ``pattern``, -> parts replaced.
        drops: texts that a ``drop`` pattern matched.
        timeouts: matches of user patterns that took too long.
    """

    redactions: dict[str, int] = field(default_factory=dict)
    drops: int = 0
    timeouts: int = 0

    def add(self, kind: str, count: int) -> None:
        """Count ``count`` replaced parts."""
        self.redactions[kind] = self.redactions.get(kind, 0) + count


class ContentRules:
    """Compiled ``value`` patterns, in the order in which they decide.

    Every part of a text is decided by the first pattern that matches it: what an ``allow`` pattern
    matched is not touched by the patterns behind it, as long as they match no more than that.

    Attributes:
        counters: what was done so far.
        has_drops: whether `drops` can ever be true.
    """

    __slots__ = ("_clean", "_finds_more", "_patterns", "_shapes", "counters", "has_drops")

    def __init__(self, patterns: Sequence[CompiledPattern], counters: ContentCounters) -> None:
        self._patterns = tuple(patterns)
        of_shapes = [pattern for pattern in patterns if isinstance(pattern, ShapesPattern)]
        self._shapes = frozenset(shape.name for found in of_shapes for shape in found.shapes)
        self._finds_more = len(of_shapes) < len(patterns)
        self._clean: set[str] = set()
        self.counters = counters
        self.has_drops = any(pattern.action is Action.DROP for pattern in patterns)

    def redact_texts(
        self,
        texts: Sequence[str],
        cut: Sequence[bool] | None = None,
        counters: ContentCounters | None = None,
    ) -> list[str]:
        """Return the texts with every matching part replaced by the sentinel, in order.

        Args:
            texts: any texts; many at a time are cheaper than one by one.
            cut: for each text whether its end was cut off before; a secret that reaches such an
                end is taken to go on. None when no text was cut.
            counters: what to count the replaced parts in, instead of the rules' own.
        """
        result = list(texts)
        clean = self._clean
        if cut is None:
            fresh = [index for index, text in enumerate(result) if text not in clean]
        else:
            fresh = [i for i, text in enumerate(result) if cut[i] or text not in clean]
        if fresh:
            self._redact_fresh(result, fresh, cut, counters or self.counters)
        return result

    def drops(self, text: str, *, is_cut: bool = False) -> bool:
        """Return whether a pattern with action ``drop`` decides about a part of the text."""
        if not self.has_drops:
            return False
        decided = TextParts()
        possible = shapes_possible([text], [is_cut], self._shapes).get(0, set())
        readings = self._readings([text], [is_cut]).get(0, ())
        for pattern in self._patterns:
            found = _found_in(pattern, text, possible, readings, is_cut=is_cut)
            spans = [span for _, span in found]
            if pattern.action is Action.DROP and not all(decided.covers(span) for span in spans):
                self.counters.drops += 1
                return True
            decided.add(spans)
        return False

    def _redact_fresh(
        self,
        result: list[str],
        fresh: list[int],
        cut: Sequence[bool] | None,
        counters: ContentCounters,
    ) -> None:
        texts = [result[index] for index in fresh]
        fresh_cut = [cut[index] for index in fresh] if cut is not None else None
        possible = shapes_possible(texts, fresh_cut, self._shapes)
        readings = self._readings(texts, fresh_cut)
        changed = set()
        suspects = {**possible, **readings} if readings else possible
        for position in range(len(texts)) if self._finds_more else suspects:
            text = texts[position]
            is_cut = fresh_cut is not None and fresh_cut[position]
            redacted = self._redact(
                text,
                possible.get(position, _NO_SHAPES),
                readings.get(position, ()),
                counters,
                is_cut=is_cut,
            )
            if redacted is not text:
                result[fresh[position]] = redacted
                changed.add(text)
        self._note_clean(texts, changed)

    def _note_clean(self, texts: Sequence[str], changed: set[str]) -> None:
        if len(self._clean) + len(texts) > _MAX_CLEAN:
            self._clean.clear()
        if changed or len(texts) > _MAX_CLEAN or max(map(len, texts)) > _MAX_CLEAN_LENGTH:
            texts = [text for text in texts[:_MAX_CLEAN] if len(text) <= _MAX_CLEAN_LENGTH]
            self._clean.update(set(texts) - changed)
        else:
            self._clean.update(texts)

    def _readings(
        self, texts: Sequence[str], cut: Sequence[bool] | None
    ) -> dict[int, list[tuple[Decoded, set[str]]]]:
        """Return index -> what encoded texts say, with the shapes that it may hold."""
        owners: list[int] = []
        decoded: list[Decoded] = []
        for index, text in enumerate(texts):
            if may_be_encoded(text):
                for reading in decodings(text):
                    owners.append(index)
                    decoded.append(reading)
        if not decoded:
            return {}
        were_cut = None if cut is None else [cut[index] for index in owners]
        hits = shapes_possible([reading.text for reading in decoded], were_cut, self._shapes)
        readings: dict[int, list[tuple[Decoded, set[str]]]] = {}
        for position, shapes in hits.items():
            wanted = shapes - _NOT_PERCENT_DECODED if decoded[position].is_percent else shapes
            if wanted:
                readings.setdefault(owners[position], []).append((decoded[position], wanted))
        return readings

    def _redact(
        self,
        text: str,
        possible: AbstractSet[str],
        readings: Readings,
        counters: ContentCounters,
        *,
        is_cut: bool,
    ) -> str:
        allowed = TextParts()
        redacted: list[TextPart] = []
        for pattern in self._patterns:
            found = _found_in(pattern, text, possible, readings, is_cut=is_cut)
            if pattern.action is Action.ALLOW:
                allowed.add([span for _, span in found])
            else:  # what is to be dropped is not shown either if nobody asked `drops`
                redacted.extend(_counted(found, allowed, counters))
        return replace_parts(text, redacted, REDACTED) if redacted else text


def _found_in(
    pattern: CompiledPattern,
    text: str,
    possible: AbstractSet[str],
    readings: Readings,
    *,
    is_cut: bool,
) -> Found:
    """Return what the pattern finds in the text, and the shapes in what the text encodes."""
    found = pattern.find(text, possible, is_cut=is_cut)
    if not readings or not isinstance(pattern, ShapesPattern):
        return found
    known = TextParts()
    both = list(found)
    known.add([span for _, span in both])
    for decoded, shapes in readings:
        more = [
            (kind, decoded.original(part))
            for kind, part in pattern.find(decoded.text, shapes, is_cut=is_cut)
        ]
        both += [(kind, span) for kind, span in more if not known.covers(span)]
        known.add([span for _, span in more])
    return both


def _counted(found: Found, allowed: TextParts, counters: ContentCounters) -> list[TextPart]:
    spans = []
    for kind, span in found:
        if not allowed.covers(span):
            counters.add(kind, 1)
            spans.append(span)
    return spans


def compile_content(
    patterns: Sequence[ContentPattern],
    *,
    counters: ContentCounters | None = None,
    notify: Notify | None = None,
) -> ContentRules:
    """Compile ``value`` patterns.

    Args:
        patterns: in the order in which they decide, the newest rule's first; without those that
            may not act, such as an ``allow`` older than a stricter default.
        counters: what to count in; several rules may share it.
        notify: told once for each pattern that it took too long on a text, and that it is given up.

    Raises:
        ValueError: a pattern is not well-formed, or of a match type that values do not have.
    """
    counters = counters if counters is not None else ContentCounters()
    compiled = [
        compile_content_pattern(pattern, _timeout_reporter(pattern, counters, notify))
        for pattern in patterns
    ]
    return ContentRules(compiled, counters)


def _timeout_reporter(
    pattern: ContentPattern, counters: ContentCounters, notify: Notify | None
) -> Callable[[], bool]:
    written = pattern.source
    source = replace(written, selector=written.selector or pattern.pattern)
    patience = Patience(notify, "value_pattern_timeout")

    def on_timeout() -> bool:
        counters.timeouts += 1
        patience.timed_out(source)
        return bool(patience.given_up)

    return on_timeout
