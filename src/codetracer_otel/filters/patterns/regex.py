"""Regular expressions that cannot hang: probed when they are compiled, limited when they run."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.pattern_error import PatternError
from codetracer_otel.filters.patterns.regex_syntax import translate

if TYPE_CHECKING:
    import regex

    from codetracer_otel.filters.patterns.regex_syntax import Dialect

TIME_LIMIT_S: Final = 0.05
PROBE_LENGTH: Final = 64
UNLIMITED_LENGTH: Final = 128  # longer texts are matched under the time limit by every pattern


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled regular expression.

    Attributes:
        compiled: the pattern of the `regex` package.
        needs_limit: whether every match runs under `TIME_LIMIT_S`.
        prefix: every matching text starts with it.
    """

    compiled: regex.Pattern[str]
    needs_limit: bool
    prefix: str = ""

    def found_in(self, text: str) -> bool:
        """Return whether the expression matches anywhere in ``text``.

        Raises:
            TimeoutError: the match took longer than `TIME_LIMIT_S`.
        """
        if self.needs_limit or len(text) > UNLIMITED_LENGTH:
            return self.compiled.search(text, timeout=TIME_LIMIT_S) is not None
        return self.compiled.search(text) is not None


@lru_cache(maxsize=512)
def compile_expression(pattern: str) -> Expression:
    """Compile ``pattern`` and try it on three texts made from itself.

    Raises:
        PatternError: not a regular expression that Rust and Python share, or too slow.
    """
    import regex  # noqa: PLC0415 - 25 ms, and few filters have expressions

    dialect = translate(pattern)
    try:
        compiled = regex.compile(dialect.pattern, regex.VERSION0)
    except regex.error as error:
        raise PatternError(f"the regex is not valid: {error}; correct it, or use a glob") from error
    except RecursionError as error:
        raise PatternError("the regex is nested too deeply; write it flat") from error
    _probe(compiled, dialect)
    return Expression(compiled, dialect.needs_limit, dialect.prefix)


def _probe(compiled: regex.Pattern[str], dialect: Dialect) -> None:
    # A busy machine must not reject a good pattern: only a second miss counts.
    if not (_is_quick(compiled, dialect) or _is_quick(compiled, dialect)):
        raise PatternError(
            f"the regex needs more than {TIME_LIMIT_S * 1000:.0f} ms on {PROBE_LENGTH} characters; "
            "avoid repeated groups that match the same text in several ways, or use a glob"
        )


def _is_quick(compiled: regex.Pattern[str], dialect: Dialect) -> bool:
    left = TIME_LIMIT_S
    for text in _probes(dialect):
        began = time.perf_counter()
        try:
            compiled.search(text, timeout=left)
        except TimeoutError:
            return False
        left -= time.perf_counter() - began
        if left <= 0:
            return False
    return True


def _probes(dialect: Dialect) -> tuple[str, str, str]:
    sample = dialect.sample or "a"
    repeated = dialect.repeated or sample
    # The last character spoils a match that would otherwise succeed at once.
    spoiler = next(char for char in "!~\x01\u1234" if char not in sample)
    size = PROBE_LENGTH - 1
    return (
        (sample * size)[:size] + spoiler,
        (repeated * size)[:size] + spoiler,
        max(repeated, key=repeated.count) * size + spoiler,
    )


# An escape and what it stands for, a class, a counted repetition, or any other character.
_TOKEN: Final = lazy_regex(r"\\(.)|(\[(?:\\.|[^\]\\])*\])|(\{[^}]*\})|(.)", re.DOTALL)
_CLASS_ESCAPES: Final = frozenset("dDwWsSbBAzZ")
_OPTIONAL: Final = ("*", "?", "{")


def required_literal(pattern: str) -> str:
    """Return the longest run of plain characters outside groups that a match must hold.

    Careful rather than clever: the empty text, which is in every text, where alternatives, flags,
    nested classes or numeric escapes could make another text match.
    """
    if "|" in pattern or "(?" in pattern.replace("(?:", ""):
        return ""
    tokens = list(_TOKEN.finditer(pattern))
    if any(_is_beyond(token) for token in tokens):
        return ""
    return max(_runs(tokens), key=len)


def _is_beyond(token: re.Match[str]) -> bool:
    """Return whether a token is more than this module understands."""
    escaped, bracketed = token[1], token[2]
    if escaped is not None:
        return escaped.isalnum() and escaped not in _CLASS_ESCAPES
    return bracketed is not None and ("[" in bracketed[1:] or bracketed in ("[]", "[^]"))


def _runs(tokens: list[re.Match[str]]) -> list[str]:
    runs = [""]
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        following = tokens[index + 1][0][0] if index + 1 < len(tokens) else ""
        char = _plain(token)
        if char and not depth and following not in _OPTIONAL:
            runs[-1] += char
            if following != "+":
                continue
        runs.append("")
    return runs


def _plain(token: re.Match[str]) -> str:
    """Return the one character a token matches, empty if it is not such a token."""
    if token[1] is not None:
        return "" if token[1] in _CLASS_ESCAPES else token[1]
    return token[4] if token[4] is not None and token[4] not in "^$.*+?()[]{}" else ""
