"""The order in which a session is built, installed and undone."""

from __future__ import annotations

import contextlib
import enum
import logging
import signal
import threading
from collections import Counter
from contextlib import ExitStack, nullcontext
from functools import partial
from operator import is_not
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.data_classes import replace
from codetracer_otel.errors import CodetracerError, EnvironmentFailure, ErrorCode, UsageError
from codetracer_otel.exporters.otel_spans import views_of
from codetracer_otel.filters import compile_chain
from codetracer_otel.filters.types import CodeIdentity, TailRules
from codetracer_otel.instrumentation.context.runtime_context import install_runtime
from codetracer_otel.instrumentation.manual.call_adoption import CallAdoption
from codetracer_otel.instrumentation.monitoring.tool import Monitor
from codetracer_otel.instrumentation.plan_builder import module_hint
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.model.ids import RandomIds
from codetracer_otel.sdk.delivery.attribute_keys import judged_attributes
from codetracer_otel.sdk.delivery.flight_recorder.ring import Ring
from codetracer_otel.sdk.delivery.fold import BusiestFunction
from codetracer_otel.sdk.delivery.pipeline import Pipeline
from codetracer_otel.sdk.delivery.redaction import ContentRedaction
from codetracer_otel.sdk.delivery.span_texts import render_as_texts
from codetracer_otel.sdk.delivery.tails import REASON, Tails
from codetracer_otel.sdk.diagnostics.metrics import SilentSink
from codetracer_otel.sdk.otel.host_provider import build_ids
from codetracer_otel.sdk.otel.provider_installation import ProviderInstallation
from codetracer_otel.sdk.otel.resource import (
    build_resource,
    filter_attributes,
    judged_resource,
    process_identity,
    program_of,
    resource_attributes,
)
from codetracer_otel.sdk.otel.root_sampler import build_root_sampler, load_sampler
from codetracer_otel.sdk.otel.tracer_provider import OurProvider
from codetracer_otel.sdk.parts.exporters import build_export_queues, left_out_of_environment
from codetracer_otel.sdk.parts.known_secrets import build_known_secrets, learn_environment
from codetracer_otel.sdk.parts.output_paths import native_targets
from codetracer_otel.sdk.parts.spans import Recording, learn_of
from codetracer_otel.sdk.parts.which import wants_line_events, wants_spans, wants_steps
from codetracer_otel.sdk.processes.dump_signal import DumpSignal
from codetracer_otel.sdk.processes.interpreter_signals import kernel_handlers
from codetracer_otel.sdk.processes.signals import LOOK_S, SHUTDOWN_S, EndSignals, is_in_main_thread
from codetracer_otel.sdk.processes.span_starts import SpanStarts
from codetracer_otel.sdk.session.diagnostics import Reporting
from codetracer_otel.sdk.session.run_lines import run_facts
from codetracer_otel.sdk.session.session import Session, SessionHooks
from codetracer_otel.sdk.session.summary import conclude
from codetracer_otel.sdk.settings.error_policy import CaptureIo
from codetracer_otel.sdk.settings.filter_loading import (
    build_module_names,
    load_filters,
    with_other_filters,
)
from codetracer_otel.sdk.settings.model import ValueFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType, FrameType

    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.filters import Classifier, Decision, ModuleNames
    from codetracer_otel.filters.language.chain import FilterChain
    from codetracer_otel.model.protocols import MetricsSink
    from codetracer_otel.model.record import Record
    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.sdk.diagnostics.logger import SessionLog
    from codetracer_otel.sdk.metrics.measuring import Measuring
    from codetracer_otel.sdk.overhead.bounding import Overhead
    from codetracer_otel.sdk.parts.session_part import SessionPart
    from codetracer_otel.sdk.parts.steps import StepRecording
    from codetracer_otel.sdk.settings.model import Settings


def start(
    settings: Settings,
    chain: FilterChain,
    log: SessionLog,
    sink: Callable[[], MetricsSink] = SilentSink,
) -> Session:
    """Build, install and return a session; a failure undoes what was installed.

    Args:
        settings: valid and complete.
        chain: the loaded filters, see `bootstrap.filters`.
        log: told of what happens, never a value of the program; closed with the session.
        sink: returns where the user wants failures counted.

    Raises:
        CodetracerError: something of the environment is not available.
    """
    with ExitStack() as undo:
        log.open()
        undo.callback(log.close)
        session = _Assembly(settings, chain, log, sink).build(undo)
        log.report_warnings(settings.warnings)
        for notice in chain.notices:
            log.notify("filter_notice", "warn", message=notice)
        undo.pop_all()
        return session


