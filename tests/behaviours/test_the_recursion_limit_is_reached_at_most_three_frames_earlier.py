"""Recursion to the interpreter's limit: two or three frames earlier, everything else as it was."""

import subprocess
import sys
import threading

import pytest


def deep(n):
    try:
        return deep(n + 1)
    except RecursionError:
        return n


def deep_to_the_top(n=0):
    return deep_to_the_top(n + 1)


def falls_into_generator(n):
    try:
        return next(falls(n))
    except RecursionError:
        return n


def falls(n):
    yield falls_into_generator(n + 1)


def again_in_the_handler(calls):
    calls.append(1)
    try:
        again_in_the_handler(calls)
    except RecursionError:
        again_in_the_handler(calls)


def again_in_a_finally(calls):
    calls.append(1)
    try:
        again_in_a_finally(calls)
    finally:
        again_in_a_finally(calls)


def hither(calls):
    calls.append(1)
    try:
        return thither(calls)
    except RecursionError:
        return len(calls)


def thither(calls):
    calls.append(1)
    try:
        return hither(calls)
    except RecursionError:
        return hither(calls)


def calls_until_it_ends(function, levels):
    """Run ``function`` with room for ``levels`` frames; return how often it was called."""
    frame, depth, calls = sys._getframe(), 0, []
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + levels)
    try:
        function(calls)
    except RecursionError:
        pass
    finally:
        sys.setrecursionlimit(limit)
    return len(calls)


class Node:
    """Recursion through methods of the interpreter's own choosing."""

    def __init__(self, child):
        self.child = child

    def __eq__(self, other):
        return self.child == other.child

    __hash__ = None


def chain():
    node = Node(0)
    for _ in range(100_000):
        node = Node(node)
    return node


def test_the_depth_differs_by_at_most_three(record):
    untraced = deep(0)
    with record() as spans:
        traced = deep(0)
    assert untraced - 3 <= traced <= untraced
    assert len(spans) == traced + 1


def test_every_frame_returns_its_own_value(record, tree):
    with record() as spans:
        depth = deep(0)
    named = {span.attributes["codetracer.arg.n"]: span for span in spans}
    assert {span.attributes["codetracer.return"] for span in spans} == {depth}
    assert [named[n].parent_span_id for n in range(1, depth + 1)] == [
        named[n].span_id for n in range(depth)
    ]


def test_the_exception_is_the_programs_own(record):
    with record() as spans, pytest.raises(RecursionError) as raised:
        deep_to_the_top()
    error = raised.value
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert set(frames[1:]) == {"deep_to_the_top"}
    assert error.__context__ is None
    assert {span.status.name for span in spans} == {"ERROR"}
    assert sum(len(span.events) for span in spans) <= 1


def test_generators_and_functions_in_turn_stay_balanced(record, tree):
    untraced = falls_into_generator(0)
    with record() as spans:
        traced = falls_into_generator(0)
    assert untraced - 3 <= traced <= untraced
    ids = {span.span_id for span in spans}
    assert sum(span.parent_span_id not in ids for span in spans) == 1
    assert 2 * traced + 2 - len(spans) in range(10)  # the deepest find no room to be recorded


def test_a_limit_reached_once_does_not_hurt_the_next_calls(record, tree):
    with record() as spans:
        for _ in range(3):
            deep(0)
            with pytest.raises(RecursionError):
                deep_to_the_top()
    roots = tree(spans).children(None)
    assert len(roots) == 6
    assert len({span.trace_id for span in spans}) == 6


def test_at_every_depth_below_the_limit_calls_and_their_errors_are_as_untraced(record):
    def fails():
        raise ValueError("mine")

    def at(depth):
        if depth:
            return at(depth - 1)
        try:
            fails()
        except ValueError:
            return "ValueError"
        except RecursionError:
            return "RecursionError"

    limit = sys.getrecursionlimit()

    def outcome(depth):
        try:
            return at(depth)
        except RecursionError:
            return "deeper"

    with record():
        outcomes = [outcome(depth) for depth in range(limit - 100, limit)]
    order = ["ValueError", "RecursionError", "deeper"]
    assert outcomes == sorted(outcomes, key=order.index)
    traced_limit = outcomes.index("deeper")
    untraced = [outcome(depth) for depth in range(limit - 100, limit)]
    assert untraced.count("ValueError") - outcomes.count("ValueError") <= 3
    assert traced_limit >= untraced.index("deeper") - 3


@pytest.mark.parametrize("function", [again_in_the_handler, again_in_a_finally, hither, thither])
def test_recursion_that_tries_again_ends_after_no_more_calls_than_untraced(record, function):
    # A start that found no room is not told to the program: it must not win more calls by that.
    untraced = [calls_until_it_ends(function, levels) for levels in range(6, 12)]
    with record():
        traced = [calls_until_it_ends(function, levels) for levels in range(6, 12)]
    assert all(few <= many for few, many in zip(traced, untraced, strict=True))
    assert all(few >= many / 8 for few, many in zip(traced, untraced, strict=True))


def test_a_thread_that_recurses_without_end_ends_as_untraced(record):
    def ending_of_thread():
        ended = []

        def run():
            try:
                deep_to_the_top()
            except RecursionError:
                ended.append(deep(0))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return ended[0]

    untraced = ending_of_thread()
    with record():
        traced = ending_of_thread()
    assert untraced - 3 <= traced <= untraced


def test_recursion_in_c_code_ends_as_untraced(record):
    first, second = chain(), chain()
    with record(), pytest.raises(RecursionError):
        assert first == second
    while first is not None:
        first = getattr(first, "child", None)
    while second is not None:
        second = getattr(second, "child", None)


AUDITED = """
import sys, traceback
import codetracer_otel as ct

def hook(event, arguments):
    pass

def f():
    f()

sys.addaudithook(hook)
filters = ct.filter_from_text('''
[meta]
name = "all"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "pkg:__main__"
exec = "trace"
''')
with ct.configure(filters, "none"):
    try:
        f()
    except RecursionError as error:
        names = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
        print(sorted(names), error.__context__)
"""


def test_an_audit_hook_written_in_python_changes_nothing(tmp_path):
    program = tmp_path / "audited.py"
    program.write_text(AUDITED)
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("['<module>', 'f'] None\n", "")
