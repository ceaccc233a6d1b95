"""Runs a script, module, command or standard input as ``__main__``, as plain ``python`` does."""

from __future__ import annotations

import builtins
import io
import linecache
import os
import pkgutil
import runpy
import sys
from enum import Enum
from importlib.machinery import BuiltinImporter, SourceFileLoader, SourcelessFileLoader
from importlib.util import MAGIC_NUMBER
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.cli.run.uncaught import report_uncaught
from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, UsageError, did_you_mean
from codetracer_otel.main_module import MAIN_OF_CHILD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType


class TargetKind(Enum):
    """How a program is named on the command line."""

    SCRIPT = "script"
    ARCHIVE = "archive"  # a directory or zip file with a __main__.py
    MODULE = "module"
    COMMAND = "command"
    STDIN = "stdin"


@dataclass(frozen=True, slots=True)
class Target:
    """A program to run.

    Attributes:
        kind: how it is named.
        name: path as it was given, module name, source of a command, or ``-``.
        arguments: what the program finds in ``sys.argv[1:]``.
        filename: absolute path of a script or archive, spelled as ``__file__`` will be.
    """

    kind: TargetKind
    name: str
    arguments: tuple[str, ...] = ()
    filename: str = ""


def script_target(path: str, arguments: tuple[str, ...] = ()) -> Target:
    """Return the target for a script, or for a directory or zip file with a ``__main__.py``.

    Raises:
        UsageError: it cannot be opened.
    """
    try:
        filename = _absolute(path)
        if pkgutil.get_importer(filename) is not None:
            return Target(TargetKind.ARCHIVE, path, arguments, filename)
        io.open_code(filename).close()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        hint = _near_name(path) if isinstance(error, FileNotFoundError) else ""
        message = f"can't open file {(error.filename or path)!r}: {reason}{hint}"
        raise UsageError(message, ErrorCode.IO) from None
    return Target(TargetKind.SCRIPT, path, arguments, filename)


def _near_name(path: str) -> str:
    """Return a hint at the file beside a missing one whose name is most like it, or nothing."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return ""
    programs = [there for there in names if there.endswith(".py") or not name.endswith(".py")]
    return did_you_mean(name, programs)


def _absolute(path: str) -> str:
    # no abspath: the interpreter, too, keeps ``./``
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended, everything it shows having been shown.

    Attributes:
        status: the exit status it asks for.
        interrupt: the KeyboardInterrupt that left it, see `raise_silently`.
    """

    status: int
    interrupt: KeyboardInterrupt | None = None


type Call = tuple[Callable[..., object], tuple[Any, ...]]
"""A C function, or one of the standard library's, and its arguments."""


