"""The grammar of ``CODETRACER_TRACE``: text in, a level and a rate for each topic out; pure."""

from __future__ import annotations

import math
import os.path
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Os
from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.errors import ErrorCode, Problem
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.instrumentation.topics import (
    EVERYTHING,
    LEVELS,
    OFF_WORDS,
    ON_WORDS,
    Level,
)
from codetracer_otel.sdk.settings.parsers import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from codetracer_otel.instrumentation.topics import TopicTree

_NUMBER: Final = lazy_regex(r"(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\Z")
_ALL_TRACE_IDS: Final = 1 << 64
_LONGEST_SHOWN: Final = 80
_PERCENT: Final = 100
_SETTINGS: Final = "a level, off, a rate 0..1 or 0..100 %, or level@rate"


@dataclass(frozen=True, slots=True)
class TopicRule:
    """What is printed of one topic.

    Attributes:
        level: lines of this level and more important ones.
        bound: a trace is printed when the low 64 bits of its id are below it, which is how
            OpenTelemetry's ``TraceIdRatioBased`` decides at the rate that was asked for.
    """

    level: Level
    bound: int

    def prints(self, level: int, trace_id: int) -> bool:
        """Return whether a line of ``level`` in this trace is printed; errors escape the rate."""
        if level > self.level:
            return False
        return level == Level.ERROR or trace_id & (_ALL_TRACE_IDS - 1) < self.bound


