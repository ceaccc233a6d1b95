"""KeyboardInterrupt and what other signal handlers raise arrive, as they would untraced."""

import gc
import signal
import time
import traceback
from contextlib import contextmanager

import pytest
from tests.conftest import HEADER, rule
from tests.depth import examples
from tests.traced_run import run_python

from codetracer_otel import Buffer
from codetracer_otel.sdk.session.configure import active_session

ROOM = Buffer(records=1_000_000, bytes=1 << 30)


class Alarm(Exception):
    """What the program's own handler raises."""


@pytest.fixture
def timer():
    """Let signals arrive every 0.2 ms of CPU time, until the test ends."""

    def start(handler, every=0.0002):
        previous.append(signal.signal(signal.SIGPROF, handler))
        signal.setitimer(signal.ITIMER_PROF, 0.0002, every)

    previous = []
    yield start
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, previous[0])


def leaf(n):
    return n


def recurse(n):
    return leaf(n) if not n else recurse(n - 1) + 1


def steps(n):
    for i in range(n):
        yield leaf(i)


def busy():
    for _ in range(50):
        recurse(8)
        list(steps(5))


def own_files(error):
    return {frame.filename for frame in traceback.extract_tb(error.__traceback__)}


def names_of(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def interrupted(count, before=lambda: None):
    """Interrupt `busy` often; return the exceptions."""
    caught = []
    deadline = time.process_time() + 20
    while len(caught) < count and time.process_time() < deadline:
        try:
            before()
            while time.process_time() < deadline:
                busy()
        except Alarm as error:
            caught.append(error)
    return caught


def is_seen(frame):
    """Return whether `interrupted` sees what is raised here.

    Not so where another's function runs, or what it calls: the interpreter prints what is raised
    in a weak reference's callback or in the collector's.
    """
    while frame is not None and frame.f_code is not busy.__code__:
        file = frame.f_code.co_filename
        if file != __file__ and "/codetracer_otel/" not in file:
            return False
        frame = frame.f_back
    return frame is not None


def raise_alarm(_number, frame):
    if is_seen(frame):
        raise Alarm


def let_one_signal_come():
    signal.setitimer(signal.ITIMER_PROF, 0.0002)


def raise_alarm_or_wait(_number, frame):
    if is_seen(frame):
        raise Alarm
    let_one_signal_come()


@contextmanager
def without_collections():
    """Let 180,000 spans be delivered in time where a hard mode collects at each allocation."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def deliver():
    """Let nothing wait: calls in compiled code may outrun their delivery before the next signal."""
    with without_collections():
        assert active_session().flush(100)


def interrupt_often(record, timer, count):
    """Interrupt `busy` so often; every span must stand where it belongs."""
    with record(lost_events=50, buffer=ROOM) as spans:
        leaf(0)
        timer(raise_alarm)
        caught = interrupted(count, deliver)
        signal.setitimer(signal.ITIMER_PROF, 0)
        assert len(active_session()._leading.recorder.view_this_thread()()) <= 2
        leaf(1)
        deliver()
        assert active_session().stats()["dropped"] == {}
    ids = {span.span_id: span for span in spans}
    assert len(caught) == count
    assert len(ids) == len(spans)
    for span in spans:
        parent = ids.get(span.parent_span_id)
        assert parent is not None or span.parent_span_id is None
        if parent is not None:
            assert parent.trace_id == span.trace_id
            assert parent.start_ns <= span.start_ns


def test_many_interrupts_leave_every_tree_balanced(record, timer):
    interrupt_often(record, timer, examples(30))


def test_interrupts_beside_a_collectors_callback_leave_every_tree_balanced(record, timer):
    # What is raised there is printed, not raised: hypothesis has such a callback, too.
    namespace = {}
    exec(compile("def watch(*_):\n    for _ in range(100): pass\n", "watch.py", "exec"), namespace)
    gc.callbacks.append(namespace["watch"])
    threshold = gc.get_threshold()
    gc.set_threshold(10)
    try:
        interrupt_often(record, timer, 10)
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(namespace["watch"])


def test_the_traceback_of_an_interrupt_has_no_frame_of_ours(record, timer):
    # One signal at a time: a second one may break off what we do about the first.
    with record(lost_events=50, buffer=ROOM):
        busy()
        timer(raise_alarm_or_wait, every=0)
        caught = interrupted(60, let_one_signal_come)
        signal.setitimer(signal.ITIMER_PROF, 0)
    assert len(caught) == 60
    ours = [names_of(error) for error in caught if "codetracer_otel" in str(own_files(error))]
    assert ours == []


def test_a_keyboard_interrupt_reaches_the_program(record):
    def work():
        signal.raise_signal(signal.SIGINT)
        return leaf(1)

    with record() as spans, pytest.raises(KeyboardInterrupt) as raised:
        work()
    assert raised.value.__context__ is None
    assert own_files(raised.value) == {__file__}
    assert spans[-1].attributes["error.type"] == "KeyboardInterrupt"


ENDLESS = """
import signal, sys, time
import codetracer_otel as ct

def function(deadline):
    try:
        function(deadline)
    except RecursionError:
        if time.process_time() > deadline:
            raise TimeoutError from None
        function(deadline)

def generator(deadline):
    try:
        yield from generator(deadline)
    except RecursionError:
        if time.process_time() > deadline:
            raise TimeoutError from None
        yield from generator(deadline)

def outcome(run):
    try:
        signal.setitimer(signal.ITIMER_PROF, 0.005)
        run(time.process_time() + 0.3)
    except (KeyboardInterrupt, TimeoutError) as error:
        return type(error).__name__

signal.signal(signal.SIGPROF, signal.default_int_handler)
runs = {"function": function, "generator": lambda deadline: list(generator(deadline))}
with ct.configure(sys.argv[2], "none", buffer=ct.Buffer(records=1000)):
    outcomes = [outcome(runs[sys.argv[1]]) for _ in range(20)]
print(outcomes.count("KeyboardInterrupt"))
"""


@pytest.mark.parametrize("kind", ["function", "generator"])
def test_an_interrupt_at_the_recursion_limit_is_not_lost(tmp_path, kind):
    # The program spends its time within a few frames of the limit, where no callback has room.
    # CPython 3.13 can deliver a signal there before any callback runs: docs/how-it-works.md.
    program, filters = tmp_path / "endless.py", tmp_path / "all.toml"
    program.write_text(ENDLESS)
    filters.write_text(HEADER + rule("pkg:__main__"))
    done = run_python(program, kind, filters)
    assert int(done.stdout) >= 17


def test_an_interrupt_while_a_function_is_first_decided_arrives_clean(record):
    def work():
        signal.raise_signal(signal.SIGINT)

    for _ in range(20):
        namespace = {}
        exec(compile("def fresh(f):\n    f()\n", "fresh.py", "exec"), namespace)
        with record(), pytest.raises(KeyboardInterrupt) as raised:
            namespace["fresh"](work)
        assert not any("codetracer_otel" in file for file in own_files(raised.value))
