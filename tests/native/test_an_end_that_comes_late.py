"""A call that ends on another thread while the session does is whole in the recording."""

from __future__ import annotations

import _thread
import threading

from tests.conftest import only

from codetracer_otel.instrumentation.monitoring.in_flight import CallbacksInFlight
from codetracer_otel.instrumentation.steps.traced_code import SteppedCode
from codetracer_otel.sdk.session.configure import active_session, configure


def leaf(number):
    return [number]


def run_and_tell(is_over):
    leaf(1)
    is_over.set()


def test_closing_waits_for_a_callback_of_another_thread(tmp_path, monkeypatch):
    arrived, goes_on, is_over = (threading.Event() for _ in range(3))
    original, mine = SteppedCode.result, threading.get_ident()

    def halt(*arguments):
        if threading.get_ident() != mine and not arrived.is_set():
            arrived.set()
            assert goes_on.wait(5)
        return original(*arguments)

    def let_go(_seconds):
        goes_on.set()
        is_over.wait(5)

    monkeypatch.setattr(SteppedCode, "result", halt)
    monkeypatch.setattr(CallbacksInFlight, "sleep", staticmethod(let_go))
    with configure(only(__file__), f"native={tmp_path / 'trace'}"):
        (part,) = [part for part in active_session().parts if hasattr(part, "recorder")]
        recorder = part.recorder
        _thread.start_new_thread(run_and_tell, (is_over,))
        assert arrived.wait(5)
        part.monitor.pause()
        recorder.close()
        goes_on.set()
        assert is_over.wait(5)
        assert [len(steps.stack) for steps in recorder._threads] == [1] * len(recorder._threads)
