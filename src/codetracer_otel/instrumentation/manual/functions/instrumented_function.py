"""Holds what ``instrument`` knows about a function, and makes the span of one call of it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.instrumentation.manual.span import HandWrittenSpan
from codetracer_otel.main_module import module_called
from codetracer_otel.model.value import Captured, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType

    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicy
    from codetracer_otel.instrumentation.topics import Level

# By id: asking a dict for a type would call the hash that a metaclass of the program gives it.
_LENGTHS: Final[dict[int, Callable[[Any], int]]] = {
    id(kind): kind.__len__ for kind in (list, tuple, dict, set, frozenset, bytes, bytearray)
}
_CONTAINERS: Final = frozenset(
    {NodeKind.LIST, NodeKind.TUPLE, NodeKind.SET, NodeKind.MAPPING, NodeKind.STRUCT}
)
_RECEIVERS: Final = frozenset({"self", "cls", "mcs"})
_NO_CODE: Final = (lambda: None).__code__


@dataclass(frozen=True, slots=True)
class Options:
    """How calls are recorded; see ``instrument``.

    Attributes:
        fields: callables by field name; None for a parameter that is recorded as a whole.
    """

    name: str | None
    topic: str
    level: Level
    skip: frozenset[str]
    skip_all: bool
    fields: Mapping[str, Callable[..., object] | None]
    ret: bool
    err: bool
    parent: Any
    links: tuple[object, ...]


class InstrumentedFunction:
    """A function with its options, checked once.

    Args:
        function: plain, no static or class method.
        options: as they were given.

    Raises:
        ValueError: ``skip`` or ``fields`` name parameters that the function does not have.
    """

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        self.function = function
        self.options = options
        self.code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
        self._namespace: Mapping[str, Any] = getattr(function, "__globals__", {})
        self._module = module_called(str(getattr(function, "__module__", "") or ""))
        qualname = getattr(function, "__qualname__", type(function).__qualname__)
        self._function_name = f"{self._module}.{qualname}" if self._module else qualname
        self._name = options.name or self._function_name
        self._signature = _signature_of(function)
        self._plain = _plain_parameters(self._signature)
        self._attributes = self._code_attributes()
        self._readers = {
            name: _parameter_names(reader)
            for name, reader in options.fields.items()
            if reader is not None
        }
        self._check_names()

    def _check_names(self) -> None:
        known = self._signature.parameters if self._signature is not None else {}
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
            return
        whole = {name for name, reader in self.options.fields.items() if reader is None}
        for subject, names in (("skip", self.options.skip), ("fields", whole)):
            unknown = sorted(names - set(known))
            if unknown and self._signature is not None:
                expected = ", ".join(known) or "nothing, for it has no parameters"
                raise ValueError(
                    f"{subject}: {self._function_name} has no parameter of this name, "
                    f"got {', '.join(unknown)}; expected {expected}"
                )

    def start(
        self, backend: SpanBackend, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HandWrittenSpan | None:
        """Return the started span of one call, or None where we failed."""
        try:
            return self._start(backend, self._bind(args, kwargs), args)
        except Exception as failure:  # noqa: BLE001 - the program goes on
            backend.failed(failure)
            return None

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._signature is None:
            return {}
        if self._plain is not None:  # saves ten times its price
            positional, named = self._plain
            if len(args) == len(positional) and kwargs.keys() == named.keys():
                return {**dict(zip(positional, args, strict=True)), **named, **kwargs}
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return {}  # the call will fail, or some decorator changes what it is given
        bound.apply_defaults()
        return bound.arguments

    def _start(
        self, backend: SpanBackend, bound: dict[str, Any], args: tuple[Any, ...]
    ) -> HandWrittenSpan:
        options = self.options
        field_policy = backend.field_policies.about(self.code or _NO_CODE, self._namespace)
        span = HandWrittenSpan(backend, self._name, options.topic, options.level, field_policy)
        span.emits_errors = options.err
        span.content.skipped = None if options.skip_all else options.skip
        self._add_arguments(span, bound, field_policy)
        for name, reader in options.fields.items():
            if reader is not None:
                span.add_fields({name: _read(reader, self._readers[name], bound, args)})
        return span.start(
            parent=options.parent, links=options.links, attributes=dict(self._attributes)
        )

    def _add_arguments(
        self, span: HandWrittenSpan, bound: dict[str, Any], field_policy: FieldPolicy
    ) -> None:
        if self.options.skip_all:
            return
        first = next(iter(bound), None)
        told = [
            (name, value if name in self.options.fields else _shallow(value))
            for name, value in bound.items()
            if name not in self.options.skip and not (name == first and name in _RECEIVERS)
        ]
        span.content.arguments = {
            name: value if name in self.options.fields else _summary(value)
            for name, value in field_policy.arguments(told).items()
        }

    def _code_attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {"code.function.name": self._function_name}
        if self.code is not None:
            attributes["code.file.path"] = self.code.co_filename
            attributes["code.line.number"] = self.code.co_firstlineno
        return attributes


def _signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None  # C code that does not tell


def _plain_parameters(
    signature: inspect.Signature | None,
) -> tuple[tuple[str, ...], dict[str, None]] | None:
    """Return positional and keyword-only names; None where a parameter takes what is left."""
    parameters = () if signature is None else tuple(signature.parameters.values())
    if any(it.kind in (it.VAR_POSITIONAL, it.VAR_KEYWORD) for it in parameters):
        return None
    named = dict.fromkeys(it.name for it in parameters if it.kind is it.KEYWORD_ONLY)
    return tuple(it.name for it in parameters if it.name not in named), named


def _parameter_names(reader: Callable[..., object]) -> tuple[str, ...]:
    signature = _signature_of(reader)
    return () if signature is None else tuple(signature.parameters)


def _read(
    reader: Callable[..., object],
    names: tuple[str, ...],
    bound: dict[str, Any],
    args: tuple[Any, ...],
) -> object:
    """Return what a field's callable computes for the call; its failure is recorded, not raised."""
    try:
        if all(name in bound for name in names):
            return reader(*[bound[name] for name in names])
        return reader(*[*args, *bound.values()][: len(names)])
    except Exception as error:  # noqa: BLE001 - code of the program, run for a diagnostic
        return f"<raised {type(error).__qualname__}>"


def _shallow(value: object) -> object:
    """Return a container's type and length, without a look at what is in it."""
    length = _LENGTHS.get(id(type(value)))
    return value if length is None else f"{type(value).__name__}[{length(value)}]"


def _summary(value: Captured) -> Captured:
    """Return the type and length of what turned out to be a container."""
    if type(value) is not Node:
        return value
    if value.kind is NodeKind.BYTES:
        return f"{value.type_name}[{value.omitted}]"
    if value.kind in _CONTAINERS:
        return f"{value.type_name}[{len(value.items) + value.omitted}]"
    return value
