"""Finds the names of a module: from the frame, from ``sys.modules`` and from the path."""

from __future__ import annotations

import os
from importlib.machinery import ModuleSpec
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Paths
from codetracer_otel.filters.code.paths import (
    absolute_path,
    is_below,
    is_synthetic,
    normal_path,
    relative_path,
)
from codetracer_otel.filters.types import CodeIdentity
from codetracer_otel.main_module import MAIN, MAIN_OF_CHILD, module_called

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType

    from codetracer_otel.model.protocols import Clock, Notify

REFRESH_INTERVAL_NS: Final = 100_000_000
_REMEMBERED_FILES: Final = 16_384
_BODY: Final = "<module>"
_NEVER: Final = -REFRESH_INTERVAL_NS
_SEPARATOR: Final = os.sep
_OTHER: Final = os.altsep or os.sep
_PLAIN: Final = (ModuleType, ModuleSpec)  # nearly all; they read their dictionary themselves


class ModuleNames:
    """Derives the names a module is known by.

    Args:
        roots: project roots in normal form (`FilterChain.roots`).
        modules: usually ``sys.modules``.
        clock: bounds how often the index is read again after a miss.
        notify: told once about the first file without a name.
    """

    def __init__(
        self,
        roots: Sequence[str],
        modules: Mapping[str, Any],
        clock: Clock,
        notify: Notify | None = None,
    ) -> None:
        self._roots = tuple(roots)
        self._index = ModuleIndex(modules, clock)
        self._notify = notify
        self._by_path: dict[str, str | None] = {}
        self._by_relative: dict[tuple[str | None, str], str] = {}
        self._failures = 0

    def names_for(self, hint: object, file: str) -> tuple[str, ...]:
        """Return every name of the module that ``file`` holds, the primary one first.

        Args:
            hint: ``__name__`` of the frame's globals, whatever it is; None to do without.
            file: ``co_filename``.
        """
        names = _names_of_hint(hint)
        if not is_synthetic(file):
            names += filter(None, (self._index.name_of(file), self._path_name(file)))
        if not names:
            self._fail(file)
        return tuple(dict.fromkeys(names))

    def identify(self, code: CodeType, hint: str | None) -> CodeIdentity:
        """Return what a decision about a code object is based on.

        Args:
            code: the code object.
            hint: ``__name__`` of the globals that it runs in, or None.
        """
        file = code.co_filename
        if not file.startswith("<"):
            file = self._file_of(code, hint)
        return CodeIdentity(self.names_for(hint, file), file, code.co_qualname)

    def _file_of(self, code: CodeType, hint: str | None) -> str:
        """Return the absolute path of a code object's file, or its name in angle brackets.

        Programs compile texts of their own under any name. A relative one that names no file is
        such a name, unless it is the end of what the module says that it comes from: an archive,
        compiled code without its source, or a folder that was left since. A folder can be left
        before the first call and a module can be gone from ``sys.modules`` by then, as behind
        `runpy`: what its body was found to be holds for its functions.
        """
        name = code.co_filename
        if Paths.isabs(name):
            return absolute_path(name)
        found = None if code.co_name == _BODY else self._by_relative.get((hint, name))
        if found is None:
            found = absolute_path(name)
            if Paths.is_file(found):
                if len(self._by_relative) >= _REMEMBERED_FILES:
                    self._by_relative.clear()
                self._by_relative[hint, name] = found
            elif not self._index.comes_from(hint, name):
                return f"<{name}>"
        return found

    def use_roots(self, roots: Sequence[str]) -> None:
        """Name modules by other project roots from now on."""
        self._roots = tuple(roots)
        self._by_path = {}

    def stats(self) -> dict[str, int]:
        """Return the counters, by name."""
        return {"module_name_failures": self._failures, "index_lookups": self._index.lookups}

    def _fail(self, file: str) -> None:
        self._failures += 1
        if self._failures == 1 and self._notify is not None:
            self._notify("module_name_unknown", "debug", file=file)

    def _path_name(self, file: str) -> str | None:
        if file not in self._by_path:
            if len(self._by_path) >= _REMEMBERED_FILES:
                self._by_path.clear()
            self._by_path[file] = path_name(file, self._roots)
        return self._by_path[file]


def _names_of_hint(hint: object) -> list[str]:
    if type(hint) is not str or not hint:
        return []
    # rules that state the name of a child's main module apply there, too
    return [MAIN, hint] if hint == MAIN_OF_CHILD else [hint]


