"""We keep no reference to an object of the program after its call, nor delay its end."""

import dataclasses
import gc
import sys
import typing
import weakref

import pytest


class Thing:
    """Something to refer to weakly."""


def is_dead_after_del(thing):
    reference = weakref.ref(thing)
    del thing
    return reference() is None


def with_many_locals(thing):
    reference = weakref.ref(thing)
    del thing
    a = b = c = d = e = f = g = h = reference
    return reference() is None and (a, b, c, d, e, f, g, h) is not None


def with_cell(thing):
    reference = weakref.ref(thing)

    def inner():
        return thing  # noqa: F821 - that it is unbound by then is the point

    del thing
    return reference() is None and inner is not None


def with_rest(*things):
    reference = weakref.ref(things[0])
    del things
    return reference() is None


def with_keywords(**things):
    reference = weakref.ref(things["thing"])
    del things
    return reference() is None


def generator(thing):
    reference = weakref.ref(thing)
    del thing
    yield reference() is None


def gives(thing):
    return thing


def raises(thing):
    raise ValueError(thing)


@pytest.mark.parametrize("function", [is_dead_after_del, with_many_locals, with_cell, with_rest])
def test_inside_the_function(record, function):
    untraced = function(Thing())
    with record():
        first = function(Thing())
        second = function(Thing())
    assert (untraced, first, second) == (True, True, True)


def test_as_a_keyword(record):
    with record():
        is_dead = with_keywords(thing=Thing())
    assert is_dead


def test_in_a_generator(record):
    with record():
        is_dead = next(generator(Thing()))
    assert is_dead


@pytest.mark.parametrize("capture", [("args", "return"), ("args", "return", "locals", "globals")])
def test_after_the_call(record, capture):
    with record(capture=capture):
        thing = Thing()
        reference = weakref.ref(thing)
        gives(thing)
        gives([thing, {"key": thing}])
        list(generator(thing))
        try:
            raises(thing)
        except ValueError:
            pass
        del thing
        assert reference() is None


def test_the_number_of_references_is_the_same_in_a_call(record):
    def count(thing):
        return sys.getrefcount(thing)

    untraced = count(Thing())
    with record():
        assert [count(Thing()), count(Thing())] == [untraced, untraced]


def test_a_suspended_generator_keeps_only_what_it_would(record):
    def waits(thing):
        yield 1

    with record():
        thing = Thing()
        reference = weakref.ref(thing)
        suspended = waits(thing)
        next(suspended)
        del thing
        assert reference() is not None
        suspended.close()
        assert reference() is None


def test_a_generator_that_nobody_holds_is_collected_at_once(record):
    ended = []

    def waits():
        try:
            yield 1
        finally:
            ended.append(True)

    with record():
        suspended = waits()
        next(suspended)
        del suspended
        assert ended == [True]


def test_code_that_is_compiled_and_dropped_is_collected(record):
    from codetracer_otel.sdk.session.configure import active_session

    with record():
        namespace = {}
        source = compile("def fresh():\n    return 1\n", __file__, "exec")
        exec(source, namespace)
        namespace["fresh"]()
        reference = weakref.ref(namespace["fresh"].__code__)
        namespace.clear()
        del source
        active_session().flush()
        gc.collect()
        assert reference() is None


def class_with_a_dictionary():
    class Plain:
        def __init__(self):
            self.field = 1

    return Plain


def class_with_slots():
    class Slotted:
        __slots__ = ("__weakref__", "field")

        def __init__(self):
            self.field = 1

    return Slotted


def class_that_inherits():
    return type("Derived", (class_with_a_dictionary(), class_with_slots()), {})


def dataclass_with_a_dictionary():
    return dataclasses.make_dataclass("Data", [("field", int, 1)])


def dataclass_with_slots():
    return dataclasses.make_dataclass("Data", [("field", int, 1)], slots=True)


def named_tuple():
    class Named(typing.NamedTuple):
        field: int = 1

    return Named


def error():
    class OwnError(Exception):
        pass

    return OwnError


def number():
    class Number(int):
        pass

    return Number


CLASSES = [
    class_with_a_dictionary,
    class_with_slots,
    class_that_inherits,
    dataclass_with_a_dictionary,
    dataclass_with_slots,
    named_tuple,
    error,
    number,
]


@pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.__name__)
def test_a_class_of_the_program_dies_after_its_instances_were_arguments(record, make):
    with record():
        kind = make()
        reference = weakref.ref(kind)
        gives(kind())
        gives([kind()])
        gives(kind)
        del kind
        gc.collect()
        assert reference() is None
