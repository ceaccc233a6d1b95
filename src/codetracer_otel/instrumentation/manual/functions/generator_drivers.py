"""Runs generators and coroutines under a span that is current only while their body runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from codetracer_otel.instrumentation.manual.span import HandWrittenSpan


class Body:
    """Steps a generator or coroutine under a span, and ends the span with it.

    Args:
        span: has been started.
        code: of the body, whose first step the recorder may see.
        keeps_result: whether the return value becomes part of the line.
    """

    __slots__ = ("_code", "_keeps_result", "span")

    def __init__(self, span: HandWrittenSpan, code: Any, *, keeps_result: bool) -> None:
        self.span = span
        self._code = code
        self._keeps_result = keeps_result
        span.suspends = True

    def step(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Run the body until it hands control out; its exceptions are raised on."""
        self._begin_step()
        try:
            return action(*arguments)
        except StopIteration as stop:
            self.finish(stop.value)
            raise
        except BaseException as error:
            self.span.end(error)
            raise
        finally:
            self._end_step()

    def _begin_step(self) -> None:
        if self._code is not None:
            self.span.expect_call(self._code)
        self.span.enter()

    def _end_step(self) -> None:
        self.span.leave()
        if self._code is not None:
            self._code = None
            self.span.call_begun()

    def finish(self, result: object = None) -> None:
        """End the span: the body has returned."""
        if self._keeps_result:
            self.span.add_result(result)
        self.span.end()


class AsyncGeneratorBody(Body):
    """Steps an asynchronous generator: what ends a step is an item, not the body."""

    __slots__ = ()

    def step(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Run the body until it awaits or yields; its exceptions are raised on."""
        self._begin_step()
        try:
            return action(*arguments)
        except StopIteration:
            raise
        except StopAsyncIteration:
            self.span.end()
            raise
        except BaseException as error:
            self.span.end(error)
            raise
        finally:
            self._end_step()


def drive(running: Any, body: Body) -> Generator[Any, Any, Any]:
    """Delegate to ``running``, a generator or what an ``await`` runs, as ``yield from`` does."""
    argument: Any
    action, argument = running.send, None
    while True:
        try:
            item = body.step(action, argument)
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield item
        except GeneratorExit as leaving:
            result = body.step(running.close)
            body.span.end(leaving)
            if result is None:
                raise
            return result  # CPython 3.13: close() hands it on
        except BaseException as error:  # noqa: BLE001 - thrown in from outside
            action, argument = running.throw, error
        else:
            action, argument = running.send, sent


class Steps:
    """Awaits ``running``, a coroutine or one step of an asynchronous generator, under a span."""

    __slots__ = ("_body", "_running")

    def __init__(self, running: Any, body: Body) -> None:
        self._running = running
        self._body = body

    def __await__(self) -> Generator[Any, Any, Any]:
        return drive(self._running, self._body)


async def awaiting(awaitable: Awaitable[Any]) -> Any:
    """Make a coroutine of anything that can be awaited."""
    return await awaitable


def delegate_to_async_generator(
    begin: Callable[..., tuple[AsyncGenerator[Any, Any], AsyncGeneratorBody | None]],
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Return an asynchronous generator function that delegates, which Python has no syntax for.

    Args:
        begin: returns what to delegate to, and the body that steps it under a span, or None.
    """

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator, body = begin(args, kwargs)
        step: Any = generator.asend(None)
        while True:
            try:
                item = await (step if body is None else Steps(step, body))
            except StopAsyncIteration:
                return
            try:
                sent = yield item
            except GeneratorExit as leaving:
                closing: Any = generator.aclose()
                await (closing if body is None else Steps(closing, body))
                if body is not None:
                    body.span.end(leaving)
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the consumer
                step = generator.athrow(error)
            else:
                step = generator.asend(sent)

    return wrapper
