"""The selector grammar ``kind:[match:]pattern`` and the predicates it compiles to."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import did_you_mean
from codetracer_otel.filters.language.tables import quoted_list
from codetracer_otel.filters.patterns.glob import glob_predicate
from codetracer_otel.filters.patterns.glob_syntax import expand_glob, glob_prefixes, glob_texts
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.name_words import compile_words
from codetracer_otel.filters.patterns.pattern_error import PatternError
from codetracer_otel.filters.patterns.regex import compile_expression

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SELECTOR_LENGTH: Final = 4200


class SelectorKind(Enum):
    """What a selector's pattern is compared with."""

    PKG = "pkg"
    FILE = "file"
    OBJ = "obj"
    LOCAL = "local"
    GLOBAL = "global"
    ARG = "arg"
    RET = "ret"
    ATTR = "attr"
    TYPE = "type"
    VALUE = "value"


class MatchType(Enum):
    """How a selector's pattern is compared."""

    GLOB = "glob"
    REGEX = "regex"
    LITERAL = "literal"
    WORDS = "words"


SCOPE_KINDS: Final = (SelectorKind.PKG, SelectorKind.FILE, SelectorKind.OBJ)
NAME_KINDS: Final = (
    SelectorKind.LOCAL,
    SelectorKind.GLOBAL,
    SelectorKind.ARG,
    SelectorKind.RET,
    SelectorKind.ATTR,
)
VALUE_KINDS: Final = (*NAME_KINDS, SelectorKind.TYPE, SelectorKind.VALUE)
_SECOND_VERSION: Final = (SelectorKind.TYPE, SelectorKind.VALUE, MatchType.WORDS)


