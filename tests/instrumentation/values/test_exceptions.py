"""What a span keeps of an exception, and that no code of the program runs for it."""

import asyncio
import sys

import pytest

from codetracer_otel.instrumentation.values.exceptions import (
    describe_exception,
    ending_of,
    frames_of,
    message_of,
    type_name,
)
from codetracer_otel.model.record import Ending, stack_trace_text


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def fails(message="bad"):
    raise ValueError(message)


def passes_on():
    fails()


def test_an_exception_marks_every_frame_it_leaves_and_is_told_once(record):
    with record() as spans, pytest.raises(ValueError, match="bad"):
        passes_on()
    inner, outer = spans
    assert [span.status.name for span in spans] == ["ERROR", "ERROR"]
    assert [span.attributes["error.type"] for span in spans] == ["ValueError", "ValueError"]
    assert [event.name for event in inner.events] == ["exception"]
    assert outer.events == []


def test_the_event_has_type_message_and_a_trace_of_source_lines(record):
    with record() as spans, pytest.raises(ValueError, match="bad"):
        passes_on()
    attributes = spans[0].events[0].attributes
    assert attributes["exception.type"] == "ValueError"
    assert attributes["exception.message"] == "bad"
    assert "raise ValueError(message)" in attributes["exception.stacktrace"]
    assert "codetracer_otel" not in attributes["exception.stacktrace"]


def test_an_exception_caught_inside_leaves_no_mark(record):
    def catches():
        try:
            fails()
        except ValueError:
            return 1

    with record() as spans:
        catches()
    assert [span.status.name for span in spans] == ["ERROR", "UNSET"]


def test_an_exception_raised_again_from_another_is_told_where_it_began(record):
    def wraps():
        try:
            fails()
        except ValueError as error:
            raise KeyError("wrapped") from error

    with record() as spans, pytest.raises(KeyError):
        wraps()
    assert [span.events[0].attributes["exception.type"] for span in spans] == [
        "ValueError",
        "KeyError",
    ]


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (GeneratorExit(), Ending.CLOSED),
        (SystemExit(0), Ending.EXITED),
        (SystemExit(), Ending.EXITED),
        (SystemExit(None), Ending.EXITED),
        (SystemExit(3), Ending.RAISED),
        (SystemExit("text"), Ending.RAISED),
        (SystemExit(False), Ending.RAISED),
        (asyncio.CancelledError(), Ending.CANCELLED),
        (type("Mine", (asyncio.CancelledError,), {})(), Ending.CANCELLED),
        (StopIteration(), Ending.RAISED),
        (KeyboardInterrupt(), Ending.RAISED),
        (ValueError(), Ending.RAISED),
    ],
)
def test_how_a_span_ends_is_told_from_the_exceptions_type(error, ending):
    assert ending_of(error, "f") is ending


@pytest.mark.parametrize("function", ["__next__", "__anext__"])
def test_the_end_of_an_iterator_is_no_error(function):
    assert ending_of(StopIteration(), function) is Ending.CLOSED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), ""),
        (("text",), "text"),
        ((1,), "1"),
        (("a", 2), "('a', 2)"),
        ((None,), "None"),
        ((10**5000,), None),
        (("x" * 5000,), "x" * 1024),
        ((object(),), "<ValueError>"),
        (([1],), "<ValueError>"),
        (("\ud800",), "\ud800"),
    ],
)
def test_the_message_is_built_from_builtin_scalars_only(arguments, message):
    text = message_of(ValueError(*arguments), "ValueError")
    assert len(text) <= 1100
    assert message in (text, None)


def test_text_is_the_programs_own_where_asked():
    class Loud(Exception):
        def __str__(self):
            return "loud"

    assert message_of(Loud(), "Loud", with_text=True) == "loud"


def test_text_that_fails_is_the_types_name():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError

    assert message_of(Broken(), "Broken", with_text=True) == "<Broken>"


class Alive(BaseException):
    """An exception every method of which is a trap."""

    touched = []

    def __getattribute__(self, name):
        Alive.touched.append(name)
        return super().__getattribute__(name)

    def __str__(self):
        Alive.touched.append("__str__")
        return "x"

    __repr__ = __str__

    @property
    def __class__(self):
        Alive.touched.append("__class__")
        return ValueError

    @property
    def args(self):
        Alive.touched.append("args")
        return ()


def test_no_code_of_the_exception_runs(record):
    error = Alive("x")

    def raises():
        raise error

    def through():
        raises()

    caught = None
    with record() as spans:
        Alive.touched.clear()
        try:
            through()
        except BaseException as other:
            caught = other
        touched = list(Alive.touched)
    assert caught is error
    assert touched == []
    assert [span.attributes["error.type"].rpartition(".")[2] for span in spans] == ["Alive"] * 2


def test_a_metaclass_is_not_asked_for_the_name():
    class Meta(type):
        def __getattribute__(cls, name):
            raise AssertionError(name)

    class Odd(Exception, metaclass=Meta):
        pass

    assert type_name(Odd).endswith("Odd")


def test_names_are_full_and_builtins_short():
    assert type_name(ValueError) == "ValueError"
    assert type_name(asyncio.CancelledError) == "asyncio.exceptions.CancelledError"


def test_a_long_traceback_keeps_both_ends():
    def down(n):
        if not n:
            raise ValueError("deep")
        down(n - 1)

    try:
        down(100)
    except ValueError as error:
        frames = frames_of(error.__traceback__)
    assert len(frames) == 65
    assert "omitted" in frames[32][0]


def test_a_trace_text_reads_like_pythons():
    described = describe_exception(raised(KeyError("k")), 0)
    text = stack_trace_text(described)
    assert text.startswith("Traceback (most recent call last):\n  File ")
    assert text.endswith("KeyError: k")


def test_no_reference_to_the_exception_is_kept(record):
    class Tracked(Exception):
        pass

    import weakref

    def raises():
        raise Tracked("x")

    references = []
    with record():
        try:
            raises()
        except Tracked as error:
            references.append(weakref.ref(error))
        assert references[0]() is None


@pytest.mark.parametrize("verdict", ["redact", "drop"])
def test_a_redacted_result_hides_the_message_too(record, verdict):
    rules = (
        "[[scope.rules]]\nselector = 'obj:glob:*.fails'\n"
        "[[scope.rules.value_patterns]]\nselector = 'arg:glob:*'\naction = 'drop'\n"
        f"[[scope.rules.value_patterns]]\nselector = 'ret:glob:*'\naction = '{verdict}'\n"
    )
    with record(rules) as spans, pytest.raises(ValueError, match="s3cret"):
        fails("s3cret")
    assert "s3cret" not in repr(spans)


def test_the_traceback_of_the_program_has_no_frame_of_ours(record):
    with record():
        try:
            passes_on()
        except ValueError as error:
            files = {frame[0] for frame in frames_of(error.__traceback__)}
    assert files == {__file__}


def test_the_exception_being_handled_is_the_programs(record):
    seen = []

    def looks():
        seen.append(sys.exception())

    with record():
        try:
            fails()
        except ValueError as error:
            looks()
            assert seen == [error]
            assert error.__context__ is None
