"""Defines what a session drives: pausing, forking and ending reach every part alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.filters.types import RuleSource
    from codetracer_otel.instrumentation.monitoring.activation import Activation
    from codetracer_otel.instrumentation.monitoring.tool import Monitor


class SessionPart:
    """One of spans, steps, and input and output; what a part leaves out does nothing.

    Attributes:
        has_own_delivery: nothing that it records wakes the pipeline.
        exit_status: the program's, once it is known.
    """

    has_own_delivery: ClassVar[bool] = False
    exit_status: int | None = None

    def pause(self) -> None:
        """Stop recording; open calls end here, as unfinished."""

    def resume(self) -> None:
        """Record again after `pause`."""

    def replan(self) -> None:
        """Ask about code anew: the filter is another one."""

    def fail(self) -> None:
        """Stop recording: a callback has failed."""

    def stop_events(self) -> None:
        """Let no event fire any more; what is open stays as it is."""

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread: it is one of ours."""

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - for those that deliver themselves
        """Return whether what does not go through the pipeline was written in ``timeout`` s."""
        return True

    def before_fork(self) -> None:
        """Stop every thread of ours while the process forks."""

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""

    def after_fork_in_child(self) -> None:
        """Begin anew in a forked child."""

    def close(self) -> None:
        """Finish what is still open, once the installation is undone."""

    def note_losses(self, losses: Mapping[str, Any]) -> None:
        """Say in a file of its own what was lost, once everything has ended."""

    def stats(self) -> dict[str, Any]:
        """Return entries for `Session.stats`, by name."""
        return {}


class SkipCounter:
    """Counts skipped code objects by the rule that skipped them."""

    def __init__(self) -> None:
        self.by_rule: Counter[RuleSource] = Counter()

    def count(self, source: RuleSource) -> None:
        """Count a code object that ``source`` skipped."""
        self.by_rule[source] += 1


class _CallRecorder(Protocol):
    def close(self) -> None: ...
    def mute_this_thread(self) -> None: ...


class CallRecording(SessionPart):
    """A part that records calls, with its switchboard.

    Attributes:
        monitor: the switchboard.
        recorder: what the events reach.
        activation: makes it wait for the activation path, if there is one.
        skipped: what the filter left out.
    """

    monitor: Monitor
    recorder: _CallRecorder
    activation: Activation | None
    skipped: SkipCounter

    @property
    def refused_by_sampler(self) -> int:
        """How many traces a sampler did not keep."""
        return 0

    @property
    def refused_by_parent(self) -> int:
        """How many times a parent that is not sampled was respected."""
        return 0

    @property
    def is_recording(self) -> bool:
        """Whether calls are recorded now."""
        is_active = self.activation is None or self.activation.is_recording
        return is_active and not self.monitor.is_paused

    def pause(self) -> None:
        """Stop recording; open calls end here, as unfinished."""
        self.monitor.pause()
        self.recorder.close()

    def fail(self) -> None:
        """Stop recording: a callback has failed."""
        self.pause()

    def stop_events(self) -> None:
        """Let no event fire any more; what is open stays as it is."""
        self.monitor.pause()

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread: it is one of ours."""
        self.recorder.mute_this_thread()
