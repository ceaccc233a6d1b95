"""The values a trace filter is made of, before and after it is compiled."""

from __future__ import annotations

from dataclasses import field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from codetracer_otel.data_classes import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType


# Name of the functions that the compiler makes of annotations from CPython 3.14 on (PEP 649).
_ANNOTATE: Final = "__annotate__"
# All that code evaluates which an extension module of Cython for the stable ABI runs to have a
# frame in the tracebacks of its functions; it has the name, file and line of one of these.
_TRACEBACK_ENTRY: Final = ("_getframe",)
_CO_NEWLOCALS: Final = 0x2


def is_nobodys(code: CodeType) -> bool:
    """Return whether a code object was generated: it is never traced."""
    is_entry = code.co_names == _TRACEBACK_ENTRY and not code.co_flags & _CO_NEWLOCALS
    return code.co_name == _ANNOTATE or is_entry


class Action(IntEnum):
    """What happens to a value; a larger number is stricter."""

    ALLOW = 0
    REDACT = 1
    DROP = 2


class ValueKind(Enum):
    """The kind of place that a named value has."""

    ARG = "arg"
    LOCAL = "local"
    GLOBAL = "global"
    RETURN = "ret"


# Words of `capture`, of which one is enough for values of a kind to be read.
CAPTURED_AS: Final = {
    ValueKind.ARG: frozenset({"args"}),
    ValueKind.LOCAL: frozenset({"locals", "error_locals"}),
    ValueKind.GLOBAL: frozenset({"globals"}),
    ValueKind.RETURN: frozenset({"return"}),
}


@dataclass(frozen=True, slots=True)
class RuleSource:
    """Where a decision comes from.

    Attributes:
        file: absolute path, ``<inline:name>`` or ``<builtin:name>``.
        line: 1-based line of the rule or default.
        selector: the selector's text; empty for a ``[scope]`` default.
        reason: the rule's own ``reason``, empty for none.
    """

    file: str
    line: int
    selector: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about one named value.

    Attributes:
        is_by_name: whether a pattern about its name has decided, not a default about all values.
    """

    action: Action
    source: RuleSource
    is_by_name: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """``[scope.rules.sampling]`` after merging; docs/filters.md explains the keys.

    Attributes:
        ratio: share kept, 0..1.
        per_span: decided per call instead of from the trace id.
        max_per_second: token bucket size and rate, or None.
        first: the first n calls of each function are always kept.
        min_duration_ns: shorter calls are dropped when they end; 0 for none.
        keep_errors: an exception keeps the span whatever the rest says.
        rule_id: equal for calls that share one token bucket and one ratio decision.
    """

    ratio: float = 1.0
    per_span: bool = False
    max_per_second: float | None = None
    first: int = 0
    min_duration_ns: int = 0
    keep_errors: bool = True
    rule_id: int = 0


@dataclass(frozen=True, slots=True)
class TailRules:
    """``[scope.tail]`` or ``[scope.rules.tail]`` after merging: which whole traces are kept.

    Attributes:
        keep_errors: those of which a span has failed.
        slower_than_ns: those whose local root took longer; None for no such rule.
        ratio: share of the others, by trace id.
        max_per_second: traces kept for ``ratio``, or None for no bound.
        max_spans: of one trace; of more the newest leaves go.
    """

    keep_errors: bool = True
    slower_than_ns: int | None = None
    ratio: float = 0.0
    max_per_second: float | None = None
    max_spans: int = 20_000


@dataclass(frozen=True, slots=True)
class FoldRules:
    """``[scope.fold]`` after merging: which calls become one span.

    Attributes:
        after: so many calls of a function below one parent span stay spans of their own.
        shorter_than_ns: those behind them that took less than this are folded.
    """

    after: int = 50
    shorter_than_ns: int = 100_000


@dataclass(frozen=True, slots=True)
class EventRules:
    """``[scope.rules.events]`` after merging, as docs/filters.md explains; None is no limit."""

    lines: bool = False
    names: tuple[str, ...] | None = None
    ratio: float = 1.0
    max_per_span: int | None = None
    max_per_second: float | None = None
    exceptions: bool = True
    io: bool = True
    rule_id: int = 0


@dataclass(frozen=True, slots=True)
class CodeIdentity:
    """What a decision about a code object is based on.

    Attributes:
        module_names: every name the module is known by, the primary one first; may be empty.
        file: ``co_filename`` made absolute, or a name in angle brackets where there is no file.
        qualname: ``co_qualname``; ``<module>`` for a module body.
    """

    module_names: tuple[str, ...]
    file: str
    qualname: str


class WalkRules(Protocol):
    """``attr`` and ``type`` patterns, consulted inside values that their names allowed."""

    def attribute_action(self, name: str) -> Action:
        """Return the action for a mapping key or attribute name."""

    def type_action(self, type_name: str) -> Action:
        """Return the action for ``module.QualName`` of a value's class."""

    def allows_repr(self, type_name: str) -> bool:
        """Return whether the type's own ``__repr__`` may run."""

    @property
    def has_type_patterns(self) -> bool:
        """Whether `type_action` can ever answer anything but ALLOW."""

    @property
    def has_repr_patterns(self) -> bool:
        """Whether `allows_repr` can ever answer True."""


