"""TOML to chain: reads every file, collects every problem, and compiles every selector once."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.errors import ErrorCode, FilterError, Problem
from codetracer_otel.filters.code.paths import project_root
from codetracer_otel.filters.language.chain import (
    PROGRAM_FILES,
    FilterChain,
    FilterFile,
    IoTable,
    Provenance,
)
from codetracer_otel.filters.language.loosening import loosening_of
from codetracer_otel.filters.language.positions import Positions
from codetracer_otel.filters.language.rule_reader import (
    DEFAULT_ACTIONS,
    EXEC_CHOICES,
    RuleReader,
    read_fold,
    read_tail,
)
from codetracer_otel.filters.language.sources import parse_toml, read_source
from codetracer_otel.filters.language.tables import Report, Table, shown
from codetracer_otel.filters.language.trust import who_else_may_write
from codetracer_otel.filters.types import RuleSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from codetracer_otel.filters.language.positions import TablePath
    from codetracer_otel.filters.language.sources import FilterSource, Text

NEWEST_VERSION: Final = 2
MAX_RULES: Final = 5_000  # rules and value patterns of one chain
STREAMS: Final = ("stdout", "stderr", "stdin", "files")


def load_chain(
    sources: Sequence[FilterSource],
    *,
    exempt: Iterable[str] = (),
    program_files: Iterable[str] = (),
) -> FilterChain:
    """Read and check filters.

    Args:
        sources: in order; later ones override earlier ones.
        exempt: directories and files that never count as third-party code, such as the
            distribution that provides ``__main__``.
        program_files: see `FilterChain`; `PROGRAM_FILES` are always among them.

    Raises:
        FilterError: with every problem of every source.
    """
    problems: list[Problem] = []
    files: list[FilterFile] = []
    inherited = _Inherited()
    reader = RuleReader(tuple(exempt), MAX_RULES)
    for source in sources:
        try:
            text = read_source(source)
            files.append(_FileReader(source, text, reader).read(inherited))
        except FilterError as error:
            problems += error.problems
            inherited.unknown()
    if not sources:
        problems.append(Problem(ErrorCode.INVALID_FILTER, "the chain has no filters", "<chain>"))
    if problems:
        raise FilterError(problems)
    return FilterChain(tuple(files), PROGRAM_FILES.union(program_files))


class _Inherited:
    """Which defaults an earlier file has set."""

    def __init__(self) -> None:
        self.traces = False
        self.values = False

    def unknown(self) -> None:
        # After a file that could not be read nobody knows; one cause is one problem.
        self.traces = self.values = True


class _FileReader:
    """Reads one source."""

    def __init__(self, source: FilterSource, text: Text, rules: RuleReader) -> None:
        self._source = source
        self._text = text
        self._rules = rules
        self._root = project_root(source.label) if os.path.isabs(source.label) else None

    def read(self, inherited: _Inherited) -> FilterFile:
        content = parse_toml(self._text.content, self._source.label)
        self._refuse_newer(content)
        self._report = Report(self._source.label, Positions(self._text.content))
        file = self._file(content, inherited)
        if self._report.problems:
            raise FilterError(self._report.problems)
        remarks = tuple(self._remarks(file))
        return replace(file, remarks=remarks) if remarks else file

    def _remarks(self, file: FilterFile) -> Iterator[str]:
        if self._source.discovered:
            yield from loosening_of(file)
        elif self._source.is_file:
            reason = who_else_may_write(self._source.label)
            if reason is not None:
                yield f"{self._source.label}: obeyed because it was named, although {reason}"

    def _refuse_newer(self, content: dict[str, Any]) -> None:
        """Stop at a newer schema: nothing else in the file can be judged."""
        meta = content.get("meta")
        version = meta.get("version") if isinstance(meta, dict) else None
        if type(version) is int and version > NEWEST_VERSION:
            report = Report(self._source.label, Positions(self._text.content))
            report.add(
                ("meta", "version"),
                f"schema version {version} is newer than this package knows; "
                f"expected 1 to {NEWEST_VERSION}",
                ErrorCode.UNSUPPORTED_SCHEMA_VERSION,
            )
            raise FilterError(report.problems)

    def _file(self, content: dict[str, Any], inherited: _Inherited) -> FilterFile:
        top = Table(self._report, content, (), ("meta", "io", "secrets", "scope"))
        meta = Table(
            self._report,
            top.table("meta", required=True) or {},
            ("meta",),
            ("name", "version", "description", "labels"),
        )
        name = self._name(meta) if "meta" in content else ""
        version = self._version(meta) if "meta" in content else NEWEST_VERSION
        scope_content = top.table("scope", required=True)
        scope = Table(
            self._report,
            scope_content or {},
            ("scope",),
            ("default_exec", "default_value_action", "rules"),
            ("tail", "fold"),
            version=version,
        )
        has_scope = scope_content is not None
        return FilterFile(
            provenance=Provenance(self._source.label, self._text.sha256, name, version),
            root=self._root,
            description=meta.text("description") or "",
            labels=meta.texts("labels") or (),
            traces=self._default(scope, "default_exec", EXEC_CHOICES, has_scope, inherited),
            value_default=self._default(
                scope, "default_value_action", DEFAULT_ACTIONS, has_scope, inherited
            ),
            traces_source=self._source_of(("scope", "default_exec")),
            value_source=self._source_of(("scope", "default_value_action")),
            rules=self._rules.read(scope, self._report, self._source, self._root),
            io=self._io(top),
            learns_secrets=self._learns_secrets(top, version),
            tail=read_tail(scope) if version > 1 else None,
            fold=read_fold(scope) if version > 1 else None,
            fold_source=self._table_source("fold"),
            tail_source=self._table_source("tail"),
        )

    def _table_source(self, name: str) -> RuleSource:
        line = self._report.line(("scope", name))
        return RuleSource(self._source.label, line, f"[scope.{name}]")

    def _source_of(self, path: TablePath) -> RuleSource:
        return RuleSource(self._source.label, self._report.line(path))

    def _name(self, meta: Table) -> str:
        name = meta.text("name", required=True)
        if name is not None and not name.strip():
            meta.problem("name", f"the name is blank, got {shown(name)}; expected some text")
        return name or ""

    def _version(self, meta: Table) -> int:
        version: int | None = meta.given("version", int, required=True)
        if version is None:
            return NEWEST_VERSION
        if version < 1:
            meta.problem("version", f"out of range, got {version}; expected 1 or 2")
            return NEWEST_VERSION
        return version

    def _default[T](
        self,
        scope: Table,
        key: str,
        choices: dict[str, T | None],
        has_scope: bool,  # noqa: FBT001 - private
        inherited: _Inherited,
    ) -> T | None:
        given = scope.choice(key, choices, required=has_scope)
        attribute = "traces" if key == "default_exec" else "values"
        if given == "inherit" and not getattr(inherited, attribute):
            accepted = ", ".join(repr(choice) for choice in choices if choice != "inherit")
            scope.problem(
                key, f"'inherit' has no earlier filter to inherit from; expected one of {accepted}"
            )
        setattr(inherited, attribute, True)
        return choices[given] if given is not None else None

    def _learns_secrets(self, top: Table, version: int) -> bool | None:
        content = top.table("secrets")
        if content is not None and version == 1:
            top.problem("secrets", "this table needs `version = 2` in [meta]")
        return Table(self._report, content or {}, ("secrets",), ("learn",)).flag("learn")

    def _io(self, top: Table) -> IoTable | None:
        content = top.table("io")
        if content is None:
            return None
        table = Table(self._report, content, ("io",), ("capture", "streams", "modes"))
        capture = table.flag("capture") or False
        streams = table.texts("streams", STREAMS)
        modes = table.given("modes", list)
        if modes:
            table.problem("modes", f"reserved, got {shown(modes)}; expected an empty array")
        if capture and not content.get("streams"):
            accepted = ", ".join(map(repr, STREAMS))
            table.problem("streams", f"`capture = true` needs streams; expected some of {accepted}")
        return IoTable(capture, streams or (), self._source_of(("io",)))
