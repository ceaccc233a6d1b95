"""What the parts of the step recorder find out about code, variables and threads."""

from __future__ import annotations

import gc
import types
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.instrumentation.steps.callbacks import build_step_callbacks
from codetracer_otel.instrumentation.steps.namespace_variables import NamedVariables
from codetracer_otel.instrumentation.steps.rebinding import find_rebindings
from codetracer_otel.instrumentation.steps.thread_steps import ThreadSteps, unfinished_output
from codetracer_otel.instrumentation.steps.value_changes import (
    SAME,
    StepBudget,
    StepValues,
    looks_same,
)
from codetracer_otel.model.step_entries import OUTPUT, UNSET
from codetracer_otel.model.value import Node, NodeKind


def rebound(source):
    """Return line -> names that it can rebind of the one function in ``source``."""
    module = compile(source, "<made>", "exec")
    (code,) = [item for item in module.co_consts if isinstance(item, types.CodeType)]
    found = find_rebindings(code)
    return {line: set(names) for line, names in found.lines.items()}, set(found.always)


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("x = 1\n y = x", {2: {"x"}, 3: {"y"}}),
        ("x, y = 1, 2", {2: {"x", "y"}}),
        ("for i in a:\n  x = i", {2: {"i"}, 3: {"x"}}),
        ("del a\n return 1", {2: {"a"}}),
        ("with a as x:\n  pass", {2: {"x"}}),
        ("import os.path as x", {2: {"x"}}),
        ("if (x := a):\n  pass", {2: {"x"}}),
        ("print(a)", {}),
    ],
)
def test_a_line_rebinds_what_it_stores(body, lines):
    assert rebound(f"def f(a):\n {body}\n") == (lines, set())


def test_what_closures_share_changes_at_any_time():
    _, always = rebound("def f(a):\n x = 1\n def g():\n  nonlocal x\n  x = a\n return g\n")
    assert always == {"a", "x"}


def test_an_exceptions_name_is_unbound_behind_its_block():
    lines, _ = rebound("def f(a):\n try:\n  a()\n except E as e:\n  pass\n")
    assert "e" in lines[4] | lines.get(5, set())


class TracedCode:
    """Captures as the value capture does, and counts how often."""

    has_receiver = False

    def __init__(self):
        self.count = 0

    def capture(self, value, is_receiver=False):
        self.count += 1
        if isinstance(value, types.FunctionType):
            return Node(NodeKind.TEXT, "function", value.__qualname__)
        if isinstance(value, list):
            return Node(NodeKind.LIST, "list", tuple(value))
        return value


def values_of(traced_code):
    return StepValues(traced_code, None, -1, StepBudget())


def test_a_value_that_looks_the_same_is_no_change():
    traced_code, last = TracedCode(), [UNSET]
    values = values_of(traced_code)
    assert values.capture(0, [1], last).items == (1,)
    assert values.capture(0, [1], last) is SAME
    assert values.capture(0, [True], last).items == (True,)
    assert values.capture(0, UNSET, last) is UNSET
    assert last == [UNSET]


SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.builds(
        Node,
        st.sampled_from([NodeKind.LIST, NodeKind.TUPLE]),
        st.just("list"),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


@settings(max_examples=examples(100))
@given(TREES, TREES)
def test_values_look_the_same_where_their_texts_and_types_do(one, other):
    assert looks_same(one, one)
    assert looks_same(one, other) == (repr(one) == repr(other) or both_zero(one, other))


def both_zero(one, other):
    """Whether the two differ in the sign of zeros only."""
    return repr(one).replace("-0.0", "0.0") == repr(other).replace("-0.0", "0.0")


def named(traced_code, names):
    plain = frozenset(map(id, (type(None), bool, int, float, type(UNSET))))
    return NamedVariables(names, 0, values_of(traced_code), plain, are_globals=True)


class Frame:
    """A running frame, as far as names are looked up in it."""

    def __init__(self, namespace):
        self.f_globals = namespace


def frame_of(names):
    return [None, None, [UNSET] * len(names), 0, (), (UNSET,) * len(names), None]


def test_a_function_that_calls_name_is_captured_once_for_all_calls():
    def helper():
        pass

    traced_code = TracedCode()
    variables = named(traced_code, ("helper", "limit"))
    place = Frame({"helper": helper, "limit": 3})
    entries = []
    for _ in range(3):
        frame = frame_of(variables.names)
        entries.append(variables.changes(place, frame, 7, None))
        assert variables.changes(place, frame, 8, None) is None
    first = entries[0][2]
    assert [entry[0] for entry in entries] == [7, 7, 7]
    assert all(entry[2] is first and entry[3:] == [1, 3] for entry in entries)
    assert traced_code.count == 1


def test_a_name_that_stands_for_something_else_is_captured_anew():
    def one():
        pass

    def two():
        pass

    traced_code = TracedCode()
    variables = named(traced_code, ("helper",))
    place = Frame({"helper": one})
    frame = frame_of(variables.names)
    assert variables.changes(place, frame, 1, None)[2].items.endswith("one")
    place.f_globals["helper"] = two
    assert variables.changes(place, frame, 2, [2, 9, 9])[-1].items.endswith("two")
    del place.f_globals["helper"]
    assert variables.changes(place, frame, 3, None) == [3, 0, UNSET]
    assert variables.changes(place, frame, 4, None) is None


def test_what_was_captured_is_not_kept_alive():
    def helper():
        pass

    variables = named(TracedCode(), ("helper",))
    variables.changes(Frame({"helper": helper}), frame_of(variables.names), 1, None)
    alive = weakref.ref(helper)
    del helper
    gc.collect()
    assert alive() is None


def test_a_namespace_made_by_the_program_is_not_asked():
    class Namespace:
        def get(self, name, default):
            raise AssertionError(name, default)

    variables = named(TracedCode(), ("x",))
    assert variables.changes(Frame(Namespace()), frame_of(variables.names), 1, None) is None


def test_a_namespace_made_by_the_program_is_not_asked_what_it_is():
    asked = []

    class Namespace:
        @property
        def __class__(self):
            asked.append("__class__")
            return dict

    variables = named(TracedCode(), ("x",))
    assert variables.changes(Frame(Namespace()), frame_of(variables.names), 1, None) is None
    assert asked == []


def test_output_at_the_end_waits_once_for_the_rest_of_its_line():
    steps = ThreadSteps(1)
    steps.entries = [3, (OUTPUT, "stdout", "a", "", 0), (OUTPUT, "stdout", "b", "", 0)]
    assert unfinished_output(steps) == 2
    assert unfinished_output(steps) == 0
    assert unfinished_output(steps) == 2
    steps.entries += [(OUTPUT, "stdout", "c", "", 0)] * 100
    assert unfinished_output(steps) == 0


class Interrupted:
    """What a callback asks first; a signal arrives as it does."""

    @property
    def steps(self):
        raise KeyboardInterrupt

    def get(self, _key):
        raise KeyboardInterrupt


class Cramped:
    """The recorder of a program that stands at its recursion limit."""

    traced_codes = local = Interrupted()
    suspended = {}
    max_entries = max_bytes = 1
    line_events = on_root = None
    exception_text = False
    new_thread = on_unknown = budget = wait_for_room = resync_to = keep_suspended = is_ours = None

    def error_boundary(self, _error):
        raise RecursionError


@pytest.mark.parametrize(
    ("event", "facts"),
    [
        ("PY_START", [0]),
        ("PY_RESUME", [0]),
        ("PY_THROW", [0, ValueError()]),
        ("LINE", [1]),
        ("PY_RETURN", [0, None]),
        ("PY_YIELD", [0, None]),
        ("PY_UNWIND", [0, ValueError()]),
    ],
)
def test_an_interrupt_for_which_there_is_no_room_to_be_judged_goes_on(event, facts):
    callback = build_step_callbacks(Cramped())[event]
    with pytest.raises(KeyboardInterrupt):
        callback(frame_of.__code__, *facts)
