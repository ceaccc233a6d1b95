"""Reading variables of a running frame without a trace of it."""

import sys

import pytest

from codetracer_otel.instrumentation.values.frame_variables import (
    HAS_LIVE_F_LOCALS,
    read_variables,
    reads_one_by_one,
    variable_reader,
)

MISSING = object()


def here():
    return sys._getframe(1)


def test_arguments_locals_cells_and_free_variables_are_read():
    free = "free"

    def function(argument, *rest, **named):
        local = 1
        cell = local + 1
        frame = here()
        names = ("argument", "rest", "named", "local", "cell", "free", "later", "never")
        values = read_variables(frame, names, MISSING)
        later = (lambda: cell, free)
        return values, later

    values, _ = function(0, 5, key=6)
    assert values == [0, (5,), {"key": 6}, 1, 2, "free", MISSING, MISSING]


def test_a_deleted_variable_is_missing():
    def function(argument):
        del argument
        return read_variables(here(), ("argument",), MISSING)

    assert function(1) == [MISSING]


def test_module_variables_are_read():
    namespace = {"here": here, "read": read_variables}
    exec("x = 1\nvalues = read(here(), ('x', 'y'), None)", namespace)
    assert namespace["values"] == [1, None]


def test_one_variable_is_read_through_the_c_api():
    def function(argument):
        return variable_reader()(here(), "argument")

    assert function("value") == "value"


def test_a_variable_without_a_value_is_a_name_error():
    free = False

    def function():
        if free:
            unbound = 1
        with pytest.raises(NameError):
            variable_reader()(here(), "unbound")
        return [unbound for _ in ()]

    function()


def test_the_dict_that_the_program_holds_does_not_change():
    def function():
        a = 1
        held = locals()
        b = 2
        read_variables(here(), ("a", "b"), MISSING)
        return sorted(held), a, b

    assert function()[0] == ["a"]


def few(a):
    return a


def many(a):
    b = c = d = e = f = g = a
    return b, c, d, e, f, g


def holds(a):
    return locals(), a


@pytest.mark.parametrize(("function", "expected"), [(few, False), (many, True), (holds, True)])
def test_on_3_12_the_cheaper_or_safer_way_is_chosen(function, expected):
    assert reads_one_by_one(function.__code__, ("a",)) is (expected and not HAS_LIVE_F_LOCALS)


class Namespace:
    """What ``__prepare__`` may return: a mapping that is no dict and tells who asks it."""

    def __init__(self):
        self.values, self.asked = {}, []

    def __getitem__(self, name):
        return self.values[name]

    def __setitem__(self, name, value):
        self.values[name] = value

    def get(self, name, default=None):
        self.asked.append(name)
        return default

    __contains__ = get


class Strict(dict):
    """A dict whose methods are the program's."""

    def get(self, name, default=None):
        raise SystemError(name, default)

    __contains__ = get


def prepared(make):
    class Meta(type):
        @classmethod
        def __prepare__(cls, _name, _bases):
            return make()

        def __new__(cls, name, bases, namespace):
            values = namespace if make is Strict else namespace.values
            return super().__new__(cls, name, bases, {**values})

    return Meta


def test_a_namespace_that_is_no_dict_is_not_asked():
    namespace = Namespace()
    namespace["here"], namespace["read"] = here, read_variables
    exec("x = 1\nvalues = read(here(), ('x', 'y'), None)", {}, namespace)
    assert namespace["values"] == [None, None]
    assert namespace.asked == []


def class_bodies(metaclass):
    class Body(metaclass=metaclass):
        size = 1
        password = "hush"

        def method(self):
            return self.size

    return Body().method()


@pytest.mark.parametrize(("make", "seen"), [(Namespace, {}), (Strict, {"size": 1})])
def test_a_class_body_is_recorded_whatever_namespace_it_has(record, make, seen):
    with record(capture={"locals"}) as spans:
        assert class_bodies(prepared(make)) == 1
    (body,) = [span for span in spans if span.name.endswith(".Body")]
    shown = body.attributes.items()
    assert {key[17:]: value for key, value in shown if key.endswith(".local.size")} == seen
    assert "hush" not in str(body.attributes)
    assert [span for span in spans if span.name.endswith(".method")]
