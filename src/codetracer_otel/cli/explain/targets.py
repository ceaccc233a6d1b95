"""Finds the code objects that ``codetracer-otel explain`` is asked about, without an import."""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import ErrorCode, TargetError, UsageError, did_you_mean
from codetracer_otel.filters.code.source_code import (
    code_at_line,
    code_objects,
    compile_file,
    files_below,
    module_file,
)
from codetracer_otel.main_module import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

TARGETS: Final = "pkg.mod:qualname, a span's name, path/file.py:line or path/file.py"
_SHOWN_LINES: Final = 20
_MOST_FILES: Final = 10_000


def discovery_start(target: str) -> str:
    """Return the directory from which the filter of a target is searched for."""
    path = _split_line(target)[0]
    return os.path.dirname(os.path.abspath(path)) if os.path.isfile(path) else os.getcwd()


def codes_of(target: str) -> Iterator[tuple[str | None, str, CodeType]]:
    """Yield the code objects that a target names: module name if known, file and code.

    Raises:
        UsageError: it is not found.
        TargetError: it cannot be compiled.
    """
    path, line = _split_line(target)
    if os.path.isfile(path):
        module = _compiled(path)
        yield from ((None, path, code) for code in _chosen(module, line, target))
    elif os.path.isdir(path):
        for file in _files_of(path):
            yield from ((None, file, code) for code in code_objects(_compiled(file)))
    else:
        yield from _codes_of_module(target)


def _files_of(folder: str) -> list[str]:
    """Return the Python files of a folder; a project has not more than ten thousand."""
    place = os.path.realpath(folder)
    is_whole_disk = os.path.dirname(place) == place  # walked for minutes before a file is found
    files = [] if is_whole_disk else list(islice(files_below(folder), _MOST_FILES + 1))
    if is_whole_disk or len(files) > _MOST_FILES:
        reason = f"has more than {_MOST_FILES:,} Python files; name the folder of a project"
        raise UsageError(f"{folder}: {reason}", ErrorCode.IO)
    return files


def _split_line(target: str) -> tuple[str, int | None]:
    path, colon, line = target.rpartition(":")
    return (path, int(line)) if colon and line.isascii() and line.isdigit() else (target, None)


def _chosen(module: CodeType, line: int | None, target: str) -> list[CodeType]:
    if line is None:
        return list(code_objects(module))
    code = code_at_line(module, line)
    if code is None:
        lines = sorted(found.co_firstlineno for found in code_objects(module))
        first = ", ".join(map(str, dict.fromkeys(lines[:_SHOWN_LINES])))
        raise UsageError(
            f"{target}: no code at this line; functions and classes begin at {first}",
            ErrorCode.IO,
        )
    return [code]


def _codes_of_module(target: str) -> Iterator[tuple[str | None, str, CodeType]]:
    name, file, qualname = _module_of(target)
    module = _compiled(file)
    codes = [code for code in code_objects(module) if not qualname or code.co_qualname == qualname]
    if not codes:
        known = [code.co_qualname for code in code_objects(module)]
        hint = did_you_mean(qualname, known)
        message = f"{target}: no such function; {file} has {', '.join(known[:20])}{hint}"
        raise UsageError(message, ErrorCode.IO)
    yield from ((name, file, code) for code in codes)


def _module_of(target: str) -> tuple[str, str, str]:
    """Return the module that a target names, its file, and the name in it, empty for all of it.

    The name of a span has a dot between both: as much of it is the module as there is a file for.
    """
    name, colon, qualname = target.partition(":")
    if target.startswith("<") and target.endswith(">"):  # the span of a module's own code
        name, qualname = target[1:-1], "<module>"
    words = name.split(".") if "/" not in name else []
    dotted = [] if colon or qualname else range(len(words) - 1, 0, -1)
    for count in (len(words), *dotted):
        module = ".".join(words[:count])
        file = module_file(module, [os.getcwd(), *sys.path]) if module else None
        if file is not None:
            return module, file, qualname or ".".join(words[count:])
    raise UsageError(f"{target}: {_why_not_found(words)}; expected {TARGETS}", ErrorCode.IO)


def _why_not_found(words: list[str]) -> str:
    if words[:1] == [MAIN]:
        return f"{MAIN} is the script, whose path is to be given, as in app.py:12"
    return "no such file or module"


def _compiled(file: str) -> CodeType:
    try:
        return compile_file(file)
    except OSError as error:
        raise TargetError(f"{file}: cannot be read: {error.strerror}", ErrorCode.IO) from error
    except (SyntaxError, ValueError) as error:
        raise TargetError(f"{file}: is not valid Python: {error}") from error
