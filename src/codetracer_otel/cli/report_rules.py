"""Names the rules behind the functions and values of a trace, by the filters as they are now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.explain.filters import given_sources, load_asked
from codetracer_otel.errors import FilterError
from codetracer_otel.filters import compile_chain, discover
from codetracer_otel.filters.code.module_names import path_name
from codetracer_otel.filters.types import Action, CodeIdentity, ValueKind
from codetracer_otel.report import RuleTexts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.types import RuleSource
    from codetracer_otel.report.span_columns import Function

_KINDS: Final = {
    "codetracer.arg.": ValueKind.ARG,
    "codetracer.local.": ValueKind.LOCAL,
    "codetracer.global.": ValueKind.GLOBAL,
}
_RETURN: Final = "codetracer.return"
_DONE: Final = {Action.ALLOW: "allowed", Action.REDACT: "redacted", Action.DROP: "dropped"}
_MAIN: Final = "__main__"
_BODY: Final = "<module>"


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
        self._classifiers: dict[str | None, Classifier | None] = {None: self._compiled(None)}
        self._projects: dict[str, str | None] = {}

    def of(self, function: Function, keys: Iterable[str]) -> RuleTexts | None:
        """Return the rules behind a function and these attributes; None where it is unknown."""
        if not function.file or "\0" in function.file:
            return None
        classifier = self._classifier_of(function.file)
        identity = None if classifier is None else _identity(function, classifier.chain.roots)
        if classifier is None or identity is None:
            return None
        decision = classifier.classify(identity)
        values = {key: text for key in keys if (text := _value_text(decision, key))}
        traced = "traced by" if decision.traces else "the filters of now would skip it by"
        return RuleTexts(f"{traced} {_source_text(decision.source)}", values)

    def _classifier_of(self, file: str) -> Classifier | None:
        folder = os.path.dirname(file)
        if folder not in self._projects:
            self._projects[folder] = discover(folder) if os.path.isdir(folder) else None
        project = self._projects[folder]
        if project not in self._classifiers:
            self._classifiers[project] = self._of_project(project)
        return self._classifiers[project]

    def _of_project(self, project: str | None) -> Classifier | None:
        try:
            return self._compiled(project)
        except FilterError:
            return None  # nobody asked for this one; `check` says what is wrong with it

    def _compiled(self, project: str | None) -> Classifier:
        return compile_chain(load_asked(project, self._given))


def _identity(function: Function, roots: Iterable[str]) -> CodeIdentity | None:
    """Return the identity of a function by the longest of its module's names that fits."""
    by_path = path_name(function.file, roots)
    if function.name.startswith("<"):
        primary = function.name.strip("<>")
        names = dict.fromkeys(name for name in (primary, by_path) if name)
        return CodeIdentity(tuple(names), function.file, _BODY)
    stem = os.path.splitext(os.path.basename(function.file))[0]
    parts = function.name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:count])
        is_package = stem == "__init__" and parts[count - 1] == _folder_name(function.file)
        if module in (_MAIN, by_path) or parts[count - 1] == stem or is_package:
            known = dict.fromkeys(name for name in (module, by_path) if name)
            return CodeIdentity(tuple(known), function.file, ".".join(parts[count:]))
    if by_path is None:
        return None
    # native recordings name functions without their module
    return CodeIdentity((by_path,), function.file, function.name)


def _folder_name(file: str) -> str:
    return os.path.basename(os.path.dirname(file))


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
