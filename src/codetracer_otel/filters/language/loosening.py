"""Finds what a discovered filter shows or captures beyond the builtin one, to report it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.language.selector import SelectorKind
from codetracer_otel.filters.secrets.content_rules import ContentPattern, compile_content_pattern
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.types import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codetracer_otel.filters.language.chain import FilterFile, ValuePattern
    from codetracer_otel.filters.secrets.content_rules import Found
    from codetracer_otel.filters.secrets.text_parts import TextPart

# What the builtin rules hide, whosever program it is: a pattern that shows it is about no
# variable that the program is known to have.
_NAMES: Final = ("password", "secret", "token", "api_key", "authorization", "cookie")
_TEXTS: Final = ("ghp_a1B2c3D4e5a1B2c3D4e5a1B2c3D4e5a1B2c3D4e5", "postgres://me:hunter2@db/x")
_NAMED_KINDS: Final = frozenset(
    {SelectorKind.ARG, SelectorKind.LOCAL, SelectorKind.GLOBAL, SelectorKind.RET, SelectorKind.ATTR}
)
_SHAPES: Final = frozenset(shape.name for shape in SHAPES)


def loosening_of(file: FilterFile) -> Iterator[str]:
    """Yield a sentence for each pattern that shows what builtin rules hide, and for ``[io]``."""
    for rule in file.rules:
        for pattern in rule.patterns:
            if pattern.action is Action.ALLOW and _shows_secrets(pattern):
                where = f"{pattern.source.file}:{pattern.source.line}"
                yield (
                    f"{where}: {pattern.source.selector or pattern.pattern!r} shows what the "
                    "builtin rules hide, in a filter that was found beside the program"
                )
    if file.io is not None and file.io.capture:
        where = f"{file.io.source.file}:{file.io.source.line}"
        yield (
            f"{where}: [io] of a filter that was found beside the program records what the "
            f"program reads and writes: {', '.join(file.io.streams)}"
        )


def _shows_secrets(pattern: ValuePattern) -> bool:
    kind = pattern.selector.kind
    if kind is SelectorKind.VALUE:
        return _shows_texts(pattern)
    if kind not in _NAMED_KINDS or pattern.matches is None:
        return False
    try:
        return any(pattern.matches.matches(name) for name in _NAMES)
    except TimeoutError:
        return True


def _shows_texts(pattern: ValuePattern) -> bool:
    if pattern.content_match == "shapes":
        return True
    written = ContentPattern(pattern.content_match, pattern.pattern, pattern.action, pattern.source)
    find = compile_content_pattern(written, lambda: None).find
    return any((0, len(text)) in _spans(find, text) for text in _TEXTS)


def _spans(find: Callable[..., Found], text: str) -> list[TextPart]:
    return [span for _, span in find(text, _SHAPES, is_cut=False)]
