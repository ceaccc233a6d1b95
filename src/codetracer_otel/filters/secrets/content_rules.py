"""``value`` patterns one by one: which parts of a text each of them finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.filters.patterns.regex import (
    TIME_LIMIT_S,
    UNLIMITED_LENGTH,
    compile_expression,
    required_literal,
)
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.types import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from codetracer_otel.filters.patterns.regex import Expression
    from codetracer_otel.filters.secrets.detectors import Shape
    from codetracer_otel.filters.secrets.text_parts import TextPart
    from codetracer_otel.filters.types import RuleSource

    Found = Iterable[tuple[str, TextPart]]

ALL_SHAPES: Final = "all"
PATTERN_KIND: Final = "pattern"  # what the counters call user patterns


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


class ShapesPattern:
    """Builtin shapes."""

    __slots__ = ("action", "shapes")

    def __init__(self, shapes: Sequence[Shape], action: Action) -> None:
        self.shapes = shapes
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:
        """Yield the name of a shape and where it stands, for those that are ``possible``."""
        for shape in self.shapes:
            if shape.name in possible:
                for span in shape.find(text, is_cut=is_cut):
                    yield shape.name, span


class GlobPattern:
    """A glob: all of a text or nothing."""

    __slots__ = ("_matches", "action")

    def __init__(self, matches: Callable[[str], bool], action: Action) -> None:
        self._matches = matches
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:  # noqa: ARG002 - one of CompiledPattern
        """Return where it matches."""
        return [(PATTERN_KIND, (0, len(text)))] if text and self._matches(text) else ()


class LiteralPattern:
    """A whole text; of one that was cut, its beginning, unless that would allow more."""

    __slots__ = ("_literal", "action")

    def __init__(self, literal: str, action: Action) -> None:
        self._literal = literal
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:  # noqa: ARG002 - one of CompiledPattern
        """Return where it matches."""
        if is_cut and self.action is not Action.ALLOW:
            hit = self._literal.startswith(text)
        else:
            hit = self._literal == text and not is_cut
        return [(PATTERN_KIND, (0, len(text)))] if text and hit else ()


class RegexPattern:
    """A regular expression, with a time limit where it can take long."""

    __slots__ = ("_expression", "_is_given_up", "_literal", "_on_timeout", "action")

    def __init__(
        self, expression: Expression, pattern: str, action: Action, on_timeout: Callable[[], object]
    ) -> None:
        self._is_given_up = False
        self._expression = expression
        self._literal = required_literal(pattern)
        self._on_timeout = on_timeout
        self.action = action

    def find(self, text: str, possible: AbstractSet[str], *, is_cut: bool) -> Found:  # noqa: ARG002 - one of CompiledPattern
        """Return where it matches."""
        if self._literal not in text:
            return ()
        limited = self._expression.needs_limit or len(text) > UNLIMITED_LENGTH
        if limited and self._is_given_up:
            return self._unjudged(text)
        try:
            spans = self._spans(text, TIME_LIMIT_S if limited else None, is_cut=is_cut)
        except TimeoutError:
            self._is_given_up = bool(self._on_timeout())
            return self._unjudged(text)
        return [(PATTERN_KIND, span) for span in spans]

    def _unjudged(self, text: str) -> Found:
        return () if self.action is Action.ALLOW else [(PATTERN_KIND, (0, len(text)))]

    def _spans(self, text: str, timeout: float | None, *, is_cut: bool) -> list[TextPart]:
        compiled = self._expression.compiled
        # One limit for the text, not one for each match of it: `sub` keeps one.
        spans: list[TextPart] = []
        compiled.sub(lambda match: _note(spans, match.span()), text, timeout=timeout)
        if is_cut and self.action is not Action.ALLOW:
            start = spans[-1][1] if spans else 0
            tail = compiled.search(text, start, partial=True, timeout=timeout)
            if tail is not None and tail.partial and self._literal in tail[0]:
                spans.append((tail.start(), len(text)))
        return [span for span in spans if span[0] < span[1]]


def _note(spans: list[TextPart], span: TextPart) -> str:
    spans.append(span)
    return ""


CompiledPattern = ShapesPattern | GlobPattern | LiteralPattern | RegexPattern


def compile_content_pattern(
    pattern: ContentPattern, on_timeout: Callable[[], object]
) -> CompiledPattern:
    """Compile one pattern.

    Args:
        pattern: of any match type that values have.
        on_timeout: called when the pattern took too long on a text; whether it is given up, so
            that it decides at once about every text that it could take long for.

    Raises:
        ValueError: it is not well-formed, or of a match type that values do not have.
    """
    match pattern.match:
        case "shapes":
            return ShapesPattern(_chosen_shapes(pattern.pattern), pattern.action)
        case "regex":
            expression = compile_expression(pattern.pattern)
            return RegexPattern(expression, pattern.pattern, pattern.action, on_timeout)
        case "glob":
            return GlobPattern(compile_glob(pattern.pattern), pattern.action)
        case "literal":
            return LiteralPattern(pattern.pattern, pattern.action)
    raise ValueError(
        f"value pattern: match type {pattern.match!r} is not for values; "
        "expected regex, glob, literal or shapes"
    )


def _chosen_shapes(pattern: str) -> list[Shape]:
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
