"""Sessions for Python children: they begin with the parent's settings, below the span at work.

multiprocessing hands a session on by itself; what starts children by other means, such as execnet
for pytest-xdist, carries `for_child` to them and calls `begin_handed_on` there.
"""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.sdk.diagnostics.logger import report_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.sdk.settings.launch import StartMode

_KEY: Final = "codetracer_otel"
UNTRACED: Final = "no session in children that are spawned: {}; they run untraced"


class ChildSession:
    """Stands in a process object's configuration; unpickling it in a child starts a session.

    multiprocessing hands this configuration from parent to child. A forked child never unpickles
    it: there the fork hooks are at work. What cannot be pickled must not keep the child from
    starting: a line says so, once, and the child runs untraced.

    Args:
        keywords: options of ``configure`` that the parent stated.
        launch: how the parent's session was started.
        traceparent: returns the W3C header of the span that starts the child, or None.
        begin: starts the child's session; a function that pickle finds by its name.
    """

    def __init__(
        self,
        keywords: Mapping[str, Any],
        launch: StartMode,
        traceparent: Callable[[], str | None],
        begin: Callable[[bytes, str | None], object],
    ) -> None:
        self._keywords = {name: value for name, value in keywords.items() if value is not None}
        self._launch = launch
        self._traceparent = traceparent
        self._begin = begin
        self._has_told = False

    def restate(self, name: str, value: object) -> None:
        """Let children that begin from now on have another value of an option."""
        self._keywords = {**self._keywords, name: value}

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        """Return what makes this object's counterpart, evaluated in the child."""
        try:
            stated = pickle.dumps((self._keywords, self._launch))
        except Exception as error:  # noqa: BLE001 - whatever an object of the program raises
            self._tell(self._unpicklable(), error)
            return Untraced, ()
        return self._begin, (stated, self._traceparent())

    def _unpicklable(self) -> str:
        for name, value in self._keywords.items():
            try:
                pickle.dumps(value)
            except Exception:  # noqa: BLE001 - as above
                return f"{name} cannot be pickled"
        return "the settings cannot be pickled"

    def _tell(self, what: str, error: Exception) -> None:
        if not self._has_told:
            self._has_told = True
            report_problem(UNTRACED.format(f"{what} ({type(error).__qualname__})"))


class Untraced:
    """What a `ChildSession` becomes where no session can begin."""


def hand_to_children(session: ChildSession) -> Callable[[], None]:
    """Let spawned children of this process begin a session; return the undo."""
    from multiprocessing.process import current_process  # noqa: PLC0415 - 15 ms

    configuration: dict[str, Any] = vars(current_process())["_config"]
    before = configuration.get(_KEY)
    configuration[_KEY] = session

    def undo() -> None:
        if configuration.get(_KEY) is session:
            del configuration[_KEY]
            if before is not None:
                configuration[_KEY] = before

    return undo


def for_child() -> bytes | None:
    """Return what `begin_handed_on` begins a session with in one child; None without a session."""
    process: Any = sys.modules.get("multiprocessing.process")  # a running session has imported it
    session = None if process is None else vars(process.current_process())["_config"].get(_KEY)
    return None if session is None else pickle.dumps(session)


def begin_handed_on(stated: bytes) -> None:
    """Begin the session that a parent process has handed on; a problem is printed."""
    try:
        pickle.loads(stated)  # noqa: S301 - made by the parent process
    except Exception as error:  # noqa: BLE001 - the parent may have another version of ours
        report_problem(f"no session: {type(error).__qualname__}; this child runs untraced")