# The disk is asked for their names now: while a thread waits for it, another one may begin to end
# the interpreter, and CPython 3.12 copies that into the forked child, which starts no thread then.
_RUN_BEFORE_FORKS: Final[tuple[Any, ...]] = (enum, logging, signal, threading)


_STAYS: Final = "{}, and its filter cannot change meanwhile; detach and attach again"
_NATIVE: Final = "a native trace is being written"
_LINES: Final = "line events are recorded"
# what a new filter asks for, and only the next session does
_LINES_LATER: Final = "line events begin with the next session"
_LEARNS_LATER: Final = "secrets are learned from the next session on"
_NOT_MEASURED: Final = "nothing is measured: other tools use all ids of sys.monitoring"


_NOTHING_TO_DUMP: Final = (
    "dump_on: there will be nothing to dump, because no flight recorder keeps calls; set "
    "flight_recorder, too"
)
_SIGUSR2_IS_TAKEN: Final = (
    "dump_on: SIGUSR2 asks for no dump, because the program handles it, the session began on "
    "another thread than the first, or this system has no such signal; use codetracer-otel dump"
)


class _Assembly:
    """Builds the parts of one session and knows the order of their installation."""

    _pipeline: Pipeline
    _overhead: Overhead | None = None
    _session: Session  # what is given callbacks before there is one calls them once it is started

    def __init__(
        self,
        settings: Settings,
        chain: FilterChain,
        log: SessionLog,
        sink: Callable[[], MetricsSink],
    ) -> None:
        self._reporting = reporting = Reporting(settings, log, sink)
        self._notify = notify = reporting.notify
        self._settings = settings
        self._chain = chain
        self._known = known = build_known_secrets(settings, chain)
        classifier: Classifier = compile_chain(chain, notify, known)
        self._learn_environment(classifier)
        self._classifier = reporting.topics.watch_decisions(classifier)
        self._names: ModuleNames = build_module_names(
            chain,
            SystemClock(),
            notify,
            globals_first=settings.policy.module_name_from_globals,
        )
        for module in _RUN_BEFORE_FORKS:
            self._names.names_for(None, module.__file__)
        resource = build_resource(settings, chain.summary)
        self._resource = judged_resource(resource, classifier, program_of(settings), known)
        self._attributes = resource_attributes(self._resource)
        as_is = settings.value_format is ValueFormat.NATIVE
        self._redaction = ContentRedaction(
            classifier, None if as_is else render_as_texts, settings.bounds, known
        )
        self._about_main: tuple[FilterChain, Decision] | None = None
        self._about_last: tuple[FilterChain, CodeType, Decision] | None = None
        self._judged_generation = 0  # of the known secrets, when the resource was judged
        self._ids = RandomIds()
        self._starts = SpanStarts()
        self._busiest = BusiestFunction()
        self._sampler = load_sampler(settings, notify)
        self._steps: StepRecording | None = None
        self._records_steps_alone = False
        self._measuring: Measuring | None = None
        self._io_undo = ExitStack()
        self._captured_io: tuple[CaptureIo, tuple[str, ...]] | None = None
        self._core = ""
        self._dump_signal: DumpSignal | None = None

    def build(self, undo: ExitStack) -> Session:
        """Build everything, then install it; nothing of the program is touched before."""
        pipeline = self._build_pipeline()
        pipeline.use_fold(self._chain.fold)
        self._pipeline = pipeline
        self._overhead = self._build_overhead()
        recording = self._build_recording(pipeline, undo)
        self._steps = self._build_steps(recording, undo)
        if recording is not None and self._overhead is not None:
            self._overhead.install(pipeline, recording.recorder)
        installed = ExitStack()
        measuring = self._build_measures(undo)
        self._installed = installed
        parts: list[SessionPart] = [part for part in (recording, self._steps) if part is not None]
        leading = recording if recording is not None else self._steps
        hooks = self._hooks(recording)
        session = Session(self._settings, pipeline, parts, leading, installed, hooks)
        self._session = session
        self._reporting.attach(session)
        undo.callback(_abandon, session)
        pipeline.start()
        self._install(pipeline, recording, installed)
        if measuring is not None:
            self._install_measures(measuring, recording)
        return session

    def _build_pipeline(self) -> Pipeline:
        buffer = self._settings.buffer
        export_queues = build_export_queues(
            self._settings, self._notify, self._mute_this_thread, self._run_facts
        )
        self._reporting.topics.watch_deliveries(export_queues)
        self._tails = self._build_tails()
        return Pipeline(
            export_queues,
            self._views_of,
            self._redact,
            self._attributes,
            self._resource.schema_url,
            interval_s=buffer.interval_ms / 1000,
            batch_records=buffer.batch_records,
            max_spans=buffer.records,
            max_wait_s=self._settings.max_wait_s,
            on_thread_start=self._mute_this_thread,
            on_error=self._reporting.pipeline_failed,
            on_failure=self._reporting.failures.in_worker,
            on_drained=self._on_drained,
            look=self._look,
            on_unpark=self._on_unpark,
            hold=self._tails,
            ring=self._build_ring(),
            starts=self._starts,
        )

    def _build_ring(self) -> Ring | None:
        most_bytes = self._settings.flight_recorder
        if most_bytes is None:
            if self._settings.dump_on:
                self._notify("nothing_to_dump", "warn", message=_NOTHING_TO_DUMP)
            return None
        on_error = "error" in self._settings.dump_on
        return Ring(most_bytes, Time.monotonic_ns, dumps_on_error=on_error)

    def _build_tails(self) -> Tails | None:
        if self._settings.tail is None and not self._chain.decides_at_end:
            return None
        buffer = self._settings.buffer
        return Tails(self._tail_rules(), Time.monotonic_ns, buffer.bytes, buffer.max_open_s)

    def _tail_rules(self) -> TailRules | None:
        """Return what is decided about traces whose root has no rule of its own."""
        stated, of_filters = self._settings.tail, self._chain.tail
        return replace(of_filters or TailRules(), **dict(stated)) if stated else of_filters

    def _views_of(self, spans: Sequence[ReadableSpan]) -> list[SpanView]:
        views = views_of(spans)
        if self._tails is not None:
            seen = [span for span in spans if span.context is not None]
            for span, view in zip(seen, views, strict=True):
                reason = self._tails.reason_of(span)
                if reason is not None:
                    view.attributes = {**view.attributes, REASON: reason}
        return views

    def _run_facts(self) -> Mapping[str, Any]:
        return run_facts(self._settings, self._chain.summary, self._decide_about_main(), self._core)

    def _build_recording(self, pipeline: Pipeline, undo: ExitStack) -> Recording | None:
        prints_topics = self._reporting.topics.are_printed
        if not wants_spans(self._settings, prints_topics=prints_topics):
            return None
        recording = self._new_recording(
            partial(_new_monitor, undo),
            pipeline.wake,
            self._check_process,
            build_ids(self._settings.tracer_provider),
            build_root_sampler(self._settings, self._sampler, self._notify),
        )
        self._core = recording.core.name
        if problem := recording.core.problem(self._settings.core):
            self._notify("environment_core_unavailable", "warn", message=problem)
        pipeline.recorder = recording.recorder
        return recording

    def _new_recording(
        self,
        new_monitor: Callable[[], Monitor],
        wake: Callable[[], None],
        on_root: Callable[[], None],
        *roots: Any,
    ) -> Recording:
        return Recording(
            self._settings,
            new_monitor,
            self._classifier,
            self._names,
            wake,
            self._reporting.error_boundary,
            on_root,
            *roots,
        )

    def _build_overhead(self) -> Overhead | None:
        """Calibrate before the session's own recording takes a tool id."""
        share = self._settings.max_overhead
        prints_topics = self._reporting.topics.are_printed
        if share is None or not wants_spans(self._settings, prints_topics=prints_topics):
            return None
        from codetracer_otel.sdk.overhead.bounding import Overhead  # noqa: PLC0415 - seldom wanted

        def new_recording() -> Recording:
            return self._new_recording(Monitor, lambda: None, lambda: None)

        return Overhead(share, new_recording, self._attributes, self._notify)

    def _build_measures(self, undo: ExitStack) -> Measuring | None:
        """Take a higher tool id than spans have: it is called first, while a span is current."""
        if not self._measures_anything():
            return None
        from codetracer_otel.sdk.metrics.measuring import Measuring  # noqa: PLC0415 - seldom wanted

        try:
            return Measuring(
                self._settings,
                partial(_new_monitor, undo),
                self._classifier,
                self._names,
                self._attributes,
                self._reporting.error_boundary,
                self._notify,
                self._mute_this_thread,
            )
        except EnvironmentFailure:  # spans and a native trace have both ids
            self._notify("metrics_unavailable", "warn", reason="no tool id is free")
            return None

    def _measures_anything(self) -> bool:
        is_asked = any(rule.measures for rule in self._classifier.rules)
        return is_asked and not self._settings.disabled

    def _install_measures(self, measuring: Measuring, recording: Recording | None) -> None:
        self._measuring = measuring
        measuring.exemplify(recording)
        measuring.install(self._installed)
        self._session.parts.append(measuring)

    def _install_io(self, recording: Recording | None) -> None:
        """Capture what is written and read, as settings and filter say: anew, if they changed."""
        policy, io = self._settings.policy, self._chain.io
        streams = io.streams if io is not None and io.capture else ()
        wanted = None if policy.capture_io is CaptureIo.OFF else (policy.capture_io, streams)
        if wanted == self._captured_io:
            return
        self._io_undo.close()
        self._captured_io = wanted
        if wanted is None or (recording is None and self._steps is None):
            return
        from codetracer_otel.sdk.parts.io import IoRecording  # noqa: PLC0415 - seldom wanted

        part = IoRecording(
            self._settings,
            self._chain,
            self._decide_about,
            recording,
            self._steps,
            self._reporting.error_boundary,
            self._notify,
            self._mute_this_thread,
            learn_of(self._classifier),
        )
        self._session.parts.append(part)
        self._io_undo.callback(self._session.parts.remove, part)
        part.install(self._io_undo)

    def _decide_about(self, frame: FrameType | None) -> Decision:
        """Return the decision about the code of a frame, None for the main module."""
        if frame is None:
            return self._decide_about_main()
        chain, code = self._classifier.chain, frame.f_code
        # not by equality: code of two files is equal where it does the same
        last = self._about_last  # read once: another thread may write its own meanwhile
        if last is None or any(map(is_not, last, (chain, code))):
            identity = self._names.identify(code, module_hint(frame))
            last = self._about_last = chain, code, self._classifier.classify(identity)
        return last[2]

    def _decide_about_main(self) -> Decision:
        """Return the decision about the main module, by the chain that is in force."""
        chain, last = self._classifier.chain, self._about_main
        if last is None or last[0] is not chain:
            main = CodeIdentity(("__main__",), program_of(self._settings), "<module>")
            last = self._about_main = chain, self._classifier.classify(main)
        return last[1]

    def _build_steps(self, recording: Recording | None, undo: ExitStack) -> StepRecording | None:
        if not wants_steps(self._settings, self._classifier):
            return None
        from codetracer_otel.sdk.parts.steps import StepRecording  # noqa: PLC0415 - seldom

        self._records_steps_alone = recording is None
        steps = None
        with left_out_of_environment(self._settings, self._notify):
            steps = StepRecording(
                self._settings,
                partial(_new_monitor, undo),
                self._classifier,
                self._names,
                recording,
                self._reporting.error_boundary,
                self._notify,
                self._mute_this_thread,
                self._reporting.failures.in_worker,
            )
            steps.recorder.on_root = self._check_process if recording is None else None
        return steps

    def _install(
        self, pipeline: Pipeline, recording: Recording | None, installed: ExitStack
    ) -> None:
        ids = recording.ids if recording is not None else RandomIds()
        self._ids = ids
        provider = None
        if not self._settings.disabled:
            provider = ProviderInstallation(
                self._settings, self._classifier, self._sampler, self._notify, self._known
            ).install(
                lambda: OurProvider(
                    self._resource,
                    ids,
                    pipeline.add_span,
                    self._settings.limits,
                    self._sampler,
                    self._starts,
                ),
                recording,
                installed,
            )
        judging = (self._classifier, self._names)
        # the recorder gives what it captures of instrumented functions to their own spans
        call_adoption = None if recording is None else CallAdoption(recording.recorder.expect_call)
        installed.callback(
            self._reporting.topics.install(
                provider, ids, judging, call_adoption, self._check_process
            )
        )
        self._install_carriers(installed)
        if is_in_main_thread():  # a thread that attaches needs none, and libffi keeps a file open
            kernel_handlers()
        if recording is not None:
            installed.callback(install_runtime(recording.runtime))
            installed.callback(recording.install())
        if self._steps is not None:
            self._steps.install(installed)
        installed.callback(self._io_undo.close)
        self._install_io(recording)
        if self._settings.signals or self._settings.launch.owns_process:
            self._answer_end_signals()
        if self._settings.policy.deliver_at_os_exit:
            self._answer_os_exit(installed)
        if pipeline.ring is not None and "sigusr2" in self._settings.dump_on:
            self._answer_sigusr2(installed)

    def _install_carriers(self, installed: ExitStack) -> None:
        settings = self._settings
        if not (settings.baggage or settings.propagate_subprocess) or settings.disabled:
            return
        from codetracer_otel.sdk.processes import carriers  # noqa: PLC0415 - seldom wanted

        if settings.baggage:
            installed.callback(carriers.attach_baggage(settings.baggage))
        if settings.propagate_subprocess:
            installed.callback(carriers.propagate_to_subprocesses())

    def _answer_end_signals(self) -> None:
        session = self._session
        end_signals = EndSignals(lambda: _abandon(session, SHUTDOWN_S), self._mute_this_thread)
        if end_signals.install():
            session.end_signals = end_signals

    def _answer_os_exit(self, installed: ExitStack) -> None:
        from codetracer_otel.sdk.processes import os_exit  # noqa: PLC0415 - seldom wanted

        end = partial(_abandon, self._session, SHUTDOWN_S)
        installed.callback(os_exit.deliver_before_os_exit(end))

    def _answer_sigusr2(self, installed: ExitStack) -> None:
        dump_signal = DumpSignal(self._pipeline.dump_soon)
        if dump_signal.install():
            installed.callback(dump_signal.close)
            self._dump_signal = dump_signal
        else:
            self._notify("dump_signal_unavailable", "warn", message=_SIGUSR2_IS_TAKEN)

    def _look(self) -> float:
        end_signals, dump_signal = self._session.end_signals, self._dump_signal
        pause = LOOK_S if end_signals is None else end_signals.look()
        return pause if dump_signal is None else min(pause, dump_signal.look())

    def _on_unpark(self) -> None:
        end_signals = self._session.end_signals
        if end_signals is not None:
            end_signals.resume()

    def _redact(self, records: Sequence[Record], views: Sequence[SpanView]) -> Sequence[SpanView]:
        views = self._redaction.redact(records, views)
        self._busiest.add(records, len(views))
        if self._known is not None and self._known.generation != self._judged_generation:
            self._judged_generation = self._known.generation
            self._judge_attributes({})
        return views

    def _judge_attributes(self, others: Mapping[str, Any]) -> None:
        """Let the resource say ``others``, as the filter in force shows it."""
        attributes = {**self._attributes, **others}
        self._attributes.update(judged_attributes(attributes, self._decide_about_main()))

    def _learn_environment(self, classifier: Classifier) -> None:
        if self._known is not None:
            learn_environment(self._known, self._settings, classifier)

    def _check_process(self) -> None:
        self._session.check_process()

    def _mute_this_thread(self) -> None:
        self._session.mute_this_thread()
        self._pipeline.waive_waits()  # finalizers end spans on any thread

    def _on_drained(self) -> None:
        if self._known is not None:
            self._known.settle()
        self._reporting.drops.observe(self._session.dropped())

    def _hooks(self, recording: Recording | None) -> SessionHooks:
        return SessionHooks(
            current=lambda: None if recording is None else recording.recorder.current(),
            stats=self._stats,
            after_fork=self._after_fork,
            notify=self._notify,
            unmatched_rules=lambda: self._classifier.hits.unmatched(),  # noqa: PLW0108 - of the present chain
            conclude=lambda: conclude(self._session, self._reporting),
            failed=self._reporting.failures.at_end,
            learn_environment=lambda: self._learn_environment(self._classifier),
            known=self._known,
            filter_names=lambda: [source.path for source in self._chain.summary],
            reload=lambda trace_filter: self._reload(recording, trace_filter),
        )

    def _reload(self, recording: Recording | None, trace_filter: object) -> list[str]:
        if self._steps is not None:
            what = _NATIVE if native_targets(self._settings) else _LINES
            raise UsageError(_STAYS.format(what), ErrorCode.CONTROL_FAILED)
        settings = with_other_filters(self._settings, trace_filter)
        chain = load_filters(settings)
        for notice in chain.notices:
            self._notify("filter_notice", "warn", message=notice)
        is_io = chain.io is not None and chain.io.capture
        policy = settings.policy.with_io_of_filter(is_asked_for=is_io)
        self._settings = self._session.settings = replace(settings, policy=policy)
        self._chain = chain
        self._names.use_roots(chain.roots)
        self._classifier.become(compile_chain(chain, self._notify, self._known))
        with nullcontext() if self._overhead is None else self._overhead.begins_anew():
            self._pipeline.use_fold(chain.fold)
            if self._tails is None:
                self._tails = self._pipeline.hold = self._build_tails()
            else:
                self._tails.default = self._tail_rules()
            self._learn_environment(self._classifier)
            self._judge_attributes(filter_attributes(chain.summary))
            for part in self._session.parts:
                part.replan()
        self._install_io(recording)
        later = [*self._measure_more(recording), *self._later()]
        self._notify("filter_reloaded", "info", filters=self._session.filter_names())
        return later

    def _measure_more(self, recording: Recording | None) -> list[str]:
        """Begin to measure where the filter before measured nothing; return why that failed."""
        if self._measuring is not None or not self._measures_anything():
            return []
        with ExitStack() as undo:
            measuring = self._build_measures(undo)
            if measuring is None:
                return [_NOT_MEASURED]
            self._install_measures(measuring, recording)
            undo.pop_all()
        return []

    def _later(self) -> list[str]:
        """Return what the filter asks for that only the next session does."""
        if self._settings.disabled or not self._settings.functions:
            return []
        learns = self._settings.learn_secrets and self._chain.learns_secrets
        asked = {
            _LINES_LATER: wants_line_events(self._classifier),
            _LEARNS_LATER: learns and self._known is None,
        }
        return [what for what, is_asked in asked.items() if is_asked]

    def _stats(self) -> dict[str, Any]:
        stats = {
            "filters": {
                **self._classifier.stats(),
                **self._names.stats(),
                "rules": self._classifier.hits.stats(),
            },
            **self._redaction.stats(),
            "metrics": self._reporting.metrics.stats(),
            "busiest_function": self._busiest.stats(),
            "log": self._reporting.log.stats(),
        }
        if self._reporting.topics.are_printed:
            stats["topics"] = self._reporting.topics.stats()
        if self._tails is not None:
            stats["tail"] = self._tails.stats()
        if self._overhead is not None:
            stats["overhead"] = self._overhead.stats()
        if self._steps is not None and self._records_steps_alone:
            # no span counts what is redacted in a call
            by_kind = Counter(stats["value_redactions"]) + self._steps.redactions()
            stats["value_redactions"] = dict(by_kind)
        return stats

    def _after_fork(self) -> None:
        self._starts.begin_in_child()
        self._ids.reseed()
        self._busiest = BusiestFunction()
        if self._overhead is not None:
            self._overhead.after_fork()
        self._reporting.after_fork()
        if self._known is not None:
            self._known.after_fork()
        self._attributes.update(process_identity())


def _new_monitor(undo: ExitStack) -> Monitor:
    """Return a switchboard whose tool id is free again if what follows fails."""
    monitor = Monitor()
    undo.callback(monitor.uninstall)
    return monitor


def _abandon(session: Session, timeout: float = 1.0) -> None:
    """End a session where another reason to stop is under way."""
    with contextlib.suppress(CodetracerError):
        session.shutdown_at_once(timeout)
