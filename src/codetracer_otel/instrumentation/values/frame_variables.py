"""Reads variables of a running frame at the least cost the interpreter offers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.safe_access import derives

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

CO_OPTIMIZED: Final = 0x1

# On 3.12 f_locals fills a dict and raises-and-clears a KeyError for every name without a value.
_F_LOCALS_NS: Final = 220
_UNBOUND_NS: Final = 115
_GET_VARIABLE_NS: Final = 460

# Code that names one of these may hold the dict that f_locals fills on 3.12.
_NAMESPACE_READERS: Final = frozenset(
    {"locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe", "f_locals"}
)
HAS_LIVE_F_LOCALS: Final = sys.version_info >= (3, 13)  # PEP 667


def names_a_namespace_reader(code: CodeType) -> bool:
    """Return whether the code may hold the dict that f_locals fills on 3.12."""
    return not _NAMESPACE_READERS.isdisjoint(code.co_names)


def reads_one_by_one(code: CodeType, names: tuple[str, ...]) -> bool:
    """Return whether PyFrame_GetVar is cheaper or safer than f_locals for these arguments."""
    if HAS_LIVE_F_LOCALS:
        return False
    if names_a_namespace_reader(code):
        return True
    bound = code.co_argcount + code.co_kwonlyargcount
    unbound = code.co_nlocals + len(code.co_cellvars) - bound
    return _F_LOCALS_NS + _UNBOUND_NS * unbound > _GET_VARIABLE_NS * len(names)


def load_variable_reader() -> Callable[[FrameType, str], Any]:
    """Return CPython's ``PyFrame_GetVar`` (C API since 3.12); it raises NameError when unbound."""
    import ctypes  # noqa: PLC0415 - 2 ms, on 3.12 only, and as a session starts

    # a prototype of our own: the attributes of ctypes.pythonapi belong to everybody
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object)
    return prototype(("PyFrame_GetVar", ctypes.pythonapi))


def read_variables(frame: FrameType, names: tuple[str, ...], missing: object) -> list[Any]:
    """Return the values of local names at exit, ``missing`` for those without one.

    On 3.12 f_locals would write into the dict that the program got from ``locals()``, so the
    variables are read one by one. Where the namespace of a module or class is no dict, all are
    missing: to ask it would run the program's code.
    """
    if not frame.f_code.co_flags & CO_OPTIMIZED:
        # exec() and metaclasses put objects of the program there, whose methods must not run
        own: Any = frame.f_locals
        if not derives(type(own), dict):
            return [missing] * len(names)
        return [dict.get(own, name, missing) for name in names]
    if HAS_LIVE_F_LOCALS:
        namespace = frame.f_locals
        return [namespace.get(name, missing) for name in names]
    return [read_variable_or(frame, name, missing) for name in names]


def read_variable_or(frame: FrameType, name: str, missing: object) -> Any:
    """Return the value of one local name, ``missing`` where it has none; see `read_variables`."""
    read = _loaded[0] if _loaded else variable_reader()
    try:
        return read(frame, name)
    except NameError:
        return missing


_loaded: list[Callable[[FrameType, str], Any]] = []


def load_readers() -> None:
    """Import what reading needs: a program may forbid imports once its session runs."""
    if not HAS_LIVE_F_LOCALS:
        variable_reader()


def variable_reader() -> Callable[[FrameType, str], Any]:
    """Return the reader of `load_variable_reader`, loaded once."""
    if not _loaded:
        _loaded.append(load_variable_reader())
    return _loaded[0]
