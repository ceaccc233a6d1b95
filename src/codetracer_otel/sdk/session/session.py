"""A running session: what `configure` returns."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry import context as context_api
from opentelemetry.trace import get_current_span

from codetracer_otel.bindings import LONGEST_WAIT_S, Os, Threads, Time
from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import CodetracerError, ErrorCode, UsageError
from codetracer_otel.model.record import SEGMENT
from codetracer_otel.sdk.delivery.pipeline import LEAST_S
from codetracer_otel.sdk.processes.last_thread import LastThread
from codetracer_otel.sdk.processes.signals import remembered_signals
from codetracer_otel.sdk.session.nothing_recorded import why_nothing
from codetracer_otel.sdk.session.run_lines import losses_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.model.record import Record
    from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets
    from codetracer_otel.sdk.delivery.pipeline import Pipeline
    from codetracer_otel.sdk.parts.session_part import CallRecording, SessionPart
    from codetracer_otel.sdk.processes.signals import EndSignals
    from codetracer_otel.sdk.settings.error_policy import Policy
    from codetracer_otel.sdk.settings.model import Settings

_NO_RECORDER: Final = (
    "the session has no flight recorder, and what was recorded is delivered already; "
    "expected flight_recorder or --flight-recorder when it begins"
)
_JUDGING_S: Final = 1.0  # how long `pause` waits for native traces to be written


@dataclass(frozen=True, slots=True)
class SessionHooks:
    """What a session asks of those that built it.

    Attributes:
        current: returns the innermost recorded call of the calling thread, or None.
        stats: returns further entries for `Session.stats`.
        after_fork: begins anew in a forked child.
        conclude: reports how the session ended, and returns what its shutdown raises, if anything.
        unmatched_rules: returns what the user should know of rules that matched nothing.
        notify: tells the log what happened.
        failed: takes an error of the end, which goes on.
        learn_environment: reads the secrets of the environment again.
        known: the secrets that are known by value, or None.
        filter_names: returns the filters in force, in order.
        reload: lets other filters be in force; None reads the same files again. Returns what only
            the next session will do.
    """

    current: Callable[[], Record | None]
    stats: Callable[[], dict[str, Any]]
    after_fork: Callable[[], None]
    conclude: Callable[[], CodetracerError | None]
    unmatched_rules: Callable[[], list[str]]
    notify: Notify
    failed: Callable[[Exception], None]
    learn_environment: Callable[[], None]
    known: KnownSecrets | None
    filter_names: Callable[[], list[str]]
    reload: Callable[[object], list[str]]


class Session:
    """One period of recording, between `configure` and `shutdown`.

    Attributes:
        settings: everything it was started with.
        parts: what records, in the order in which they begin anew in a forked child.
        end_signals: answers SIGTERM and SIGHUP; None if nobody asked for that.
        children: number of child processes that have started sessions of their own.
        nested: the session that the program has begun within this one, which waits for its end.
        when_cut_short: called when a signal has ended it.
        on_end: called at the very end of the shutdown.
        on_reload: called when other filters have taken effect.
    """

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        parts: list[SessionPart],
        leading: CallRecording | None,
        undo: ExitStack,
        hooks: SessionHooks,
    ) -> None:
        self.settings = settings
        self._pipeline = pipeline
        self.parts = parts
        self._leading = leading
        self._undo = undo
        self._hooks = hooks
        self._lock = Threads.RLock()
        self._ended = Threads.allocate_lock()
        self._ending_thread: int | None = None
        self.end_signals: EndSignals | None = None
        self.nested: Session | None = None
        self.children = 0
        self._told: set[str] = set()
        self.when_cut_short: Callable[[], object] = bool
        self.on_end: Callable[[], object] = bool
        self.on_reload: Callable[[], object] = bool
        self._process = self.started_in = Os.getpid()
        self._own_threads: set[int] = set()
        self._forking_threads: set[int] = set()
        self._last_thread: LastThread | None = None
        self._is_shut_down = False
        self._stopped_because: str | None = None
        self._error_before = id(_last_error())  # kept by the interpreter
        self._error_of_block: BaseException | None = None

    @property
    def policy(self) -> Policy:
        """What happens when recording fails, with the origin of each value."""
        return self.settings.policy

    @property
    def is_running(self) -> bool:
        """Whether the session has not been shut down."""
        return not self._is_shut_down

    @property
    def has_failed(self) -> bool:
        """Whether a defect of this package ended the recording."""
        return self._stopped_because is not None

    @property
    def is_recording(self) -> bool:
        """Whether calls of functions are being recorded now."""
        return (
            self._leading is not None
            and not self._is_shut_down
            and self._stopped_because is None
            and self._leading.is_recording
        )

    def flush(self, timeout: float = 5.0) -> bool:
        """Deliver what was recorded before the call; return whether ``timeout`` s sufficed."""
        timeout = _seconds_to_wait(timeout)
        self._end_fork()
        if self._is_shut_down:
            return True
        flushes = (self._pipeline.flush, *(part.flush for part in self.parts))
        return sum(flush(timeout) for flush in flushes) == len(flushes)

    def dump(self, seconds: float | None = None, timeout: float = 5.0) -> int:
        """Deliver what the flight recorder has kept; calls that are open become unfinished spans.

        What is delivered leaves the flight recorder. A call that is open now appears in a later
        dump again, with its end.

        Args:
            seconds: deliver only what ended within these last seconds, and keep the rest; None
                for everything.
            timeout: seconds to wait for the exporters, which continue after that.

        Returns:
            The number of spans.

        Raises:
            UsageError: the session has no flight recorder.
        """
        return self.dump_within(seconds, timeout)[0]

    def dump_within(self, seconds: float | None, timeout: float) -> tuple[int, bool]:
        """Do what `dump` does; return the number of spans, and whether they were delivered."""
        if self.settings.flight_recorder is None:
            raise UsageError(_NO_RECORDER, ErrorCode.CONTROL_FAILED)
        timeout = _seconds_to_wait(timeout)
        self._end_fork()
        return (0, True) if self._is_shut_down else self._pipeline.dump(seconds, timeout)

    def note_exit(self, status: int) -> None:
        """Take note of the program's exit status, which a native trace records."""
        for part in self.parts:
            part.exit_status = status

    def pause(self) -> None:
        """Stop recording calls until `resume`; calls that are open end here, as unfinished."""
        with self._lock:
            if self._is_shut_down:
                return
            for part in self.parts:
                part.pause()
            if self._hooks.known is not None:
                self._forget(self._hooks.known)

    def _forget(self, known: KnownSecrets) -> None:
        for part in self.parts:
            part.flush(_JUDGING_S)
        known.wipe_later()
        self._pipeline.once_judged(known.wipe_if_asked)

    def resume(self) -> None:
        """Record again after `pause`."""
        with self._lock:
            if self._is_shut_down or self._stopped_because is not None:
                return
            if self._hooks.known is not None:
                self._hooks.known.begin_again()
                self._hooks.learn_environment()
            for part in self.parts:
                part.resume()

    def reload(self, trace_filter: object = None) -> list[str]:
        """Apply another filter from now on; there is no moment without one.

        All code is judged anew. An open call keeps the values that were captured; what is still
        read of it is hidden if the old or the new filter hides it.

        Args:
            trace_filter: as for `configure`, and instead of what was given there and by the
                environment; None reads the same files again.

        Returns:
            A sentence for each thing in the filter that only the next session applies.

        Raises:
            FilterError: with every problem; the filter in force stays.
            UsageError: the session writes a native trace or records lines, whose filter cannot
                change.
        """
        with self._lock:
            if self._is_shut_down:
                return []
            later = self._hooks.reload(trace_filter)
            self.on_reload()
            return later

    def filter_names(self) -> list[str]:
        """Return the filters in force, in order, by path or as ``<builtin:name>``."""
        return self._hooks.filter_names()

    def stats(self) -> dict[str, Any]:
        """Return the session's counters and what it knows about itself, by name.

        Returns:
            ``recorded``, ``exported`` (spans), ``dropped`` (spans by cause), ``queue_depth``
            (spans) and ``queue_bytes`` (bytes) that wait, ``recorder`` (which core records, why,
            and its counters), ``exporters`` (counters of each by name), ``scopes_skipped`` (code
            objects), ``filters``, ``value_redactions`` (by kind of value), ``known_secrets`` and
            ``known_secrets_met`` (by place), ``content_timeouts``, ``busiest_function``,
            ``folded``, ``metrics`` (losses and failures by cause), ``stopped_because`` (class of
            the error that ended the recording, or None), ``log`` (lines that were written, and
            lines that were lost), and entries of features that are in use: ``native``, ``tail``,
            ``flight_recorder``, ``overhead``, ``measures``, ``topics`` (as ``log``). If a native
            trace is the only output, ``recorded`` counts manual spans alone, and ``native`` has
            the ``calls``.
        """
        export_queues = {
            export_queue.name: export_queue.stats() for export_queue in self._pipeline.export_queues
        }
        parts: dict[str, Any] = {"recorder": {}}
        for part in self.parts:
            parts |= part.stats()
        recorder = parts["recorder"]
        skipped = self._leading.skipped.by_rule if self._leading is not None else {}
        return {
            "recorded": self._pipeline.recorded,
            "exported": sum(
                export_queue.get("exported", 0) for export_queue in export_queues.values()
            ),
            "dropped": self.dropped(),
            "queue_depth": recorder.get("queue_depth", 0) + self._pipeline.waiting_spans,
            "queue_bytes": recorder.get("queue_bytes", 0),
            **parts,
            "folded": self._pipeline.folded(),
            **self._pipeline.kept(),
            "exporters": export_queues,
            "scopes_skipped": sum(skipped.values()),
            "stopped_because": self._stopped_because,
            **self._hooks.stats(),
        }

    def dropped(self) -> dict[str, int]:
        """Return how many spans were lost, by cause."""
        return self._pipeline.dropped()

    def tell(self, event: str, message: str) -> None:
        """Log something that the user should know, once."""
        if event not in self._told:
            self._told.add(event)
            self._hooks.notify(event, "warn", message=message)

    def unmatched_rules(self) -> list[str]:
        """Return a sentence for each filter rule that matched nothing although it nearly did."""
        return self._hooks.unmatched_rules()

    def why_nothing(self) -> str:
        """Return why nothing was delivered so far, and what to try next."""
        return why_nothing(
            self.settings, self._leading, self._stopped_because, self.children, self.stats()
        )

    def shutdown(self, timeout: float = 5.0) -> bool:
        """Stop recording, deliver the rest, and leave the interpreter as it was before.

        Args:
            timeout: seconds of wall time, even if a collector hangs; each step of the end gets half
                a second of it in any case. Only exporters that the program waits for
                (`Buffer.when_full`) may take longer, while they still deliver.

        Returns:
            Whether everything was delivered and every thread of ours ended in time.

        Raises:
            TargetError: nothing was recorded, and the policy requires a trace.
            CodetracerError: the recorder failed, the policy is ``abort``, and no call has raised
                it. Everything is undone and delivered all the same.
        """
        return self._shut_down(_seconds_to_wait(timeout), is_patient=True)

    def shutdown_at_once(self, timeout: float) -> bool:
        """Shut down within ``timeout`` seconds; what is not delivered by then is lost."""
        return self._shut_down(timeout, is_patient=False)

    def _shut_down(self, timeout: float, *, is_patient: bool) -> bool:
        self.check_process()
        self._end_fork()
        if self.nested is not None:
            with self._failing_quietly():
                self.nested._shut_down(timeout, is_patient=is_patient)  # noqa: SLF001 - of this class
        if self.end_signals is not None:
            self.end_signals.claim()
        with remembered_signals():
            if not self._begin_end():
                return self._wait_for_end(timeout)
            delivered, error = self._end(timeout, is_patient=is_patient)
        if error is not None:
            raise error
        return delivered

    def _begin_end(self) -> bool:
        """Return whether nobody has begun to end the session."""
        with self._lock:
            if self._is_shut_down:
                return False
            self._is_shut_down = True
            self._ending_thread = Threads.get_ident()
            self._ended.acquire()
            return True

    def _wait_for_end(self, timeout: float) -> bool:
        """Wait until another thread has finished the shutdown."""
        if self._ending_thread not in (None, Threads.get_ident()):
            if not self._ended.acquire(timeout=timeout):
                return False
            self._ended.release()
        return True

    def _end(self, timeout: float, *, is_patient: bool) -> tuple[bool, CodetracerError | None]:
        """Deliver the rest; a signal that comes meanwhile is handled only then."""
        try:
            delivered = self._finish(timeout, is_patient=is_patient)
            error = self._hooks.conclude()
            if not is_patient:
                self.when_cut_short()
            return delivered, error
        finally:
            if self.end_signals is not None:
                self.end_signals.close()
            self._ending_thread = None
            self._ended.release()
            self.on_end()

    def _finish(self, timeout: float, *, is_patient: bool) -> bool:
        deadline = Time.monotonic() + timeout
        for close in (self._undo.close, *(part.close for part in self.parts)):
            with self._failing_quietly():
                close()
        # an exception has left the program, or the block of this session
        if self._error_of_block is not None or id(_last_error()) != self._error_before:
            self._pipeline.dump_at_end()
        # however long that took: a collection of all objects takes seconds on a loaded machine
        left = max(deadline - Time.monotonic(), min(timeout, LEAST_S))
        delivered = self._pipeline.stop(left, is_patient=is_patient)
        if self._hooks.known is not None and not self._pipeline.is_judging:
            self._hooks.known.wipe(is_off=True)
        with self._failing_quietly():
            self._note_losses()
        return delivered

    def _note_losses(self) -> None:
        losses = losses_of(self.stats(), self._pipeline.dropped_before())
        for part in self.parts:
            part.note_losses(losses)
        for export_queue in self._pipeline.export_queues:
            export_queue.note_losses(losses)

    @contextlib.contextmanager
    def _failing_quietly(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever fails, the rest of the end follows
            self._hooks.failed(error)

    def on_shutdown(self, undo: Callable[[], object]) -> None:
        """Let ``undo`` be called as the session ends."""
        self._undo.callback(undo)

    def traceparent(self) -> str | None:
        """Return the W3C ``traceparent`` of this thread's current span, or None."""
        # the filter may trace OpenTelemetry's own functions, which would be the current span then
        active = context_api._RUNTIME_CONTEXT.get_current()  # noqa: SLF001
        context = get_current_span(active).get_span_context()
        if not context.is_valid:
            return None
        flags = int(context.trace_flags)
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"

    def traceparent_of_child(self) -> str | None:
        """Return `traceparent` for a process that is being spawned, and count it."""
        self.children += 1
        return self.traceparent()

    def raise_soon(self, take: Callable[[], BaseException | None]) -> None:
        """Let the program's next call of a traced function raise what ``take`` returns."""
        if self._leading is not None and not self._is_shut_down:
            own_threads = self._own_threads
            self._leading.monitor.raise_at_next_call(
                lambda: None if Threads.get_ident() in own_threads else take()
            )

    def trace_id(self) -> str | None:
        """Return the trace of the innermost recorded call of this thread, or None."""
        record = self._hooks.current()
        return None if record is None else f"{record[SEGMENT].trace_id:032x}"

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread: it is one of ours."""
        self._own_threads.add(Threads.get_ident())
        for part in self.parts:
            part.mute_this_thread()
        if self._last_thread is not None:
            self._last_thread.wait_for_it()

    def _end_with_last_thread(self) -> None:
        with contextlib.suppress(CodetracerError):  # there is nobody left to raise it to
            self.shutdown()

    def stop_recording(self, reason: str) -> None:
        """Record nothing more, and deliver what there is: a callback has failed."""
        if self._stopped_because is None:
            self._stopped_because = reason
        for part in self.parts:
            part.fail()

    def before_fork(self) -> None:
        """Bring the delivery threads to a point where a copy of the process is sound."""
        self._forking_threads.add(Threads.get_ident())
        self._pipeline.park()
        for part in self.parts:
            part.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""
        self.children += 1
        self._go_on()

    def _go_on(self) -> None:
        self._forking_threads.discard(Threads.get_ident())
        self._pipeline.unpark_soon()
        for part in reversed(self.parts):
            part.after_fork_in_parent()
        end_signals = self.end_signals
        if end_signals is not None and not end_signals.is_resting and not self._is_shut_down:
            self._pipeline.keep_looking()

    def _end_fork(self) -> None:
        """Go on if nothing did after a fork of this thread: a signal's handler broke the hook off.

        A hook of the program that wants a flush before a fork comes here as well. Recording alone
        must not: a traced hook of the program, run before the fork, would start our threads again.
        """
        if Threads.get_ident() in self._forking_threads:
            self._go_on()

    def prepare_for_exit(self) -> None:
        """Start the threads that deliver the rest: the interpreter will soon start none."""
        self._end_fork()
        self._pipeline.unpark()

    def check_process(self) -> None:
        """Notice a fork that ran no hooks (an embedding server's): begin anew in the child."""
        if Os.getpid() != self._process:
            self.after_fork_in_child()

    def after_fork_in_child(self, *, is_forked_by_thread: bool = False) -> None:
        """Begin anew in a forked child: nothing is sent twice, ids differ.

        Args:
            is_forked_by_thread: whether the process ends with its last thread.
        """
        self._lock = Threads.RLock()
        self._ended, self._ending_thread = Threads.allocate_lock(), None
        self._process = Os.getpid()
        self.children = 0
        if self.end_signals is not None:
            self.end_signals.rest()
        self._forking_threads.clear()
        self._own_threads.clear()  # the child's threads get their identifiers again
        self._last_thread = None
        if self._is_shut_down:  # by another thread, which is not here to come to the end of it
            for part in self.parts:
                part.stop_events()
            return
        if is_forked_by_thread:
            self._last_thread = LastThread(
                self._own_threads, self.mute_this_thread, self._end_with_last_thread
            )
        for part in self.parts:
            part.after_fork_in_child()
        self._hooks.after_fork()
        self._pipeline.after_fork()
        if self.end_signals is not None and any(part.has_own_delivery for part in self.parts):
            self._pipeline.unpark()

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Shut the session down; an exception of the block is raised rather than one of ours."""
        self._error_of_block = error
        try:
            self.shutdown()
        except CodetracerError:
            if error is None:
                raise
        finally:
            self._error_of_block = None


def _seconds_to_wait(timeout: float) -> float:
    """Return a timeout that clocks and locks can take: none below 0, and years for infinity."""
    return max(0.0, min(timeout, LONGEST_WAIT_S))  # 0 for a NaN


def _last_error() -> object:
    """Return the exception that the interpreter showed last as it left the program, if any."""
    return getattr(sys, "last_exc", None)
