"""``value`` patterns: redaction of the parts of text that look like secrets."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codetracer_otel.captured import REDACTED
from codetracer_otel.filters.expressions import TIME_LIMIT_S, UNLIMITED_LENGTH, compile_expression
from codetracer_otel.filters.globs import compile_glob
from codetracer_otel.filters.literals import required_literal
from codetracer_otel.filters.model import Action
from codetracer_otel.filters.prefilter import shapes_possible
from codetracer_otel.filters.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from codetracer_otel.filters.expressions import Expression
    from codetracer_otel.filters.model import RuleSource
    from codetracer_otel.filters.shapes import Shape
    from codetracer_otel.ports import Notify

    Span = tuple[int, int]
    Found = Iterable[tuple[str, Span]]

ALL_SHAPES: Final = "all"
PATTERN_KIND: Final = "pattern"  # what the counters call user patterns

_MAX_CLEAN: Final = 8192
_MAX_CLEAN_LENGTH: Final = 64
_NO_SHAPES: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class ContentPattern:
    """One ``value`` pattern.

    Attributes:
        match: ``regex`` (a part of the text), ``glob`` or ``literal`` (the whole text), or
            ``shapes`` (parts that have a builtin shape).
        pattern: in the syntax of ``match``; for ``shapes`` their names separated by commas, or
            ``all``.
        action: what happens to what it matches.
        source: where it stands.
    """

    match: str
    pattern: str
    action: Action
    source: RuleSource


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


class _ShapesPart:
    """Builtin shapes."""

    __slots__ = ("_shapes", "action")

    def __init__(self, shapes: Sequence[Shape], action: Action) -> None:
        self._shapes = shapes
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:
        for shape in self._shapes:
            if shape.name in possible:
                for span in shape.find(text, is_cut=is_cut):
                    yield shape.name, span


class _GlobPart:
    """A glob: all of a text or nothing."""

    __slots__ = ("_matches", "action")

    def __init__(self, matches: Callable[[str], bool], action: Action) -> None:
        self._matches = matches
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:  # noqa: ARG002 - one of _Part
        return [(PATTERN_KIND, (0, len(text)))] if text and self._matches(text) else ()


class _LiteralPart:
    """A whole text; of one that was cut, its beginning, unless that would allow more."""

    __slots__ = ("_literal", "action")

    def __init__(self, literal: str, action: Action) -> None:
        self._literal = literal
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:  # noqa: ARG002 - one of _Part
        if is_cut and self.action is not Action.ALLOW:
            hit = self._literal.startswith(text)
        else:
            hit = self._literal == text and not is_cut
        return [(PATTERN_KIND, (0, len(text)))] if text and hit else ()


class _RegexPart:
    """A regular expression, with a time limit where it can take long."""

    __slots__ = ("_expression", "_literal", "_on_timeout", "action")

    def __init__(
        self, expression: Expression, pattern: str, action: Action, on_timeout: Callable[[], None]
    ) -> None:
        self._expression = expression
        self._literal = required_literal(pattern)
        self._on_timeout = on_timeout
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:  # noqa: ARG002 - one of _Part
        if self._literal not in text:
            return ()
        limited = self._expression.needs_limit or len(text) > UNLIMITED_LENGTH
        try:
            spans = self._spans(text, TIME_LIMIT_S if limited else None, is_cut=is_cut)
        except TimeoutError:
            self._on_timeout()
            spans = [] if self.action is Action.ALLOW else [(0, len(text))]
        return [(PATTERN_KIND, span) for span in spans]

    def _spans(self, text: str, timeout: float | None, *, is_cut: bool) -> list[Span]:
        compiled = self._expression.compiled
        # One limit for the text, not one for each match of it: `sub` keeps one.
        spans: list[Span] = []
        compiled.sub(lambda match: _note(spans, match.span()), text, timeout=timeout)
        if is_cut and self.action is not Action.ALLOW:
            start = spans[-1][1] if spans else 0
            tail = compiled.search(text, start, partial=True, timeout=timeout)
            if tail is not None and tail.partial and self._literal in tail[0]:
                spans.append((tail.start(), len(text)))
        return [span for span in spans if span[0] < span[1]]


def _note(spans: list[Span], span: Span) -> str:
    spans.append(span)
    return ""


_Part = _ShapesPart | _GlobPart | _LiteralPart | _RegexPart


class ContentRules:
    """Compiled ``value`` patterns, in the order in which they decide.

    Every part of a text is decided by the first pattern that matches it: what an ``allow`` pattern
    matched is not touched by the patterns behind it, as long as they match no more than that.

    Attributes:
        counters: what was done so far.
        has_drops: whether `drops` can ever be true.
    """

    __slots__ = ("_clean", "_has_patterns", "_parts", "_shapes", "counters", "has_drops")

    def __init__(
        self, parts: Sequence[_Part], shapes: frozenset[str], counters: ContentCounters
    ) -> None:
        self._parts = tuple(parts)
        self._shapes = shapes
        self._has_patterns = any(not isinstance(part, _ShapesPart) for part in parts)
        self._clean: set[str] = set()
        self.counters = counters
        self.has_drops = any(part.action is Action.DROP for part in parts)

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
        decided = _Decided()
        possible = shapes_possible([text], [is_cut], self._shapes).get(0, set())
        for part in self._parts:
            spans = [span for _, span in part.find(text, possible, is_cut=is_cut)]
            if part.action is Action.DROP and not all(decided.covers(span) for span in spans):
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
        changed = set()
        for position in range(len(texts)) if self._has_patterns else possible:
            text = texts[position]
            is_cut = fresh_cut is not None and fresh_cut[position]
            shapes = possible.get(position, _NO_SHAPES)
            redacted = self._redact(text, shapes, counters, is_cut=is_cut)
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

    def _redact(
        self, text: str, possible: AbstractSet[str], counters: ContentCounters, *, is_cut: bool
    ) -> str:
        allowed = _Decided()
        redacted: list[Span] = []
        for part in self._parts:
            found = part.find(text, possible, is_cut=is_cut)
            if part.action is Action.ALLOW:
                allowed.add([span for _, span in found])
            else:  # what is to be dropped is not shown either if nobody asked `drops`
                redacted.extend(_counted(found, allowed, counters))
        return _replace(text, redacted) if redacted else text


class _Decided:
    """Parts of a text that a pattern has decided about."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, spans: Sequence[Span]) -> None:
        if spans:
            merged = _merge([*zip(self._starts, self._ends, strict=True), *spans])
            self._starts = [start for start, _ in merged]
            self._ends = [end for _, end in merged]

    def covers(self, span: Span) -> bool:
        index = bisect_right(self._starts, span[0]) - 1
        return index >= 0 and span[1] <= self._ends[index]


