"""``codetracer-otel check``: validates filter files and prints every problem."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.explain.targets import codes_of
from codetracer_otel.cli.terminal import complain, say
from codetracer_otel.errors import FilterError, counted
from codetracer_otel.filters import (
    builtin_sources,
    compile_chain,
    load_chain,
    parse_stated_chain,
)
from codetracer_otel.filters.code.module_names import path_name
from codetracer_otel.filters.code.source_code import module_file
from codetracer_otel.filters.types import CodeIdentity

if TYPE_CHECKING:
    import argparse

    from codetracer_otel.filters import FilterSource
    from codetracer_otel.filters.language.chain import FilterChain

INVALID = 2

_EXAMPLES: Final = """\
examples:
  codetracer-otel check .codetracer/trace-filter.toml
  codetracer-otel check base.toml::local.toml
  codetracer-otel check trace-filter.toml --against shop
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "check",
        description="Validate filter files as one chain, in the order given.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("filters", nargs="+", metavar="FILTER", help='a file, or "a.toml::b.toml"')
    parser.add_argument(
        "--against",
        metavar="CODE",
        help="the code that the filters are for (a folder, file or module): list the rules that "
        "match nothing in it, and exit with 1 if there are any",
    )
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the filters and return 0, or 2 after printing every problem."""
    try:
        sources = [source for text in arguments.filters for source in parse_stated_chain(text)]
        chain = load_chain([*builtin_sources(), *sources])
    except FilterError as error:
        for problem in error.problems:
            complain(str(problem), arguments.filters)
        complain(counted(len(error.problems), "problem"))
        return INVALID
    _print_summary(chain, sources)
    return 0 if arguments.against is None else _compare(chain, arguments.against)


def _compare(chain: FilterChain, target: str) -> int:
    """Say which rules match no code of a target; return 1 where there are some."""
    classifier = compile_chain(chain)
    for module, file, code in codes_of(_place_of(target)):
        path = os.path.abspath(file)
        names = tuple(filter(None, (module, path_name(path, (*chain.roots, os.getcwd())))))
        classifier.classify(CodeIdentity(tuple(dict.fromkeys(names)), path, code.co_qualname))
    silent = [place for place, hits in classifier.hits.stats().items() if not hits]
    told = classifier.hits.unmatched()
    for line in told:
        say(line)
    for place in silent:
        if not any(line.startswith(f"rule {place} ") for line in told):
            say(f"rule {place} matched nothing in {target}")
    return 1 if silent else 0


def _place_of(target: str) -> str:
    """Return the folder of a package that is given by its name, else the target itself."""
    if os.path.exists(target):
        return target
    file = module_file(target, [os.getcwd(), *sys.path])
    is_package = file is not None and os.path.basename(file) == "__init__.py"
    return os.path.dirname(file) if is_package and file else target


def _print_summary(chain: FilterChain, sources: list[FilterSource]) -> None:
    given = {source.label for source in sources}
    for file in chain.files:
        if file.provenance.path in given:
            say(f"{file.provenance.path}: ok, {counted(len(file.rules), 'rule')}")
    for notice in chain.notices:
        say(f"note: {notice}")
