"""KeyboardInterrupt and what other signal handlers raise arrive, as they would untraced."""

import signal
import time
import traceback

import pytest

from codetracer_otel import Buffer
from codetracer_otel.sdk.configure import active_session

ROOM = Buffer(records=1_000_000, bytes=1 << 30)


class Alarm(Exception):
    """What the program's own handler raises."""


@pytest.fixture
def timer():
    """Let signals arrive every 0.2 ms of CPU time, until the test ends."""

    def start(handler):
        previous.append(signal.signal(signal.SIGPROF, handler))
        signal.setitimer(signal.ITIMER_PROF, 0.0002, 0.0002)

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


def interrupted(count):
    """Interrupt `busy` often; return the exceptions, of which a few keep our frames."""
    caught = []
    deadline = time.process_time() + 20
    while len(caught) < count and time.process_time() < deadline:
        try:
            while True:
                busy()
        except Alarm as error:
            caught.append(error)
    return caught


def raise_alarm(_number, frame):
    if frame.f_code.co_filename != __file__ and "/codetracer_otel/" not in frame.f_code.co_filename:
        return  # a weak reference's callback, say: nobody would see it raised
    while frame is not None:
        if frame.f_code is busy.__code__:
            raise Alarm
        frame = frame.f_back


def test_many_interrupts_leave_every_tree_balanced(record, timer):
    with record(lost_events=50, buffer=ROOM) as spans:
        leaf(0)
        timer(raise_alarm)
        caught = interrupted(80)
        signal.setitimer(signal.ITIMER_PROF, 0)
        assert len(active_session()._recording.recorder.stacks.mine()) <= 2
        leaf(1)
        assert active_session().flush(100)
        assert active_session().stats()["dropped"] == {}
    ids = {span.span_id: span for span in spans}
    assert len(caught) == 80
    assert len(ids) == len(spans)
    for span in spans:
        parent = ids.get(span.parent_span_id)
        assert parent is not None or span.parent_span_id is None
        if parent is not None:
            assert parent.trace_id == span.trace_id
            assert parent.start_ns <= span.start_ns


def test_the_traceback_of_an_interrupt_has_no_frame_of_ours(record, timer):
    with record(lost_events=50, buffer=ROOM):
        busy()
        timer(raise_alarm)
        caught = interrupted(80)
        signal.setitimer(signal.ITIMER_PROF, 0)
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


def test_an_interrupt_while_a_function_is_first_decided_arrives_clean(record):
    def work():
        signal.raise_signal(signal.SIGINT)

    for _ in range(20):
        namespace = {}
        exec(compile("def fresh(f):\n    f()\n", "fresh.py", "exec"), namespace)
        with record(), pytest.raises(KeyboardInterrupt) as raised:
            namespace["fresh"](work)
        assert not any("codetracer_otel" in file for file in own_files(raised.value))
