"""Reads ``[[scope.rules]]`` and their value patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.code.paths import is_absolute, is_synthetic, normal_pattern
from codetracer_otel.filters.code.placeholders import PLACEHOLDERS, expand_placeholder
from codetracer_otel.filters.language.chain import ScopeRule, ValuePattern
from codetracer_otel.filters.language.selector import (
    SCOPE_KINDS,
    VALUE_KINDS,
    Matcher,
    MatchType,
    SelectorError,
    SelectorKind,
    compile_pattern,
    matcher_below,
    parse_selector,
)
from codetracer_otel.filters.language.tables import Table, shortened
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.filters.patterns.name_words import BUILTIN_SECRET_WORDS
from codetracer_otel.filters.patterns.pattern_error import PatternError
from codetracer_otel.filters.secrets.content_rules import ALL_SHAPES
from codetracer_otel.filters.types import Action, RuleSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.filters.language.positions import TablePath
    from codetracer_otel.filters.language.selector import Selector
    from codetracer_otel.filters.language.sources import FilterSource
    from codetracer_otel.filters.language.tables import Report

CAPTURES: Final = ("args", "return", "locals", "globals", "error_locals", "lines")
EXEC_CHOICES: Final = {"trace": True, "skip": False, "inherit": None}
OBJECT_CHOICES: Final = {"fields": True, "type": False}
MEASURE: Final = "measure"  # of a rule: no spans, but every call is counted and timed
ACTIONS: Final = {
    "allow": Action.ALLOW,
    "redact": Action.REDACT,
    "drop": Action.DROP,
    "deny": Action.REDACT,
}
DEFAULT_ACTIONS: Final[dict[str, Action | None]] = {**ACTIONS, "inherit": None}
BUILTIN_WORDS: Final = "@secrets"  # in builtin filters: the list of name_words.py
SHAPES: Final = "@shapes"  # in builtin filters: every shape of detectors.py


class RuleReader:
    """Reads the rules of all files of a chain; equal patterns are compiled once.

    Args:
        exempt: paths that are never third-party code.
        most: how many rules and value patterns the chain may have.
    """

    def __init__(self, exempt: tuple[str, ...], most: int) -> None:
        self._exempt = exempt
        self._most = most
        self._read = 0
        self._compiled: dict[tuple[MatchType, str], Matcher] = {}

    def read(
        self, scope: Table, report: Report, source: FilterSource, root: str | None
    ) -> tuple[ScopeRule, ...]:
        """Return the good rules of one file; the problems of the others go to ``report``."""
        tables = scope.tables("rules")
        patterns = sum(_length(content.get("value_patterns")) for _, content in tables)
        self._read += len(tables) + patterns
        if self._read > self._most:
            scope.problem(
                "rules",
                f"the chain has more than {self._most} rules and value patterns; "
                "join rules with globs such as `{a,b}`",
            )
            return ()
        reader = _FileRules(self, report, source, root, scope.version)
        rules = [reader.rule(path, content) for path, content in tables]
        return tuple(rule for rule in rules if rule is not None)

    def compiled(self, match: MatchType, pattern: str) -> Matcher:
        """Compile a pattern, or return the predicate an equal one got."""
        key = (match, pattern)
        if key not in self._compiled:
            self._compiled[key] = compile_pattern(match, pattern)
        return self._compiled[key]

    def place_matcher(self, name: str) -> Matcher:
        """Return the predicate of a placeholder, on absolute paths in normal form."""
        return Matcher(expand_placeholder(name, self._exempt).contain)


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


class _FileRules:
    """Reads the rules of one file."""

    def __init__(
        self,
        shared: RuleReader,
        report: Report,
        source: FilterSource,
        root: str | None,
        version: int,
    ) -> None:
        self._shared = shared
        self._report = report
        self._source = source
        self._root = root
        self._version = version

    def rule(self, path: TablePath, content: Mapping[str, Any]) -> ScopeRule | None:
        table = Table(
            self._report,
            content,
            path,
            ("selector", "exec", "value_default", "reason", "value_patterns"),
            ("capture", "root", "always", "objects", "measure", "sampling", "events", "tail"),
            self._version,
        )
        selector = self._selector(table, SCOPE_KINDS)
        reason = table.text("reason") or ""
        second = self._version > 1
        exec_choice = table.choice("exec", (*EXEC_CHOICES, MEASURE) if second else EXEC_CHOICES)
        value_default = table.choice("value_default", DEFAULT_ACTIONS)
        capture = table.texts("capture", CAPTURES) if second else None
        root = table.flag("root") if second else None
        always = table.flag("always") if second else None
        objects = table.choice("objects", OBJECT_CHOICES) if second else None
        measure = table.flag("measure") if second else None
        sampling = read_sampling(table) if second else {}
        events = read_events(table) if second else {}
        tail = read_tail(table) if second else None
        if tail is not None and not root:
            table.problem("tail", "a trace is decided by its root: this rule needs `root = true`")
        patterns = self._patterns(table)
        matcher = self._scope_matcher(table, selector) if selector is not None else None
        if selector is None or matcher is None:
            return None
        return ScopeRule(
            selector=selector,
            source=self._rule_source(path, selector, reason),
            matches=matcher,
            traces=EXEC_CHOICES.get(exec_choice, False) if exec_choice is not None else None,
            value_default=DEFAULT_ACTIONS[value_default] if value_default is not None else None,
            capture=frozenset(capture) if capture is not None else None,
            root=root,
            always=always,
            reads_objects=OBJECT_CHOICES[objects] if objects is not None else None,
            measures=_measures(exec_choice, measure),
            sampling=sampling,
            events=events,
            tail=tail,
            patterns=patterns,
            absolute=self._is_absolute(selector),
        )

    def _rule_source(self, path: TablePath, selector: Selector, reason: str) -> RuleSource:
        return RuleSource(self._source.label, self._report.line(path), selector.text, reason)

    def _selector(self, table: Table, kinds: tuple[SelectorKind, ...]) -> Selector | None:
        text = table.text("selector", required=True)
        if text is None:
            return None
        try:
            return parse_selector(text, kinds, self._version)
        except SelectorError as error:
            table.problem("selector", str(error))
            return None

    def _is_placeholder(self, selector: Selector) -> bool:
        return (
            selector.kind is SelectorKind.FILE
            and selector.match in (MatchType.LITERAL, MatchType.GLOB)
            and selector.pattern in PLACEHOLDERS
        )

    def _is_absolute(self, selector: Selector) -> bool:
        if self._is_placeholder(selector):
            return True
        return self._root is not None and _is_path(selector) and is_absolute(selector.pattern)

    def _scope_matcher(self, table: Table, selector: Selector) -> Matcher | None:
        if self._is_placeholder(selector):
            return self._shared.place_matcher(selector.pattern)
        pattern = selector.pattern
        try:
            if _is_path(selector):
                pattern = normal_pattern(pattern, self._root)
            matcher = self._shared.compiled(selector.match, pattern)
        except PatternError as error:
            table.problem("selector", f"{shortened(selector.text)}: {error}")
            return None
        if self._root is not None and self._is_absolute(selector):
            return matcher_below(self._root, matcher)
        return matcher

    # value patterns

    def _patterns(self, table: Table) -> tuple[ValuePattern, ...]:
        read = [self._pattern(path, content) for path, content in table.tables("value_patterns")]
        return tuple(pattern for pattern in read if pattern is not None)

    def _pattern(self, path: TablePath, content: Mapping[str, Any]) -> ValuePattern | None:
        table = Table(
            self._report, content, path, ("selector", "action", "reason"), ("repr",), self._version
        )
        selector = self._selector(table, VALUE_KINDS)
        action = table.choice("action", ACTIONS, required=True)
        reason = table.text("reason") or ""
        allows_repr = bool(table.flag("repr")) if self._version > 1 else False
        if allows_repr and selector is not None:
            self._check_repr(table, selector, action)
        if selector is None:
            return None
        if action is None:
            return None
        source = self._rule_source(path, selector, reason)
        try:
            return self._value_pattern(selector, ACTIONS[action], source, allows_repr=allows_repr)
        except PatternError as error:
            table.problem("selector", f"{shortened(selector.text)}: {error}")
            return None

    def _value_pattern(
        self, selector: Selector, action: Action, source: RuleSource, *, allows_repr: bool
    ) -> ValuePattern:
        if selector.kind is SelectorKind.VALUE:
            match, pattern = self._content_pattern(selector)
            return ValuePattern(selector, action, source, None, pattern, match)
        pattern = self._secret_words(selector)
        matcher = self._shared.compiled(selector.match, pattern)
        return ValuePattern(selector, action, source, matcher, pattern, allows_repr=allows_repr)

    def _secret_words(self, selector: Selector) -> str:
        is_list = selector.match is MatchType.WORDS and selector.pattern == BUILTIN_WORDS
        return BUILTIN_SECRET_WORDS if is_list and self._source.builtin else selector.pattern

    def _check_repr(self, table: Table, selector: Selector, action: str | None) -> None:
        if selector.kind is not SelectorKind.TYPE or action not in ("allow", None):
            table.problem("repr", '`repr` goes with a `type` selector and `action = "allow"` only')

    def _content_pattern(self, selector: Selector) -> tuple[str, str]:
        """Check the pattern and return match and pattern as content_rules.py has them."""
        if selector.match is MatchType.LITERAL:
            is_shape = self._source.builtin and selector.pattern.startswith("@")
            if not is_shape:
                return "literal", selector.pattern
            return "shapes", ALL_SHAPES if selector.pattern == SHAPES else selector.pattern[1:]
        self._shared.compiled(selector.match, selector.pattern)
        return selector.match.value, selector.pattern


def _measures(exec_choice: str | None, flag: bool | None) -> bool | None:  # noqa: FBT001 - private
    """Return whether a rule measures: what is skipped is not, unless the rule says so itself."""
    if exec_choice == MEASURE:
        return True
    return False if flag is None and exec_choice == "skip" else flag


def _is_path(selector: Selector) -> bool:
    """Return whether the pattern is a path or a glob over paths."""
    if selector.kind is not SelectorKind.FILE or selector.match is MatchType.REGEX:
        return False
    return not is_synthetic(selector.pattern)


def read_sampling(rule: Table) -> dict[str, object]:
    """Return the good keys of ``[scope.rules.sampling]`` that are given."""
    content = rule.table("sampling")
    if content is None:
        return {}
    keys = ("ratio", "per", "max_per_second", "first", "min_duration_ms", "keep_errors")
    table = Table(rule.report, content, (*rule.path, "sampling"), keys)
    per = table.choice("per", ("trace", "span"))
    return _given(
        ratio=table.number("ratio", 0, 1),
        per_span=per == "span" if per is not None else None,
        max_per_second=table.number("max_per_second", 0),
        first=table.count("first"),
        min_duration_ns=_nanoseconds(table.number("min_duration_ms", 0, 1e12)),
        keep_errors=table.flag("keep_errors"),
    )


def read_tail(scope: Table) -> dict[str, object] | None:
    """Return the good keys of ``[scope.tail]`` or ``[scope.rules.tail]`` that are given."""
    content = scope.table("tail")
    if content is None:
        return None
    keys = ("keep_errors", "slower_than_ms", "ratio", "max_per_second", "max_spans")
    table = Table(scope.report, content, (*scope.path, "tail"), keys)
    return _given(
        keep_errors=table.flag("keep_errors"),
        slower_than_ns=_nanoseconds(table.number("slower_than_ms", 0, 1e12)),
        ratio=table.number("ratio", 0, 1),
        max_per_second=table.number("max_per_second", 0),
        max_spans=table.count("max_spans"),
    )


def read_fold(scope: Table) -> dict[str, object] | None:
    """Return the good keys of ``[scope.fold]`` that are given; None without that table."""
    content = scope.table("fold")
    if content is None:
        return None
    table = Table(scope.report, content, (*scope.path, "fold"), ("after", "shorter_than_us"))
    microseconds = table.number("shorter_than_us", 0, 1e12)
    return _given(
        after=table.count("after"),
        shorter_than_ns=None if microseconds is None else round(microseconds * 1000),
    )


def read_events(rule: Table) -> dict[str, object]:
    """Return the good keys of ``[scope.rules.events]`` that are given."""
    content = rule.table("events")
    if content is None:
        return {}
    keys = ("lines", "names", "ratio", "max_per_span", "max_per_second", "exceptions", "io")
    table = Table(rule.report, content, (*rule.path, "events"), keys)
    return _given(
        lines=table.flag("lines"),
        names=_event_names(table),
        ratio=table.number("ratio", 0, 1),
        max_per_span=table.count("max_per_span"),
        max_per_second=table.number("max_per_second", 0),
        exceptions=table.flag("exceptions"),
        io=table.flag("io"),
    )


def _event_names(table: Table) -> tuple[str, ...] | None:
    names = table.texts("names")
    for index, name in enumerate(names or ()):
        try:
            compile_glob(name)
        except PatternError as error:
            table.report.add((*table.path, "names", index), f"{shortened(name)}: {error}")
    return names


def _given(**keys: object) -> dict[str, object]:
    return {key: value for key, value in keys.items() if value is not None}


def _nanoseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1_000_000)
