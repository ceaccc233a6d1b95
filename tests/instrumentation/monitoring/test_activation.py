"""Recording begins when one file is entered and ends when what was entered there returns."""

from __future__ import annotations

import sys
import threading

import pytest
from tests.conftest import HEADER, rule

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

OTHER = """
def before(): pass
def inner(n): return n
def generate(n):
    inner(n)
    yield n
    inner(n + 1)
"""
ENTERED = """
def enter(work, *args): return work(*args)
def fail(): raise ValueError("of the program")
def again(depth, work):
    if depth: again(depth - 1, work)
    work(depth)
def generate(work):
    work(1)
    yield 1
    work(2)
"""


def compiled(text, path):
    path.write_text(text)
    namespace = {"__name__": path.stem}
    exec(compile(text, str(path), "exec"), namespace)
    return namespace


@pytest.fixture
def entered(tmp_path):
    return compiled(ENTERED, tmp_path / "entered.py")


@pytest.fixture
def other(tmp_path):
    return compiled(OTHER, tmp_path / "other.py")


@pytest.fixture
def start(tmp_path):
    """Start a session that waits for ``entered.py`` and traces both files, or one."""

    def start_session(*files, **options):
        rules = [rule(f"file:glob:**/{name}.py") for name in files or ("entered", "other")]
        exporter = InMemoryExporter()
        session = configure(
            filter_from_text(HEADER + "".join(rules)),
            exporter,
            activation_path=tmp_path / "entered.py",
            policy={"on_recorder_error": "abort"},
            **options,
        )
        return session, exporter

    return start_session


def names(exporter):
    return [span.name for span in sorted(exporter.spans, key=lambda span: span.start_ns)]


def test_nothing_is_recorded_before_the_file_is_entered(start, other):
    session, exporter = start()
    other["before"]()
    assert not session.is_recording
    session.shutdown()
    assert exporter.spans == []


def test_everything_the_filter_selects_is_recorded_from_the_entry_to_its_return(
    start, entered, other
):
    session, exporter = start()
    other["inner"](1)
    entered["enter"](lambda: (other["inner"](2), session.is_recording))
    other["inner"](3)
    assert not session.is_recording
    session.shutdown()
    assert names(exporter) == ["entered.enter", "other.inner"]
    assert exporter.spans[0].parent_span_id == exporter.spans[1].span_id
    assert exporter.spans[0].attributes["codetracer.arg.n"] == 2


def test_the_entered_code_itself_need_not_be_selected(start, entered, other):
    session, exporter = start("other")
    entered["enter"](other["inner"], 2)
    other["inner"](3)
    session.shutdown()
    assert names(exporter) == ["other.inner"]


def test_code_that_ran_before_the_entry_is_recorded_after_it(start, entered, other):
    session, exporter = start()
    other["inner"](1)
    other["inner"](1)
    entered["enter"](other["inner"], 2)
    session.shutdown()
    assert names(exporter) == ["entered.enter", "other.inner"]


def test_it_happens_once_per_session(start, entered, other):
    session, exporter = start()
    entered["enter"](other["inner"], 1)
    entered["enter"](other["inner"], 2)
    session.resume()
    entered["enter"](other["inner"], 3)
    assert not session.is_recording
    session.shutdown()
    assert names(exporter) == ["entered.enter", "other.inner"]


def test_an_exception_that_leaves_the_entered_code_ends_it(start, entered, other):
    session, exporter = start()
    with pytest.raises(ValueError, match="of the program"):
        entered["fail"]()
    other["inner"](1)
    session.shutdown()
    (span,) = exporter.spans
    assert span.name == "entered.fail"
    assert span.attributes["error.type"] == "ValueError"


def test_a_recursive_call_does_not_end_it(start, entered, other):
    session, exporter = start()
    entered["again"](2, other["inner"])
    other["inner"](9)
    session.shutdown()
    assert names(exporter).count("entered.again") == 3
    assert names(exporter).count("other.inner") == 3


def test_a_yield_does_not_end_it(start, entered, other):
    session, exporter = start()
    generator = entered["generate"](other["inner"])
    next(generator)
    other["inner"](7)
    assert session.is_recording
    assert next(generator, None) is None
    assert not session.is_recording
    other["inner"](8)
    session.shutdown()
    seen = [s.attributes["codetracer.arg.n"] for s in exporter.spans if s.name == "other.inner"]
    assert seen == [1, 7, 2]


def test_other_threads_are_recorded_meanwhile(start, entered, other):
    session, exporter = start()

    def in_a_thread():
        thread = threading.Thread(target=other["inner"], args=(5,))
        thread.start()
        thread.join()

    entered["enter"](in_a_thread)
    session.shutdown()
    assert names(exporter) == ["entered.enter", "other.inner"]


def test_pause_and_resume_before_the_entry_do_not_begin_it(start, entered, other):
    session, exporter = start()
    session.pause()
    session.resume()
    other["inner"](1)
    assert not session.is_recording
    entered["enter"](other["inner"], 2)
    session.shutdown()
    assert names(exporter) == ["entered.enter", "other.inner"]


def test_the_interpreter_is_clean_already_when_it_has_ended(start, entered, other):
    session, _ = start()
    assert sys.monitoring.get_tool(3) is not None
    entered["enter"](other["inner"], 1)
    assert sys.monitoring.get_tool(3) is None
    session.shutdown()


def test_a_link_to_the_file_is_the_file(start, entered, tmp_path, other):
    link = tmp_path / "elsewhere"
    link.mkdir()
    (link / "entered.py").symlink_to(tmp_path / "entered.py")
    linked = {"__name__": "linked"}
    exec(compile(ENTERED, str(link / "entered.py"), "exec"), linked)
    session, exporter = start()
    linked["enter"](other["inner"], 2)
    session.shutdown()
    assert names(exporter) == ["linked.enter", "other.inner"]


def test_arguments_and_locals_of_the_entered_call_are_captured(start, entered):
    session, exporter = start(capture=("args", "return", "locals"))
    entered["enter"](len, "abc")
    session.shutdown()
    (span,) = exporter.spans
    assert span.attributes["codetracer.arg.args"] == ("abc",)
    assert span.attributes["codetracer.return"] == 3
