"""Names, finds and loads the filters of a session, in the order in which they override."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.errors import FilterError, Problem, configuration_error
from codetracer_otel.filters import (
    FilterSource,
    ModuleNames,
    builtin_sources,
    discover,
    filter_from_path,
    filters_discovered,
    load_chain,
)
from codetracer_otel.filters.code.paths import absolute_path
from codetracer_otel.filters.language.sources import (
    FILTER_VARIABLE,
    parse_chain_text,
    parse_stated_chain,
)
from codetracer_otel.sdk.settings.installed_commands import modules_of_command
from codetracer_otel.sdk.settings.launch import StartKind, is_launcher
from codetracer_otel.sdk.settings.parsers import invalid

if TYPE_CHECKING:
    from codetracer_otel.filters.language.chain import FilterChain
    from codetracer_otel.model.protocols import Clock, Notify
    from codetracer_otel.sdk.settings.launch import StartMode
    from codetracer_otel.sdk.settings.model import Settings

_IN_WORDS: Final = "a path, or several as in a.toml::b.toml"  # of a flag or variable
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # a filter is a file

# Without the builtin filters something must still say what the defaults are.
_BARE_DEFAULTS: Final = """\
[meta]
name = "bare-defaults"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


_LAUNCHER: Final = """\
[meta]
name = "builtin-launcher"
version = 2
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = {selector}
exec = "skip"
reason = "the command that launches the program"
"""


def load_filters(settings: Settings) -> FilterChain:
    """Return the loaded chain of a session.

    Raises:
        FilterError: with every problem of every file, wherever the file was named.
    """
    is_text = settings.launch.kind is StartKind.COMMAND
    return load_chain(
        filter_sources(settings),
        exempt=_own_distribution(settings),
        program_files=("<string>", "<stdin>") if is_text else (),
    )


def filter_sources(settings: Settings) -> list[FilterSource]:
    """Return the sources: builtin, framework, discovered, environment, keyword or flags."""
    sources = builtin_sources(default=settings.builtin_filter, framework=settings.launch.framework)
    if not settings.builtin_filter:
        sources.insert(0, FilterSource("<builtin:bare-defaults>", _BARE_DEFAULTS))
    if script := _script_of_launcher(settings.launch):
        sources.append(_without_script(script))
    stated = [
        *map(source_of_environment, settings.environment_filters),
        *(_source_of(item) for item in settings.filters),
    ]
    return [*sources, *filters_discovered(discover(discovery_start(settings)), stated), *stated]


def _source_of(item: object) -> FilterSource:
    return item if isinstance(item, FilterSource) else filter_from_path(item)  # type: ignore[arg-type]


def with_other_filters(settings: Settings, trace_filter: object) -> Settings:
    """Return the settings with other stated filters.

    Args:
        settings: of the session.
        trace_filter: as for ``configure``, instead of those it and the environment named; None
            reads the same files again, also those that were sent as texts with their paths.

    Raises:
        ConfigurationError: it is no filter.
    """
    if trace_filter is None:
        again = tuple([_read_again(source) for source in settings.filters])
        return replace(settings, filters=again)
    filters = parse_filters(trace_filter, "trace_filter")
    if isinstance(filters, Problem):
        raise configuration_error([filters])
    return replace(settings, filters=filters, environment_filters=())


def _read_again(source: object) -> object:
    if isinstance(source, FilterSource) and os.path.isabs(source.label):
        return filter_from_path(source.label)
    return source


def discovery_start(settings: Settings) -> str:
    """Return where the search for a project filter begins: the script's directory, or here.

    An installed command lies where no project is.
    """
    launch = settings.launch
    is_script = launch.kind is StartKind.SCRIPT and launch.target
    if is_script and not modules_of_command(launch.target):
        return os.path.dirname(launch.target)
    return absolute_path(".")


def build_module_names(
    chain: FilterChain, clock: Clock, notify: Notify, *, globals_first: bool = True
) -> ModuleNames:
    """Return the naming of modules by this chain's project roots and ``sys.modules``.

    Args:
        chain: the loaded filters.
        clock: time.
        notify: told of the first file without a name.
        globals_first: the frame's ``__name__`` is the primary name, where there is one.
    """
    kind = ModuleNames if globals_first else _NamesOfFiles
    return kind(chain.roots, sys.modules, clock, notify)


