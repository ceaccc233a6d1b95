"""Recognizes a Chrome trace, which other programs show, and finds the losses in it."""

from __future__ import annotations

import json
import os
from typing import Final

from codetracer_otel.traces.runs import CHROME, Run

_HEAD: Final = b'{"displayTimeUnit"'
_FACTS: Final = b'],"otherData":'
_MAX_FACTS: Final = 128 * 1024


def about_chrome_trace(path: str) -> str:
    """Return why a Chrome trace is not read here, and how many spans are lost; empty for others."""
    try:
        with open(path, "rb") as file:
            if file.read(len(_HEAD)) != _HEAD:
                return ""
            file.seek(max(file.seek(0, os.SEEK_END) - _MAX_FACTS, 0))
            end = file.read()
    except OSError:
        return ""
    lost = sum(_run(end).lost().values())
    loss = f"; {lost:,} spans were lost on the way to it" if lost else ""
    return f"it is a Chrome trace, which ui.perfetto.dev and vizviewer open{loss}"


def _run(end: bytes) -> Run:
    run = Run("", exporter=CHROME)
    try:
        losses = json.loads(end.rpartition(_FACTS)[2].strip()[:-1])["losses"]
    except (ValueError, KeyError, TypeError):
        return run  # it was cut off, or somebody else's
    if isinstance(losses, dict):
        run.losses.append(losses)
    return run
