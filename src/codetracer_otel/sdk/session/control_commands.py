"""Carries out the commands that reach a running process: attach, pause, reload and the like.

There are these commands and no others. Nothing that comes over the socket is ever executed, and a
filter comes as text that whoever asks has read and checked.
"""

from __future__ import annotations

import os.path
import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Time
from codetracer_otel.errors import (
    CodetracerError,
    EnvironmentFailure,
    ErrorCode,
    UsageError,
    counted,
    lines_of,
)
from codetracer_otel.filters import FilterSource
from codetracer_otel.sdk.delivery.worker import leave_registry
from codetracer_otel.sdk.settings.exporter_specs import BUILTIN_EXPORTERS
from codetracer_otel.sdk.settings.launch import StartKind, StartMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.sdk.session.session import Session

    Begin = Callable[[dict[str, Any], StartMode], Session]

_DELIVERY_S: Final = 5.0
_DUMP_S: Final = 10.0  # less than what the asking side waits
_NO_SESSION: Final = "no session is running in it; begin one with codetracer-otel attach"
_STATED: Final = ("exporter", "capture", "service_name", "flight_recorder", "dump_on")


class Commands:
    """Answers commands; each returns what to say, and facts for ``--json``.

    Args:
        active_session: returns the running session, or None.
        begin: starts one.
        detached: called when an attached session ends, or when attaching fails.
    """

    def __init__(
        self,
        active_session: Callable[[], Session | None],
        begin: Begin,
        detached: Callable[[], None],
    ) -> None:
        self._active_session = active_session
        self._begin = begin
        self._detached = detached
        self._muted: Session | None = None
        self._ends_at: float | None = None
        self._is_attached = False
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "attach": self._attach,
            "status": self._status,
            "pause": self._pause,
            "resume": self._resume,
            "reload": self._reload,
            "dump": self._dump,
            "detach": self._detach,
        }

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        command = self._commands.get(str(request.get("command")))
        if command is None:
            return _refusal(
                ErrorCode.CONTROL_FAILED,
                "the process does not know this command: its codetracer-otel is of another version",
            )
        try:
            return {"ok": True, **command(request)}
        except CodetracerError as error:
            return {**_refusal(error.code, "; ".join(lines_of(error))), "lines": lines_of(error)}
        except Exception as error:  # noqa: BLE001 - the outermost frame of ours on this thread
            return _refusal(
                ErrorCode.UNKNOWN,
                f"an internal error of codetracer-otel: {type(error).__qualname__}",
            )
        finally:
            leave_registry()

    def deadline(self) -> float | None:
        """Return when the session that was asked for a time is over, in monotonic seconds."""
        return self._ends_at

    def end_session(self) -> None:
        """End the session whose time is over."""
        self._ends_at = None
        session = self._active_session()
        if session is not None:
            session.shutdown(_DELIVERY_S)

    def _attach(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._active_session() is not None:
            raise EnvironmentFailure(
                "a session is running in it already; give it another filter with reload",
                ErrorCode.ALREADY_TRACING,
            )
        keywords = {name: request[name] for name in _STATED if request.get(name) is not None}
        _refuse_names_of_code(keywords.get("exporter"))
        filters = _sources_of(request)
        if filters:
            keywords["trace_filter"] = filters
        script = sys.argv[0] if getattr(sys, "argv", None) else ""
        try:
            session = self._begin(keywords, StartMode(StartKind.ATTACHED, os.path.abspath(script)))
        except BaseException:
            self._detached()
            raise
        session.on_shutdown(self._leave)
        self._is_attached = True
        self._mute(session)
        seconds = request.get("seconds")
        if seconds is not None:
            self._ends_at = Time.monotonic() + float(seconds)
        return {"line": "attached", **_facts(session)}

    def _status(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        return {"line": "", **_facts(self._active_session())}

    def _pause(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        session = self._session()
        session.pause()
        return {"line": "paused; open calls ended as unfinished", **_facts(session)}

    def _resume(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        session = self._session()
        session.resume()
        return {"line": "records again", **_facts(session)}

    def _reload(self, request: Mapping[str, Any]) -> dict[str, Any]:
        session = self._session()
        later = session.reload(_sources_of(request) or None)
        return {"line": "the new filter is in force", "later": later, **_facts(session)}

    def _dump(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            session = self._session()
            seconds = request.get("seconds")
            wanted = None if seconds is None else float(seconds)
            count, is_delivered = session.dump_within(wanted, _DUMP_S)
        finally:
            if not self._is_attached:  # a process that was asked for this alone is left as it was
                self._detached()
        rest = "" if is_delivered else f"; the exporters are still at it after {_DUMP_S:g} s"
        return {
            **_facts(session),
            "line": f"dumped {counted(count, 'span')}{rest}",
            "dumped": count,
        }

    def _leave(self) -> None:
        self._is_attached = False
        self._detached()

    def _detach(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        session = self._session()
        self._ends_at = None
        delivered = session.shutdown(_DELIVERY_S)
        facts = _facts(session)
        rest = "" if delivered else f"; not everything was delivered within {_DELIVERY_S:g} s"
        return {
            **facts,
            "line": f"detached, {counted(facts['spans'], 'span')}{rest}",
            "state": "detached",
        }

    def _session(self) -> Session:
        session = self._active_session()
        if session is None:
            raise EnvironmentFailure(_NO_SESSION, ErrorCode.NO_SESSION)
        self._mute(session)
        return session

    def _mute(self, session: Session) -> None:
        """Record nothing of what this thread does, once for each session."""
        if self._muted is not session:
            self._muted = session
            session.mute_this_thread()


def _refuse_names_of_code(exporters: object) -> None:
    """Refuse an exporter that would have a module imported."""
    for text in exporters if isinstance(exporters, list) else [exporters]:
        name = str(text).partition("=")[0].strip()
        if text is not None and name not in BUILTIN_EXPORTERS:
            raise UsageError(
                f"exporter: got {name}; expected one of {', '.join(BUILTIN_EXPORTERS)}",
                ErrorCode.UNSUPPORTED_FORMAT,
            )


def _refusal(code: ErrorCode, line: str) -> dict[str, Any]:
    return {"ok": False, "code": str(code), "line": line}


def _sources_of(request: Mapping[str, Any]) -> list[FilterSource]:
    """Return the filters of a request: pairs of a label and the text."""
    return [FilterSource(str(label), str(text)) for label, text in request.get("filters") or ()]


def _facts(session: Session | None) -> dict[str, Any]:
    """Return what is known of this process, for people and programs."""
    facts: dict[str, Any] = {
        "pid": Os.getpid(),
        "program": " ".join(getattr(sys, "orig_argv", ())[:4]),
        "python": ".".join(map(str, sys.version_info[:3])),
        "state": _state_of(session),
        "filters": [],
        "spans": 0,
        "losses": {},
    }
    if session is not None:
        stats = session.stats()
        facts["filters"] = session.filter_names()
        facts["spans"] = stats["recorded"]
        if "flight_recorder" in stats:
            facts["kept"] = stats["flight_recorder"]["kept"]
        facts["losses"] = {cause: count for cause, count in stats["dropped"].items() if count}
    return facts


def _state_of(session: Session | None) -> str:
    if session is None:
        return "dormant"
    if session.has_failed:
        return "failed"
    return "recording" if session.is_recording else "paused"
