"""The regular expressions a filter may use: the syntax common to Rust's `regex` and Python's.

A pattern is read once, character by character, and written anew for the `regex` package so that it
means there what it means in Rust: inline flags reach to the end of their group, ``$`` is the end
of the text. What only one of the two engines knows is an error that names the construct.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.character_classes import read_class
from codetracer_otel.filters.patterns.escapes import read_escape
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.pattern_error import PatternError, refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PATTERN_LENGTH: Final = 512
MAX_NESTING: Final = 50
MAX_REPEAT: Final = 1000

_COUNTED = lazy_regex(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP_NAME = lazy_regex(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_FLAGS = lazy_regex(r"\(\?([a-zA-Z]*)(?:(-)([a-zA-Z]+))?([:)])")
_PREFIX_ATOM = r"[A-Za-z0-9_/<>@,:=!-]|\\[.\-_/]"
_PREFIX_ATOMS = lazy_regex(_PREFIX_ATOM)
_PREFIX = lazy_regex(rf"\^((?:{_PREFIX_ATOM})+)")
_FOREIGN_GROUPS = (
    ("(?<=", "look-behind"),
    ("(?<!", "look-behind"),
    ("(?=", "look-ahead"),
    ("(?!", "look-ahead"),
    ("(?>", "atomic group"),
    ("(?|", "branch reset"),
    ("(?(", "conditional group"),
    ("(?#", "comment"),
    ("(?P=", "backreference"),
    ("(?P>", "recursion"),
    ("(?&", "recursion"),
    ("(?R", "recursion"),
    ("(?+", "recursion"),
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A pattern in the syntax of the `regex` package.

    Attributes:
        pattern: the translated text.
        needs_limit: matching can take long, so every match needs a time limit.
        sample: one character for each atom, in order: what text of this pattern looks like.
        repeated: one character for each atom under a repetition.
        prefix: every matching text starts with it.
    """

    pattern: str
    needs_limit: bool
    sample: str
    repeated: str
    prefix: str


@dataclass(slots=True)
class _Group:
    """An open group: the flags in force, and the wrappers that end with it."""

    flags: frozenset[str]
    sample_start: int
    wrappers: list[str] = field(default_factory=list)
    alternatives: int = 1