class SelectorError(ValueError):
    """A selector that is not accepted; the message says what is."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector.

    Attributes:
        text: as it stands in the file.
        pattern: what comes after the last separating colon.
    """

    text: str
    kind: SelectorKind
    match: MatchType
    pattern: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled pattern.

    Attributes:
        matches: tells whether a text matches; one made from a regex may raise ``TimeoutError``.
        prefixes: every matching text starts with one of these.
        exact: the only texts that match, or None when there is no such list.
    """

    matches: Callable[[str], bool]
    prefixes: tuple[str, ...] = ("",)
    exact: frozenset[str] | None = None


def matcher_below(directory: str, relative: Matcher) -> Matcher:
    """Return a predicate on absolute paths: below ``directory`` the rest is asked ``relative``.

    Args:
        directory: in normal form.
        relative: on paths relative to the directory.
    """
    start = directory.rstrip("/") + "/"

    def matches(path: str) -> bool:
        return path.startswith(start) and relative.matches(path[len(start) :])

    exact = relative.exact
    return Matcher(
        matches,
        tuple([start + prefix for prefix in relative.prefixes]),
        None if exact is None else frozenset(start + text for text in exact),
    )


def parse_selector(text: str, kinds: tuple[SelectorKind, ...], version: int) -> Selector:
    """Split ``text`` into kind, match and pattern.

    Args:
        text: the selector; nothing is trimmed, letter case counts.
        kinds: the kinds that are allowed where it stands.
        version: the schema version of its file.

    Raises:
        SelectorError: it does not follow the grammar.
    """
    if not text:
        raise SelectorError(
            'the selector is empty; expected "kind:pattern" or "kind:match:pattern"'
        )
    if len(text) > MAX_SELECTOR_LENGTH:
        raise SelectorError(
            f"the selector is {len(text)} characters long; expected at most {MAX_SELECTOR_LENGTH}"
        )
    fields = text.split(":", 2)
    kind = _kind(fields[0], text, kinds)
    if len(fields) == 1 or not fields[-1]:
        raise SelectorError(f'{text!r} has no pattern; expected "{kind.value}:PATTERN"')
    match = _match(fields[1], text) if len(fields) == 3 else MatchType.GLOB  # noqa: PLR2004 - kind, match, pattern
    _require_version(kind, match, version, text)
    if match is MatchType.WORDS and kind not in NAME_KINDS:
        raise SelectorError(
            f"{text!r}: `words` compares names only; expected it with {quoted_list(NAME_KINDS)}"
        )
    return Selector(text, kind, match, fields[-1])


def _kind(given: str, text: str, kinds: tuple[SelectorKind, ...]) -> SelectorKind:
    accepted = quoted_list(kinds)
    for kind in SelectorKind:
        if kind.value == given:
            break
    else:
        hint = did_you_mean(given, [kind.value for kind in kinds])
        if given == text and not hint:
            raise SelectorError(
                f"{text!r} has no kind; expected one before it: {accepted}, and `:`"
            )
        raise SelectorError(f"{text!r} has the unknown kind {given!r}; expected {accepted}{hint}")
    if kind not in kinds:
        raise SelectorError(
            f"{text!r}: the kind {given!r} is not allowed here; expected {accepted}{_place(kind)}"
        )
    return kind


def _place(kind: SelectorKind) -> str:
    is_for_code = kind in SCOPE_KINDS
    table = "[[scope.rules]]" if is_for_code else "[[scope.rules.value_patterns]]"
    return f" ({kind.value!r} selects {'code' if is_for_code else 'values'}, in {table})"


def _match(given: str, text: str) -> MatchType:
    if not given:
        raise SelectorError(f"{text!r} has an empty match type; expected {quoted_list(MatchType)}")
    for match in MatchType:
        if match.value == given:
            return match
    hint = did_you_mean(given, [match.value for match in MatchType])
    raise SelectorError(
        f"{text!r} has the unknown match type {given!r}; expected {quoted_list(MatchType)}{hint}"
    )


def _require_version(kind: SelectorKind, match: MatchType, version: int, text: str) -> None:
    for part in (kind, match):
        if part in _SECOND_VERSION and version < 2:  # noqa: PLR2004 - schema version 2
            raise SelectorError(f"{text!r}: `{part.value}` needs `version = 2` in [meta]")


def compile_pattern(match: MatchType, pattern: str) -> Matcher:
    """Compile one pattern.

    Raises:
        PatternError: the pattern is not well-formed; the message names a remedy.
    """
    if match is MatchType.LITERAL:
        return Matcher(pattern.__eq__, (pattern,), frozenset((pattern,)))
    if match is MatchType.GLOB:
        alternatives = expand_glob(pattern)
        return Matcher(
            glob_predicate(alternatives), glob_prefixes(alternatives), glob_texts(alternatives)
        )
    if match is MatchType.REGEX:
        expression = compile_expression(pattern)
        return Matcher(expression.found_in, (expression.prefix,))
    try:
        return Matcher(compile_words(pattern).matches)
    except ValueError as error:
        raise PatternError(str(error)) from error


_OF_FREE_TEXT: Final = (SelectorKind.FILE, SelectorKind.ATTR, SelectorKind.VALUE)


_SPACE_AT_AN_END: Final = lazy_regex(r"(?:^|[{,])\s|\s(?:$|[,}])")


def why_mute(selector: Selector) -> str:
    """Return why a selector hits nothing, or an empty text where it may hit something."""
    if "\b" in selector.pattern or "\f" in selector.pattern:
        return (
            f"{selector.text!r} holds a control character, as a backslash makes them between "
            "double quotes; write the selector between single quotes"
        )
    is_exact = selector.match in (MatchType.GLOB, MatchType.LITERAL)
    is_name = selector.kind not in _OF_FREE_TEXT
    # most patterns have no space, and then nothing is compiled
    has_space = is_exact and is_name and selector.pattern.split() != [selector.pattern]
    if has_space and _SPACE_AT_AN_END.search(selector.pattern):
        return f"{selector.text!r} wants a space where no name has one; take it out"
    return ""
