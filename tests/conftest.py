"""Fixtures for every test."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import active_session, shutdown
from codetracer_otel.testing import capture_spans

# A shell ignores interrupts in what it puts into the background, nohup ignores SIGHUP, and children
# inherit both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
# Else each of a thousand interpreters that the tests start compiles what it imports, 1 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Else a program's text that its end does not write out is never missed.
os.environ.pop("PYTHONUNBUFFERED", None)
# No example fails because the machine is slow.
settings.register_profile("slow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Keep the collector off what was collected: a million objects that stay until the end.

    A `gc.collect()` took 150 ms with them, which was most of the time of tests that count objects,
    and a run of the collector by itself as much; the tests that count objects took a third.
    """
    use_hypothesis()
    gc.collect()
    gc.freeze()


@settings(max_examples=1, database=None)
@given(st.none())
def use_hypothesis(_):
    """Let it register its generator: it asks what refers to it, and sees nothing that is frozen."""


HEADER = """
[meta]
name = "test"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
"""


def rule(selector: str, body: str = 'exec = "trace"') -> str:
    """Return the TOML of one scope rule."""
    return f"[[scope.rules]]\nselector = '{selector}'\n{body}\n"


def only(path: str, *more: str):
    """Return a filter that traces one file, and whatever further rules say."""
    text = HEADER + rule(f"file:glob:**{path}") + "\n".join(more)
    return filter_from_text(text)


@pytest.fixture
def record(request):
    """Give a context manager that records a block, only functions of the test's own file.

    A defect of the recorder is raised into the test, not hidden by the shipped policy, and no
    stack entry may have been left behind (``lost_events`` says how many may).
    """

    @contextmanager
    def record_block(*more_rules, **options):
        options.setdefault("policy", {"on_recorder_error": "abort"})
        lost = options.pop("lost_events", 0)
        with capture_spans(only(str(request.path), *more_rules), **options) as spans:
            yield spans
            assert active_session().stats()["recorder"]["healed_stack_entries"] <= lost

    return record_block


@pytest.fixture(autouse=True)
def clean_interpreter():
    """Every test leaves no session, no tool id and no event behind, and no logger disabled."""
    yield
    shutdown()
    loggers = logging.root.manager.loggerDict.values()
    assert [it.name for it in loggers if isinstance(it, logging.Logger) and it.disabled] == []
    assert sys.monitoring.get_tool(3) is None
    assert sys.monitoring.get_tool(4) is None


class Tree:
    """Spans by parent, for comparisons that read like the calls.

    ``Tree(spans).shape()`` is a nested tuple of (last part of the name, children in order).
    """

    def __init__(self, spans):
        self.spans = sorted(spans, key=lambda span: span.start_ns)
        self.ids = {span.span_id: span for span in self.spans}

    def children(self, parent_id):
        return [span for span in self.spans if span.parent_span_id == parent_id]

    def shape(self, parent_id=None):
        return tuple(
            (self.short(span), self.shape(span.span_id)) for span in self.children(parent_id)
        )

    @staticmethod
    def short(span):
        return span.name.rpartition("<locals>.")[2].rpartition(".")[2]

    def named(self, name):
        return [span for span in self.spans if self.short(span) == name]

    def parent_of(self, name):
        (span,) = self.named(name)
        parent = self.ids.get(span.parent_span_id)
        return None if parent is None else self.short(parent)


@pytest.fixture
def tree():
    return Tree