@dataclass(frozen=True, slots=True)
class BadDirective:
    """A directive that is not in force, and why.

    Attributes:
        directive: its text, cut to a readable length.
        reason: which rule of the grammar it breaks.
        suggestion: what was probably meant, or empty.
        expected: what is accepted, for people, or empty.
    """

    directive: str
    reason: str
    suggestion: str = ""
    expected: str = ""

    def problem(self, subject: str) -> Problem:
        """Return it as a configuration problem of the setting ``subject``."""
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        message = f"{subject}: {self.reason}, got {self.directive!r}{self.expected}{hint}"
        return Problem(ErrorCode.INVALID_POLICY_VALUE, message)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What one text asks for.

    Attributes:
        rules: by full topic name; a topic that is absent is off.
        bad: directives that are not in force, in their order.
    """

    rules: Mapping[str, TopicRule]
    bad: tuple[BadDirective, ...] = ()

    @property
    def is_off(self) -> bool:
        """Whether no topic is printed."""
        return not self.rules


@dataclass(frozen=True, slots=True)
class _Directive:
    """``prefix`` is a full topic name, or empty for every topic; no rule means off."""

    prefix: str
    rule: TopicRule | None


def parse_topics_text(
    text: str,
    tree: TopicTree,
    *,
    is_directory: Callable[[str], bool] | None = None,
) -> TopicSpec:
    """Return what ``text`` asks for.

    Args:
        text: the value of ``CODETRACER_TRACE`` or of the keyword ``trace``.
        tree: the topics there are.
        is_directory: answers whether a word names an existing directory; None where the text can
            be no path (the CodeTracer recorder keeps an output directory in the same variable).
    """
    word = text.strip().lower()
    if word in OFF_WORDS:
        return TopicSpec({})
    if word in ON_WORDS:
        return TopicSpec(_resolve([_Directive("", _rule(Level.TRACE, 1.0))], tree))
    if is_directory is not None and _is_path(text.strip(), tree, is_directory):
        return TopicSpec({})
    items = [item.strip() for item in text.split(",")]
    parsed = [_parse_directive(item, tree) for item in items if item]
    directives = [item for item in parsed if isinstance(item, _Directive)]
    bad = tuple(item for item in parsed if isinstance(item, BadDirective))
    return TopicSpec(_resolve(directives, tree), bad)


def topic_problems(
    text: str,
    tree: TopicTree,
    subject: str,
    *,
    is_directory: Callable[[str], bool] | None = None,
) -> list[Problem]:
    """Return what is wrong with ``text``, where that is an error of the setting ``subject``."""
    spec = parse_topics_text(text, tree, is_directory=is_directory)
    return [bad.problem(subject) for bad in spec.bad]


def parse_output(text: str, subject: str) -> str | Problem:
    """Return ``fd:N`` or ``file:PATH`` as it is, the path absolute, or what is wrong with it."""
    kind, _, target = text.partition(":")
    if kind == "fd" and target.isascii() and target.isdigit():
        return text
    if kind == "file" and target.strip() and "://" not in target:
        return f"file:{os.path.abspath(target)}"
    shown = repr(_shown(text))
    message = f"{subject}: not an output, got {shown}; expected fd:N or file:PATH"
    return Problem(ErrorCode.INVALID_POLICY_VALUE, message)


def stated_output(text: str, subject: str) -> str | Problem:
    """Return an output as `parse_output` does, or what is wrong with it or with its place."""
    output = parse_output(text.strip(), subject)
    if isinstance(output, Problem):
        return output
    return _unwritable_output(output, subject) or output


def _unwritable_output(output: str, subject: str) -> Problem | None:
    """Return the problem of a parsed output whose descriptor or folder is not there."""
    kind, _, target = output.partition(":")
    try:
        if kind == "fd":
            Os.fstat(int(target))
        else:
            Os.stat(os.path.dirname(target))
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such descriptor"
        expected = "an open descriptor, or a file in a folder that exists"
        message = f"{subject}: cannot be written, got {output!r} ({reason}); expected {expected}"
        return Problem(ErrorCode.IO, message)
    return None


def _is_path(text: str, tree: TopicTree, is_directory: Callable[[str], bool]) -> bool:
    if "/" in text or "\\" in text or text.startswith((".", "~")):
        return True
    if "," in text or "=" in text or _is_selector(text.lower(), tree):
        return False
    return is_directory(text)


def _is_selector(word: str, tree: TopicTree) -> bool:
    return word in EVERYTHING or word in LEVELS or tree.full_name(word) is not None


def _parse_directive(text: str, tree: TopicTree) -> _Directive | BadDirective:
    is_negated = text.startswith(("-", "!"))
    selector, equals, setting = (part.strip() for part in text.lstrip("-!").partition("="))
    selector, setting = selector.lower(), setting.lower()
    if text[1:2] in ("-", "!") and is_negated:
        return _bad(text, "more than one sign", selector, _selectors(tree))
    if not selector:
        return _bad(text, "no topic before '='" if equals else "no topic", setting, ())
    if not _is_selector(selector, tree):
        found = _bad(text, "unknown topic", selector, _selectors(tree))
        expected = f"; expected one of {', '.join(tree.names)}, all"
        return found if found.suggestion else replace(found, expected=expected)
    if equals and not setting:
        return BadDirective(_shown(text), f"no setting after '='; expected {_SETTINGS}", selector)
    return _parse_setting(text, selector, "off" if is_negated else setting, tree)


def _parse_setting(
    text: str, selector: str, setting: str, tree: TopicTree
) -> _Directive | BadDirective:
    level = LEVELS.get(selector)
    prefix = "" if level or selector in EVERYTHING else tree.full_name(selector) or ""
    if setting == "off":
        return _Directive(prefix, None)
    name, at, rate_text = setting.partition("@")
    if not at and name not in LEVELS:
        name, rate_text = "", name
    if name and level is not None:
        return BadDirective(_shown(text), "a level takes a rate or off only", selector)
    if name and name not in LEVELS:
        return _bad(text, f"unknown level; expected {', '.join(LEVELS)}", name, LEVELS)
    rate = _parse_rate(rate_text) if rate_text or at else 1.0
    if rate is None and rate_text == setting and _NUMBER.match(setting):
        hint = f"{selector}={setting}%" if float(setting) <= _PERCENT else ""
        return BadDirective(_shown(text), f"a rate beyond 1; expected {_SETTINGS}", hint)
    if rate is None:
        return _bad(text, f"not a setting; expected {_SETTINGS}", setting, [*LEVELS, "off"])
    return _Directive(prefix, _rule(LEVELS[name] if name else level or Level.TRACE, rate))


def _parse_rate(text: str) -> float | None:
    number = text.removesuffix("%").strip()
    if not _NUMBER.match(number):
        return None
    rate = float(number) / (_PERCENT if text.endswith("%") else 1)
    return rate if math.isfinite(rate) and rate <= 1 else None


def _rule(level: Level, rate: float) -> TopicRule | None:
    return TopicRule(level, round(rate * _ALL_TRACE_IDS)) if rate else None


def _resolve(directives: list[_Directive], tree: TopicTree) -> dict[str, TopicRule]:
    found = {name: _winner(directives, name) for name in tree.names}
    return {name: rule for name, rule in found.items() if rule is not None}


def _winner(directives: list[_Directive], topic: str) -> TopicRule | None:
    longest, rule = -1, None
    for directive in directives:
        prefix = directive.prefix
        is_about = not prefix or topic == prefix or topic.startswith(f"{prefix}.")
        if is_about and len(prefix) >= longest:
            longest, rule = len(prefix), directive.rule
    return rule


def _bad(text: str, reason: str, word: str, known: Iterable[str]) -> BadDirective:
    import difflib  # noqa: PLC0415 - only where something is misspelt

    nearest = difflib.get_close_matches(word[:_LONGEST_SHOWN], list(known), n=1)
    return BadDirective(_shown(text), reason, nearest[0] if nearest else "")


def _selectors(tree: TopicTree) -> list[str]:
    return [*tree.known_names(), *LEVELS, "all"]


def _shown(text: str) -> str:
    text = without_secrets(text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
