"""Log lines of a session: JSON on the ``codetracer_otel`` logger, never a value of the program."""

from __future__ import annotations

import logging
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from pythonjsonlogger.json import JsonFormatter

from codetracer_otel.sdk.policy.model import LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.errors import Problem
    from codetracer_otel.sdk.settings import Settings

LOGGER_NAME: Final = "codetracer_otel"

_LEVELS: Final = {
    "error": (logging.ERROR, LogLevel.ERROR),
    "warn": (logging.WARNING, LogLevel.WARN),
    "warning": (logging.WARNING, LogLevel.WARN),
    "info": (logging.INFO, LogLevel.INFO),
    "debug": (logging.DEBUG, LogLevel.DEBUG),
    "trace": (logging.DEBUG, LogLevel.TRACE),
}


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
    """Appends to a file; a full disk loses lines, not the program."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose the line."""


class _LineFormatter(JsonFormatter):
    """One object per line, with the fields of diagnostics.md in their order."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        """Fill ``log_data``."""
        del message_dict
        log_data["ts_micros"] = time.time_ns() // 1000
        log_data["level"] = record.levelname
        log_data["target"] = record.name
        log_data["run_id"] = self._run_id
        log_data["message"] = record.getMessage()
        log_data.update(getattr(record, "facts", {}))


class SessionLog:
    """The log of one session.

    Args:
        settings: whose policy says what passes and where it goes.
    """

    def __init__(self, settings: Settings) -> None:
        self.run_id = str(uuid.uuid4())
        self._levels = settings.policy.log_level
        self._logger = logging.getLogger(LOGGER_NAME)
        self._handler = self._build_handler(settings.policy.log_file)

    def open(self) -> None:
        """Attach the handler; until `close` the host's handlers do not print the lines again."""
        self._logger.addHandler(self._handler)
        self._logger.propagate = False

    def close(self) -> None:
        """Detach the handler."""
        self._logger.removeHandler(self._handler)
        self._handler.close()
        self._logger.propagate = True

    def notify(self, event: str, /, level: str = "info", **facts: object) -> None:
        """Write a line about ``event`` when the policy lets its level pass."""
        number, limit = _LEVELS.get(level, _LEVELS["info"])
        if limit > self._levels.level_for(LOGGER_NAME):
            return
        message = event.replace("_", " ")
        record = self._logger.makeRecord(
            LOGGER_NAME, number, "(codetracer_otel)", 0, message, (), None
        )
        record.__dict__["facts"] = {key: _plain(value) for key, value in facts.items()}
        self._logger.handle(record)

    def report_warnings(self, problems: Iterable[Problem]) -> None:
        """Write one line for each thing that is wrong with the environment."""
        for problem in problems:
            self.notify("environment_ignored", "warn", error_code=problem.code, problem=problem)

    def _build_handler(self, path: str | None) -> logging.Handler:
        handler: logging.Handler = _StderrHandler() if path is None else _FileHandler(path)
        handler.setFormatter(_LineFormatter(self.run_id))
        return handler


def report_problem(problem: object) -> None:
    """Print one line where no session runs that could; a closed stderr loses it."""
    handler = _StderrHandler()
    handler.handle(
        logging.LogRecord(
            LOGGER_NAME,
            logging.ERROR,
            "(codetracer_otel)",
            0,
            f"codetracer-otel: {problem}",
            (),
            None,
        )
    )


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
