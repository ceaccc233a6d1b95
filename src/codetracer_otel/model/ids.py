"""Span and trace ids that no seed of the traced program repeats."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.id_generator import IdGenerator

from codetracer_otel.bindings import Os, Random
from codetracer_otel.model.record import wire_span_id

if TYPE_CHECKING:
    from collections.abc import Callable


def _seed() -> int:
    return int.from_bytes(Os.urandom(32), "big")


class RandomIds(IdGenerator):
    """Ids from a generator of our own, seeded by ``Os.urandom``; random in all bits."""

    def __init__(self) -> None:
        self._random = Random.Generator(_seed())

    def generate_span_id(self) -> int:
        """Return a non-zero 64-bit integer."""
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """Return a non-zero 128-bit integer."""
        return self._random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True, which is a flag of the trace."""
        return True

    def reseed(self) -> None:
        """Start anew from ``Os.urandom``; a forked child must not repeat its parent's ids."""
        self._random.seed(_seed())

    def follow(self, generator: IdGenerator) -> None:
        """Give the ids of ``generator`` from now on."""
        vars(self).update(
            generate_span_id=generator.generate_span_id,
            generate_trace_id=generator.generate_trace_id,
            is_trace_id_random=lambda: has_random_traces(generator),
        )

    @property
    def next_wire_span_id(self) -> Callable[[], int]:
        """The cheapest source of span ids in wire order: C code, 43 ns."""
        return partial(self._random.getrandbits, 64)


class ForeignIds(RandomIds):
    """Ids from the generator of a host's tracer provider.

    Args:
        generator: the host's; called on the program's threads.
    """

    def __init__(self, generator: IdGenerator) -> None:
        super().__init__()
        self._generator = generator

    def generate_span_id(self) -> int:
        """Return what the host's generator returns."""
        return self._generator.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return what the host's generator returns."""
        return self._generator.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Return what the host's generator says."""
        return has_random_traces(self._generator)

    @property
    def next_wire_span_id(self) -> Callable[[], int]:
        """A source of the host's span ids in wire order."""
        return lambda: wire_span_id(self._generator.generate_span_id())


def gives_random_ids(ids: IdGenerator) -> bool:
    """Return whether ids are plain random numbers, rather than those of another generator."""
    return type(ids) is RandomIds and "generate_span_id" not in vars(ids)


def has_random_traces(ids: object) -> bool:
    """Return whether a generator says that its trace ids are random, as W3C's level 2 asks it."""
    is_random = getattr(ids, "is_trace_id_random", None)
    return is_random is not None and is_random() is True


def wire_ids(ids: IdGenerator) -> Callable[[], int]:
    """Return a source of span ids in wire order for any id generator."""
    if gives_random_ids(ids):
        assert isinstance(ids, RandomIds)
        return ids.next_wire_span_id
    return lambda: wire_span_id(ids.generate_span_id())
