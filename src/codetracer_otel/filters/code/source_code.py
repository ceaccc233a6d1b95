"""Code objects of source files, found without importing or running anything."""

from __future__ import annotations

import dis
import os
import warnings
from importlib.machinery import PathFinder
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType
from typing import TYPE_CHECKING

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.types import is_nobodys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GLOBAL_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})


@dataclass(frozen=True, slots=True)
class Variables:
    """The names that a code object uses, by kind of variable."""

    arguments: tuple[str, ...]
    locals: tuple[str, ...]
    globals: tuple[str, ...]


def module_file(name: str, path: Sequence[str]) -> str | None:
    """Return the source file of a module by its dotted name, or None.

    Args:
        name: dotted name.
        path: directories to search; parent packages are not imported.
    """
    search: Sequence[str] | None = list(path)
    origin: str | None = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        spec = None if search is None else PathFinder.find_spec(".".join(parts[:depth]), search)
        if spec is None:
            return None
        search = spec.submodule_search_locations
        origin = spec.origin
    return origin if origin is not None and origin.endswith(".py") else None


def compile_file(file: str) -> CodeType:
    """Compile a source file without running it.

    Raises:
        OSError: it cannot be read.
        SyntaxError: it is not Python; ``ValueError`` for NUL bytes.
    """
    with open(file, "rb") as source:
        text = source.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, file, "exec", dont_inherit=True)


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and every one inside it that somebody wrote, in source order."""
    waiting = [code]
    while waiting:
        current = waiting.pop()
        yield current
        inner = [constant for constant in current.co_consts if isinstance(constant, CodeType)]
        waiting.extend(code for code in reversed(inner) if not is_nobodys(code))


def code_at_line(code: CodeType, line: int) -> CodeType | None:
    """Return the innermost code object that covers a line, or None."""
    best: CodeType | None = None
    best_span = 0
    for candidate in code_objects(code):
        lines = [number for _, _, number in candidate.co_lines() if number]
        first = min([candidate.co_firstlineno, *lines]) if best is not None else 1
        last = max(lines, default=candidate.co_firstlineno)
        last = max([last, *(_last_line(inner) for inner in code_objects(candidate))])
        if first <= line <= last and (best is None or last - first <= best_span):
            best, best_span = candidate, last - first
    return best


def _last_line(code: CodeType) -> int:
    return max((number for _, _, number in code.co_lines() if number), default=0)


def variables_of(code: CodeType) -> Variables:
    """Return the names of a code object's arguments, locals and globals."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
    arguments = code.co_varnames[:count]
    other = (*code.co_varnames[count:], *code.co_cellvars, *code.co_freevars)
    reads = [
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in _GLOBAL_READS
    ]
    return Variables(
        arguments,
        tuple(name for name in dict.fromkeys(other) if name not in arguments),
        tuple(name for name in dict.fromkeys(reads) if isinstance(name, str)),
    )


def files_below(directory: str) -> Iterator[str]:
    """Yield the Python files in a directory and below, in order; hidden folders are left out."""
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.join(folder, name)
