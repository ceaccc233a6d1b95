"""Ends the session of a traced program after the program's last code, and prints the summary."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import CodetracerError, InternalError, counted
from codetracer_otel.exporters.files.line_writer import LineWriter
from codetracer_otel.exporters.standard_error import StandardError
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.model.value_texts import visible
from codetracer_otel.sdk.diagnostics.trailer import trailer_of, write_trailer
from codetracer_otel.sdk.session.run_lines import lost_lines
from codetracer_otel.sdk.session.summary import recorded_count, records_steps_alone
from codetracer_otel.sdk.settings.exporter_specs import WRITING_FILES, ExporterSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from codetracer_otel.sdk.session.session import Session
    from codetracer_otel.sdk.settings.model import Settings

PREFIX: Final = "codetracer-otel"
SHUTDOWN_TIMEOUT_S: Final = 5.0

_MOST_RULES: Final = 5  # of those that matched nothing
_STDERR_BY_DEFAULT: Final = ("jsonl", "console")
_BESIDE: Final = (*WRITING_FILES, "native")  # a child's stands beside its parent's
_OF_CHILD: Final = lazy_regex(r"(\.\d+)+")
_MANY_SPANS: Final = 5_000  # fewer need not be folded
_COARSE_S: Final = 0.1  # file systems may keep times of the last tick of a timer


class Ending:
    """What is left to do when the traced program has ended.

    A forked child delivers its own spans; only the process that started the session sums up.
    """

    def __init__(
        self, session: Session, *, quiet: bool, end: Callable[[int], object] = os._exit
    ) -> None:
        self._session = session
        self._is_quiet = quiet
        self._end = end
        self._process = os.getpid()
        # made before the program begins: what it puts into its place is the program's
        self._stderr = StandardError(sys.__stderr__)
        self._status = 0
        self._has_summed_up = False
        self.was_started = True
        self._begun = time.time() - _COARSE_S

    def finish(self, status: int) -> bool:
        """Note the program's exit status; return whether this process should exit with it."""
        self._status = status
        self._session.note_exit(status)
        return self._session.settings.policy.propagate_script_exit

    def cut_short(self) -> None:
        """Sum up where a signal has ended the session and is about to end the process."""
        if os.getpid() == self._process and not self._is_quiet and not self._has_summed_up:
            self._sum_up(None)

    def close(self) -> None:
        """Shut the session down and sum up; the exit status becomes ours where the policy says so.

        To be registered with atexit before the program starts, so that it runs last.
        """
        failure = self._shut_down()
        if os.getpid() != self._process:
            return
        if not self._is_quiet and not self._has_summed_up:
            # what the program still buffers comes first
            _flush_output()
            self._sum_up(failure)
        if failure is not None:
            self._tell(failure)
            self._fail(failure.exit_status)

    def _tell(self, failure: CodetracerError) -> None:
        if isinstance(failure, InternalError):
            return  # the log has told of it
        self._say(str(failure))
        if self._session.settings.policy.json_errors:
            write_trailer(trailer_of(failure), self._stderr)

    def _shut_down(self) -> CodetracerError | None:
        try:
            self._session.shutdown(SHUTDOWN_TIMEOUT_S)
        except CodetracerError as failure:
            return failure
        except KeyboardInterrupt:
            return None  # there is no program any more that it could end
        return None

    def _fail(self, status: int) -> None:
        if self._status != 0:
            return
        # The interpreter's exit status is fixed by now; what it would still flush, flush here.
        _flush_output()
        logging = sys.modules.get("logging")
        if logging is not None:
            logging.shutdown()
        self._end(status)

    def _sum_up(self, failure: CodetracerError | None) -> None:
        self._has_summed_up = True
        stats = self._session.stats()
        has_recorded = recorded_count(stats) > 0 or _lost_calls(stats) > 0
        is_silence_explained = has_recorded or failure is not None
        reason = "" if is_silence_explained else self._why_nothing()
        rules = self._session.unmatched_rules()[:_MOST_RULES]
        if ExporterSpec("jsonl") in self._session.settings.exporters:  # lines go to stderr
            told: dict[str, Any] = {"reason": reason} if reason else {}
            if rules:
                told["rules"] = rules
            LineWriter(self._stderr).write({"kind": "stats", **stats_fields(stats), **told})
            return
        settings = self._session.settings
        self._say(summary(stats, settings) + children_beside(settings, self._begun))
        for line in (*([reason] if reason else ()), *fold_advice(stats), *rules):
            self._say(line)

    def _why_nothing(self) -> str:
        if not self.was_started:
            return "no span: the program could not be started, as the error above says"
        return self._session.why_nothing()

    def _say(self, text: str) -> None:
        LineWriter(self._stderr).write_text(f"{PREFIX}: {visible(text)}\n")


