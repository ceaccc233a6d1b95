"""``codetracer-otel explain``: says what a filter does to a function, and why."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.cli.explain.filters import given_sources, load_asked
from codetracer_otel.cli.explain.targets import TARGETS, codes_of, discovery_start
from codetracer_otel.cli.terminal import say
from codetracer_otel.errors import counted
from codetracer_otel.filters import compile_chain, discover
from codetracer_otel.filters.code.module_names import path_name
from codetracer_otel.filters.decisions.explanations import explain_code
from codetracer_otel.filters.types import Action

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from codetracer_otel.filters import Classifier
    from codetracer_otel.filters.decisions.explanations import Explanation, ValueExplanation
    from codetracer_otel.filters.language.chain import FilterChain, ScopeRule
    from codetracer_otel.filters.types import RuleSource

_EXAMPLES: Final = """\
examples:
  codetracer-otel explain shop.orders:Cart.total
  codetracer-otel explain --name email shop/orders.py:42
  codetracer-otel explain --all shop
  codetracer-otel explain --json --trace-filter app.toml shop.orders
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "explain",
        description="Say what the filters do to code, and which rule is the reason. "
        "Nothing is imported or run.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("targets", nargs="+", metavar="TARGET", help=TARGETS)
    parser.add_argument(
        "--trace-filter", action="append", default=[], metavar="FILE", help="as for `run`"
    )
    parser.add_argument(
        "--name", action="append", default=[], help="also judge this variable or key name"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="list everything that would leave the process: name, kind, rule",
    )
    parser.add_argument(
        "--as-script",
        action="store_true",
        help="treat each file as the script that is run: its module is __main__",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--no-builtin-filter", action="store_true", help="leave the builtin filter out"
    )
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain the targets and return 0.

    Raises:
        FilterError: the filters are not valid.
        UsageError: a target is not found.
        TargetError: a target cannot be compiled.
    """
    chain = _load(arguments)
    classifier = compile_chain(chain)
    found = [
        explanation
        for target in arguments.targets
        for explanation in _explain(
            classifier, target, arguments.name, "__main__" if arguments.as_script else None
        )
    ]
    if arguments.json:
        learns = chain.learns_secrets
        document = _json_document(found, inventory=arguments.all, learns=learns)
        print(json.dumps(document, indent=2))
    elif arguments.all:
        _print_inventory(found)
    else:
        for number, explanation in enumerate(found):
            for line in (
                *([""] if number else ()),
                *_text(explanation),
                *_known_secrets(explanation, chain.learns_secrets),
            ):
                say(line)
    return 0


def _load(arguments: argparse.Namespace) -> FilterChain:
    project = discover(discovery_start(arguments.targets[0]))
    given = given_sources(arguments.trace_filter)
    return load_asked(project, given, default=not arguments.no_builtin_filter)


def _explain(
    classifier: Classifier, target: str, asked: list[str], script: str | None
) -> Iterator[Explanation]:
    for module, file, code in codes_of(target):
        hint = module or script
        path = os.path.abspath(file)
        names = (hint, path_name(path, classifier.chain.roots))
        known = tuple(dict.fromkeys(name for name in names if name))
        yield explain_code(classifier, known, path, code, asked)


# ---------------------------------------------------------------------------------- text


def _text(explanation: Explanation) -> Iterator[str]:
    identity = explanation.identity
    primary = identity.module_names[0] if identity.module_names else "?"
    verdict = "traced" if explanation.traces else "skipped"
    yield f"{primary}.{identity.qualname}  ({identity.file}:{explanation.line})"
    yield f"  {verdict} by {_source(explanation.source, 'default_exec')}"
    if len(identity.module_names) > 1:
        yield f"  module names: {', '.join(identity.module_names)}"
    for key, (shown, source) in explanation.settings.items():
        yield f"  {key}: {shown}, by {_source(source)}"
    yield "  matching rules, the last one wins:"
    yield from (f"    {_rule(rule)}" for rule in explanation.matching)
    yield "  values:"
    # Globals are read only where a rule asks for them; all other names are of interest.
    shown_values = [
        value for value in explanation.values if value.kind != "global" or value.captured
    ]
    yield from (f"    {_value(value)}" for value in shown_values)
    yield from (f"  hint: {hint}" for hint in explanation.hints)


def _known_secrets(explanation: Explanation, learns: bool) -> Iterator[str]:  # noqa: FBT001 - private
    """Yield which values become known secrets, and what switches it off."""
    learned = _learned(explanation, learns=learns)
    if learned:
        yield (
            f"  known secrets: the values of {', '.join(learned)} are hidden wherever they appear "
            "again; off: [secrets] learn = false in a filter, --no-learn-secrets"
        )


def _learned(explanation: Explanation, *, learns: bool) -> list[str]:
    # What a default hides is hidden for no reason that its name would give.
    hidden = [
        value.name
        for value in explanation.values
        if value.captured and value.action is Action.REDACT and value.source.selector
    ]
    return list(dict.fromkeys(hidden)) if learns else []


def _source(source: RuleSource, default: str = "default_value_action") -> str:
    selector = source.selector or default
    return f"{selector} ({source.file}:{source.line})" + (
        f": {source.reason}" if source.reason else ""
    )


def _rule(rule: ScopeRule) -> str:
    effects = {True: "trace", False: "skip", None: ""}[rule.traces]
    if rule.value_default is not None:
        effects += f" values: {rule.value_default.name.lower()}"
    if rule.patterns:
        effects += f" {counted(len(rule.patterns), 'value pattern')}"
    return f"{_source(rule.source)}  [{effects.strip() or 'no exec'}]"


def _value(value: ValueExplanation) -> str:
    action = value.action.name.lower() if value.captured else f"{value.action.name.lower()}*"
    name = "" if value.kind == "ret" else f" {value.name}"
    note = "" if value.captured else "  (* not captured)"
    if value.only_at_error:
        note = "  (where an exception leaves the call)"
    if value.naming:
        note = f"  (texts hidden where {' or '.join(value.naming)} names a secret)"
    return f"{action:8} {value.kind}{name}  by {_source(value.source)}{note}"


def _print_inventory(found: list[Explanation]) -> None:
    for explanation in found:
        for value in explanation.values:
            if value.leaves:
                say(
                    f"{_full_name(explanation)}  {value.kind} {value.name}  "
                    f"by {_source(value.source)}"
                )


def _full_name(explanation: Explanation) -> str:
    names = explanation.identity.module_names
    return ".".join(filter(None, (names[0] if names else "", explanation.identity.qualname)))


# ---------------------------------------------------------------------------------- JSON


def _json_document(found: list[Explanation], *, inventory: bool, learns: bool) -> dict[str, Any]:
    if not inventory:
        return {"targets": [_json_explanation(explanation, learns=learns) for explanation in found]}
    return {
        "leaves": [
            {"function": _full_name(explanation), **_json_value(value)}
            for explanation in found
            for value in explanation.values
            if value.leaves
        ]
    }


def _json_explanation(explanation: Explanation, *, learns: bool) -> dict[str, Any]:
    return {
        "function": _full_name(explanation),
        "module_names": list(explanation.identity.module_names),
        "file": explanation.identity.file,
        "line": explanation.line,
        "traced": explanation.traces,
        "rule": _json_source(explanation.source),
        "matching": [_json_source(rule.source) for rule in explanation.matching],
        "settings": {
            key: {"value": shown, "rule": _json_source(source)}
            for key, (shown, source) in explanation.settings.items()
        },
        "values": [_json_value(value) for value in explanation.values],
        "learned": _learned(explanation, learns=learns),
        "hints": list(explanation.hints),
    }


def _json_value(value: ValueExplanation) -> dict[str, Any]:
    return {
        "kind": value.kind,
        "name": value.name,
        "action": value.action.name.lower(),
        "captured": value.captured,
        "only_at_error": value.only_at_error,
        "rule": _json_source(value.source),
    }


def _json_source(source: RuleSource) -> dict[str, Any]:
    return {
        "file": source.file,
        "line": source.line,
        "selector": source.selector,
        "reason": source.reason,
    }
