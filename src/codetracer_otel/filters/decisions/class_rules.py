"""Says whether a filter wants the fields of a class's instances read."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from codetracer_otel.filters.types import CodeIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.filters.decisions.classifier import Classifier

_read_namespace = type.__dict__["__dict__"].__get__
_read_module = type.__dict__["__module__"].__get__
_read_qualname = type.__dict__["__qualname__"].__get__


def reads_fields(
    classifier: Classifier,
    names_for: Callable[[str | None, str], tuple[str, ...]],
    modules: Mapping[str, Any],
) -> Callable[[type], bool | None]:
    """Return what says it of a class: as ``objects`` of a rule, else True where it is traced.

    A class is judged as the code of its body is. None stands for "no rule says, and no code of it
    is traced".

    Args:
        classifier: the compiled filters.
        names_for: returns the names of a module from its ``__name__`` and file.
        modules: ``sys.modules``.
    """

    def wanted(cls: type) -> bool | None:
        module, qualname = _read_module(cls), _read_qualname(cls)
        if type(module) is not str or type(qualname) is not str:
            return None
        file = _file_of(cls, modules.get(module))
        decision = classifier.classify(CodeIdentity(names_for(module, file), file, qualname))
        if decision.reads_objects is not None:
            return decision.reads_objects
        return decision.traces or None

    return wanted


def _file_of(cls: type, module: object) -> str:
    """Return the file that defines a class, ``<string>`` if it is not known."""
    if type(module) is types.ModuleType:
        file = object.__getattribute__(module, "__dict__").get("__file__")
        if type(file) is str:
            return file
    for member in list(_read_namespace(cls).values()):
        if type(member) is types.FunctionType:
            return member.__code__.co_filename
    return "<string>"
