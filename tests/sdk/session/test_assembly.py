"""What a session decides about a frame is about that frame, whatever other threads ask."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from codetracer_otel.sdk.session.assembly import _Assembly


class Interrupted(_Assembly):
    """An assembly whose other thread decides whenever this one has."""

    def __init__(self):
        self._settings = None
        self._classifier = SimpleNamespace(chain=object(), classify=lambda _: "mine")
        self._names = SimpleNamespace(identify=lambda *_: None)

    decided = False

    def _last(self):
        return (None, "another's", "another's") if self.decided else None

    def _set_last(self, _mine):
        self.decided = True

    _about_last = _about_main = property(_last, _set_last)


@pytest.mark.parametrize("of_main", [False, True])
def test_the_decision_of_another_thread_is_not_returned(monkeypatch, of_main):
    monkeypatch.setattr("codetracer_otel.sdk.session.assembly.program_of", lambda _: "app.py")
    assert Interrupted()._decide_about(None if of_main else sys._getframe()) == "mine"
