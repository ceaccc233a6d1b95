"""Makes a running, unprepared interpreter take commands (CPython 3.14 and newer).

``sys.remote_exec`` has the other process's main thread run a small script of ours, which opens the
control socket and nothing else. What follows is said over that.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.live.client import find_socket, user_of
from codetracer_otel.cli.live.waking import wake
from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.filters.code.placeholders import interpreter_paths
from codetracer_otel.own_code import FOLDER
from codetracer_otel.sdk.control.places import make_folder
from codetracer_otel.sdk.settings.model import from_process_environment

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S: Final = 5.0
LOADING_S: Final = 30.0  # a process whose threads are all busy takes seconds to import us
_LOOK_S: Final = 0.02
_LONGEST: Final = 1000
_ROOT: Final = 0
_IDLE_S: Final = 0.3  # a main thread that has not answered by then waits for something
REMOTE_EXEC: Final = getattr(sys, "remote_exec", None)

# Its names are its own, and it works on a thread: the main one goes on at once. The answer's file
# says that it has begun, and who removes it waits no more.
_SCRIPT: Final = """\
def begin(version, paths, answer):
    import io, os, sys
    try:
        added = []
        try:
            import codetracer_otel.sdk.session.configure as configure
        except ImportError:
            if sys.version_info[:2] != version:
                raise
            added = [path for path in paths if path not in sys.path]
            sys.path.extend(added)
            try:
                import codetracer_otel.sdk.session.configure as configure
            except BaseException:
                sys.path[:] = [path for path in sys.path if path not in added]
                raise
        if os.path.exists(answer):
            configure.take_commands(added)
        else:
            sys.path[:] = [path for path in sys.path if path not in added]
    except BaseException as error:
        if os.path.exists(answer):
            with io.open(answer, "w") as file:
                file.write(f"{type(error).__name__}: {error}")
import _thread
with open({answer}, "x"):
    _thread.start_new_thread(begin, {given})
"""
_PREPARED: Final = "start it with --control, or with CODETRACER_AUTO_START=dormant"
_REASONS: Final = (
    (
        "not enabled",
        ErrorCode.NOT_PERMITTED,
        f"its interpreter was started with remote debugging off; {_PREPARED}",
    ),
    (
        "Can't send commands",
        ErrorCode.OTHER_INTERPRETER,
        "it runs another version of Python; use the codetracer-otel of that one",
    ),
)
_NO_PYTHON: Final = (
    f"it does not run CPython 3.14 or newer; an older one takes commands if you {_PREPARED}"
)


def inject(
    pid: int,
    remote_exec: Callable[[int, str], object] | None = REMOTE_EXEC,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> str:
    """Let a process take commands; return the path of its socket.

    Args:
        pid: of a CPython of the same minor version.
        remote_exec: `sys.remote_exec`, or None before 3.14.
        clock: monotonic seconds.
        sleep: waits.

    Raises:
        EnvironmentFailure: it cannot be reached, or does not answer; nothing is left behind.
    """
    if remote_exec is None:
        own = ".".join(map(str, sys.version_info[:2]))
        raise EnvironmentFailure(
            f"process {pid}: takes no commands; {_PREPARED}; from Python 3.14 on that is not "
            f"needed, but this is {own}",
            ErrorCode.OTHER_INTERPRETER,
        )
    user = user_of(pid)
    if os.geteuid() not in (user, _ROOT):
        raise _not_permitted(pid)
    script, answer = _write_script(pid, user)
    try:
        _execute(remote_exec, pid, script)
        withdraw = partial(_withdraw, remote_exec, pid)
        return _wait_for(pid, answer, partial(wake, pid), withdraw, clock, sleep)
    finally:
        for path in (script, answer):
            if os.path.exists(path):
                os.unlink(path)


def _write_script(pid: int, user: int) -> tuple[str, str]:
    folder = make_folder(from_process_environment(), user)
    stem = os.path.join(folder, f"{pid}-{os.urandom(8).hex()}")
    own = os.path.dirname(FOLDER.rstrip(os.sep))
    paths = dict.fromkeys((own, *interpreter_paths("purelib", "platlib")))
    given = (sys.version_info[:2], list(paths), f"{stem}.answer")
    descriptor = os.open(f"{stem}.py", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        if user != os.geteuid():
            os.fchown(descriptor, user, -1)  # by its path it might be another file by now
        file.write(_SCRIPT.replace("{answer}", repr(given[-1])).replace("{given}", repr(given)))
    return f"{stem}.py", f"{stem}.answer"


def _execute(remote_exec: Callable[[int, str], object], pid: int, script: str) -> None:
    try:
        remote_exec(pid, script)
    except PermissionError:
        raise _not_permitted(pid) from None
    except ProcessLookupError:
        raise EnvironmentFailure(f"process {pid}: not running", ErrorCode.NO_SUCH_PROCESS) from None
    except (RuntimeError, OSError) as error:
        for words, code, reason in _REASONS:
            if words in str(error):
                raise EnvironmentFailure(f"process {pid}: {reason}", code) from None
        raise EnvironmentFailure(
            f"process {pid}: {_NO_PYTHON}", ErrorCode.OTHER_INTERPRETER
        ) from None


def _not_permitted(pid: int) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"process {pid}: not permitted to look into it; ask as its user, and where the kernel "
        "restricts ptrace, as root",
        ErrorCode.NOT_PERMITTED,
    )


def _withdraw(remote_exec: Callable[[int, str], object], pid: int) -> None:
    """Put nothing into the script's place, which a main thread may ask for an hour from now."""
    try:
        remote_exec(pid, os.devnull)
    except (RuntimeError, OSError):
        return  # it is gone


def _wait_for(
    pid: int,
    answer: str,
    wake_it: Callable[[], object],
    withdraw: Callable[[], object],
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> str:
    began, is_woken = clock(), False
    while True:
        path = find_socket(pid)
        if path is not None:
            return path
        is_begun = os.path.exists(answer)
        if is_begun:
            _raise_problem(pid, answer)
        if not is_begun and not is_woken and clock() - began > _IDLE_S:
            is_woken = True
            wake_it()
        if clock() - began > (LOADING_S if is_begun else PATIENCE_S):
            if not is_begun:
                withdraw()
            raise _gave_up(pid, is_begun=is_begun)
        sleep(_LOOK_S)


def _raise_problem(pid: int, answer: str) -> None:
    try:
        descriptor = os.open(answer, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return  # nothing that our script wrote
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        problem = file.read(_LONGEST)
    if problem:
        raise EnvironmentFailure(
            f"process {pid}: cannot load codetracer-otel: {problem}; install it there",
            ErrorCode.CONTROL_FAILED,
        )


def _gave_up(pid: int, *, is_begun: bool) -> EnvironmentFailure:
    reason = (
        f"had not loaded codetracer-otel within {LOADING_S:g} s: its other threads leave no time"
        if is_begun
        else f"did not answer within {PATIENCE_S:g} s: its main thread is inside C code"
    )
    return EnvironmentFailure(f"process {pid}: {reason}; nothing was changed", ErrorCode.NO_ANSWER)
