"""Holds filter files as they were read: rules, patterns and the chain they form."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.language.selector import why_mute
from codetracer_otel.filters.types import FoldRules, TailRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.filters.language.selector import Matcher, Selector
    from codetracer_otel.filters.types import Action, RuleSource


@dataclass(frozen=True, slots=True)
class ValuePattern:
    """One ``[[scope.rules.value_patterns]]``.

    Attributes:
        matches: the compiled selector; None for ``value`` patterns, see content_rules.py.
        pattern: the text that is compiled.
        content_match: for ``value`` patterns ``regex``, ``glob``, ``literal`` or ``shapes``.
        allows_repr: the matched type's own ``__repr__`` may run.
    """

    selector: Selector
    action: Action
    source: RuleSource
    matches: Matcher | None
    pattern: str
    content_match: str = ""
    allows_repr: bool = False


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """One ``[[scope.rules]]``; None stands for "does not say".

    Attributes:
        matches: the compiled selector, on the text its kind is compared with.
        always: whether a bound on the overhead leaves the calls alone.
        reads_objects: ``objects``: whether fields of instances of the matched classes are read.
        absolute: ``matches`` wants the absolute path in normal form.
        measures: whether calls are counted and timed, spans or not.
        sampling: the keys of ``[scope.rules.sampling]`` that are given.
        events: the keys of ``[scope.rules.events]`` that are given.
        tail: the keys of ``[scope.rules.tail]`` that are given; None without that table.
    """

    selector: Selector
    source: RuleSource
    matches: Matcher
    traces: bool | None = None
    value_default: Action | None = None
    capture: frozenset[str] | None = None
    root: bool | None = None
    always: bool | None = None
    reads_objects: bool | None = None
    measures: bool | None = None
    sampling: Mapping[str, object] = field(default_factory=dict)
    events: Mapping[str, object] = field(default_factory=dict)
    tail: Mapping[str, object] | None = None
    patterns: tuple[ValuePattern, ...] = ()
    absolute: bool = False

    @property
    def notices(self) -> list[str]:
        """What selectors of this rule hit nothing, one sentence each."""
        stated = [(self.source, self.selector), *((p.source, p.selector) for p in self.patterns)]
        return [
            f"{source.file}:{source.line}: {reason}"
            for source, selector in stated
            if (reason := why_mute(selector))
        ]


@dataclass(frozen=True, slots=True)
class IoTable:
    """The merged ``[io]`` table.

    Attributes:
        capture: whether what the program writes is captured.
        streams: of ``stdout``, ``stderr``, ``stdin``, ``files``.
        source: where it stands.
    """

    capture: bool
    streams: tuple[str, ...]
    source: RuleSource


@dataclass(frozen=True, slots=True)
class Provenance:
    """One line of a chain's summary.

    Attributes:
        path: absolute path, ``<inline:name>`` or ``<builtin:name>``.
        sha256: hexadecimal digest of the file's bytes.
        name: ``[meta] name``.
        version: ``[meta] version``.
    """

    path: str
    sha256: str
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class FilterFile:
    """One filter file.

    Attributes:
        root: project root in normal form, or None for inline and builtin filters.
        traces: ``default_exec``; None for ``inherit``.
        value_default: ``default_value_action``; None for ``inherit``.
        traces_source: where ``default_exec`` stands.
        value_source: where ``default_value_action`` stands.
        remarks: what its user should know of it, a sentence each.
        learns_secrets: ``[secrets] learn``; None where it says nothing.
        tail: the keys of ``[scope.tail]`` that are given; None without that table.
        fold: the keys of ``[scope.fold]`` that are given; None without that table.
        fold_source: where it stands; ``tail_source``: where ``[scope.tail]`` does.
    """

    provenance: Provenance
    root: str | None
    description: str
    labels: tuple[str, ...]
    traces: bool | None
    value_default: Action | None
    traces_source: RuleSource
    value_source: RuleSource
    rules: tuple[ScopeRule, ...]
    io: IoTable | None
    remarks: tuple[str, ...] = ()
    learns_secrets: bool | None = None
    tail: Mapping[str, object] | None = None
    fold: Mapping[str, object] | None = None
    fold_source: RuleSource | None = None
    tail_source: RuleSource | None = None


PROGRAM_FILES: Final = frozenset({"<timed exec>", "<timed eval>", "<dynamic-code>"})
"""What IPython calls the code of a cell that begins with ``%%time``, and cloudpickle a function
that it sends to a worker of Dask, Ray or Spark because the worker cannot import it."""


@dataclass(frozen=True, slots=True)
class FilterChain:
    """Filter files in order; later ones override earlier ones.

    Attributes:
        program_files: ``<...>`` names of code of the main module that are judged like a file's.
    """

    files: tuple[FilterFile, ...]
    program_files: frozenset[str] = PROGRAM_FILES

    @property
    def io(self) -> IoTable | None:
        """The ``[io]`` table in force, or None when no file has one."""
        return next((file.io for file in reversed(self.files) if file.io is not None), None)

    @property
    def learns_secrets(self) -> bool:
        """Whether what is hidden becomes a known secret, as the newest file that says so."""
        stated = [file.learns_secrets for file in self.files if file.learns_secrets is not None]
        return stated[-1] if stated else True

    @property
    def tail(self) -> TailRules | None:
        """Which traces are kept where no rule about their root says it; None for all of them."""
        stated = [file.tail for file in self.files if file.tail is not None]
        merged: dict[str, Any] = {key: value for keys in stated for key, value in keys.items()}
        return TailRules(**merged) if stated else None

    @property
    def tail_source(self) -> RuleSource | None:
        """The position of the last ``[scope.tail]``."""
        stated = [file.tail_source for file in self.files if file.tail is not None]
        return stated[-1] if stated else None

    @property
    def decides_at_end(self) -> bool:
        """Whether what becomes of a trace is open until its local root ends."""
        of_rules = (rule.tail for file in self.files for rule in file.rules)
        return self.tail is not None or any(tail is not None for tail in of_rules)

    @property
    def fold(self) -> FoldRules | None:
        """Which calls become one span, merged key by key; None for none of them."""
        stated = [file.fold for file in self.files if file.fold is not None]
        merged: dict[str, Any] = {key: value for keys in stated for key, value in keys.items()}
        return FoldRules(**merged) if stated else None

    @property
    def fold_source(self) -> RuleSource | None:
        """The position of the last ``[scope.fold]``."""
        stated = [file.fold_source for file in self.files if file.fold is not None]
        return stated[-1] if stated else None

    @property
    def summary(self) -> tuple[Provenance, ...]:
        """Where the rules come from, in order."""
        return tuple(file.provenance for file in self.files)

    @property
    def roots(self) -> tuple[str, ...]:
        """The project roots of the files, in order, each once."""
        return tuple(dict.fromkeys(file.root for file in self.files if file.root is not None))

    @property
    def notices(self) -> tuple[str, ...]:
        """What is accepted but has no effect, or one should know of, one sentence each."""
        rules = [rule for file in self.files for rule in file.rules]
        mute = [notice for rule in rules for notice in rule.notices]
        remarks = [remark for file in self.files for remark in file.remarks]
        return (*self._io_notices(), *mute, *remarks)

    def _io_notices(self) -> tuple[str, ...]:
        if self.io is not None and self.io.capture and "files" in self.io.streams:
            where = f"{self.io.source.file}:{self.io.source.line}"
            return (f"{where}: the stream 'files' of [io] is accepted but not captured",)
        return ()
