"""Functions of the interpreter that recording and delivery use, whatever the program replaces.

Tests and tools replace names for as long as they like: ``os.write``, ``time.monotonic``,
``threading.Event``, ``json.dumps``, ``builtins.open``. Nothing that runs while a program is traced
looks such a name up; it takes the C function that stands here.

The classes are namespaces, never instances, for two reasons. freezegun and pyfakefs walk through
every loaded module and replace functions that they find under its names, so no module of this
package may hold one of these functions under a name of its own; they do not look into classes.
And the built-in C modules are copies that no other module knows: gevent and eventlet replace names
of ``_thread`` and ``time`` themselves, perhaps before this package is imported.
"""

from __future__ import annotations

import _json
import _queue
import _random
import sys
from contextlib import suppress
from importlib import import_module
from importlib.machinery import BuiltinImporter, FrozenImporter
from importlib.util import module_from_spec
from json.decoder import JSONDecoder
from os import sep
from stat import S_ISDIR, S_ISREG
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

try:  # not `hashlib`, which loads OpenSSL
    from _blake2 import blake2b as _blake2b
    from _sha2 import sha256 as _sha256  # type: ignore[import-not-found]
except ImportError:  # an interpreter without algorithms of its own
    from hashlib import blake2b as _blake2b
    from hashlib import sha256 as _sha256

if TYPE_CHECKING:
    import _io
    import _thread
    import os as _os
    import os.path as _path
    import time as _time
    from collections.abc import Buffer, Callable
    from types import ModuleType


def _copy_of(name: str) -> ModuleType:
    """Return a built-in module anew, as it is before anybody has replaced anything in it.

    Measured: 0.18 ms for ``posix``, 0.06 ms for ``_thread``, 0.02 ms for ``time``.
    """
    spec = BuiltinImporter.find_spec(name)
    assert spec is not None
    module = module_from_spec(spec)
    BuiltinImporter.exec_module(module)
    return module


def _path_functions(system: ModuleType) -> ModuleType:
    """Return ``os.path`` anew, over a system module that nobody else knows.

    Its functions call each other, and ``os.getcwd`` and ``os.fspath``, by names that are replaced.
    """
    name = "posixpath" if sep == "/" else "ntpath"
    spec = FrozenImporter.find_spec(name)
    if spec is None:  # an interpreter that was told to freeze nothing
        return import_module(name)
    module = module_from_spec(spec)
    FrozenImporter.exec_module(module)
    names = vars(sys.modules["os"])
    own = {name: value for name, value in vars(system).items() if name in names}
    vars(module)["os"] = SimpleNamespace(**{**names, **own})
    return module


if not TYPE_CHECKING:
    _os = _copy_of("posix" if "posix" in sys.builtin_module_names else "nt")
    _path = _path_functions(_os)
    _thread = _copy_of("_thread")
    _time = _copy_of("time")
    _io = sys.modules["_io"]  # a copy would have other classes of files than the program


def _read_at(descriptor: int, size: int, position: int) -> bytes:
    _os.lseek(descriptor, position, 0)
    return _os.read(descriptor, size)


def _write_at(descriptor: int, data: Buffer, position: int) -> int:
    _os.lseek(descriptor, position, 0)
    return _os.write(descriptor, data)


def _is_blocking(_descriptor: int) -> bool:
    return True


def _do_nothing(*_arguments: object, **_hooks: object) -> None:
    pass


class Os:
    """System calls on files and processes, as in `os`.

    Windows lacks some. What has a use there has a stand-in, and what judges by users and modes is
    None: there are none.
    """

    chmod = _os.chmod
    close = _os.close
    dup = _os.dup
    dup2 = _os.dup2
    fstat = _os.fstat
    ftruncate = _os.ftruncate
    getcwd = _os.getcwd
    getpid = _os.getpid
    isatty = _os.isatty
    kill = _os.kill
    listdir = _os.listdir
    lseek = _os.lseek
    lstat = _os.lstat
    mkdir = _os.mkdir
    open = _os.open
    pipe = _os.pipe
    read = _os.read
    replace = _os.replace
    rmdir = _os.rmdir
    stat = _os.stat
    strerror = _os.strerror
    unlink = _os.unlink
    urandom = _os.urandom
    write = _os.write
    chown = getattr(_os, "chown", _do_nothing)
    fchmod = getattr(_os, "fchmod", None)
    fork = getattr(_os, "fork", None)
    get_blocking = getattr(_os, "get_blocking", _is_blocking)
    geteuid = getattr(_os, "geteuid", None)
    pread = getattr(_os, "pread", _read_at)
    pwrite = getattr(_os, "pwrite", _write_at)
    register_at_fork = getattr(_os, "register_at_fork", _do_nothing)
    set_blocking = getattr(_os, "set_blocking", _do_nothing)


