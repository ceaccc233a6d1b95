"""No exporter shows a secret that left by another way than arguments, results and messages."""

from __future__ import annotations

import array
import collections
import dataclasses
import enum
import functools
import html
import json
import logging
import pathlib
import subprocess
import sys
import types
import urllib.parse
import urllib.request
import warnings
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from opentelemetry import baggage, context, trace
from tests.exporters.every_exporter import leaks, shown_by_every_exporter

import codetracer_otel as ct

KNOWN = "zebra4471-Anvil-qq82"
SHAPE = "ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"


def login(password):
    return bool(password)


def handed(value):
    return value


def named(**values):
    return values


@dataclasses.dataclass
class Note:
    text: Any


class Row(NamedTuple):
    text: str


class Refused(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __str__(self):
        return f"refused {self.text}"


def notes_of_errors(x):
    error = ValueError("plain")
    error.add_note(f"with {x}")
    raise ExceptionGroup(f"many {x}", [error, ExceptionGroup("more", [KeyError(x)])])


def causes_of_errors(x):
    try:
        raise OSError(2, x, x)
    except OSError as error:
        raise Refused(x) from error


def errors_of_the_interpreter(x):
    for ask in (int, {}.__getitem__, functools.partial(getattr, object()), __import__):
        with suppress(Exception):
            handed(ask)(x)
    raise UnicodeDecodeError("utf8", x.encode(), 0, 1, x)


def code_made_at_run_time(x):
    made = compile(f"def f(v='{x}'):\n    raise ValueError('no')\nf()", f"<{x}>", "exec")
    exec(made, types.ModuleType(x).__dict__)


def values_with_a_form_of_their_own(x):
    for value in (
        Note(Note(x)), Row(x), enum.Enum("E", {"A": x}).A, types.SimpleNamespace(text=x),
        collections.deque([x]), collections.OrderedDict(a=x), collections.Counter([x]), {x},
        collections.UserString(x), types.MappingProxyType({"a": x}), pathlib.Path("/srv") / x,
        functools.partial(handed, x), slice(x), iter([x]),
    ):  # fmt: skip
        handed(value)


def keys(x):
    handed({x: 1, (x, 1): 2, x.encode(): 3})
    named(**{x: 1})


def bytes_of_all_kinds(x):
    raw = x.encode()
    wide = [x.encode(to) for to in ("utf-16", "utf-32-le")]
    for value in (raw, bytearray(raw), memoryview(raw), array.array("B", raw), *wide):
        handed(value)


def encodings(x):
    raw = x.encode()
    for text in (
        "".join(f"%{byte:02X}" for byte in raw),
        urllib.parse.quote("".join(f"%{byte:02x}" for byte in raw)),
        "".join(f"&#{byte};" for byte in raw),
        "".join(f"\\x{byte:02x}" for byte in raw),
        json.dumps({"a": json.dumps({"b": json.dumps({"c": x})})}),
        html.escape(f"<a title='{x}'>"),
    ):
        handed(text)


def defaults_and_closures(x):
    def inner(value=x, *, more=(x,)):
        return len(x)

    handed(inner)
    inner()


def children_and_requests(x):
    subprocess.run([sys.executable, "-c", "pass", x, f"--note={x}"], check=True)
    handed(urllib.request.Request(f"http://host/{x}?q={x}", headers={"X-Note": x}))


def logs_and_warnings(x):
    log = logging.getLogger(f"shop.{x}")
    log.addHandler(logging.NullHandler())  # what the program prints is its own
    log.propagate = False
    log.warning("a %s", x)
    log.error("b", extra={"note": x})
    with suppress(Exception), warnings.catch_warnings(action="error"):
        warnings.warn(f"old {x}", stacklevel=1)


def parts_of_our_spans(x):
    with ct.span(f"got {x}", note=x, **{f"key {x}": 1}) as span:
        span.record(**{f"more {x}": [x]})
        ct.event(f"event {x}", value=x)


def parts_of_opentelemetrys_spans(x):
    tracer = trace.get_tracer(f"library-{x}", f"1.{x}")
    state = trace.TraceState([("vendor", x)])
    remote = trace.SpanContext(1, 2, True, trace.TraceFlags(1), state)
    parent = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    link = trace.Link(remote, {f"key {x}": x})
    token = context.attach(baggage.set_baggage("note", x, parent))
    try:
        with tracer.start_as_current_span(x, attributes={"a": (x,)}, links=[link]) as span:
            span.add_event(f"event {x}", {f"key {x}": x})
            span.set_status(trace.StatusCode.ERROR, f"bad {x}")
            span.record_exception(Refused(x))
            handed(1)
    finally:
        context.detach(token)


CHANNELS = [
    notes_of_errors, causes_of_errors, errors_of_the_interpreter, code_made_at_run_time,
    values_with_a_form_of_their_own, keys, bytes_of_all_kinds, encodings, defaults_and_closures,
    children_and_requests, logs_and_warnings, parts_of_our_spans, parts_of_opentelemetrys_spans,
]  # fmt: skip


@pytest.mark.parametrize("secret", [KNOWN, SHAPE], ids=["known", "of a vendor's shape"])
def test_no_exporter_shows_a_secret_by_any_channel(secret, tmp_path, capsys):
    def program():
        login(KNOWN)
        for channel in CHANNELS:
            with suppress(Exception):
                channel(secret)

    shown = shown_by_every_exporter(program, tmp_path, capsys)
    assert not leaks(shown, secret, secret[-10:], secret[4:14])
