"""``instrument``: a span for each call of a function, whatever kind of function it is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from codetracer_otel.instrumentation.manual.backend import SLOT
from codetracer_otel.instrumentation.manual.functions.generator_drivers import (
    AsyncGeneratorBody,
    Body,
    Steps,
    awaiting,
    delegate_to_async_generator,
    drive,
)
from codetracer_otel.instrumentation.manual.functions.instrumented_function import (
    InstrumentedFunction,
    Options,
)
from codetracer_otel.instrumentation.manual.functions.wrappers import build_wrapper
from codetracer_otel.instrumentation.topics import level_named, topic_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.instrumentation.manual.context import Parent
    from codetracer_otel.instrumentation.manual.span import HandWrittenSpan

Fields = Mapping[str, Callable[..., object]] | Iterable[str]


class Decorator:
    """Wraps one function after the other with the same options."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def __call__[F](self, function: F) -> F:
        """Return the function with its wrapper around it.

        Raises:
            ValueError: ``skip`` or ``fields`` name parameters that it does not have.
            TypeError: not a function.
        """
        wrapped: Any = function
        if isinstance(function, staticmethod | classmethod):
            return type(function)(self(function.__func__))
        if not callable(wrapped) or inspect.isclass(wrapped):
            raise TypeError(
                f"instrument: not a function, got {type(function).__name__}; expected a function, "
                "a method, or a static or class method"
            )
        instrumented = InstrumentedFunction(wrapped, self._options)
        wrapper = _wrapper_for(wrapped)(instrumented)
        functools.update_wrapper(wrapper, wrapped)
        return wrapper  # type: ignore[no-any-return]


def _wrapper_for(function: Callable[..., Any]) -> Callable[[InstrumentedFunction], Any]:
    if inspect.isasyncgenfunction(function):
        return _wrap_async_generator
    if inspect.iscoroutinefunction(function):
        return _wrap_coroutine
    if inspect.isgeneratorfunction(function):
        return _wrap_generator
    return _wrap_function


def _wrap_function(instrumented: InstrumentedFunction) -> Any:
    function = instrumented.function

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        backend = SLOT.current()
        span = None if backend is None else instrumented.start(backend, args, kwargs)
        if span is None:
            return function(*args, **kwargs)
        span.expect_call(instrumented.code)
        with span:
            try:
                result = function(*args, **kwargs)
            finally:
                span.call_begun()
            if instrumented.options.ret:
                span.add_result(result)
            return result

    return build_wrapper(function, SLOT, call)


def _wrap_coroutine(instrumented: InstrumentedFunction) -> Any:
    function = instrumented.function

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        backend = SLOT.current()
        if backend is None:
            return function(*args, **kwargs)
        running: Any = _run_coroutine(backend, instrumented, args, kwargs)
        running.__name__ = getattr(function, "__name__", running.__name__)
        running.__qualname__ = getattr(function, "__qualname__", running.__qualname__)
        return running

    return inspect.markcoroutinefunction(build_wrapper(function, SLOT, call))


async def _run_coroutine(
    backend: SpanBackend,
    instrumented: InstrumentedFunction,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    span = instrumented.start(backend, args, kwargs)
    awaitable = instrumented.function(*args, **kwargs)
    if span is None:
        return await awaitable
    running = awaitable if inspect.iscoroutine(awaitable) else awaiting(awaitable)
    return await Steps(running, _body(Body, span, instrumented))


def _wrap_generator(instrumented: InstrumentedFunction) -> Any:
    function = instrumented.function

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        generator = function(*args, **kwargs)
        backend = SLOT.current()
        span = None if backend is None else instrumented.start(backend, args, kwargs)
        return generator if span is None else drive(generator, _body(Body, span, instrumented))

    return build_wrapper(function, SLOT, call, is_generator=True)


def _wrap_async_generator(instrumented: InstrumentedFunction) -> Any:
    function = instrumented.function

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        generator = function(*args, **kwargs)
        backend = SLOT.current()
        span = None if backend is None else instrumented.start(backend, args, kwargs)
        return generator, None if span is None else _body(AsyncGeneratorBody, span, instrumented)

    return delegate_to_async_generator(begin)


def _body[B: Body](kind: type[B], span: HandWrittenSpan, instrumented: InstrumentedFunction) -> B:
    return kind(span, instrumented.code, keeps_result=instrumented.options.ret)


@overload
def instrument[F: Callable[..., Any]](name: F, /) -> F: ...
@overload
def instrument(
    name: str | None = None,
    *,
    topic: str = "app",
    level: str = "info",
    skip: Iterable[str] = (),
    skip_all: bool = False,
    fields: Fields = (),
    ret: bool = False,
    err: bool = True,
    parent: Parent | HandWrittenSpan | None = None,
    links: Sequence[object] = (),
) -> Decorator: ...
def instrument(
    name: Any = None,
    *,
    topic: str = "app",
    level: str = "info",
    skip: Iterable[str] = (),
    skip_all: bool = False,
    fields: Fields = (),
    ret: bool = False,
    err: bool = True,
    parent: Parent | HandWrittenSpan | None = None,
    links: Sequence[object] = (),
) -> Any:
    """Record each call as a span and, if its topic is printed, as a line.

    Works on functions, methods, static and class methods in either order, coroutines, generators
    and asynchronous generators. While nothing is traced, the function is called directly.

    Args:
        name: of the span; by default module and qualified name.
        topic: full or short name of a topic.
        level: ``error``, ``warn``, ``info``, ``debug`` or ``trace``.
        skip: parameters that are not recorded.
        skip_all: record no parameter.
        fields: either a mapping from names of fields to callables that compute them, or names of
            parameters whose containers are recorded as a whole. A callable gets the arguments
            that its own parameters are named after, otherwise the first ones.
        ret: record the return value.
        err: record an exception that leaves the function, and give the span the error status.
        parent: a span, a span context or a context of OpenTelemetry, instead of the current span.
        links: spans, span contexts or links of OpenTelemetry.

    Returns:
        A decorator.

    Raises:
        ValueError: an unknown topic or level; at decoration, an unknown parameter name.
    """
    if callable(name) or isinstance(name, staticmethod | classmethod):
        return instrument()(name)
    options = Options(
        name,
        topic_named(topic),
        level_named(level),
        frozenset(_names(skip)),
        skip_all,
        fields if isinstance(fields, Mapping) else dict.fromkeys(_names(fields)),
        ret,
        err,
        parent,
        tuple(links),
    )
    return Decorator(options)


def _names(names: Iterable[str]) -> Iterable[str]:
    return [names] if isinstance(names, str) else names