class Learn(Protocol):
    """Takes a value that was hidden because of its name or shape; safe in a callback."""

    def __call__(self, value: object, place: str | tuple[str, str], /) -> None:
        """Take an exact text or bytes object; anything else is left alone.

        Args:
            value: what was hidden.
            place: where it stood, such as ``arg password at shop/people.py:29``, or two parts of
                that.
        """


def learn_nothing(_value: object, _place: str | tuple[str, str], /) -> None:
    """Leave a hidden value alone, where no secrets are learned."""


class LearnedTexts(NamedTuple):
    """Which hidden texts a `Learn` has nothing to learn from.

    Attributes:
        hashes: of those that it took; it changes this set, and nobody else does.
        shortest: characters or bytes of the shortest that it takes.
        longest: of the longest.
    """

    hashes: set[int]
    shortest: int
    longest: int


class SecretStore(Protocol):
    """The known secrets of a session; see `sdk.delivery.known_secrets.KnownSecrets`."""

    @property
    def generation(self) -> int:
        """Another number once another secret is known: what was judged before may hold it."""

    def __len__(self) -> int:
        """Return how many secrets are known."""

    @property
    def windows(self) -> tuple[()] | tuple[bytes, bytes] | None:
        """What compiled code sees known secrets by: substitutes of bytes, and bits of windows.

        Empty where none is known, None where every text has to be searched.
        """

    @property
    def learn(self) -> Learn:
        """Takes what was hidden because of its name or shape; see `Learn`."""

    @property
    def learned(self) -> LearnedTexts:
        """What `learn` would leave alone."""

    def search(
        self, texts: Sequence[str], cut: Sequence[bool] | None = None
    ) -> list[tuple[int, tuple[int, int], str]]:
        """Return index of the text, part to hide, and place of each known secret in texts.

        Args:
            texts: any texts; many at a time are cheaper than one by one.
            cut: which of them were cut off at their end; None for none.
        """


class ContentRules(Protocol):
    """``value`` patterns: redaction by the shape of text."""

    @property
    def generation(self) -> int:
        """Another number once texts that were judged before may be judged otherwise."""

    @property
    def has_drops(self) -> bool:
        """Whether `drops` can ever be true."""

    @property
    def looks_at_every_text(self) -> bool:
        """Whether texts that compiled code finds clean have to be judged, too."""

    @property
    def known(self) -> SecretStore | None:
        """The known secrets that texts are searched for, too."""

    @property
    def counters(self) -> ContentCounters:
        """What was replaced, dropped and timed out so far."""

    def redact_texts(
        self,
        texts: Sequence[str],
        cut: Sequence[bool] | None = None,
        counters: ContentCounters | None = None,
    ) -> list[str]:
        """Return the texts with every matching part replaced, in order.

        Args:
            texts: any texts.
            cut: which of them were cut.
            counters: what to count in, instead of the rules' own.
        """

    def presume_clean(self, text: str) -> None:
        """Take a text for one in which no shape is, unless a filter has patterns of its own."""

    def drops(self, text: str, *, is_cut: bool = False) -> bool:
        """Return whether a pattern with action ``drop`` matches the text."""


@dataclass(slots=True)
class ContentCounters:
    """What content redaction did; for one thread at a time.

    Attributes:
        redactions: name of a shape, ``pattern`` or ``known_secret`` -> parts replaced.
        known: texts with a known secret -> where that was hidden first; None if nobody asks.
        drops: texts that a ``drop`` pattern matched.
        timeouts: matches of user patterns that took too long.
    """

    redactions: dict[str, int] = field(default_factory=dict)
    known: dict[str, str] | None = None
    drops: int = 0
    timeouts: int = 0

    def add(self, kind: str, count: int) -> None:
        """Count ``count`` replaced parts."""
        self.redactions[kind] = self.redactions.get(kind, 0) + count