def _has_kind(path: Any, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(_os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


class Paths:
    """What ``os.path`` does with texts; ``abspath`` may ask for the working directory."""

    abspath = _path.abspath
    basename = _path.basename
    dirname = _path.dirname
    expanduser = _path.expanduser
    isabs = _path.isabs
    join = _path.join
    split = _path.split
    splitext = _path.splitext

    @staticmethod
    def is_file(path: Any) -> bool:
        """Return whether a regular file is there."""
        return _has_kind(path, S_ISREG)

    @staticmethod
    def is_folder(path: Any) -> bool:
        """Return whether a folder is there."""
        return _has_kind(path, S_ISDIR)


class Time:
    """Clocks, as in `time`."""

    gmtime = _time.gmtime
    monotonic = _time.monotonic
    monotonic_ns = _time.monotonic_ns
    process_time_ns = _time.process_time_ns
    sleep = _time.sleep
    strftime = _time.strftime
    thread_time_ns = _time.thread_time_ns
    time = _time.time
    time_ns = _time.time_ns


class Threads:
    """Threads and locks of the operating system, as in `_thread`; never greenlets."""

    allocate_lock = _thread.allocate_lock
    get_ident = _thread.get_ident
    get_native_id = _thread.get_native_id
    start_new_thread = _thread.start_new_thread
    RLock = _thread.RLock
    Local: TypeAlias = _thread._local  # noqa: SLF001, UP040 - `threading.local`, a base class


LONGEST_WAIT_S: Final = min(1e9, _thread.TIMEOUT_MAX)
"""What a lock or a queue can wait for: 49 days with Windows, and years elsewhere."""


class Queues:
    """A queue whose `get` blocks a thread of the operating system."""

    SimpleQueue: TypeAlias = _queue.SimpleQueue  # noqa: UP040 - is called
    Empty = _queue.Empty


class Event:
    """`threading.Event` without Python-level locks: `set` is reentrant and takes none."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[_thread.LockType] = []

    def is_set(self) -> bool:
        """Return whether `set` was called since the last `clear`."""
        return self._is_set

    def set(self) -> None:
        """Let everyone go who waits, and who comes to wait."""
        self._is_set = True
        while self._waiting:
            try:
                self._waiting.pop().release()
            except IndexError:  # another thread was faster
                return

    def clear(self) -> None:
        """Let those wait who come from now on."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait ``timeout`` s, `LONGEST_WAIT_S` at most, or for ever; return whether it is set."""
        gate = Threads.allocate_lock()
        gate.acquire()
        self._waiting.append(gate)
        try:
            # `set` empties the list after it has set the flag: who is in it before is let go
            if not self._is_set:
                gate.acquire(timeout=-1 if timeout is None else _bounded(timeout))
        finally:
            with suppress(ValueError):  # `set` was faster
                self._waiting.remove(gate)
        return self._is_set


def _bounded(timeout: float) -> float:
    return max(0.0, min(timeout, LONGEST_WAIT_S))


def new_uuid() -> str:
    """Return a random UUID (RFC 9562, version 4) as `uuid.uuid4` makes them."""
    octets = bytearray(Os.urandom(16))
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Files:
    """Files as in `io`."""

    open = _io.open
    FileIO = _io.FileIO


class Fcntl:
    """`fcntl`, whose absence means a platform that is not POSIX."""

    is_there: Final = fcntl is not None
    if fcntl is not None:
        F_DUPFD_CLOEXEC = fcntl.F_DUPFD_CLOEXEC
        LOCK_EX_NB = fcntl.LOCK_EX | fcntl.LOCK_NB
        control = fcntl.fcntl
        flock = fcntl.flock


class Random:
    """The Mersenne Twister of `random`, which no seed of the program reaches."""

    Generator = _random.Random


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__qualname__} has no form in JSON")


class Digests:
    """Digests as in `hashlib`, by the code that CPython brings."""

    blake2b: Any = _blake2b
    sha256: Any = _sha256


class Json:
    """Strict and compact JSON by the C encoder and scanner, whatever stands in `json`."""

    encode_text = _json.encode_basestring_ascii
    _make_encoder: Any = _json.make_encoder
    _scan: Any = vars(JSONDecoder())["scan_once"]

    @classmethod
    def dumps(cls, value: object, *, is_spaced: bool = False) -> str:
        """Return ASCII JSON; ``is_spaced`` puts a blank behind each comma and colon.

        Raises:
            ValueError: a number is not finite, or ``value`` contains itself.
            TypeError: something has no form in JSON.
        """
        colon, comma = (": ", ", ") if is_spaced else (":", ",")
        encode = cls._make_encoder(
            {}, _refuse, cls.encode_text, None, colon, comma, False, False, False
        )  # fmt: skip
        return "".join(encode(value, 0))

    @classmethod
    def loads(cls, text: str) -> Any:
        """Return the value of a JSON text that begins with it.

        Raises:
            ValueError: it is no JSON.
        """
        try:
            return cls._scan(text, 0)[0]
        except StopIteration as error:
            raise ValueError("no JSON value") from error
