"""The filters that a command asks without a session: the same ones, in the same order, as `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.errors import configuration_error
from codetracer_otel.filters import (
    builtin_sources,
    filters_discovered,
    load_chain,
    parse_stated_chain,
)
from codetracer_otel.sdk.settings.filter_loading import (
    filters_of_environment,
    source_of_environment,
)
from codetracer_otel.sdk.settings.model import from_process_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codetracer_otel.filters import FilterSource
    from codetracer_otel.filters.language.chain import FilterChain


def given_sources(texts: Iterable[str]) -> list[FilterSource]:
    """Return the environment's filters, then those of ``texts``, chains as ``--trace-filter`` has.

    Raises:
        ConfigurationError: a text names no file, or the variable a URL.
    """
    paths, problems = filters_of_environment(from_process_environment())
    if problems:
        raise configuration_error(problems)
    stated = [source for text in texts for source in parse_stated_chain(text)]
    return [*map(source_of_environment, paths), *stated]


def load_asked(
    project: str | None, given: Sequence[FilterSource], *, default: bool = True
) -> FilterChain:
    """Return the chain of the builtin filter, the project's own where it has one, and ``given``.

    Args:
        project: path of the project's filter file, or None.
        given: what `given_sources` returned.
        default: whether the builtin filter stands first.

    Raises:
        FilterError: one of them is not valid.
    """
    found = filters_discovered(project, given)
    return load_chain([*builtin_sources(default=default), *found, *given])