class _NamesOfFiles(ModuleNames):
    """Names in which what a module calls itself comes last."""

    def names_for(self, hint: object, file: str) -> tuple[str, ...]:
        names = super().names_for(hint, file)
        if len(names) == 1:
            return names  # of code without a file that would know it otherwise
        return tuple(dict.fromkeys((*super().names_for(None, file), *names)))


def _own_distribution(settings: Settings) -> list[str]:
    """Return the places of the program itself, which is never third-party code."""
    launch = settings.launch
    if launch.kind is StartKind.MODULE:
        return [] if _launches(launch, [launch.target]) else _installed_package(launch.target)
    if launch.kind is not StartKind.SCRIPT or _script_of_launcher(launch):
        return []
    modules = modules_of_command(launch.target)
    return [launch.target, *(place for name in modules for place in _installed_package(name))]


def _launches(launch: StartMode, modules: list[str]) -> bool:
    """Return whether a command in these modules runs another program."""
    return launch.framework_filter and any(map(is_launcher, modules))


def _script_of_launcher(launch: StartMode) -> str:
    """Return the path of the installed script that launches the program, or an empty text."""
    if launch.kind is not StartKind.SCRIPT:
        return ""
    return launch.target if _launches(launch, modules_of_command(launch.target)) else ""


def _without_script(script: str) -> FilterSource:
    text = _LAUNCHER.format(selector=json.dumps(f"file:literal:{script}"))
    return FilterSource("<builtin:launcher>", text, builtin=True)


def _installed_package(module: str) -> list[str]:
    """Return where the top-level package of a module lies, unless it is the standard library's."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return []
    from importlib.util import find_spec  # noqa: PLC0415 - seldom needed

    try:
        spec = find_spec(top)  # a top-level name: nothing is imported
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    places = list(spec.submodule_search_locations or ())
    return places or ([spec.origin] if spec.origin else [])


def parse_filters(value: object, subject: str) -> tuple[object, ...] | Problem:
    """Return the absolute paths and inline filters of ``trace_filter``, in order."""
    single = isinstance(value, str | os.PathLike | FilterSource)
    items = [value] if single else value
    if isinstance(items, bytes | Mapping) or not isinstance(items, Iterable):
        return _not_a_filter(value, subject)
    found: list[object] = []
    for item in items:
        part = _parse_filter(item)
        if part is None:
            return _not_a_filter(item, subject)
        found += part
    return tuple(found)


def filters_of_environment(
    environ: Mapping[str, str],
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the absolute paths that ``CODETRACER_TRACE_FILTER`` names, or what is wrong there."""
    chain = environ.get(FILTER_VARIABLE, "")
    if _names_a_url(chain):
        return (), [invalid(FILTER_VARIABLE, "not a trace filter", chain, _IN_WORDS)]
    return tuple(source.label for source in parse_chain_text(chain)), []


def source_of_environment(path: str) -> FilterSource:
    """Return the filter at a path of ``CODETRACER_TRACE_FILTER``, which messages then name."""
    return replace(filter_from_path(path), named_by=FILTER_VARIABLE)


def _names_a_url(chain: str) -> bool:
    return any(map(_URL.match, chain.split("::")))


def _parse_filter(item: object) -> list[object] | None:
    if isinstance(item, str) and _names_a_url(item):
        return None
    if isinstance(item, str):
        try:
            return [source.label for source in parse_stated_chain(item)]
        except FilterError:
            return None
    if isinstance(item, os.PathLike):
        path = os.fspath(item)
        return [filter_from_path(path).label] if isinstance(path, str) else None
    return [item] if isinstance(item, FilterSource) else None


def _not_a_filter(value: object, subject: str) -> Problem:
    expected = "a path, 'a.toml::b.toml', filter_from_text(...) or a sequence of those"
    is_flag = subject.startswith("--")
    return invalid(subject, "not a trace filter", value, _IN_WORDS if is_flag else expected)
