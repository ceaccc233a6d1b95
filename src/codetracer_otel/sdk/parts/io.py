"""Builds the capture of what the program writes and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.filters.types import Action, ContentCounters, learn_nothing
from codetracer_otel.instrumentation.io.attribution import IoRecorder
from codetracer_otel.instrumentation.io.descriptors import NOT_HERE, DescriptorCapture
from codetracer_otel.instrumentation.io.streams import STREAMS, IoCapture
from codetracer_otel.own_code import is_ours
from codetracer_otel.sdk.delivery.worker import Worker
from codetracer_otel.sdk.parts.session_part import SessionPart
from codetracer_otel.sdk.parts.spans import build_span_events
from codetracer_otel.sdk.settings.error_policy import CaptureIo

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from types import CodeType, FrameType

    from codetracer_otel.filters import Decision
    from codetracer_otel.filters.language.chain import FilterChain
    from codetracer_otel.filters.types import Learn
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.sdk.parts.spans import Recording
    from codetracer_otel.sdk.parts.steps import StepRecording
    from codetracer_otel.sdk.settings.model import Settings

_POLL_S: Final = 0.005
_PARK_S: Final = 0.5


def io_streams(chain: FilterChain) -> tuple[str, ...]:
    """Return the streams that are captured."""
    stated = chain.io.streams if chain.io is not None and chain.io.capture else STREAMS
    return tuple(name for name in STREAMS if name in stated)


class IoRecording(SessionPart):
    """The capture of a session's input and output, not yet installed.

    Args:
        settings: the session's.
        chain: its filters.
        decide: returns the decision about the code of a frame, about the main module for None:
            what typed answers and long texts are judged by.
        recording: the span recorder, whose spans get the events, or None.
        steps: the step recorder, or None; one of the two is there.
        error_boundary: applies the policy to a defect of ours.
        notify: told of descriptors that cannot be looked at.
        mute_this_thread: records nothing on the calling thread.
        learn: takes answers that are hidden because of their prompts.
    """

    def __init__(
        self,
        settings: Settings,
        chain: FilterChain,
        decide: Callable[[FrameType | None], Decision],
        recording: Recording | None,
        steps: StepRecording | None,
        error_boundary: Callable[[BaseException], None],
        notify: Notify,
        mute_this_thread: Callable[[], None],
        learn: Learn = learn_nothing,
    ) -> None:
        streams = io_streams(chain)
        self._events = None if recording is None else build_span_events(settings, recording)
        self._home = (list) if recording is None else recording.recorder.view_this_thread()
        self._take_step = None if steps is None else steps.recorder.add_output_of_others
        self._error_boundary = error_boundary
        self._descriptors: DescriptorCapture | None = None
        if settings.policy.capture_io is CaptureIo.PROXIES_AND_DESCRIPTORS:
            self._descriptors = DescriptorCapture(
                self._take_foreign, streams, lambda name, why: _tell(notify, name, why)
            )
        self._recorder = IoRecorder(
            is_traced=_is_traced_by(recording, steps),
            is_ours=is_ours,
            take_step=None if steps is None else steps.recorder.add_output,
            take_event=None if self._events is None else self._events.add_output,
            error_boundary=error_boundary,
            expect=None if self._descriptors is None else self._descriptors.expect,
            is_secret=_names_of(decide),
            redact=_texts_of(decide),
            learn=learn,
        )
        announce = None if self._descriptors is None else self._recorder.announce
        self._capture = IoCapture(self._recorder, streams, announce)
        self._mute = mute_this_thread
        self._worker = self._new_worker()

    def install(self, installed: ExitStack) -> None:
        """Begin to capture; ``installed`` gets the undo."""
        if self._descriptors is not None:
            installed.callback(self._descriptors.install())
            self._worker.start()
            installed.callback(self._end_thread)
        installed.callback(self._capture.install())

    def before_fork(self) -> None:
        """Bring the thread to rest; it ends where it would be the second one."""
        self._worker.rest(Time.monotonic() + _PARK_S)

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""
        self._worker.release()
        self._worker.unpark()

    def _new_worker(self) -> Worker:
        return Worker(self._poll, lambda: _POLL_S, self._mute, on_failure=self._on_failure)

    def _end_thread(self) -> None:
        self._worker.park(Time.monotonic() + _PARK_S)

    def after_fork_in_child(self) -> None:
        """Leave the descriptors to the parent, which sees what its children write."""
        self._worker = self._new_worker()  # never to be started
        if self._descriptors is not None:
            self._descriptors.forget()

    def _poll(self, _item: Any) -> bool:
        try:
            if self._descriptors is not None:
                self._descriptors.poll()
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame of ours
            self._error_boundary(error)
            return False
        return True

    def _on_failure(self, _item: Any, error: BaseException) -> bool:
        self._error_boundary(error)
        return False

    def _take_foreign(self, stream: str, text: str) -> None:
        self._recorder.prompts.printed(text)
        for piece in self._recorder.pieces(text):
            self._take_piece(stream, piece)

    def _take_piece(self, stream: str, text: str) -> None:
        if self._take_step is not None:
            self._take_step(stream, text)
        if self._events is not None:
            self._events.add_output_of_others(self._home(), stream, text)


def _is_traced_by(
    recording: Recording | None, steps: StepRecording | None
) -> Callable[[CodeType], bool]:
    if recording is not None:
        return recording.recorder.is_traced
    return steps.recorder.is_traced if steps is not None else lambda _code: False


def _names_of(
    decide: Callable[[FrameType | None], Decision],
) -> Callable[[str, FrameType | None], bool]:
    def is_secret(name: str, reader: FrameType | None) -> bool:
        rules = decide(reader).attribute_rules
        return rules is not None and rules.attribute_action(name) is not Action.ALLOW

    return is_secret


def _texts_of(
    decide: Callable[[FrameType | None], Decision],
) -> Callable[[str, FrameType | None], str]:
    def redact(text: str, writer: FrameType | None) -> str:
        rules = decide(writer).text_rules
        return text if rules is None else rules.redact_texts([text], None, ContentCounters())[0]

    return redact


def _tell(notify: Notify, stream: str, reason: str) -> None:
    level = "warn" if reason == NOT_HERE else "info"
    notify("descriptor_not_captured", level, stream=stream, reason=reason)