class Program:
    """A program that is about to run as ``__main__``.

    Its caller calls what `prepare` returns itself: that is one frame of ours below the program.
    The first entry of ``sys.path``, made for this package's main program, must be gone.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._is_prepared = False

    def prepare(self) -> Call:
        """Make ``__main__`` and return what to call.

        Raises:
            BaseException: what plain ``python`` would show, such as a SyntaxError.
        """
        self._main = _install_main(self._target)
        call = _PREPARATIONS[self._target.kind](self._target, self._main)
        self._is_prepared = True
        return call

    def was_started(self, uncaught: BaseException | None) -> bool:
        """Return whether code of the program ran, given the exception that has left it."""
        frame = None
        trace = uncaught.__traceback__ if uncaught is not None else None
        while trace is not None:
            frame, trace = trace.tb_frame, trace.tb_next
        # runpy ends the process itself where it finds no module
        return self._is_prepared and (frame is None or frame.f_globals is not runpy.__dict__)

    def end(self, uncaught: BaseException | None) -> Outcome:
        """Show the exception that has left the program; called where nothing is being handled.

        Raises:
            SystemExit: the program's own, or what its ``sys.excepthook`` asked for.
        """
        if isinstance(uncaught, SystemExit):
            raise uncaught
        status = 0 if uncaught is None else report_uncaught(uncaught)
        if self._target.kind in (TargetKind.SCRIPT, TargetKind.STDIN):
            # the interpreter, too, takes them away before atexit
            self._main.__dict__.pop("__file__", None)
            self._main.__dict__.pop("__cached__", None)
        return Outcome(status, uncaught if isinstance(uncaught, KeyboardInterrupt) else None)


def _install_main(target: Target) -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__["__loader__"] = BuiltinImporter
    if sys.version_info < (3, 14):  # later it would hide what PEP 649 evaluates
        main.__dict__["__annotations__"] = {}  # noqa: RUF063 - it is set
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    if MAIN_OF_CHILD in sys.modules:  # multiprocessing, which a session imports, has named our own
        sys.modules[MAIN_OF_CHILD] = main
    flags = {TargetKind.MODULE: "-m", TargetKind.COMMAND: "-c"}
    sys.argv = [flags.get(target.kind, target.name), *target.arguments]
    _add_path_entry(target)
    return main


def _add_path_entry(target: Target) -> None:
    entry = _path_entry(target)
    is_wanted = target.kind is TargetKind.ARCHIVE or not sys.flags.safe_path
    if entry is not None and is_wanted:
        sys.path.insert(0, entry)


def _path_entry(target: Target) -> str | None:
    if target.kind is TargetKind.SCRIPT:
        return os.path.dirname(os.path.realpath(target.filename))
    if target.kind is TargetKind.ARCHIVE:
        return target.filename
    return _working_directory() if target.kind is TargetKind.MODULE else ""


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _prepare_script(target: Target, main: ModuleType) -> Call:
    filename = target.filename
    with io.open_code(filename) as file:
        source = file.read()
    if filename.endswith(".pyc") or source[:2] == MAGIC_NUMBER[:2]:
        compiled = SourcelessFileLoader("__main__", filename)
        return _call_of_file(main, compiled, filename, compiled.get_code)

    def compile_source(_: str) -> CodeType:
        return compile(source, filename, "exec", dont_inherit=True)

    return _call_of_file(main, SourceFileLoader("__main__", filename), filename, compile_source)


def _prepare_stdin(_: Target, main: ModuleType) -> Call:
    def compile_source(_: str) -> CodeType:
        return compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)

    return _call_of_file(main, BuiltinImporter, "<stdin>", compile_source)


def _call_of_file(
    main: ModuleType, loader: object, filename: str, load: Callable[[str], CodeType | None]
) -> Call:
    namespace = main.__dict__
    namespace["__loader__"] = loader
    namespace["__file__"] = filename
    if sys.version_info < (3, 15):
        namespace["__cached__"] = None
    return exec, (load("__main__"), namespace)


def _prepare_command(target: Target, main: ModuleType) -> Call:
    source = f"{target.name}\n"
    code = compile(source, "<string>", "exec", dont_inherit=True)
    _register_source(code, source)
    return exec, (code, main.__dict__)


def _register_source(code: CodeType, source: str) -> None:
    """Let tracebacks show the lines of a command, where this interpreter does so (3.13)."""
    register = getattr(linecache, "_register_code", None)
    if register is not None:
        by_code = hasattr(linecache, "_interactive_cache")
        register(code if by_code else "<string>", source, "<string>")


# as the interpreter
_run_module_as_main: Final[Callable[..., object]] = vars(runpy)["_run_module_as_main"]

_PREPARATIONS: Final[Mapping[TargetKind, Callable[[Target, ModuleType], Call]]] = {
    TargetKind.SCRIPT: _prepare_script,
    # without a change of sys.argv
    TargetKind.ARCHIVE: lambda _target, _main: (_run_module_as_main, ("__main__", False)),
    TargetKind.MODULE: lambda target, _main: (_run_module_as_main, (target.name,)),
    TargetKind.COMMAND: _prepare_command,
    TargetKind.STDIN: _prepare_stdin,
}
