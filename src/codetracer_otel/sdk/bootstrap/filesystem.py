"""Finds where the native traces of a session go, and claims the directories."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Os
from codetracer_otel.sdk.exporter_specs import ExporterSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.exporters.native.directory import TraceDirectory
    from codetracer_otel.sdk.settings import Settings

NATIVE: Final = "native"
_FILES: Final = ("jsonl", "chrome")


def native_targets(settings: Settings) -> list[str]:
    """Return the absolute path of each directory that a native trace goes to."""
    if settings.disabled:
        return []
    specs = [item for item in settings.exporters if isinstance(item, ExporterSpec)]
    return [spec.target for spec in specs if spec.name == NATIVE and spec.target]


def other_exporters(settings: Settings) -> list[object]:
    """Return the exporters that take spans; a spawned child has files of its own."""
    others = [item for item in settings.exporters if not _is_native(item)]
    return [_in_child(item) for item in others] if settings.launch.is_child else others


def makes_native_traces_alone(settings: Settings) -> bool:
    """Return whether native traces are all that a session makes."""
    return bool(native_targets(settings)) and not other_exporters(settings)


def claim_directories(paths: Iterable[str]) -> list[TraceDirectory]:
    """Create the directories, all or none.

    Raises:
        EnvironmentFailure: one of them cannot be created, or is something else.
    """
    from codetracer_otel.exporters.native.directory import TraceDirectory  # noqa: PLC0415 - seldom

    claimed: list[TraceDirectory] = []
    try:
        claimed.extend(TraceDirectory(path) for path in paths)
    except BaseException:
        for directory in claimed:
            directory.close()
        raise
    return claimed


def path_in_child(path: str) -> str:
    """Return where the trace of this process goes, forked from one that records at ``path``."""
    return f"{path}.{Os.getpid()}"


def _in_child(item: object) -> object:
    if not isinstance(item, ExporterSpec) or item.name not in _FILES or item.target is None:
        return item
    # the parent has made it; what is no file, such as a pipe, takes the lines of all processes
    is_file = os.path.isfile(item.target)
    return ExporterSpec(item.name, path_in_child(item.target)) if is_file else item


def _is_native(item: object) -> bool:
    return isinstance(item, ExporterSpec) and item.name == NATIVE
