"""Writes lines for people, with what would act on a terminal as visible escapes."""

from __future__ import annotations

import sys

from codetracer_otel.model.value_texts import visible


def say(line: str) -> None:
    """Print one line on standard output."""
    print(visible(line))


def complain(line: str) -> None:
    """Print one line on standard error, if there is one."""
    if sys.stderr is not None:
        print(visible(line), file=sys.stderr)
