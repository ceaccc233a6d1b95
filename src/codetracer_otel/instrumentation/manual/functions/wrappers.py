"""Builds wrappers with their function's own parameters.

A wrapper that takes ``*args, **kwargs`` and passes them on costs 200 ns; one that names its
parameters costs 50, and says at the call, not at the first step, that an argument is missing.
"""

from __future__ import annotations

import inspect
import os.path
import types
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.instrumentation.manual.backend import BackendSlot

# In our directory, so that the recorder knows the wrappers as ours; no such file exists.
_FILE: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "<wrapper>")
_OWN: Final = "_codetracer_"

_PLAIN: Final = """\
def _codetracer_build(_codetracer_function, _codetracer_slot, _codetracer_call):
    def wrapper({parameters}):
        if _codetracer_slot.active is None:
            return _codetracer_function({passed})
        return _codetracer_call(({positional}), {{{named}}})
    return wrapper
"""
_GENERATOR: Final = """\
def _codetracer_build(_codetracer_function, _codetracer_slot, _codetracer_call):
    def wrapper({parameters}):
        if _codetracer_slot.active is None:
            return (yield from _codetracer_function({passed}))
        return (yield from _codetracer_call(({positional}), {{{named}}}))
    return wrapper
"""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The parameters of a code object, by kind; no name is None."""

    positional_only: tuple[str, ...]
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    rest: str | None
    keywords: str | None

    @property
    def names(self) -> tuple[str, ...]:
        rest = tuple(name for name in (self.rest, self.keywords) if name is not None)
        return (*self.positional_only, *self.positional, *self.keyword_only, *rest)


def build_wrapper(
    function: Callable[..., Any],
    slot: BackendSlot,
    call: Callable[[tuple[Any, ...], dict[str, Any]], Any],
    *,
    is_generator: bool = False,
) -> Any:
    """Return a function that calls ``function`` while nothing is traced, and else ``call``.

    Args:
        function: of any kind but an asynchronous generator function.
        slot: asked at each call.
        call: takes the positional arguments and the keyword arguments of one call.
        is_generator: the wrapper is a generator function, too, and delegates.
    """
    parameters = _parameters_of(function)
    source = _source(parameters, _GENERATOR if is_generator else _PLAIN)
    namespace: dict[str, Any] = {}
    exec(_compile(source), namespace)  # noqa: S102 - of nothing but parameter names
    wrapper = namespace["_codetracer_build"](function, slot, call)
    if isinstance(function, types.FunctionType) and parameters is not _ANY:
        wrapper.__defaults__ = function.__defaults__
        wrapper.__kwdefaults__ = function.__kwdefaults__
    return wrapper


_ANY: Final = _Parameters((), (), (), "args", "kwargs")


def _parameters_of(function: Callable[..., Any]) -> _Parameters:
    if not isinstance(function, types.FunctionType):
        return _ANY
    code = function.__code__
    only, count, named = code.co_posonlyargcount, code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    more = list(names[count + named :])
    found = _Parameters(
        names[:only],
        names[only:count],
        names[count : count + named],
        more.pop(0) if code.co_flags & inspect.CO_VARARGS else None,
        more.pop(0) if code.co_flags & inspect.CO_VARKEYWORDS else None,
    )
    usable = all(name.isidentifier() and not name.startswith(_OWN) for name in found.names)
    return found if usable else _ANY


def _source(parameters: _Parameters, template: str) -> str:
    positional = [*parameters.positional_only, *parameters.positional]
    rest = [] if parameters.rest is None else [f"*{parameters.rest}"]
    keywords = [] if parameters.keywords is None else [f"**{parameters.keywords}"]
    marked = [*parameters.positional_only, "/"] if parameters.positional_only else []
    star = rest or (["*"] if parameters.keyword_only else [])
    passed = [f"{name}={name}" for name in parameters.keyword_only]
    named = [f"{name!r}: {name}" for name in parameters.keyword_only]
    return template.format(
        parameters=", ".join(
            [*marked, *parameters.positional, *star, *parameters.keyword_only, *keywords]
        ),
        passed=", ".join([*positional, *rest, *passed, *keywords]),
        positional="".join(f"{name}, " for name in [*positional, *rest]),
        named=", ".join([*named, *keywords]),
    )


@lru_cache(maxsize=256)
def _compile(source: str) -> types.CodeType:
    return compile(source, _FILE, "exec")