def translate(pattern: str) -> Dialect:
    """Rewrite ``pattern`` for the `regex` package.

    Raises:
        PatternError: it is too long, or uses what only one of the two engines knows.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternError(
            f"the regex is {len(pattern)} characters long; expected at most {MAX_PATTERN_LENGTH}: "
            "split it into several rules, or use a glob"
        )
    return _Translator(pattern).run()


class _Translator:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._out: list[str] = []
        self._sample: list[str] = []
        self._repeated: list[str] = []
        self._groups = [_Group(frozenset(), 0)]
        self._names: set[str] = set()
        # Where the atom that a quantifier would repeat began in the sample; None: no such atom.
        self._atom: int | None = None
        self._atom_is_group = False
        self._after_quantifier = False
        self._repeated_groups = 0
        self._quantifiers = 0
        self._choices = 0

    def run(self) -> Dialect:
        while self._at < len(self._text):
            self._step(self._text[self._at])
        if len(self._groups) > 1:
            raise PatternError("a group is not closed; write the missing `)`")
        self._out.append(")" * len(self._groups[0].wrappers))
        risky = self._repeated_groups or self._quantifiers > 3 or self._choices > 3  # noqa: PLR2004 - see needs_limit
        return Dialect(
            "".join(self._out),
            bool(risky),
            "".join(self._sample),
            "".join(self._repeated),
            _literal_prefix(self._text) if self._groups[0].alternatives == 1 else "",
        )

    def _step(self, char: str) -> None:
        if "x" in self._groups[-1].flags and self._skip_verbose(char):
            return
        handler = _HANDLERS.get(char)
        if handler is not None:
            handler(self)
        else:
            self._add(re.escape(char) if char in "]}#&~- \t\n" else char, char, 1)

    def _add(self, out: str, sample: str, consumed: int) -> None:
        """Take an atom: what is written for it, text it matches, its length in the pattern."""
        self._atom = len(self._sample)
        self._atom_is_group = False
        self._after_quantifier = False
        self._out.append(out)
        self._sample.append(sample)
        self._at += consumed

    def _skip_verbose(self, char: str) -> bool:
        if char.isspace():
            self._at += 1
            return True
        if char == "#":
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end + 1
            return True
        return False

    # atoms

    def _dot(self) -> None:
        self._add(".", "a", 1)

    def _start(self) -> None:
        self._add("^", "", 1)

    def _end(self) -> None:
        self._add("$" if "m" in self._groups[-1].flags else r"\Z", "", 1)

    def _escape(self) -> None:
        self._add(*read_escape(self._text, self._at))

    def _class(self) -> None:
        self._add(*read_class(self._text, self._at, verbose="x" in self._groups[-1].flags))

    # groups

    def _open(self) -> None:
        if len(self._groups) > MAX_NESTING:
            raise PatternError(f"more than {MAX_NESTING} groups inside each other; write it flat")
        self._atom, self._after_quantifier = None, False
        text, at = self._text, self._at
        if not text.startswith("(?", at):
            self._enter("(", 1, self._groups[-1].flags)
            return
        named = _GROUP_NAME.match(text, at)
        if named is not None:
            self._open_named(named)
            return
        for opening, construct in _FOREIGN_GROUPS:
            if text.startswith(opening, at):
                refuse_foreign(f"{construct} `{opening}`")
        self._open_flags()

    def _open_named(self, found: re.Match[str]) -> None:
        if found[1] in self._names:
            refuse_foreign(f"a second group named `{found[1]}`")
        self._names.add(found[1])
        self._enter("(", len(found[0]), self._groups[-1].flags)

    def _open_flags(self) -> None:
        found = _FLAGS.match(self._text, self._at)
        if found is None or not (found[1] or found[2] or found[4] == ":"):
            refuse_foreign(f"the group `{self._text[self._at : self._at + 3]}`")
        for flag in found[1] + (found[3] or ""):
            if flag not in "imsxu" or (flag == "u" and flag in (found[3] or "")):
                refuse_foreign(f"the flag `{flag}` in `{found[0]}`")
        flags = (self._groups[-1].flags | set(found[1])) - set(found[3] or "")
        wrapper = _flag_group(found[1], found[3] or "")
        if found[4] == ":":
            self._enter(wrapper, len(found[0]), flags)
            return
        self._groups[-1].flags = flags
        self._groups[-1].wrappers.append(wrapper)
        self._out.append(wrapper)
        self._at += len(found[0])

    def _enter(self, opening: str, consumed: int, flags: frozenset[str]) -> None:
        self._groups.append(_Group(flags, len(self._sample)))
        self._out.append(opening)
        self._at += consumed

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise PatternError("a `)` closes no group; write `\\)` for the character")
        group = self._groups.pop()
        self._out.append(")" * (len(group.wrappers) + 1))
        self._choices += group.alternatives > 1
        self._atom, self._atom_is_group, self._after_quantifier = group.sample_start, True, False
        self._at += 1

    def _alternative(self) -> None:
        group = self._groups[-1]
        group.alternatives += 1
        # Flags set in this group reach over its later alternatives.
        self._out.append(")" * len(group.wrappers) + "|" + "".join(group.wrappers))
        self._atom, self._after_quantifier = None, False
        self._at += 1

    # quantifiers

    def _quantifier(self) -> None:
        text, sign = self._text, self._text[self._at]
        if self._after_quantifier:
            refuse_foreign(f"a second quantifier `{sign}` (possessive or repeated), which")
        if self._atom is None:
            raise PatternError(f"nothing to repeat before `{sign}`; write `\\{sign}`")
        written = self._counted() if sign == "{" else sign
        self._at += len(written)
        if text.startswith("?", self._at):
            written += "?"
            self._at += 1
        self._out.append(written)
        self._note_repeat()

    def _counted(self) -> str:
        found = _COUNTED.match(self._text, self._at)
        if found is None:
            refuse_foreign("`{` that is no count such as `{2,5}` (write `\\{` for the character)")
        low, high = int(found[1]), int(found[3] or found[1])
        if max(low, high) > MAX_REPEAT or high < low:
            raise PatternError(f"the count `{found[0]}` is out of order or above {MAX_REPEAT}")
        return found[0]

    def _note_repeat(self) -> None:
        assert self._atom is not None
        self._repeated.extend(self._sample[self._atom :])
        self._repeated_groups += self._atom_is_group
        self._quantifiers += 1
        self._atom, self._after_quantifier = None, True


def _literal_prefix(pattern: str) -> str:
    """Return the plain text after a leading ``^``; no flag can be in force there."""
    found = _PREFIX.match(pattern)
    if found is None:
        return ""
    atoms = _PREFIX_ATOMS.findall(found[1])
    if pattern[found.end() : found.end() + 1] in ("*", "?", "{"):
        atoms.pop()
    return "".join(atom[-1] for atom in atoms)


def _flag_group(on: str, off: str) -> str:
    # `x` is resolved while reading and `u` is the default, so neither is written.
    on = "".join(flag for flag in on if flag in "ims")
    off = "".join(flag for flag in off if flag in "ims")
    return f"(?{on}-{off}:" if off else f"(?{on}:"


_HANDLERS: Final[dict[str, Callable[[_Translator], None]]] = {
    ".": _Translator._dot,  # noqa: SLF001 - the table belongs to the class
    "^": _Translator._start,  # noqa: SLF001
    "$": _Translator._end,  # noqa: SLF001
    "\\": _Translator._escape,  # noqa: SLF001
    "[": _Translator._class,  # noqa: SLF001
    "(": _Translator._open,  # noqa: SLF001
    ")": _Translator._close,  # noqa: SLF001
    "|": _Translator._alternative,  # noqa: SLF001
    "*": _Translator._quantifier,  # noqa: SLF001
    "+": _Translator._quantifier,  # noqa: SLF001
    "?": _Translator._quantifier,  # noqa: SLF001
    "{": _Translator._quantifier,  # noqa: SLF001
}
