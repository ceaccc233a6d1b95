"""The soak plays its rounds with the recorder that it says."""

from __future__ import annotations

import pytest
from tools.cores import VARIABLE
from tools.soak.groups import environment


@pytest.mark.parametrize("core", ["c", "python"])
def test_programs_of_a_round_get_the_recorder_that_was_asked_for(core, monkeypatch):
    monkeypatch.setenv(VARIABLE, core)
    assert environment()[VARIABLE] == core


def test_nothing_else_configures_the_tracer_of_a_round(monkeypatch):
    monkeypatch.setenv("CODETRACER_AUTO_START", "1")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    assert not {"CODETRACER_AUTO_START", "OTEL_SERVICE_NAME"} & environment().keys()
