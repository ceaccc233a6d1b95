"""``codetracer-otel report``: one self-contained HTML page with the timeline of a trace."""

from __future__ import annotations

import gc
import os
import webbrowser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.explain.filters import given_sources, load_asked
from codetracer_otel.cli.numbers import whole_number
from codetracer_otel.cli.terminal import complain, say
from codetracer_otel.errors import FilterError, counted
from codetracer_otel.filters import compile_chain, discover
from codetracer_otel.filters.code.module_names import path_name
from codetracer_otel.filters.types import Action, CodeIdentity, ValueKind
from codetracer_otel.report import RuleTexts, build_report
from codetracer_otel.report.build import DEFAULT_LIMIT
from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.types import RuleSource
    from codetracer_otel.report import Report
    from codetracer_otel.traces.span_columns import Function

_MAX_LIMIT: Final = 1_000_000

_EXAMPLES: Final = """\
examples:
  codetracer-otel report spans.jsonl --open
  codetracer-otel report trace.jsonl trace.jsonl.4711 -o run.html
  codetracer-otel report recording-dir --trace-filter app.toml
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``report``."""
    parser = commands.add_parser(
        "report",
        description="Write one self-contained HTML page: timeline, search, function table, "
        "details. It loads nothing from anywhere. It shows the values that the trace holds.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "traces",
        nargs="+",
        metavar="TRACE",
        help="file of JSON lines, or directory of a native trace; several of one run",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="report.html",
        metavar="FILE",
        help="the page; default: %(default)s",
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.add_argument(
        "--limit",
        type=whole_number(_MAX_LIMIT),
        default=DEFAULT_LIMIT,
        metavar="N",
        help="show at most N slices; siblings beyond that are folded; default: %(default)s",
    )
    add_filter_rules(parser)
    parser.set_defaults(handler=report)


def report(options: argparse.Namespace) -> int:
    """Write the page; return 0.

    Raises:
        UsageError: an input cannot be shown.
        FilterError: a filter is not valid.
        EnvironmentFailure: the page cannot be written.
    """
    rules = FilterRules(options.trace_filter)
    with _without_collection():
        done = build_report(options.traces, options.output, limit=options.limit, rules=rules)
    _say(done)
    if options.open:
        webbrowser.open(Path(done.path).as_uri())
    return 0


@contextmanager
def _without_collection() -> Iterator[None]:
    """Let no collector go through millions of objects that form no cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _say(done: Report) -> None:
    for note in done.notes:
        complain(f"codetracer-otel: {note}")
    size = f"{done.size / 1e6:.1f} MB" if done.size >= 1e6 else f"{done.size / 1e3:.0f} kB"  # noqa: PLR2004
    say(f"{os.path.relpath(done.path)}: {counted(done.spans, 'span', ',')}, {size}")


_KINDS: Final = {
    "codetracer.arg.": ValueKind.ARG,
    "codetracer.local.": ValueKind.LOCAL,
    "codetracer.global.": ValueKind.GLOBAL,
}
_RETURN: Final = "codetracer.return"
_DONE: Final = {Action.ALLOW: "allowed", Action.REDACT: "redacted", Action.DROP: "dropped"}
_MAIN: Final = "__main__"
_BODY: Final = "<module>"


def add_filter_rules(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says which filters `FilterRules` asks."""
    parser.add_argument(
        "--trace-filter",
        action="append",
        default=[],
        metavar="FILE",
        help="also name the rules of these filters, given as for `run`",
    )


class FilterRules:
    """Asks the builtin filter, the project's own, the environment's, and those given.

    Nothing of the traced program is read or imported: a function is known by its name and file.

    Args:
        texts: chains as ``--trace-filter`` takes them.

    Raises:
        FilterError: one of them is not valid.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._given = given_sources(texts)
        self._known = KnownSecrets()
        self._classifiers: dict[str | None, Classifier | None] = {None: self._compiled(None)}
        self._projects: dict[str, str | None] = {}

    def of(self, function: Function, keys: Iterable[str]) -> RuleTexts | None:
        """Return the rules behind a function and these attributes; None where it is unknown."""
        decision = self._decision(function)
        if decision is None:
            return None
        values = {key: text for key in keys if (text := _value_text(decision, key))}
        traced = "traced by" if decision.traces else "the filters of now would skip it by"
        return RuleTexts(f"{traced} {_source_text(decision.source)}", values)

    def hide(self, sources: Sequence[tuple[Function, str]]) -> list[str]:
        """Return texts of the functions' files without what looks like a secret in any of them."""
        for function, text in sources:  # they teach
            self._judged(function, text)
        return [self._judged(function, text) for function, text in sources]

    def _judged(self, function: Function, text: str) -> str:
        decision = self._decision(function)
        if decision is None:
            return ""
        rules = decision.text_rules
        return text if rules is None else rules.redact_texts([text])[0]

    def _decision(self, function: Function) -> Decision | None:
        if not function.file or "\0" in function.file:
            return None
        classifier = self._classifier_of(function.file)
        identity = None if classifier is None else _identity(function, classifier.chain.roots)
        return None if classifier is None or identity is None else classifier.classify(identity)

    def _classifier_of(self, file: str) -> Classifier | None:
        folder = os.path.dirname(file)
        if folder not in self._projects:
            self._projects[folder] = discover(folder) if os.path.isdir(folder) else None
        project = self._projects[folder]
        if project not in self._classifiers:
            try:
                self._classifiers[project] = self._compiled(project)
            except FilterError:  # nobody asked for this one; `check` says what is wrong with it
                self._classifiers[project] = None
        return self._classifiers[project]

    def _compiled(self, project: str | None) -> Classifier:
        chain = load_asked(project, self._given)
        return compile_chain(chain, known=self._known if chain.learns_secrets else None)


def _identity(function: Function, roots: Iterable[str]) -> CodeIdentity | None:
    """Return the identity of a function by the longest of its module's names that fits."""
    by_path = path_name(function.file, roots)
    if function.name.startswith("<"):
        primary = function.name.strip("<>")
        names = dict.fromkeys(name for name in (primary, by_path) if name)
        return CodeIdentity(tuple(names), function.file, _BODY)
    folder, file = os.path.split(function.file)
    folder, stem = os.path.basename(folder), os.path.splitext(file)[0]
    parts = function.name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:count])
        is_package = stem == "__init__" and parts[count - 1] == folder
        if module in (_MAIN, by_path) or parts[count - 1] == stem or is_package:
            known = dict.fromkeys(name for name in (module, by_path) if name)
            return CodeIdentity(tuple(known), function.file, ".".join(parts[count:]))
    if by_path is None:
        return None
    # native recordings name functions without their module
    return CodeIdentity((by_path,), function.file, function.name)


def _value_text(decision: Decision, key: str) -> str:
    if key == _RETURN:
        verdict = decision.value_verdict(ValueKind.RETURN, "<return>")
        return f"{_DONE[verdict.action]} by {_source_text(verdict.source)}"
    for prefix, kind in _KINDS.items():
        if key.startswith(prefix):
            verdict = decision.value_verdict(kind, key.removeprefix(prefix))
            return f"{_DONE[verdict.action]} by {_source_text(verdict.source)}"
    return ""


def _source_text(source: RuleSource) -> str:
    what = source.selector or "the default"
    reason = f" ({source.reason})" if source.reason else ""
    return f"{what}, {source.file}:{source.line}{reason}"
