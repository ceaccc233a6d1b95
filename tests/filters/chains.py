"""Short ways to write filters and to ask them, for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.errors import FilterError
from codetracer_otel.filters import builtin_sources, compile_chain, filter_from_text, load_chain
from codetracer_otel.filters.types import CodeIdentity, ValueKind

if TYPE_CHECKING:
    from codetracer_otel.filters import Classifier, Decision

KINDS = {kind.value: kind for kind in ValueKind}


def filter_text(
    rules: str = "", *, version: int = 2, execute: str = "trace", values: str = "allow"
) -> str:
    return (
        f'[meta]\nname = "t"\nversion = {version}\n'
        f'[scope]\ndefault_exec = "{execute}"\ndefault_value_action = "{values}"\n{rules}'
    )


def rule(selector: str, *patterns: tuple[str, str], **keys: str) -> str:
    """Write a rule; keys are written as TOML strings, patterns as (selector, action)."""
    lines = ["[[scope.rules]]", f"selector = '{selector}'"]
    lines += [f'{key} = "{value}"' for key, value in keys.items()]
    for pattern, action in patterns:
        lines += ["[[scope.rules.value_patterns]]", f"selector = '{pattern}'"]
        lines.append(f'action = "{action}"')
    return "\n".join(lines) + "\n"


def classifier(*texts: str, builtin: bool = False) -> Classifier:
    sources = [filter_from_text(text, f"f{number}") for number, text in enumerate(texts)]
    return compile_chain(load_chain([*(builtin_sources() if builtin else []), *sources]))


def decide(
    *texts: str,
    name: str = "app.mod",
    qualname: str = "f",
    file: str = "/srv/app/mod.py",
    builtin: bool = False,
) -> Decision:
    return classifier(*texts, builtin=builtin).classify(CodeIdentity((name,), file, qualname))


def action(decision: Decision, kind: str, name: str) -> str:
    return decision.value_verdict(KINDS[kind], name).action.name.lower()


def problems(*texts: str) -> list[str]:
    """Return what loading says, as ``line: table: message``; empty if it succeeds."""
    try:
        load_chain([filter_from_text(text, f"f{number}") for number, text in enumerate(texts)])
    except FilterError as error:
        return [f"{p.line}: {p.table}: {p.message}" for p in error.problems]
    return []
