"""Builds the first and the last line of a run in a file: its facts and its losses."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.version import __version__ as api_version

from codetracer_otel.sdk.delivery.attribute_keys import judged_attributes
from codetracer_otel.sdk.otel.resource import DISTRIBUTION, program_of
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.filters import Decision
    from codetracer_otel.filters.language.chain import Provenance
    from codetracer_otel.sdk.settings.model import Settings


def run_facts(
    settings: Settings, filters: tuple[Provenance, ...], main: Decision, core: str
) -> dict[str, Any]:
    """Return the facts that identify a run: one file may hold two.

    Args:
        settings: of the session.
        filters: the sources of its filters, in their order.
        main: what the filters say of the main module, which decides how the program's name shows.
        core: which recorder records calls: ``c``, ``python`` or empty for none.
    """
    launch = settings.launch
    arguments = launch.arguments if launch.is_program else sys.argv[1:]
    return {
        **judged_attributes({"program": program_of(settings)}, main),
        "arguments": len(arguments),
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            DISTRIBUTION: VERSION,
            "opentelemetry-api": api_version,
        },
        "filters": [{"name": source.name, "sha256": source.sha256} for source in filters],
        "core": core,
    }


def losses_of(stats: Mapping[str, Any], before: Mapping[str, int]) -> dict[str, Any]:
    """Return what was recorded, what no exporter delivered and why, and what the rules matched.

    Args:
        stats: of the session, see `Session.stats`.
        before: by reason, what was lost before any exporter saw it.
    """
    exporters = {
        name: {"exported": queue.get("exported", 0), "dropped": queue["dropped"]}
        for name, queue in stats["exporters"].items()
    }
    native = stats.get("native")
    if native is not None:
        lost = native["lost_calls"]
        dropped = {"native_failed": lost} if lost else {}
        exporters["native"] = {"exported": native["calls"], "dropped": dropped}
    losses = {"recorded": stats["recorded"], "dropped": dict(before), "exporters": exporters}
    more = {
        "overhead": stats.get("overhead", {}).get("last_steps"),
        "rules": _matched(stats.get("filters", {}).get("rules", {})),
        "lines": lost_lines(stats),
    }
    return losses | {name: told for name, told in more.items() if told}


def lost_lines(stats: Mapping[str, Any]) -> dict[str, int]:
    """Return how many lines of the log and of topics were lost, by name; empty where none was."""
    lost = {name: stats.get(name, {}).get("lost", 0) for name in ("log", "topics")}
    return {name: count for name, count in lost.items() if count}


def _matched(rules: Mapping[str, int]) -> dict[str, int]:
    """Return how much each rule matched, without the folders of the filters."""
    matched: dict[str, int] = {}
    for place, hits in rules.items():
        name = os.path.basename(place)
        matched[name] = matched.get(name, 0) + hits
    return matched
