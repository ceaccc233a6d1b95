"""Offers a socket over which this process takes commands, one connection at a time."""

from __future__ import annotations

import _socket
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Threads, Time
from codetracer_otel.descriptors import beyond_the_standard_ones, identity
from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.sdk.control.messages import NotAMessage, receive, send, user_behind
from codetracer_otel.sdk.control.places import make_folder, remove, remove_stale, socket_path
from codetracer_otel.sdk.delivery import fork_warning
from codetracer_otel.sdk.delivery.worker import DetachedThread
from codetracer_otel.sdk.settings.model import from_process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_ROOT: Final = 0
_PRIVATE: Final = 0o600
_BACKLOG: Final = 8
_PATIENCE_S: Final = 5.0  # for one request, and for one answer to be taken
_REST_S: Final = 2.0  # a command that takes longer than this is not waited for by a fork
_FAILURES: Final = 100


class ControlServer:
    """A listening socket with a thread that waits for commands and has them answered.

    The thread sleeps in ``accept`` and costs nothing. Other users are turned away by the mode of
    folder and socket, and where the system tells who is there, by that.

    Args:
        answer: takes a command and returns what to say; raises nothing.
        deadline: returns the monotonic seconds at which to call ``on_deadline``, or None.
        on_deadline: called on the thread.

    Attributes:
        path: of the socket.

    Raises:
        EnvironmentFailure: there is no place for the socket, or no such sockets here.
    """

    def __init__(
        self,
        answer: Answer,
        deadline: Callable[[], float | None] = lambda: None,
        on_deadline: Callable[[], object] = lambda: None,
    ) -> None:
        self._answer = answer
        self._deadline = deadline
        self._on_deadline = on_deadline
        self._at_work = Threads.allocate_lock()
        self._is_resting = self._is_closed = False
        self._listen()

    def _listen(self) -> None:
        user = _own_user()
        folder = make_folder(from_process_environment(), user)
        remove_stale(folder)
        self.path = socket_path(folder, Os.getpid())
        self._pid = Os.getpid()
        try:
            self._socket = _bind(self.path)
        except OSError as error:
            message = f"{self.path}: {error.strerror or error}"
            raise EnvironmentFailure(message, ErrorCode.CONTROL_FAILED) from None
        self._identity = identity(self._socket.fileno())
        self._thread = DetachedThread(self._run)

    def start(self) -> None:
        """Begin to take commands."""
        self._thread.start()

    def close(self) -> None:
        """Take no more commands, and leave nothing behind; may be called while one is answered."""
        self._is_closed = True
        self._wake()
        if not self._is_ours():
            self._socket.detach()  # the number is the program's by now, or the thread has closed it
        remove(self.path)

    def before_fork(self) -> None:
        """Bring the thread to rest; it ends where CPython would warn the program about it."""
        if not self._thread.is_alive or self._is_closed:
            return
        if fork_warning.is_deserved():
            if self._at_work.acquire(timeout=_REST_S):
                self._is_resting = True
            return
        self._is_resting = True
        self._wake()
        self._thread.join(_REST_S)

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""
        if not self._is_resting:
            return
        self._is_resting = False
        if self._thread.is_alive:
            self._at_work.release()
        elif not self._is_closed:
            self._begin_again()

    def after_fork_in_child(self) -> None:
        """Offer a socket of the child's own; the parent's stays the parent's."""
        if self._is_ours():
            self._socket.close()
        else:
            self._socket.detach()
        self._at_work = Threads.allocate_lock()
        self._is_resting = False
        if self._is_closed:
            return
        try:
            self._listen()
            self._thread.start()
        except (EnvironmentFailure, RuntimeError):  # no place, or no threads: nobody can ask it
            self._is_closed = True

    def _begin_again(self) -> None:
        self._thread = DetachedThread(self._run)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is about to end and starts no thread
            self._is_closed = True

    def _is_ours(self) -> bool:
        """Return whether the descriptor is still the socket: programs close what is not theirs."""
        return self._identity is not None and identity(self._socket.fileno()) == self._identity

    def _wake(self) -> None:
        caller = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            caller.settimeout(0)
            # also where the program has closed the descriptor: the thread keeps the socket alive
            caller.connect(self.path)
        except BlockingIOError:
            return  # so many callers wait that it will look anyway
        except OSError:  # nobody can reach it any more
            if self._is_ours():
                self._socket.shutdown(_socket.SHUT_RDWR)
        finally:
            caller.close()

    def _run(self) -> None:
        failures = 0
        while not (self._is_closed or self._is_resting) and failures < _FAILURES:
            try:
                connection = self._next()
                if connection is not None:
                    with self._at_work:
                        _serve(connection, self._answer)
            except OSError:
                failures += 1
                if not self._is_ours():
                    return  # the program has closed it
        if self._is_closed and Os.getpid() == self._pid and self._is_ours():
            self._socket.close()

    def _next(self) -> _socket.socket | None:
        """Return the next connection of a permitted user; None when it is time to check."""
        deadline = self._deadline()
        left = None if deadline is None else deadline - Time.monotonic()
        if left is not None and left <= 0:
            self._on_deadline()
            return None
        self._socket.settimeout(left)
        try:
            descriptor, _ = self._socket._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what `socket` calls
        except TimeoutError:
            return None
        connection = _socket.socket(fileno=beyond_the_standard_ones(descriptor))
        # None: where the system does not tell, the mode of the folder has kept others out
        trusted = (_own_user(), _ROOT, None)
        if self._is_closed or self._is_resting or user_behind(connection) not in trusted:
            connection.close()
            return None
        return connection


def _serve(connection: _socket.socket, answer: Answer) -> None:
    try:
        request = receive(connection, Time.monotonic() + _PATIENCE_S)
        send(connection, answer(request), Time.monotonic() + _PATIENCE_S)
    except NotAMessage:
        return  # somebody who only looked whether we are here
    finally:
        connection.close()


def _bind(path: str) -> _socket.socket:
    """Return a socket that listens; it gets its name last: whoever finds it can connect."""
    family = getattr(_socket, "AF_UNIX", None)
    if family is None:
        raise OSError("this system has no Unix sockets")
    made = _socket.socket(family, _socket.SOCK_STREAM)
    listener = _socket.socket(fileno=beyond_the_standard_ones(made.detach()))
    try:
        unfinished = f"{path}-"
        remove(unfinished)
        listener.bind(unfinished)
        Os.chmod(unfinished, _PRIVATE)
        listener.listen(_BACKLOG)
        Os.replace(unfinished, path)
    except BaseException:
        listener.close()
        raise
    return listener


def _own_user() -> int:
    return -1 if Os.geteuid is None else Os.geteuid()
