"""Writes a native trace as a stream: every thread's calls as whole trees, in bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.native.directory import (
    EVENTS,
    METADATA,
    PATHS,
    TraceDirectory,
)
from codetracer_otel.exporters.native.read.events import TraceError
from codetracer_otel.exporters.native.read.repair import end_trace
from codetracer_otel.exporters.native.tables import Tables
from codetracer_otel.exporters.native.write.code_forms import Codes
from codetracer_otel.exporters.native.write.encoder import ThreadEncoder
from codetracer_otel.exporters.native.write.event_files import EventFile, Spool
from codetracer_otel.exporters.native.write.metadata import TraceMetadata, metadata_text, paths_text
from codetracer_otel.model.step_entries import count_calls
from codetracer_otel.model.value import NodeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.filters.types import ContentRules
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.model.step_entries import Entry

HOME_THREAD: Final = 1
EXIT_TEXT: Final = "<exit>"

_ROOM: Final = 32 * 1024  # for the metadata, and for what a file system adds to small files


@dataclass(slots=True)
class _Thread:
    encoder: ThreadEncoder
    spool: Spool
    is_announced: bool = False


@dataclass(slots=True)
class TraceStats:
    """What was written.

    Attributes:
        bytes: of ``trace.json``.
        calls: that are in the trace, as far as is known before it is finished.
        lost_calls: that are not: they came later, or their events had to go.
        failures: why it could not go on.
    """

    bytes: int = 0
    calls: int = 0
    lost_calls: int = 0
    failures: list[str] = field(default_factory=list)


class NativeTrace:
    """A recording on disk that grows; implements `step_entries.StepSink`.

    A disk that is full ends the recording: what was written until then stays a valid trace. One
    that is full from the beginning leaves no trace, and every call counts as lost.

    Args:
        directory: where it is written.
        metadata: what is known at its beginning.
        output_rules: judge what is written outside of every traced function.
        notify: told once when the recording ends early, or is not where it was asked to be.
        only_changes: steps show the variables that changed, not all.

    """

    def __init__(
        self,
        directory: TraceDirectory,
        metadata: TraceMetadata,
        output_rules: ContentRules | None,
        notify: Notify,
        *,
        only_changes: bool = False,
    ) -> None:
        self.directory = directory
        self.metadata = metadata
        self.stats = TraceStats()
        self._notify = notify
        self._tables = Tables()
        self._threads: dict[int, _Thread] = {}
        self._is_moved = False
        self._is_finished = False
        self._file: EventFile | None = None
        try:
            self._file = EventFile(directory.create(EVENTS))
            self._begin()
        except OSError as error:
            self._fail(error)
        self._codes = Codes(self._tables, output_rules, only_changes=only_changes)
        if self.is_writing:
            self._write_facts()
        else:
            self._give_up()
        if directory.path != directory.stated:
            told = {"directory": directory.stated, "written": directory.path}
            notify("native_directory_in_use", "warn", **told)

    @property
    def is_writing(self) -> bool:
        """Whether further events are taken."""
        return not self._is_finished and not self.stats.failures

    def redactions(self) -> Counter[str]:
        """Return how many values were redacted, by kind; repeated texts are not always counted."""
        inside = self._codes.values.redactions[NodeKind.REDACTED]
        counted = Counter(self._codes.redactions) + self._codes.redacted_texts()
        return counted + Counter(attribute=inside)

    def write(self, thread: int, entries: list[Entry]) -> None:
        """Take the next entries of a thread; 1 is the thread that began the session."""
        if not self.is_writing:
            self.stats.lost_calls += count_calls(entries)
            return
        self._codes.trim()
        try:
            if thread == HOME_THREAD:
                self._write_home(entries)
            else:
                self._write_other(thread, entries)
        except OSError as error:
            self._fail(error)
        self.stats.calls = self._codes.calls

    def end_thread(self, thread: int) -> None:
        """Take note that no entry of this thread follows."""
        if thread == HOME_THREAD or not self.is_writing or thread not in self._threads:
            return
        try:
            self._end_thread(thread)
        except OSError as error:
            self._fail(error)

    def finish(self) -> None:
        """End every open call and the trace; write what is known until `note_losses`."""
        if self._is_finished:
            return
        if self.is_writing:
            for thread in [number for number in self._threads if number != HOME_THREAD]:
                self.end_thread(thread)
            try:
                self._end()
            except OSError as error:
                self._fail(error)
        self._is_finished = True
        if self._file is None:
            return
        self._file.close()
        for state in self._threads.values():
            state.spool.close()
        if self.stats.failures:
            self._repair()
        self._write_facts()

    def note_losses(self, losses: Mapping[str, Any]) -> None:
        """Say in a trace that is finished what was lost; let others use its directory."""
        if not self._is_finished:
            return  # the thread that writes it hangs
        if self._file is not None and not self.directory.is_discarded:
            self.metadata.losses = losses
            self._write_facts()
        self.directory.close()

    def abandon(self) -> None:
        """Leave the files as they are: a forked child writes a trace of its own."""
        self._is_finished = True
        if self._file is not None:
            self._file.close()
        self.directory.close()

    def _begin(self) -> None:
        path_id = self._tables.path(self.metadata.program)
        self._tables.function(path_id, 1, "<toplevel>")
        self._emit([*self._tables.take_definitions(), '{"Call":{"function_id":0,"args":[]}}'])

    def _give_up(self) -> None:
        """Leave nothing of a trace that has not even its first call."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.directory.discard()

    def _repair(self) -> None:
        # on a full disk the end of the events gives way to the two small files
        room = 0 if self._write_facts() else _ROOM + len(paths_text(self._tables.paths))
        try:
            done = end_trace(self.directory.path, room)
        except (OSError, TraceError) as error:
            self._notify("native_trace_not_repaired", "error", reason=type(error).__qualname__)
        else:
            if done.was_needed:
                self._count_removed(done.calls)

    def _count_removed(self, kept: int) -> None:
        """Count the calls whose events could not be written, or made room for the end.

        A call that continued after a wait looks like two: more may be counted than were lost.
        """
        removed = self._codes.calls + self._codes.resumptions - kept
        removed = min(max(removed, 0), self.stats.calls)
        self.stats.calls -= removed
        self.stats.lost_calls += removed

    def _end(self) -> None:
        home = self._threads.get(HOME_THREAD)
        out: list[str] = []
        if home is not None:
            home.encoder.close(out)
        status = self.metadata.exit_status
        values = self._codes.values
        value = values.text(EXIT_TEXT) if status is None else values.write(status)
        self._emit([*self._tables.take_definitions(), *out, _return(value)])
        assert self._file is not None
        self._file.end()
        self.stats.bytes = self._file.size

    def _write_home(self, entries: list[Entry]) -> None:
        encoder = self._thread(HOME_THREAD).encoder
        events, _ = encoder.encode(entries, is_moved=self._is_moved)
        self._is_moved = False
        self._emit([*self._tables.take_definitions(), *events])

    def _write_other(self, number: int, entries: list[Entry]) -> None:
        thread = self._thread(number)
        events, whole = thread.encoder.encode(entries)
        # definitions go into the trace at once: whatever uses them comes later
        self._emit(self._tables.take_definitions())
        thread.spool.add(events[:whole])
        if whole:
            self._splice(number, thread)
        thread.spool.add(events[whole:])

    def _end_thread(self, number: int) -> None:
        thread = self._threads.pop(number)
        out: list[str] = []
        thread.encoder.close(out)
        self._emit(self._tables.take_definitions())
        thread.spool.add(out)
        if thread.spool:
            self._splice(number, thread)
        if thread.is_announced:
            self._emit([f'{{"ThreadExit":{number}}}'])

    def _splice(self, number: int, thread: _Thread) -> None:
        head = [] if thread.is_announced else [f'{{"ThreadStart":{number}}}']
        thread.is_announced = True
        self._emit([*head, f'{{"ThreadSwitch":{number}}}'])
        assert self._file is not None
        thread.spool.move_to(self._file)
        self._emit([f'{{"ThreadSwitch":{HOME_THREAD}}}'])
        self._is_moved = True

    def _thread(self, number: int) -> _Thread:
        thread = self._threads.get(number)
        if thread is None:
            spool = Spool(self.directory, number)
            thread = self._threads[number] = _Thread(ThreadEncoder(self._codes), spool)
        return thread

    def _emit(self, events: list[str]) -> None:
        if events:
            assert self._file is not None
            self._file.write(",".join(events))
            self.stats.bytes = self._file.size

    def _fail(self, error: OSError) -> None:
        if not self.stats.failures:
            self._notify("native_trace_failed", "error", reason=error.strerror or "cannot write")
        self.stats.failures.append(error.strerror or type(error).__qualname__)

    def _write_facts(self) -> bool:
        values = self._codes.values.redactions
        self.metadata.count(self._codes.redactions, self._codes.drops, values)
        judge = (
            self._codes.output_texts.text
        )  # anew: more secrets may be known than at the beginning
        self.metadata.arguments = list(map(judge, self.metadata.arguments))
        try:
            self.directory.replace(PATHS, paths_text(self._tables.paths))
            self.directory.replace(METADATA, metadata_text(self.metadata))
        except OSError as error:
            self._fail(error)
            return False
        return True


def _return(value: str) -> str:
    return f'{{"Return":{{"return_value":{value}}}}}'
