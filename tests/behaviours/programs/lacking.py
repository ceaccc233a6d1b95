"""Run the command line, or a script, in an interpreter from which names were taken.

usage: lacking.py NAMES cli ARGUMENTS...        as `codetracer-otel ARGUMENTS...`
       lacking.py NAMES script FILE ARGUMENTS... as `python FILE ARGUMENTS...`

NAMES are separated by commas; see `LACKS`. They go before anything of the product is imported, from
the modules that hold them and from the copies of built-in modules that are made later. The standard
library is imported first: it is not what is emulated.
"""

import builtins
import io
import os
import posix
import runpy
import select
import signal
import socket
import sys
import sysconfig
from importlib import import_module
from importlib.machinery import BuiltinImporter

STANDARD_LIBRARY = (
    "asyncio", "concurrent.futures.process", "ctypes", "logging.config", "multiprocessing.managers",
    "platform", "ssl", "subprocess", "tempfile", "traceback", "urllib.request", "webbrowser",
)  # fmt: skip
FROM_OS = (
    "fork", "register_at_fork", "pread", "pwrite", "set_blocking", "get_blocking", "O_CLOEXEC",
    "O_NOFOLLOW", "O_NONBLOCK", "geteuid", "getuid", "fchmod",
)  # fmt: skip
FROM_SIGNAL = ("pthread_sigmask", "pthread_kill", "siginterrupt", "SIGHUP", "setitimer")
FROM_SELECT = ("poll", "epoll")
LIST = os.listdir  # `take_proc` replaces it
MODULES = ("fcntl", "resource", "pwd", "grp", "termios")


def take_names(names, *modules):
    for module in modules:
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


def take_from_builtin_copies(names, module_name):
    make = BuiltinImporter.exec_module

    def exec_module(module):
        make(module)
        if module.__name__ == module_name:
            take_names(names, module)

    BuiltinImporter.exec_module = staticmethod(exec_module)


def take_from_os(name):
    take_names([name], os, posix)
    take_from_builtin_copies([name], posix.__name__)


def take_module(name):
    sys.modules[name] = None


def take_proc():
    """Let nothing be found below /proc, as C code asks, too."""

    def refusing(call):
        def refuse(path, *arguments, **options):
            if isinstance(path, str) and (path + "/").startswith("/proc/"):
                raise FileNotFoundError(2, "No such file or directory", path)
            return call(path, *arguments, **options)

        return refuse

    def replace_all(module):
        for name in ("open", "stat", "lstat", "listdir", "readlink", "scandir"):
            setattr(module, name, refusing(getattr(module, name)))

    replace_all(os)
    replace_all(posix)
    builtins.open = io.open = sys.modules["_io"].open = refusing(io.open)
    make = BuiltinImporter.exec_module

    def exec_module(module):
        make(module)
        if module.__name__ == "posix":
            replace_all(module)

    BuiltinImporter.exec_module = staticmethod(exec_module)


def take_select_of_pipes():
    """Let `select` take sockets only, as on Windows."""
    ask = select.select

    def of_sockets(*lists):
        for waiting in lists[:3]:
            for one in waiting:
                socket.socket(fileno=os.dup(one if type(one) is int else one.fileno())).close()
        return ask(*lists)

    select.select = of_sockets


def call_it_windows():
    """Let it be named as Windows is: its module is `nt`, and an open file is not replaced."""
    find, make = BuiltinImporter.find_spec, BuiltinImporter.exec_module
    real = sys.builtin_module_names
    sys.builtin_module_names = tuple("nt" if name == "posix" else name for name in real)
    BuiltinImporter.find_spec = staticmethod(
        lambda name, *more: find("posix" if name == "nt" else name, *more)
    )
    create = BuiltinImporter.create_module

    def create_module(spec):
        if spec.name != "posix":
            return create(spec)
        windows, sys.builtin_module_names = sys.builtin_module_names, real
        try:
            return create(spec)
        finally:
            sys.builtin_module_names = windows

    BuiltinImporter.create_module = staticmethod(create_module)
    take_module("fcntl")
    sys.platform = "win32"
    refuse_open_files(os, posix)

    def exec_module(module):
        make(module)
        if module.__name__ == "posix":
            refuse_open_files(module)
            os.O_BINARY = BINARY
            module.open = only_binary(module.open)

    BuiltinImporter.exec_module = staticmethod(exec_module)


BINARY = 0x8000  # O_LARGEFILE of Linux, which changes nothing on 64 bits


def only_binary(call):
    """Let files be opened for writing as bytes only: text gets other line ends there."""

    def open_binary(path, flags, *mode, **options):
        if flags & (os.O_WRONLY | os.O_RDWR) and not flags & BINARY:
            raise AssertionError(f"{path} is opened as text")
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", path)
        return call(path, flags, *mode, **options)

    return open_binary


def is_open_here(path):
    try:
        found = os.stat(path)
    except OSError:
        return False
    for number in LIST("/proc/self/fd"):
        try:
            facts = os.fstat(int(number))
        except OSError:
            continue
        if (facts.st_dev, facts.st_ino) == (found.st_dev, found.st_ino):
            return True
    return False


def refuse_open_files(*modules):
    """Let nothing remove or replace a file that this process has open."""

    def refusing(call):
        def refuse(*paths, **options):
            for path in paths:
                if isinstance(path, str) and os.path.isfile(path) and is_open_here(path):
                    raise PermissionError(13, "Permission denied", path)
            return call(*paths, **options)

        return refuse

    for module in modules:
        for name in ("unlink", "remove", "rename", "replace"):
            setattr(module, name, refusing(getattr(module, name)))


def call_it_macos():
    sys.platform = "darwin"


LACKS = {
    **{name: lambda name=name: take_from_os(name) for name in FROM_OS},
    **{name: lambda name=name: take_names([name], signal, sys.modules["_signal"])
       for name in FROM_SIGNAL},
    **{name: lambda name=name: take_names([name], select) for name in FROM_SELECT},
    **{name: lambda name=name: take_module(name) for name in MODULES},
    "select": take_select_of_pipes,
    "macos": call_it_macos,
    "windows": call_it_windows,  # before /proc goes: it looks there
    "proc": take_proc,
}  # fmt: skip
ALL = ",".join(name for name in LACKS if name != "macos")


if __name__ == "__main__":
    names, kind, *rest = sys.argv[1:]
    assert "codetracer_otel" not in sys.modules
    for name in STANDARD_LIBRARY:
        import_module(name)
    sysconfig.get_config_vars()  # named after the platform
    for name in names.split(","):
        LACKS[name]()
    if kind == "script":
        sys.argv = rest
        runpy.run_path(rest[0], run_name="__main__")
    else:
        sys.argv = ["codetracer-otel", *rest]
        from codetracer_otel.cli import main

        sys.exit(main())
