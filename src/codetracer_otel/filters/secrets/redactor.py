"""``value`` patterns: redaction of the parts of text that look like secrets."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.patience import Patience
from codetracer_otel.filters.secrets.content_rules import ShapesPattern, compile_content_pattern
from codetracer_otel.filters.secrets.encodings import (
    decodings,
    may_be_encoded,
    texts_in_base64,
)
from codetracer_otel.filters.secrets.prefilter import IN_BASE64, shapes_possible
from codetracer_otel.filters.secrets.scan_tables import SCANNED_SHAPES
from codetracer_otel.filters.secrets.text_parts import TextParts, replace_parts
from codetracer_otel.filters.types import Action, ContentCounters
from codetracer_otel.model.value import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from codetracer_otel.filters.secrets.content_rules import CompiledPattern, ContentPattern, Found
    from codetracer_otel.filters.secrets.encodings import Decoded
    from codetracer_otel.filters.secrets.text_parts import TextPart
    from codetracer_otel.filters.types import SecretStore
    from codetracer_otel.model.protocols import Notify

    Readings = Sequence[tuple[Decoded, AbstractSet[str]]]

_MAX_CLEAN: Final = 8192
_MAX_CLEAN_LENGTH: Final = 2048  # a text cut at the largest usual limit, and most tracebacks
_MAX_CLEAN_CHARACTERS: Final = 1 << 20  # of all that are remembered
_NO_SHAPES: Final[frozenset[str]] = frozenset()
# Names before `%3D` are found as they stand; what is decoded shows quotes that open nothing.
_NOT_PERCENT_DECODED: Final = frozenset({"named"})
_NAMED: Final = "named"  # the shape that is found in source code, too
_PRIVATE_KEY: Final = "private_key"
_KEY_LINE: Final = lazy_regex(r"[A-Za-z0-9+/=]{40,76}")
_MOST_LINES: Final = 64
_CODE: Final = frozenset("()[]{}\"'<>,; ")
KNOWN_KIND: Final = "known_secret"  # what the counters call what was hidden elsewhere before


class ContentRules:
    """Compiled ``value`` patterns, in the order in which they decide.

    Every part of a text is decided by the first pattern that matches it: what an ``allow`` pattern
    matched is not touched by the patterns behind it, as long as they match no more than that. The
    known secrets come last.

    Attributes:
        counters: what was done so far.
        has_drops: whether `drops` can ever be true.
    """

    __slots__ = (
        "_allows",
        "_clean",
        "_clean_characters",
        "_clean_cut",
        "_finds_more",
        "_generation",
        "_known",
        "_patterns",
        "_shapeless",
        "_shapeless_characters",
        "_shapes",
        "counters",
        "has_drops",
    )

    def __init__(
        self,
        patterns: Sequence[CompiledPattern],
        counters: ContentCounters,
        known: SecretStore | None = None,
    ) -> None:
        self._patterns = tuple(patterns)
        of_shapes = [pattern for pattern in patterns if isinstance(pattern, ShapesPattern)]
        self._shapes = frozenset(shape.name for found in of_shapes for shape in found.shapes)
        self._finds_more = len(of_shapes) < len(patterns)
        self._allows = any(pattern.action is Action.ALLOW for pattern in patterns)
        self._clean: set[str] = set()
        self._clean_cut: set[str] = set()  # those of them that were cut as they were judged
        self._clean_characters = self._shapeless_characters = 0
        self._shapeless: set[str] = set()  # clean but for secrets that have become known since
        self._known = known
        self._generation = 0
        self.counters = counters
        self.has_drops = any(pattern.action is Action.DROP for pattern in patterns)

    @property
    def generation(self) -> int:
        """Another number once texts that were judged before may be judged otherwise."""
        return 0 if self._known is None else self._known.generation

    @property
    def looks_at_every_text(self) -> bool:
        """Whether texts that compiled code finds clean have to be judged, too."""
        return self._finds_more or not self._shapes <= SCANNED_SHAPES

    @property
    def known(self) -> SecretStore | None:
        """The known secrets that texts are searched for, too."""
        return self._known

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
        if self._known is not None and self._known.generation != self._generation:
            self._doubt_clean()
        fresh = self._fresh(result, cut)
        if not fresh:
            return result
        self._redact_fresh(result, fresh, cut, counters or self.counters)
        return result

    def presume_clean(self, text: str) -> None:
        """Take a text for one in which no shape is, unless a filter has patterns of its own."""
        if not (self._finds_more or self._allows):
            self._note_clean([text], set())

    def _fresh(self, texts: Sequence[str], cut: Sequence[bool] | None) -> list[int]:
        clean = self._clean
        if cut is None:
            return [index for index, text in enumerate(texts) if text not in clean]
        clean_cut = self._clean_cut
        return [i for i, text in enumerate(texts) if text not in (clean_cut if cut[i] else clean)]

    def _doubt_clean(self) -> None:
        self._generation = self.generation
        characters = self._shapeless_characters + self._clean_characters
        if (
            len(self._shapeless) + len(self._clean) > _MAX_CLEAN
            or characters > _MAX_CLEAN_CHARACTERS
        ):
            self._shapeless.clear()
            characters = self._clean_characters
        self._shapeless |= self._clean
        self._shapeless_characters = characters
        self._forget_clean()

    def _forget_clean(self) -> None:
        self._clean.clear()
        self._clean_cut.clear()
        self._clean_characters = 0

    def drops(self, text: str, *, is_cut: bool = False) -> bool:
        """Return whether a pattern with action ``drop`` decides about a part of the text."""
        if not self.has_drops:
            return False
        decided = TextParts()
        possible = shapes_possible([text], [is_cut], self._shapes).get(0, set())
        readings = self._readings([text], [is_cut], {0: possible}).get(0, ())
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
        judged = self._judge(texts, fresh_cut, counters)
        if self._known is not None:
            self._add_known(self._known, texts, fresh_cut, judged, counters)
        changed = set()
        for position, parts in judged.items():
            if parts.hidden:
                result[fresh[position]] = replace_parts(texts[position], parts.hidden, REDACTED)
                changed.add(texts[position])
        self._note_clean(texts, changed)
        if fresh_cut is not None:
            self._note_clean_cut(compress(texts, fresh_cut), changed)

    def _judge(
        self, texts: list[str], cut: Sequence[bool] | None, counters: ContentCounters
    ) -> dict[int, _Parts]:
        """Return what the patterns find, by the position of those texts that they may be about."""
        fresh: Sequence[int] = range(len(texts))
        if self._shapeless and not (self._finds_more or self._allows):
            fresh = [i for i in fresh if (cut and cut[i]) or texts[i] not in self._shapeless]
        some = [texts[i] for i in fresh] if len(fresh) < len(texts) else texts
        some_cut = [cut[i] for i in fresh] if cut is not None else None
        possible = shapes_possible(some, some_cut, self._shapes)
        readings = self._readings(some, some_cut, possible)
        suspects = {**possible, **readings} if readings else possible
        return {
            fresh[index]: self._parts(
                some[index],
                possible.get(index, _NO_SHAPES),
                readings.get(index, ()),
                counters,
                is_cut=some_cut is not None and some_cut[index],
            )
            for index in (range(len(some)) if self._finds_more else suspects)
        }

    def _add_known(
        self,
        known: SecretStore,
        texts: list[str],
        cut: Sequence[bool] | None,
        judged: dict[int, _Parts],
        counters: ContentCounters,
    ) -> None:
        decoded = _decoded(texts)
        found = [*known.search(texts, cut)]
        for index, part, place in known.search([reading.text for _, reading in decoded]):
            owner, reading = decoded[index]
            found.append((owner, reading.original(part), place))
        for position, part, place in found:
            parts = judged.setdefault(position, _Parts())
            if not parts.decides(part):
                parts.hidden.append(part)
                counters.add(KNOWN_KIND, 1)
                if counters.known is not None:
                    counters.known[texts[position]] = place

    def _note_clean(self, texts: Sequence[str], changed: set[str]) -> None:
        clean = [text for text in texts if text not in changed] if changed else texts
        characters = sum(map(len, clean))
        if characters > _MAX_CLEAN_LENGTH and max(map(len, clean)) > _MAX_CLEAN_LENGTH:
            clean = [text for text in clean if len(text) <= _MAX_CLEAN_LENGTH]
            characters = sum(map(len, clean))
        if (
            len(self._clean) + len(clean) > _MAX_CLEAN
            or self._clean_characters + characters > _MAX_CLEAN_CHARACTERS
        ):
            self._forget_clean()
        if len(clean) <= _MAX_CLEAN and characters <= _MAX_CLEAN_CHARACTERS:
            self._clean.update(clean)
            self._clean_characters += characters

    def _note_clean_cut(self, cut: Iterable[str], changed: set[str]) -> None:
        """Remember texts that were cut, of those that are remembered: the others are too long."""
        clean = self._clean
        self._clean_cut.update(text for text in cut if text in clean and text not in changed)

    def _readings(
        self,
        texts: Sequence[str],
        cut: Sequence[bool] | None,
        possible: Mapping[int, AbstractSet[str]],
    ) -> dict[int, list[tuple[Decoded, set[str]]]]:
        """Return index -> what encoded texts say, with the shapes that it may hold."""
        pairs = _decoded(texts)
        for index, shapes in possible.items():
            if IN_BASE64 in shapes:
                pairs += [(index, reading) for reading in texts_in_base64(texts[index])]
        owners = [index for index, _ in pairs]
        decoded = [reading for _, reading in pairs]
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

    def _parts(
        self,
        text: str,
        possible: AbstractSet[str],
        readings: Readings,
        counters: ContentCounters,
        *,
        is_cut: bool,
    ) -> _Parts:
        parts = _Parts()
        for pattern in self._patterns:
            found = _found_in(pattern, text, possible, readings, is_cut=is_cut)
            if pattern.action is Action.ALLOW:
                parts.allowed.add([span for _, span in found])
            else:  # what is to be dropped is not shown either if nobody asked `drops`
                counted = _counted(found, parts.allowed, counters)
                parts.hidden.extend([span for _, span in counted])
                if self._known is not None and counted:
                    self._learn(self._known, text, counted, is_cut=is_cut)
        return parts

    def _learn(
        self, known: SecretStore, text: str, found: Sequence[tuple[str, TextPart]], *, is_cut: bool
    ) -> None:
        for kind, (start, end) in found:
            part = text[start:end]
            is_whole = not (is_cut and end == len(text))
            if kind in self._shapes and is_whole and (kind != _NAMED or _CODE.isdisjoint(part)):
                known.learn(part, f"{kind} in a text")
                if kind == _PRIVATE_KEY:  # it may be shown line by line
                    for line in _KEY_LINE.findall(part)[:_MOST_LINES]:
                        known.learn(line, f"{kind} in a text")


def _decoded(texts: Sequence[str]) -> list[tuple[int, Decoded]]:
    """Return what encoded texts say, and whose each is."""
    if not may_be_encoded("".join(texts)):
        return []
    return [
        (index, reading)
        for index, text in enumerate(texts)
        if may_be_encoded(text)
        for reading in decodings(text)
    ]


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


class _Parts:
    """What the patterns have decided about a text."""

    __slots__ = ("allowed", "hidden")

    def __init__(self) -> None:
        self.allowed = TextParts()
        self.hidden: list[TextPart] = []

    def decides(self, part: TextPart) -> bool:
        """Return whether they have decided about all of a part."""
        start, end = part
        is_hidden = any(first <= start and end <= last for first, last in self.hidden)
        return is_hidden or self.allowed.covers(part)


def _counted(
    found: Found, allowed: TextParts, counters: ContentCounters
) -> list[tuple[str, TextPart]]:
    hidden = [(kind, span) for kind, span in found if not allowed.covers(span)]
    for kind, _ in hidden:
        counters.add(kind, 1)
    return hidden


def compile_content(
    patterns: Sequence[ContentPattern],
    *,
    counters: ContentCounters | None = None,
    notify: Notify | None = None,
    known: SecretStore | None = None,
) -> ContentRules:
    """Compile ``value`` patterns.

    Args:
        patterns: in the order in which they decide, the newest rule's first; without those that
            may not act, such as an ``allow`` older than a stricter default.
        counters: what to count in; several rules may share it.
        notify: told once for each pattern that it took too long on a text, and that it is given up.
        known: secrets that are hidden wherever they come again, which found shapes become.

    Raises:
        ValueError: a pattern is not well-formed, or of a match type that values do not have.
    """
    counters = counters if counters is not None else ContentCounters()
    compiled = [
        compile_content_pattern(pattern, _timeout_reporter(pattern, counters, notify))
        for pattern in patterns
    ]
    return ContentRules(compiled, counters, known)


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