def _counted(found: Found, allowed: _Decided, counters: ContentCounters) -> list[Span]:
    spans = []
    for kind, span in found:
        if not allowed.covers(span):
            counters.add(kind, 1)
            spans.append(span)
    return spans


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, overlapping ones as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replace(text: str, spans: list[Span]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end in _merge(spans):
        pieces += (text[position:start], REDACTED)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


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
        notify: told once for each pattern that it took too long on a text.

    Raises:
        ValueError: a pattern is not well-formed, or of a match type that values do not have.
    """
    shapes: set[str] = set()
    counters = counters if counters is not None else ContentCounters()
    parts: list[_Part] = []
    for pattern in patterns:
        if pattern.match == "shapes":
            chosen = _shapes(pattern.pattern)
            shapes.update(shape.name for shape in chosen)
            parts.append(_ShapesPart(chosen, pattern.action))
        else:
            parts.append(_compile_part(pattern, counters, notify))
    return ContentRules(parts, frozenset(shapes), counters)


def _shapes(pattern: str) -> list[Shape]:
    names = [name.strip() for name in pattern.split(",")]
    known = {shape.name: shape for shape in SHAPES}
    if names == [ALL_SHAPES]:
        return list(SHAPES)
    for name in names:
        if name not in known:
            raise ValueError(
                f"shapes pattern: unknown shape {name!r}; "
                f"expected {ALL_SHAPES!r}, or of {', '.join(known)} separated by commas"
            )
    return [known[name] for name in dict.fromkeys(names)]


def _compile_part(
    pattern: ContentPattern, counters: ContentCounters, notify: Notify | None
) -> _Part:
    match pattern.match:
        case "regex":
            on_timeout = _timeout_reporter(pattern, counters, notify)
            expression = compile_expression(pattern.pattern)
            return _RegexPart(expression, pattern.pattern, pattern.action, on_timeout)
        case "glob":
            return _GlobPart(compile_glob(pattern.pattern), pattern.action)
        case "literal":
            return _LiteralPart(pattern.pattern, pattern.action)
    raise ValueError(
        f"value pattern: match type {pattern.match!r} is not for values; "
        "expected regex, glob, literal or shapes"
    )


def _timeout_reporter(
    pattern: ContentPattern, counters: ContentCounters, notify: Notify | None
) -> Callable[[], None]:
    told = notify is None

    def on_timeout() -> None:
        nonlocal told
        counters.timeouts += 1
        if not told and notify is not None:
            told = True
            notify(
                "value_pattern_timeout",
                level="warning",
                selector=pattern.source.selector or pattern.pattern,
                file=pattern.source.file,
                line=pattern.source.line,
            )

    return on_timeout
