"""Lets each allocation of a scenario fail in turn, once, and says what came of it.

usage: python no_memory.py SCENARIO     prints "points N": how many allocations there were

Events are delivered by hand, so that what fails is ours: a callback must return, the open calls
must come off the stack, and a call that is not recorded must have been told to the policy.
"""

import _testcapi
import functools
import gc
import sys
import traceback
from dataclasses import dataclass, field

from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.filters import filter_from_text
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.session import diagnostics
from codetracer_otel.sdk.session.configure import active_session, configure

MOST_POINTS = 2000
CHUNKFUL = 12  # calls of 32 KB: a chunk of the log has room for eight
SEVERAL = 100  # suspended generators: the table grows twice
ENOUGH = 25  # points in a row at which nothing was allocated any more
FILTER = f"""
[meta]
name = "no memory"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "file:glob:**{__file__}"
exec = "trace"
[[scope.rules.value_patterns]]
selector = "arg:glob:deliver*"
action = "drop"
"""


class Thing:
    def __init__(self):
        self.name, self.more = "thing", [1, {"deep": "x"}]


def plain(deliver, deliver_end, value):
    deliver()
    deliver_end()


def outer(deliver, deliver_end, act):
    """An open call, below which those that are tried stay in compiled code."""
    deliver()
    try:
        return act()
    finally:
        deliver_end()


def items(value):
    deliver = yield
    while True:
        deliver = yield deliver()


@dataclass
class Host:
    """A recorder to which events are delivered by hand.

    Attributes:
        told: what the policy was asked about.
        kept: generators that are suspended, all of them: none begins in the place of another.
        blocks: what was drained.
    """

    recorder: object
    told: list
    kept: list = field(default_factory=list)
    blocks: list = field(default_factory=list)

    def __post_init__(self):
        self.callbacks = self.recorder.callbacks()

    def event(self, name, code, *arguments):
        return functools.partial(self.callbacks[name], code, 0, *arguments)

    def call(self, function, value, end="PY_RETURN", result="text"):
        code = function.__code__
        deliver, deliver_end = self.event("PY_START", code), self.event(end, code, result)
        return lambda: function(deliver, deliver_end, value)

    def generator(self, value):
        code, generator = items.__code__, items(value)
        next(generator)
        send = generator.send
        begin, leave = self.event("PY_START", code), self.event("PY_YIELD", code, value)
        go_on, end = self.event("PY_RESUME", code), self.event("PY_RETURN", code, value)

        def steps():  # nothing in here needs memory
            send(begin)
            send(leave)
            send(go_on)
            send(leave)
            send(go_on)
            send(end)

        return steps

    def suspended(self, value):
        """Return what begins a generator and leaves it where it is; it is told as one goes on."""
        code, generator = items.__code__, items(value)
        next(generator)
        send = generator.send
        begin, leave = self.event("PY_START", code), self.event("PY_YIELD", code, value)
        self.kept.append(generator)

        def steps():
            send(begin)
            send(leave)

        return steps

    def below_a_call(self, act):
        code = outer.__code__
        deliver, deliver_end = self.event("PY_START", code), self.event("PY_RETURN", code, None)
        return outer(deliver, deliver_end, act)

    def drain(self):
        return self.recorder.drain(1 << 20)


def several(actions):
    rest = iter(actions)  # made here: to begin with it needs no memory

    def act():
        for action in rest:
            action()

    return act


def scenarios(host):
    """Return what is tried by name: what makes the action anew.

    None needs Python: what CPython itself does without memory is not tried here (3.12.1 crashes
    where a function cannot be made, 3.14.10 where an iterator of a dict cannot).
    """
    call = host.call
    return {
        "numbers": lambda: call(plain, 7, result=2**70),
        "texts": lambda: call(plain, "é" * 100, result="\ud800"),
        "containers": lambda: call(plain, [1, (2, "x"), {"a": {"b": None}}]),
        "objects": lambda: call(plain, Thing(), result=[Thing()]),
        "large": lambda: call(plain, ["x" * 500] * 30),
        "exceptions": lambda: call(plain, 1, "PY_UNWIND", ValueError("x")),
        "generators": lambda: host.generator([1]),
        "chunks": lambda: several([call(plain, ["x" * 1000] * 32) for _ in range(CHUNKFUL)]),
        "suspended": lambda: several([host.suspended(1) for _ in range(SEVERAL)]),
    }


COUNTS = {"chunks": CHUNKFUL, "suspended": 0}


def play(name):
    told = []
    diagnostics.build_boundary = lambda *_: told.append
    with configure(filter_from_text(FILTER), "none") as session:
        session.pause()
        # Nobody else drains: a call that Python records, as 3.13.0 has them, wakes the delivery.
        active_session()._pipeline.recorder = None
        host = Host(active_session()._leading.recorder, told)
        if name in READERS:
            return read_blocks(host, READERS[name])
        make = scenarios(host)[name]
        host.below_a_call(make())  # decided about, and classes known
        host.drain()
        return until_enough(lambda: attempt(host, make(), COUNTS.get(name, 1)))


def until_enough(one):
    points, quiet = 0, 0
    while quiet < ENOUGH:
        assert points < MOST_POINTS
        set_failing(points)
        quiet = 0 if one() else quiet + 1
        points += 1
    return points - ENOUGH


def set_failing(point):
    global failing
    failing = point


def attempt(host, action, count):
    """Let one allocation of an action fail; return whether it was reached."""
    host.told.clear()
    gc.collect()
    raised = host.below_a_call(lambda: run_failing(action))
    host.blocks.append(host.drain())  # its chunks are not free, and the next call needs others
    kept, told = len(host.blocks[-1]) - 1, len(host.told)
    assert raised is None, (failing, raised)
    assert host.recorder.current() is None, failing
    assert kept == count or told, (failing, kept)
    return told > 0


def run_failing(action):
    raised = None
    _testcapi.set_nomemory(failing, failing + 1)
    try:
        action()
    except BaseException as error:
        _testcapi.remove_mem_hooks()
        raised = error
    finally:
        _testcapi.remove_mem_hooks()
    if raised is not None:
        traceback.print_exception(raised)
    return raised


def read_blocks(host, read):
    """Let allocations fail while a block is taken and read: an error, or all that is right."""
    host.below_a_call(host.call(plain, 1))
    read(host.drain())  # what is made once is made
    expected = None

    def record_some():
        for value in (1, "text", [1, Thing(), {"a": "é"}], "password=hunter2"):
            host.call(plain, value)()
        host.generator(2)()

    def one():
        nonlocal expected
        host.below_a_call(record_some)
        found = []
        raised = run_failing(lambda: found.append(read(host.drain())))
        host.drain()
        if raised is None:
            expected = found[0] if expected is None else expected
            assert found[0] == expected, (failing, found[0], expected)
        else:
            assert isinstance(raised, MemoryError), raised
        return raised is not None

    return until_enough(one)


ENCODER = OtlpEncoder()


def encoded(block):
    return [len(request.body()) for request in ENCODER.requests(Batch(block, (), {}))]


READERS = {
    "records": lambda block: [len(record) for record in block],
    "outlines": lambda block: len(block.native.outlines()),
    "sizes": lambda block: sum(block.native.sizes()),
    "times": lambda block: len(block.native.times()),
    "plans": lambda block: len(block.native.plans),
    "split": lambda block: len(block.native.split({})),
    "otlp": encoded,
}

if __name__ == "__main__":
    print("points", play(sys.argv[1]))
