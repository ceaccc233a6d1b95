"""The topics that lines may have: a tree of dotted names with short forms, and the levels."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

# Names with their short forms; a name without one is its own.
BUILTIN_TOPICS: Final[dict[str, str]] = {
    "app": "app",
    "eval": "eval",
    "eval.routing": "routing",
    "eval.signals": "signals",
    "eval.wasm": "wasm",
    "eval.synthesis": "synthesis",
    "eval.actions": "actions",
    "filter": "filter",
    "sampler": "sampler",
    "redact": "redact",
    "export": "export",
    "config": "config",
    "session": "session",
    "io": "io",
}

_NAME: Final = lazy_regex(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*\Z")


class Level(IntEnum):
    """How important a line is; a larger number is more detail."""

    ERROR = 1
    WARN = 2
    INFO = 3
    DEBUG = 4
    TRACE = 5


LEVELS: Final = {level.name.lower(): level for level in Level}

# Words of the grammar, which therefore name no topic.
ON_WORDS: Final = frozenset({"1", "true", "yes", "on"})
OFF_WORDS: Final = frozenset({"", "0", "off", "false", "no", "none"})
EVERYTHING: Final = frozenset({"all", "*"})


class TopicTree:
    """Knows every topic's full name by its names.

    Attributes:
        names: full names in order of registration; another tuple after each one.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] = tuple(BUILTIN_TOPICS)
        self._by_name = {short: name for name, short in BUILTIN_TOPICS.items()}
        self._by_name.update({name: name for name in BUILTIN_TOPICS})

    def full_name(self, name: str) -> str | None:
        """Return the full name for a full or short one in any case, or None."""
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def known_names(self) -> list[str]:
        """Return every full and short name."""
        return sorted(self._by_name)

    def register(self, name: str, short: str | None = None) -> str:
        """Add a topic; adding the same one again changes nothing.

        Args:
            name: dotted name, such as ``app.cache``.
            short: another name for it; by default its last part where that is still free.

        Returns:
            The full name.

        Raises:
            ValueError: not a name, or a name or short form that means something else.
        """
        name = _valid(name, "topic")
        taken = self._by_name.get(name)
        if taken is not None and taken != name:
            raise ValueError(f"topic: already the short form of {taken!r}, got {name!r}")
        last = name.rpartition(".")[2]
        is_free = last not in self._by_name and not _is_word(last)
        alias = (last if is_free else name) if short is None else _valid(short, "short form")
        if self._by_name.get(alias, name) != name:
            raise ValueError(f"short form: already means {self._by_name[alias]!r}, got {alias!r}")
        if taken is None or alias not in self._by_name:
            self._by_name = {**self._by_name, name: name, alias: name}
            self.names = tuple(dict.fromkeys((*self.names, name)))
        return name


def _is_word(name: str) -> bool:
    return name in LEVELS or name in ON_WORDS or name in OFF_WORDS or name in EVERYTHING


def _valid(name: object, what: str) -> str:
    text = name.lower() if isinstance(name, str) else ""
    if not _NAME.match(text) or _is_word(text):
        expected = "words of letters, digits and _ with dots between, no level and no on/off word"
        raise ValueError(f"{what}: not a name, got {name!r}; expected {expected}")
    return text


TOPICS: Final = TopicTree()


def register_topic(name: str, short: str | None = None) -> str:
    """Add a topic of the application's own, for ``instrument``, ``span`` and ``CODETRACER_TRACE``.

    Args:
        name: dotted name, such as ``app.cache``; a directive for ``app`` covers it, too.
        short: another name for it in directives; by default its last part where that is free.

    Returns:
        The full name.

    Raises:
        ValueError: not a name, or a name or short form that means something else.
    """
    return TOPICS.register(name, short)


def topic_named(name: object) -> str:
    """Return the full name of a topic.

    Raises:
        ValueError: no topic has this name.
    """
    full = TOPICS.full_name(name) if isinstance(name, str) else None
    if full is None:
        known = ", ".join(TOPICS.names)
        raise ValueError(
            f"topic: unknown name, got {name!r}; expected one of {known} (register_topic adds one)"
        )
    return full


def level_named(name: object) -> Level:
    """Return the level of that name in any case.

    Raises:
        ValueError: no level has this name.
    """
    level = LEVELS.get(name.lower()) if isinstance(name, str) else None
    if level is None:
        raise ValueError(f"level: unknown, got {name!r}; expected one of {', '.join(LEVELS)}")
    return level
