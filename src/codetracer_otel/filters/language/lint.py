"""Finds the usual slips in selectors: rules that seem to match something, but do not."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from codetracer_otel.filters.code.paths import normal_path, relative_path
from codetracer_otel.filters.language.selector import MatchType, SelectorKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codetracer_otel.filters.language.chain import ScopeRule
    from codetracer_otel.filters.types import CodeIdentity


def find_slips(
    rules: Iterable[ScopeRule], identity: CodeIdentity, roots: Iterable[str]
) -> list[str]:
    """Return one sentence for each rule that misses a code object by a usual slip.

    Args:
        rules: rules that do not match.
        identity: the code object's.
        roots: the chain's project roots.
    """
    relative = relative_path(normal_path(identity.file), roots)
    hints = []
    for rule in rules:
        where = f"{rule.source.file}:{rule.source.line}: {rule.selector.text}"
        hints += [f"{where} {slip}" for slip in _slips(rule, identity, relative)]
    return hints


def _slips(rule: ScopeRule, identity: CodeIdentity, relative: str) -> Iterator[str]:
    selector = rule.selector
    if selector.match is MatchType.REGEX or rule.absolute:
        return
    if selector.kind is SelectorKind.PKG:
        yield from _module_slips(selector.pattern, identity, relative)
    elif selector.kind is SelectorKind.OBJ:
        yield from _object_slips(rule, identity)
    else:
        yield from _file_slips(rule, identity, relative)


def _module_slips(pattern: str, identity: CodeIdentity, relative: str) -> Iterator[str]:
    package = pattern.removesuffix(".*")
    if package != pattern and package in identity.module_names:
        yield (
            f"matches what is inside {package!r}, not {package!r} itself; "
            f"use pkg:{{{package},{package}.*}}"
        )
    elif any(name.startswith(pattern + ".") for name in identity.module_names):
        yield f"matches {pattern!r} alone, not what is inside it; use pkg:{{{pattern},{pattern}.*}}"
    elif pattern.strip("/") in relative and ("/" in pattern or pattern.endswith(".py")):
        yield f"compares with module names; use file:{pattern}"


def _object_slips(rule: ScopeRule, identity: CodeIdentity) -> Iterator[str]:
    if rule.matches.matches(identity.qualname):
        full = f"{identity.module_names[0]}." if identity.module_names else ""
        yield (
            "matches the qualified name alone, but `obj` compares with module and qualified name; "
            f"use obj:{full}{rule.selector.pattern}"
        )
    elif rule.matches.matches(identity.qualname.rpartition(".")[2]):
        yield "matches the last name alone; put `*.` before it"


def _file_slips(rule: ScopeRule, identity: CodeIdentity, relative: str) -> Iterator[str]:
    pattern = rule.selector.pattern
    if rule.matches.matches(posixpath.basename(relative)) and "/" in relative:
        yield f"does not cross `/`, and the path is {relative!r}; use file:**/{pattern}"
    elif relative.startswith(pattern.rstrip("/") + "/"):
        yield f"matches the path itself, not what is below; use file:{pattern.rstrip('/')}/**"
    elif pattern in identity.module_names:
        yield f"compares with paths; use pkg:{pattern}"
