"""Log lines of a session: JSON on the ``codetracer_otel`` logger, never a value of the program."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from pythonjsonlogger.json import JsonFormatter

from codetracer_otel.errors import (
    CodetracerError,
    EnvironmentFailure,
    ErrorCode,
    Problem,
    lines_of,
)
from codetracer_otel.sdk.diagnostics.events import FAILURES, FailureKind, topic_of
from codetracer_otel.sdk.diagnostics.trailer import trailer_line, trailer_of, write_trailer
from codetracer_otel.sdk.policy.model import LogLevel, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import TextIOWrapper

    from codetracer_otel.sdk.settings import Settings

LOGGER_NAME: Final = "codetracer_otel"

_NUMBERS: Final = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARN: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.TRACE: logging.DEBUG,
}
_LEVELS: Final = {level.name.lower(): level for level in _NUMBERS} | {"warning": LogLevel.WARN}
# What a line says beside its message, in this order; the rest stands in ``fields``.
_TOP: Final = ("error_code", "module_path", "file", "line")


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to whatever ``sys.stderr`` is at the time; a closed or absent one is no error."""

    def __init__(self) -> None:
        super().__init__(stream=None)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        if self.stream is not None:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose the line: a traceback of ours must not enter the program's output."""


class _FileHandler(logging.FileHandler):
    """Appends to a file, created with mode 0600; a full disk loses lines, not the program."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_open_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose the line."""

    def close(self) -> None:
        """Close the file; a full disk loses what was not written yet."""
        with contextlib.suppress(OSError):
            super().close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _LineFormatter(JsonFormatter):
    """One object per line, with the fields of diagnostics.md in their order."""

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        """Fill ``log_data``."""
        del message_dict
        log_data.update(getattr(record, "line_fields", {"message": record.getMessage()}))


class SessionLog:
    """The log of one session.

    Args:
        settings: whose policy says what passes and where it goes.

    Attributes:
        run_id: stands in every line and trailer of the session.
        failures: how many failures were reported.
        lost: how many lines could not be written.

    Raises:
        EnvironmentFailure: the log file that a caller named cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self.run_id = str(uuid.uuid4())
        self.failures = self.lost = 0
        self._policy = settings.policy
        self._levels = settings.policy.log_level
        self._logger = logging.getLogger(LOGGER_NAME)
        self._unusable: Problem | None = None
        self._handler = self._build_handler()
        self._handler.setFormatter(_LineFormatter())

    def open(self) -> None:
        """Attach the handler; until `close` the host's handlers do not print the lines again."""
        self._logger.addHandler(self._handler)
        self._logger.propagate = False
        if self._unusable is not None:
            self.report_warnings([self._unusable])

    def close(self) -> None:
        """Detach the handler."""
        self._logger.removeHandler(self._handler)
        self._handler.close()
        self._logger.propagate = True

    def notify(self, event: str, /, level: str = "info", **facts: object) -> None:
        """Write a line about ``event`` when the policy lets its level pass.

        A failure has a code and, where the policy says so, a trailer whatever the level.
        """
        failure = FAILURES.get(event)
        if failure is not None:
            facts.setdefault("error_code", failure.code)
            self.failures += 1
        try:
            self._report(event, level, failure, {k: _plain(value) for k, value in facts.items()})
        except Exception:  # noqa: BLE001 - handlers and filters of the host see our records, too
            self.lost += 1

    def _report(
        self, event: str, level: str, failure: FailureKind | None, facts: dict[str, object]
    ) -> None:
        trace_id = facts.pop("trace_id", None)
        message = str(facts.pop("message", event.replace("_", " ")))
        self._write(f"{LOGGER_NAME}.{topic_of(event)}", level, message, trace_id, dict(facts))
        if failure is not None and self._policy.json_errors:
            code = str(facts.pop("error_code"))
            shown_id = None if trace_id is None else str(trace_id)
            line = trailer_line(code, failure.kind, message, facts, self.run_id, shown_id)
            write_trailer(line)

    def report_warnings(self, problems: Iterable[Problem]) -> None:
        """Write one line for each thing that is wrong with the environment."""
        for problem in problems:
            self.notify("environment_ignored", "warn", error_code=problem.code, problem=problem)

    def _write(
        self, target: str, level: str, message: str, trace_id: object, facts: dict[str, object]
    ) -> None:
        limit = _LEVELS.get(level, LogLevel.INFO)
        if limit > self._level_for(target):
            return
        record = self._logger.makeRecord(
            LOGGER_NAME, _NUMBERS[limit], f"({LOGGER_NAME})", 0, message, (), None
        )
        line = {
            "ts_micros": time.time_ns() // 1000,
            "level": limit.name,
            "target": target,
            "run_id": self.run_id,
            "trace_id": trace_id,
            "message": message,
            **{key: facts.pop(key, None) for key in _TOP},
            "fields": facts or None,
        }
        present = {key: value for key, value in line.items() if value is not None}
        record.__dict__["line_fields"] = present
        self._logger.handle(record)

    def _level_for(self, target: str) -> LogLevel:
        """Return the limit for a target, by its full name or without the package's."""
        short = target.removeprefix(f"{LOGGER_NAME}.")
        stated = self._levels.targets
        if any(short == name or short.startswith(f"{name}.") for name, _ in stated):
            return self._levels.level_for(short)
        return self._levels.level_for(target)

    def _build_handler(self) -> logging.Handler:
        path = self._policy.log_file
        if path is None:
            return _StderrHandler()
        try:
            return _FileHandler(path)
        except OSError as error:
            failure = _cannot_open(path, error)
        if self._policy.origin_of("log_file") is not Origin.ENVIRONMENT:
            raise failure
        self._unusable = Problem(failure.code, f"CODETRACER_LOG_FILE: {failure.message}")
        return _StderrHandler()


def _cannot_open(path: str, error: OSError) -> EnvironmentFailure:
    message = f"log file {path!r}: cannot be opened, {error.strerror}; expected a file to write"
    return EnvironmentFailure(message, ErrorCode.IO)


def report_problem(problem: object, *, json_errors: bool = False) -> None:
    """Print a problem, one line each, where no session runs that could; a closed stderr loses it.

    Args:
        problem: an error or a text.
        json_errors: print the trailer, too.
    """
    handler = _StderrHandler()
    error = problem if isinstance(problem, CodetracerError) else None
    for line in [str(problem)] if error is None else lines_of(error):
        text = f"codetracer-otel: {line}"
        handler.handle(
            logging.LogRecord(LOGGER_NAME, logging.ERROR, f"({LOGGER_NAME})", 0, text, (), None)
        )
    if error is not None and json_errors:
        write_trailer(trailer_of(error))


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
