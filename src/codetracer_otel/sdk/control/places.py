"""Finds and makes the private folder in which a process offers its control socket.

Whoever may write into that folder could answer in a process's place, so it belongs to the user and
has mode 0700, or it is not used.
"""

from __future__ import annotations

import errno
import os.path
import stat
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Os
from codetracer_otel.errors import EnvironmentFailure, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FOLDER: Final = "codetracer-otel"
_PRIVATE: Final = 0o700
_SUFFIX: Final = ".sock"
_TEMPORARY: Final = "/tmp"  # noqa: S108 - what stands there is judged by `is_private`


def candidates(environ: Mapping[str, str], user: int) -> list[str]:
    """Return the folders in which a process of ``user`` may offer its socket, best first.

    The process that asks and the one that is asked may have been started with other variables
    (a service has no ``XDG_RUNTIME_DIR``), so the one that asks looks into all of them.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    temporary = [environ.get("TMPDIR", ""), _TEMPORARY]
    own = f"{_FOLDER}-{user}"
    places = [os.path.join(runtime, _FOLDER)] if os.path.isabs(runtime) else []
    places.append(f"/run/user/{user}/{_FOLDER}")
    places += [os.path.join(folder, own) for folder in temporary if os.path.isabs(folder)]
    return list(dict.fromkeys(places))


def is_private(folder: str, user: int) -> bool:
    """Return whether ``folder`` belongs to ``user`` and no other user may enter it."""
    try:
        found = Os.lstat(folder)
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == user
        and not stat.S_IMODE(found.st_mode) & ~_PRIVATE
    )


def make_folder(environ: Mapping[str, str], user: int) -> str:
    """Return the first folder that can be used, made if it is not there.

    Root makes one for another user only where that user could put nothing else in its place.

    Raises:
        EnvironmentFailure: none can.
    """
    problem = ""
    is_for_another = Os.geteuid is not None and Os.geteuid() != user
    for folder in candidates({} if is_for_another else environ, user):
        try:
            if not is_for_another:
                Os.mkdir(folder, _PRIVATE)
            elif os.path.dirname(folder) == _TEMPORARY:
                Os.mkdir(folder, _PRIVATE)
                Os.chown(folder, user, -1, follow_symlinks=False)
        except FileExistsError:
            pass
        except OSError as error:
            problem = problem or f"{folder}: {error.strerror}"
            continue
        if is_private(folder, user):
            return folder
        problem = f"{folder}: not a folder of mode 0700 that belongs to this user"
    raise EnvironmentFailure(
        f"control socket: no place for it: {problem}", ErrorCode.CONTROL_FAILED
    )


def socket_path(folder: str, pid: int) -> str:
    """Return the path of the socket of a process."""
    return os.path.join(folder, f"{pid}{_SUFFIX}")


def sockets_in(folder: str) -> Iterator[tuple[int, str]]:
    """Give the process and the path of each socket in a folder."""
    try:
        names = Os.listdir(folder)
    except OSError:
        return
    for name in sorted(names):
        stem = name.removesuffix(_SUFFIX)
        if stem != name and stem.isdecimal():
            yield int(stem), os.path.join(folder, name)


def remove_stale(folder: str) -> None:
    """Remove the sockets of processes that are gone: one that was killed removes nothing."""
    for pid, path in sockets_in(folder):
        if not is_there(pid):
            remove(path)


def is_there(pid: int) -> bool:
    """Return whether there is a process of that number."""
    try:
        Os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    except OverflowError:
        return False
    return True


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        Os.unlink(path)
    except OSError:
        return  # another process was faster, or the folder is gone: nobody can find it either way
