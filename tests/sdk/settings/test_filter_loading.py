from __future__ import annotations

import importlib.metadata
import os
import sys

import pytest

from codetracer_otel.sdk.settings.filter_loading import load_filters
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.resolve import resolve


@pytest.fixture
def asked(monkeypatch):
    """The names that were looked up among the commands of the installed distributions."""
    names = []

    def entry_points(**selection):
        names.append(selection["name"])
        return original(**selection)

    original = importlib.metadata.entry_points
    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return names


def load_for(script):
    load_filters(resolve({}, {}, launch=StartMode(StartKind.SCRIPT, str(script))))


def test_a_script_of_the_users_own_is_no_command_of_a_distribution(asked, tmp_path):
    load_for(tmp_path / "app.py")

    assert asked == []


def test_a_file_without_a_suffix_may_be_a_command_of_a_distribution(asked, tmp_path):
    load_for(tmp_path / "django-admin")

    assert asked == ["django-admin"]


def test_whatever_stands_beside_the_interpreter_may_be_one(asked):
    load_for(os.path.join(os.path.dirname(sys.executable), "rst2html.py"))

    assert asked == ["rst2html.py"]
