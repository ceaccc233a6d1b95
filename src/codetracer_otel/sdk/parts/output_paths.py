"""Finds where the native traces of a session go, and claims the directories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.descriptors import path_in_child
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.exporters.native.directory import TraceDirectory
    from codetracer_otel.sdk.settings.model import Settings

NATIVE: Final = "native"


def native_targets(settings: Settings) -> list[str]:
    """Return the absolute path of each directory that a native trace goes to.

    A spawned child has one of its own from the beginning: its parent may have ended, and the
    recording there must stay.
    """
    if settings.disabled:
        return []
    specs = [item for item in settings.exporters if isinstance(item, ExporterSpec)]
    paths = [spec.target for spec in specs if spec.name == NATIVE and spec.target]
    return [path_in_child(path) for path in paths] if settings.launch.is_child else paths


def other_exporters(settings: Settings) -> list[object]:
    """Return the exporters that take spans."""
    return [
        item
        for item in settings.exporters
        if not isinstance(item, ExporterSpec) or item.name != NATIVE
    ]


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
