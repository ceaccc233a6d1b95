"""Looks at captured values: which hold a text, without what was redacted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.model.value import DROPPED, REDACTED
from codetracer_otel.model.value_texts import UNQUOTED, visible

if TYPE_CHECKING:
    from codetracer_otel.traces.span_columns import Details

ARGUMENT: Final = "codetracer.arg."
RETURN: Final = "codetracer.return"
LOCAL: Final = "codetracer.local."
TAIL_REASON: Final = "codetracer.tail.reason"
CAPTURED: Final = (ARGUMENT, RETURN, LOCAL, "codetracer.global.")
_OWN: Final = ("codetracer.", "code.", "thread.")
_STACK: Final = "exception.stacktrace"
_HIDDEN: Final = re.compile("|".join(map(re.escape, (REDACTED, DROPPED))))
_NO_TEXT: Final = "\0"  # no argument of a command has it


def holds(details: Details, text: str) -> bool:
    """Return whether a value, an event's value or the message has the text in it.

    What the recorder says of the call itself, such as its file, line and thread, is no value.
    """
    values = [value for key, value in details.values if is_of_the_program(key)]
    for _, _, pairs in details.events:
        values += [value for key, value in pairs if key != _STACK]
    shown = map(plain_text, (*values, details.message))
    return any(text in _HIDDEN.sub(_NO_TEXT, value) for value in shown)


def is_of_the_program(key: str) -> bool:
    """Return whether the program gave an attribute its value."""
    return key.startswith(CAPTURED) or not key.startswith(_OWN)


def plain_text(value: Any) -> str:
    """Return a value as text: one that is text already as it is, others as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short_text(value: Any, most: int = 80) -> str:
    """Return a value for people: JSON, cut; None is ``None``, which its text in quotes is not.

    `UNQUOTED` texts stand as they are.
    """
    if isinstance(value, str) and value.startswith(UNQUOTED):
        text = visible(value)
    else:
        text = "None" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 3] + "..."