def stats_fields(stats: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counters of the summary, with their names in the JSON line."""
    return {
        "recorded": stats.get("recorded", 0),
        "exported": stats.get("exported", 0),
        "dropped": dict(stats.get("dropped", {})),
        "redacted": redacted_count(stats),
        **({"lines_lost": lost} if (lost := lost_lines(stats)) else {}),
        **{name: stats[name] for name in ("flight_recorder",) if name in stats},
    }


def redacted_count(stats: Mapping[str, Any]) -> int:
    """Return how many values were redacted, over all kinds."""
    return sum(stats.get("value_redactions", {}).values())


def summary(stats: Mapping[str, Any], settings: Settings) -> str:
    """Return the line that closes a run."""
    dropped = _dropped(stats)
    reasons = ", ".join(_reasons(stats, dropped))
    if records_steps_alone(stats):
        told = f"{counted(recorded_count(stats) + _lost_calls(stats), 'call')} recorded"
    else:
        told = f"{counted(recorded_count(stats), 'span')} recorded"
        told += f", {stats.get('exported', 0)} exported"
        # each exporter counts its own: so many spans, so many times
        told += f" by {many} exporters" if (many := len(settings.exporters)) > 1 else ""
    return (
        f"{told}, "
        f"{sum(dropped.values())} dropped{f' ({reasons})' if reasons else ''}, "
        f"{counted(redacted_count(stats), 'value')} redacted{_folded(stats)}; "
        f"{destinations(settings)}{_kept(stats)}{_lines_lost(stats)}"
    )


def _lines_lost(stats: Mapping[str, Any]) -> str:
    lost = (f"{counted(n, 'line')} of the {name}" for name, n in lost_lines(stats).items())
    told = " and ".join(lost)
    return f"; {told} could not be written" if told else ""


def _kept(stats: Mapping[str, Any]) -> str:
    """Return what became of the spans of a flight recorder, if there was one."""
    ring = stats.get("flight_recorder")
    if ring is None:
        return ""
    left = ring["kept"] + ring["discarded"]
    return (
        f"; flight recorder: {ring['dumped']} in {counted(ring['dumps'], 'dump')}, "
        f"{left} kept at the end, {ring['overwritten']} overwritten"
    )


def _reasons(stats: Mapping[str, Any], dropped: Mapping[str, int]) -> Iterator[str]:
    """Yield how many were lost by which cause, and by which exporter where there are several."""
    queues = stats.get("exporters", {})
    left = Counter(dropped)
    if len(queues) > 1:
        for name, queue in queues.items():
            lost = queue.get("dropped", {})
            yield from (f"{count} {cause} by {name}" for cause, count in lost.items())
            left.subtract(lost)
    yield from (f"{count} {cause}" for cause, count in left.items() if count > 0)


def _folded(stats: Mapping[str, Any]) -> str:
    folded = stats.get("folded")
    if not folded or not folded["calls"]:
        return ""
    return f", {counted(folded['calls'], 'call')} folded into {counted(folded['spans'], 'span')}"


def fold_advice(stats: Mapping[str, Any]) -> Iterator[str]:
    """Yield how to fold the calls of the function that made most of many spans, if one did."""
    busiest = stats.get("busiest_function")
    if busiest and not stats.get("folded"):
        count, of = busiest["spans"], busiest["of"]
        if of >= _MANY_SPANS and 2 * count > of:
            yield (
                f"{busiest['function']} made {count:,} of {of:,} spans; [scope.fold] in a filter "
                "makes one span of its short calls below one parent"
            )


def _dropped(stats: Mapping[str, Any]) -> dict[str, int]:
    dropped: dict[str, int] = dict(stats.get("dropped", {}))
    lost = _lost_calls(stats)
    return {**dropped, "native_failed": lost} if lost else dropped


def _lost_calls(stats: Mapping[str, Any]) -> int:
    return int(stats["native"]["lost_calls"]) if records_steps_alone(stats) else 0


def destinations(settings: Settings) -> str:
    """Return where the recording went, without credentials."""
    names = [_destination(item, settings) for item in settings.exporters]
    return f"to {', '.join(names)}" if names else "not delivered (exporter none)"


def children_beside(settings: Settings, begun: float) -> str:
    """Return what names the files and directories that child processes have written.

    Args:
        settings: of the session.
        begun: Unix time in s; what is older is of an earlier run.
    """
    specs = [item for item in settings.exporters if isinstance(item, ExporterSpec)]
    paths = [spec.target for spec in specs if spec.name in _BESIDE and spec.target]
    found = [(path, count) for path in paths if (count := _written_beside(path, begun))]
    told = [f"{path}.<pid> ({count})" for path, count in found]
    return f"; of child processes: {', '.join(told)}" if told else ""


def _written_beside(path: str, begun: float) -> int:
    folder, name = os.path.split(path)
    count = 0
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            if _OF_CHILD.fullmatch(entry.name.removeprefix(name)) and entry.name.startswith(name):
                count += entry.stat().st_mtime >= begun
    return count


def _destination(exporter: object, settings: Settings) -> str:
    if not isinstance(exporter, ExporterSpec):
        return type(exporter).__name__
    if exporter.target is None and exporter.name in _STDERR_BY_DEFAULT:
        return f"{exporter.name} on stderr"
    if exporter.target is None and exporter.name.startswith("otlp"):
        endpoint = settings.otlp.traces_endpoint or settings.otlp.endpoint
        return str(ExporterSpec(exporter.name, endpoint))
    return str(exporter)


def _flush_output() -> None:
    if sys.stdout is not None:
        # a broken pipe is reported by the interpreter, which flushes again
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
