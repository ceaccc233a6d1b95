"""Builds the recorder of a session from its settings and its compiled filter."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel._core import load
from codetracer_otel._core.span_recorder import CompiledBuffer, CompiledRecorder
from codetracer_otel.bindings import Time
from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.filters.code.paths import is_below, is_synthetic, normal_path, relative_path
from codetracer_otel.filters.decisions.class_rules import reads_fields
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.filters.types import learn_nothing
from codetracer_otel.instrumentation.context.propagation import ContextPropagation
from codetracer_otel.instrumentation.context.runtime_context import (
    FunctionRuntimeContext,
    active_runtime,
    reader_of,
    variable_of,
)
from codetracer_otel.instrumentation.monitoring.activation import Activation
from codetracer_otel.instrumentation.monitoring.tool import generator_close_is_silent
from codetracer_otel.instrumentation.plan_builder import PlanBuilder
from codetracer_otel.instrumentation.spans.parents import Parents
from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.instrumentation.spans.sampling import SamplerTable
from codetracer_otel.instrumentation.steps.line_events import SpanEvents
from codetracer_otel.instrumentation.values.frame_variables import load_readers
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.model.ids import RandomIds, gives_random_ids, wire_ids
from codetracer_otel.own_code import is_ours
from codetracer_otel.sdk.parts.captures import build_capture_builder, value_limits
from codetracer_otel.sdk.parts.session_part import CallRecording, SkipCounter
from codetracer_otel.sdk.settings.filter_loading import discovery_start
from codetracer_otel.sdk.settings.model import Core, Paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context.context import _RuntimeContext

    from codetracer_otel.filters.code.module_names import ModuleNames
    from codetracer_otel.filters.decisions.classifier import Classifier
    from codetracer_otel.filters.types import Learn, LearnedTexts
    from codetracer_otel.instrumentation.monitoring.activation import ActivatedRecorder
    from codetracer_otel.instrumentation.monitoring.tool import Monitor
    from codetracer_otel.instrumentation.values.objects.fields import Wanted
    from codetracer_otel.model.protocols import SpanRecorder
    from codetracer_otel.model.record import RootSampler
    from codetracer_otel.sdk.settings.model import Settings


class Recording(CallRecording):
    """A recorder with its switchboard and runtime context, not yet installed."""

    def __init__(
        self,
        settings: Settings,
        new_monitor: Callable[[], Monitor],
        classifier: Classifier,
        names: ModuleNames,
        wake: Callable[[], None],
        error_boundary: Callable[[BaseException], None],
        on_root: Callable[[], None],
        ids: RandomIds | None = None,
        keeps_root: RootSampler | None = None,
    ) -> None:
        load_readers()
        self.ids = ids or RandomIds()
        self.skipped = SkipCounter()
        self.monitor = new_monitor()
        inner = active_runtime()
        self.core = choose_core(settings.core, inner)
        native = self.core.module
        self.samplers = SamplerTable(
            Time.monotonic_ns,
            self.ids.next_wire_span_id,
            compile_event_names,
            settings.limits.max_spans_per_second,
        )
        wanted = reads_fields(classifier, names.names_for, sys.modules)
        known = classifier.known
        learned = None if known is None else known.learned
        build = (
            PythonRecorder
            if native is None
            else self._compiled(native, inner, settings, wanted, learned)
        )
        self._parents = Parents(
            self.ids,
            SystemClock(),
            settings.remote_parent,
            respect_parent=settings.respect_parent,
            on_root=on_root,
            keeps_root=keeps_root,
        )
        self.recorder: SpanRecorder = build(
            monitor=self.monitor,
            plans=PlanBuilder(
                classifier,
                names.identify,
                settings.capture,
                self.skipped.count,
                build_shown_path(settings, classifier.chain.roots),
                settings.bounds,
                tells_ratios=settings.limits.max_spans_per_second is None,
            ),
            samplers=self.samplers,
            parents=self._parents,
            buffer=_build_buffer(settings, wake, native),
            read_context=reader_of(inner),
            next_span_id=wire_ids(self.ids),
            clock=SystemClock(),
            build_capture=build_capture_builder(settings, learn_of(classifier), wanted),
            error_boundary=error_boundary,
            is_ours=is_ours,
            silent_close=generator_close_is_silent(self.monitor.tool_id),
            exception_text=settings.capture_repr,
        )
        current = self.recorder.current_call
        self.runtime = FunctionRuntimeContext(inner, current.readable, current.build_span)
        self.recorder.carry_with(
            ContextPropagation(current, self.runtime, threads=settings.propagate_threads)
        )
        self.activation = build_activation(settings, self.monitor, self.recorder, error_boundary)

    def _compiled(
        self,
        native: Any,
        inner: _RuntimeContext,
        settings: Settings,
        wanted: Wanted,
        learned: LearnedTexts | None,
    ) -> Callable[..., PythonRecorder]:
        variable = variable_of(inner)
        assert variable is not None  # else `choose_core` had chosen Python
        return partial(
            CompiledRecorder,
            native,
            variable,
            value_limits(settings),
            wanted,
            runs_code=settings.capture_repr,
            learned=learned,
            has_random_ids=gives_random_ids(self.ids),
        )

    @property
    def refused_by_sampler(self) -> int:
        """How many traces a sampler did not keep."""
        return self._parents.refused_by_sampler

    @property
    def refused_by_parent(self) -> int:
        """How many times a parent that is not sampled was respected."""
        return self._parents.refused_by_parent

    def replan(self) -> None:
        """Plan all code anew; calls that are open get the stricter plan."""
        self.recorder.replan()

    def resume(self) -> None:
        """Record again after `pause`."""
        self.recorder.close()  # calls that began while `pause` was at work
        self.monitor.resume()

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""
        self.recorder.wake_with_next()

    def after_fork_in_child(self) -> None:
        """Begin anew in a forked child, with ids of its own."""
        self.ids.reseed()
        self.recorder.begin_in_forked_child()

    def close(self) -> None:
        """Finish every open record."""
        self.recorder.close()

    def stats(self) -> dict[str, Any]:
        """Return the counters of the recorder, and which core records and why."""
        core = {"core": self.core.name, "core_reason": self.core.reason}
        return {"recorder": {**self.recorder.stats(), **core}}

    def install(self) -> Callable[[], None]:
        """Begin to record, or to wait for the activation path; return the undo."""
        source = self.activation or self.recorder
        return self.monitor.install(source.callbacks())


def build_activation(
    settings: Settings,
    monitor: Monitor,
    recorder: ActivatedRecorder,
    error_boundary: Callable[[BaseException], None],
) -> Activation | None:
    """Return what makes a recorder wait for the activation path, if there is one."""
    path = settings.activation_path
    return None if path is None else Activation(path, monitor, recorder, error_boundary)


def build_span_events(settings: Settings, recording: Recording) -> SpanEvents:
    """Return what adds events to the spans of running functions."""
    return SpanEvents(
        recording.recorder.current,
        recording.samplers.gate_for,
        SystemClock().monotonic_ns,
        settings.limits.max_events,
    )


def build_shown_path(settings: Settings, roots: tuple[str, ...]) -> Callable[[str], str]:
    """Return how paths of files are written: as they are, or below the project root.

    Args:
        settings: of the session.
        roots: project roots in normal form; without one the place where filters are looked for.
    """
    if settings.paths is Paths.ABSOLUTE:
        return str
    start = normal_path(discovery_start(settings))

    def show(file: str) -> str:
        path = normal_path(file)
        nearest = [root for root in roots or (start,) if is_below(path, root)]
        return relative_path(path, nearest) if nearest and not is_synthetic(file) else file

    return show


def compile_event_names(names: tuple[str, ...] | None) -> Callable[[str], bool]:
    """Return a predicate for the event names to which an ``events`` table applies."""
    if names is None:
        return lambda _name: True
    matchers = [compile_glob(name) for name in names]
    return lambda name: any(matches(name) for matches in matchers)


_ASKED: Final = "CODETRACER_OTEL_CORE asks for it"


class ChosenCore(NamedTuple):
    """What records calls, and why.

    Attributes:
        module: the compiled core; None where Python records.
        reason: for people.
        is_unusable: there is a compiled core that cannot be used.
    """

    module: Any
    reason: str
    is_unusable: bool = False

    @property
    def name(self) -> str:
        """``c`` or ``python``."""
        return "python" if self.module is None else "c"

    def problem(self, asked: Core) -> str | None:
        """Return the message for users who asked for the compiled core, or have it, in vain."""
        is_missed = self.is_unusable or asked is Core.C
        if not is_missed or self.module is not None:
            return None
        start = "the compiled core is not used, and"
        if asked is Core.C:
            start = "CODETRACER_OTEL_CORE asks for the compiled core, but"
        return f"{start} calls are recorded in Python: {self.reason}"


def choose_core(asked: Core, inner: _RuntimeContext) -> ChosenCore:
    """Return which core records.

    Args:
        asked: what the settings ask for.
        inner: OpenTelemetry's runtime context; the core reads the usual one only.
    """
    if asked is Core.PYTHON:
        return ChosenCore(None, _ASKED)
    loaded = load()
    if loaded.module is None:
        return ChosenCore(*loaded)
    if variable_of(inner) is None:
        return ChosenCore(None, "OpenTelemetry's context is not in a context variable")
    found = "it was compiled for this interpreter"
    return ChosenCore(loaded.module, found if asked is Core.AUTO else _ASKED)


def _build_buffer(settings: Settings, wake: Callable[[], None], native: Any) -> RecordBuffer:
    bounds = settings.buffer
    if native is None:
        return RecordBuffer(bounds.records, bounds.bytes, wake, settings.max_wait_s)
    return CompiledBuffer(native, bounds.records, bounds.bytes, wake, settings.max_wait_s)


def learn_of(classifier: Classifier) -> Learn:
    """Return what takes hidden values."""
    return learn_nothing if classifier.known is None else classifier.known.learn
