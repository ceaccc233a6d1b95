"""Whose fault an exception in a callback is, and what becomes of it."""

import pytest

import codetracer_otel.filters as ours
from codetracer_otel.instrumentation.monitoring.activation import (
    build_boundary,
    is_defect,
)


def caught(function, *arguments):
    try:
        function(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def is_ours(file):
    return file == ours.filter_from_text.__code__.co_filename


def fails():
    raise ValueError("the program's")


def test_what_was_raised_in_our_files_is_our_defect():
    error = caught(exec, compile("1 / 0", "ours.py", "exec"))
    assert is_defect(error, lambda file: file == "ours.py")


def test_what_was_raised_in_the_programs_files_is_not():
    assert not is_defect(caught(fails), is_ours)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RecursionError(), SystemExit(1)])
def test_interrupts_and_the_end_of_the_stack_are_never_our_defect(error):
    assert not is_defect(caught(exec, "raise error", {"error": error}), lambda _file: True)


def test_a_defect_goes_to_the_policy():
    failures = []
    error_boundary = build_boundary(failures.append, lambda _file: True)
    error = caught(fails)
    error_boundary(error)
    assert failures == [error]


def test_what_is_the_programs_is_raised_into_it():
    failures = []
    error_boundary = build_boundary(failures.append, lambda _file: False)
    error = caught(fails)
    with pytest.raises(ValueError, match="program's") as raised:
        error_boundary(error)
    assert raised.value is error
    assert failures == []


def test_what_the_standard_library_raises_below_us_is_a_defect():
    ours = compile("import json\njson.loads('x')", "ours.py", "exec")
    namespace = {}
    error = caught(exec, ours, namespace)
    assert is_defect(error, lambda file: file in ("ours.py", __file__))


def test_what_a_handler_of_the_program_raises_by_the_standard_library_is_none():
    handler = compile("import json\njson.loads('x')", "handler.py", "exec")
    ours = compile("exec(handler, {})", "ours.py", "exec")
    error = caught(exec, ours, {"handler": handler})
    assert not is_defect(error, lambda file: file in ("ours.py", __file__))