def path_name(file: str, roots: Iterable[str]) -> str | None:
    """Return the dotted name a file's path gives, or None.

    Below a project root that is the path under the root; elsewhere the packages around the file
    count, recognized by their ``__init__.py``.
    """
    path = normal_path(file)
    around = tuple(root for root in roots if is_below(path, root))
    parts = relative_path(path, around).split("/") if around else _package_parts(path)
    parts[-1] = Paths.splitext(parts[-1])[0]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) or None


def _package_parts(path: str) -> list[str]:
    directory, name = Paths.split(path)
    parts = [name]
    while Paths.is_file(Paths.join(directory, "__init__.py")):
        parent, name = Paths.split(directory)
        if not name:
            break
        parts.insert(0, name)
        directory = parent
    return parts


class ModuleIndex:
    """Finds the name under which ``sys.modules`` knows a file, without scanning it per question.

    Reads nothing but the modules' own dictionaries, so that lazily loaded modules stay unloaded
    and no code of the program runs.
    """

    def __init__(self, modules: Mapping[str, Any], clock: Clock) -> None:
        self._modules = modules
        self._clock = clock
        self._names: dict[str, str] = {}
        self._seen: dict[str, int] = {}
        self._missed: set[str] = set()
        self._size = -1
        self._read_at = _NEVER
        self.lookups = 0

    def name_of(self, file: str) -> str | None:
        """Return the module name of a file, or None."""
        name = self._names.get(file)
        if name is not None or (file in self._missed and not self._is_stale()):
            return name
        self.lookups += 1
        path = normal_path(file)
        if path not in self._names and self._is_stale():
            self._refresh()
        name = self._names.get(path)
        if name is None:
            if len(self._missed) >= _REMEMBERED_FILES:
                self._missed.clear()
            self._missed.add(file)
        elif file != path:
            self._names[file] = name
        return name

    def comes_from(self, name: str | None, file: str) -> bool:
        """Return whether a relative path is the end of where a module comes from."""
        module = None if name is None else self._modules.get(name)
        if not file or module is None:
            return False
        stated = _own_dict(module).get("__file__")
        if type(stated) is str and stated == file:
            return True  # without a folder, too
        origin, _ = _origin(module)
        if origin is None:
            return False
        whole, end = (Paths.splitext(normal_path(path))[0] for path in (origin, _SEPARATOR + file))
        return whole.endswith(end)

    def _is_stale(self) -> bool:
        return (
            len(self._modules) != self._size
            or self._clock.monotonic_ns() - self._read_at >= REFRESH_INTERVAL_NS
        )

    def _refresh(self) -> None:
        # One call that runs no Python code: another thread may be importing.
        modules = list(self._modules.items())
        self._size = len(modules)
        self._read_at = self._clock.monotonic_ns()
        self._missed.clear()
        for name, module in modules:
            if self._seen.get(name) != id(module):
                self._seen[name] = id(module)
                self._enter(name, module)

    def _enter(self, name: str, module: object) -> None:
        if type(name) is not str:
            return
        origin, own_name = _origin(module)
        if origin is None:
            return
        path = normal_path(_source_path(origin))
        # A file can stand under several names; the one its spec gives is its own.
        if path not in self._names or self._names[path] == MAIN or name == own_name:
            self._names[path] = module_called(name)


def _origin(module: object) -> tuple[str | None, str | None]:
    """Return the file of a module and the name its spec gives it."""
    namespace = _own_dict(module)
    spec: ModuleSpec | None = namespace.get("__spec__")
    details = _own_dict(spec) if spec is not None else {}
    own_name = details.get("name")
    for candidate in (details.get("origin"), namespace.get("__file__")):
        if type(candidate) is str and (_SEPARATOR in candidate or _OTHER in candidate):
            return candidate, own_name if type(own_name) is str else None
    return None, None


def _own_dict(thing: object) -> dict[str, Any]:
    """Return an object's dictionary through its type's slot, past any ``__getattribute__``."""
    if type(thing) in _PLAIN:
        return thing.__dict__
    for base in type(thing).__mro__:
        slot = base.__dict__.get("__dict__")
        if slot is None:
            continue
        if isinstance(slot, (GetSetDescriptorType, MemberDescriptorType)):
            namespace = slot.__get__(thing)
            return namespace if type(namespace) is dict else {}
        return {}
    return {}


def _source_path(origin: str) -> str:
    if not origin.endswith(".pyc"):
        return origin
    directory, name = Paths.split(origin)
    parent, cache = Paths.split(directory)
    if cache == "__pycache__":
        return Paths.join(parent, name.split(".", 1)[0] + ".py")
    return origin[:-1]
