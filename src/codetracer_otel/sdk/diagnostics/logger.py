"""Log lines of a session: JSON, or plain text on a terminal; never a value of the program.

They do not pass through `logging`: a program may disable every logger there, replace the record
factory, or count the records.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Json, Time, new_uuid
from codetracer_otel.errors import (
    CodetracerError,
    EnvironmentFailure,
    ErrorCode,
    Problem,
    counted,
    lines_of,
)
from codetracer_otel.exporters.files.json_text import strict
from codetracer_otel.exporters.files.line_writer import FileOutput, LineWriter
from codetracer_otel.exporters.files.watched_writer import WatchedWriter
from codetracer_otel.exporters.standard_error import hold_standard_error, standard_error
from codetracer_otel.model.value_texts import visible
from codetracer_otel.sdk.diagnostics.events import FAILURES, FailureKind, topic_of
from codetracer_otel.sdk.diagnostics.trailer import trailer_line, trailer_of, write_trailer
from codetracer_otel.sdk.settings.error_policy import LogLevel, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.sdk.settings.model import Settings

LOGGER_NAME: Final = "codetracer_otel"

_LEVELS: Final = {level.name.lower(): level for level in LogLevel} | {"warning": LogLevel.WARN}
_WORDS: Final = {LogLevel.WARN: "warning"}
# What a line says beside its message, in this order; the rest stands in ``fields``.
_TARGET: Final = f"{LOGGER_NAME}.session"
_TOP: Final = ("error_code", "module_path", "file", "line")


class SessionLog:
    """The log of one session.

    Args:
        settings: whose policy says what passes and where it goes.

    Attributes:
        run_id: stands in every line and trailer of the session.

    Raises:
        EnvironmentFailure: the log file that a caller named cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self.run_id = new_uuid()
        self._policy = settings.policy
        self._levels = settings.policy.log_level
        self._unusable: Problem | None = None
        self._release = hold_standard_error()
        self._file: str | None = None
        self._writer = self._build_writer()
        is_on_stderr = self._policy.log_file is None or self._unusable is not None
        self._is_for_people = is_on_stderr and standard_error().isatty()

    def open(self) -> None:
        """Say that the log file of the environment cannot be used, if that is so."""
        if self._unusable is not None:
            self.report_warnings([self._unusable])

    def close(self) -> None:
        """Release the output."""
        self._writer.close()
        self._release()

    def after_fork(self) -> None:
        """Go on in a forked child, in the same file."""
        self._writer.reopen_after_fork(self._file)

    def stats(self) -> dict[str, int]:
        """Return how many lines were written, and how many were lost."""
        return self._writer.stats()

    def notify(self, event: str, /, level: str = "info", **facts: object) -> None:
        """Write a line about ``event`` when the policy lets its level pass.

        A failure has a code and, where the policy says so, a trailer whatever the level.
        """
        failure = FAILURES.get(event)
        if failure is not None:
            facts.setdefault("error_code", failure.code)
        self._report(event, level, failure, {k: _plain(value) for k, value in facts.items()})

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
            part = "part of " if problem.is_partial else ""
            message = f"ignored {part}{problem.message}"
            self.notify("environment_ignored", "warn", error_code=problem.code, message=message)

    def _write(
        self, target: str, level: str, message: str, trace_id: object, facts: dict[str, object]
    ) -> None:
        limit = _LEVELS.get(level, LogLevel.INFO)
        if limit > self._level_for(target):
            return
        facts["trace_id"] = trace_id
        self._writer.write_text(
            self._line(target, limit, message, facts, is_for_people=self._is_for_people)
        )

    def _line(
        self,
        target: str,
        level: LogLevel,
        message: str,
        facts: dict[str, object],
        *,
        is_for_people: bool,
    ) -> str:
        trace_id = facts.pop("trace_id", None)
        places = {key: facts.pop(key, None) for key in _TOP}
        if is_for_people:
            return _plain_line(level, message, places | facts)
        line = {
            "ts_micros": Time.time_ns() // 1000,
            "level": level.name,
            "target": target,
            "run_id": self.run_id,
            "trace_id": trace_id,
            "message": message,
            **places,
            "fields": facts or None,
        }
        present = {key: value for key, value in line.items() if value is not None}
        return f"{Json.dumps(strict(present), is_spaced=True)}\n"

    def _level_for(self, target: str) -> LogLevel:
        """Return the limit for a target, by its full name or without the package's."""
        short = target.removeprefix(f"{LOGGER_NAME}.")
        stated = self._levels.targets
        if any(short == name or short.startswith(f"{name}.") for name, _ in stated):
            return self._levels.level_for(short)
        return self._levels.level_for(target)

    def _build_writer(self) -> WatchedWriter:
        path = self._policy.log_file
        on_stderr = WatchedWriter(standard_error(), lambda _reason: None, self._line_of_loss)
        if path is None:
            return on_stderr
        try:
            output = FileOutput(path)
        except EnvironmentFailure as error:
            failure = EnvironmentFailure(f"log file {error.message}", error.code)
        else:
            self._file = output.path
            return WatchedWriter(output, partial(self._tell_loss, output), self._line_of_loss)
        if self._policy.origin_of("log_file") is not Origin.ENVIRONMENT:
            self._release()
            raise failure
        self._unusable = Problem(failure.code, f"CODETRACER_LOG_FILE: {failure.message}")
        return on_stderr

    def _tell_loss(self, output: FileOutput, reason: str) -> None:
        """Say on standard error, once, that the log file takes no lines."""
        stderr = standard_error()
        if stderr.is_same_as(output) or self._level_for(LOGGER_NAME) < LogLevel.ERROR:
            return
        message = f"log file {output.path}: {reason}; lines are lost as long as this lasts"
        facts: dict[str, object] = {"error_code": ErrorCode.IO}
        line = self._line(_TARGET, LogLevel.ERROR, message, facts, is_for_people=stderr.isatty())
        LineWriter(stderr).write_text(line)
        if self._policy.json_errors:
            failure = EnvironmentFailure(message, ErrorCode.IO, {"path": output.path})
            write_trailer(trailer_of(failure, self.run_id))

    def _line_of_loss(self, missing: int, reason: str) -> str:
        message = f"{counted(missing, 'line')} before this one could not be written: {reason}"
        facts: dict[str, object] = {"error_code": ErrorCode.IO}
        level, is_for_people = LogLevel.WARN, self._is_for_people
        return self._line(_TARGET, level, message, facts, is_for_people=is_for_people)


def report_problem(problem: object, *, json_errors: bool = False) -> None:
    """Print a problem, one line each, where no session runs that could; a closed stderr loses it.

    Args:
        problem: an error or a text.
        json_errors: print the trailer, too.
    """
    writer = LineWriter(standard_error())
    error = problem if isinstance(problem, CodetracerError) else None
    for line in [str(problem)] if error is None else lines_of(error):
        writer.write_text(f"codetracer-otel: {line}\n")
    if error is not None and json_errors:
        write_trailer(trailer_of(error))


def _plain_line(level: LogLevel, message: str, facts: dict[str, object]) -> str:
    """Return a line in the form of the errors that a command prints."""
    code = facts.pop("error_code") or ""
    named = ", ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
    text = f"{code} {message}".lstrip() + (f" ({named})" if named else "")
    return f"codetracer-otel: {_WORDS.get(level, level.name.lower())}: {visible(text)}\n"


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
