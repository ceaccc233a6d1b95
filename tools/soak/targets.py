"""The exporters of the soak: where they deliver, and how many calls came there."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.soak.collectors import Arrived, collecting, collecting_by_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LINE = re.compile(r"^ *[\d.]+ +[a-zµ]+ .*?(__main__\.\w+)\(", re.MULTILINE)


def of_jsonl(folder: Path) -> Counter[str]:
    lines = [line for file in folder.glob("out.*") for line in file.read_text().splitlines()]
    spans = [span for line in lines if (span := json.loads(line))["schema"] == "span/1"]
    unique = {span["span_id"]: span["name"] for span in spans}
    assert len(unique) == len(spans), f"{len(spans) - len(unique)} spans came twice"
    return Counter(unique.values())


def of_chrome(folder: Path) -> Counter[str]:
    files = [*folder.glob("out.*")]
    lines = [line.rstrip(",") for file in files for line in file.read_text().splitlines()]
    events = [json.loads(line) for line in lines if line.startswith('{"ph"')]
    return Counter(event["name"] for event in events if event["ph"] in "Xb")


def of_native(folder: Path) -> Counter[str]:
    """Count steps of a generator as one call: the program's has three."""
    names: Counter[str] = Counter()
    for file in folder.rglob("trace.json"):
        text = file.read_text().rstrip().rstrip(",")
        if not text:  # its worker was killed as it began
            continue
        functions: list[str] = []
        for event in json.loads(text if text.endswith("]") else text + "]"):
            if "Function" in event:
                functions.append(event["Function"]["name"])
            elif "Call" in event:
                names[f"__main__.{functions[event['Call']['function_id']]}"] += 1
    del names["__main__.<toplevel>"]
    if steps := names["__main__.work_generates"]:
        names["__main__.work_generates"] = -(-steps // 3)
    return names


def of_console(folder: Path) -> Counter[str]:
    return Counter(_LINE.findall((folder / "stderr").read_text()))


@dataclass(frozen=True)
class Target:
    """Where an exporter delivers during one run.

    Attributes:
        spec: for ``--exporter``.
        count: returns how many calls of which function came there.
    """

    spec: str
    count: Callable[[], Counter[str]]


_FILES = {
    "jsonl": ("jsonl={}/out.jsonl", of_jsonl),
    "chrome": ("chrome={}/out.json", of_chrome),
    "native": ("native={}/out", of_native),
    "console": ("console", of_console),
}
_COLLECTORS = {"otlp": collecting, "otlp-grpc": collecting_by_grpc}
EXPORTERS = (*_FILES, *_COLLECTORS)


@contextlib.contextmanager
def target(exporter: str, folder: Path, mood: str = "healthy", seed: int = 0) -> Iterator[Target]:
    """Let an exporter deliver into ``folder``, or to a collector in a mood."""
    if exporter in _FILES:
        spec, count = _FILES[exporter]
        yield Target(spec.format(folder), lambda: count(folder))
        return
    with _COLLECTORS[exporter](mood, seed) as (url, arrived):
        yield Target(f"{exporter}={url}", lambda: _names(arrived))


def _names(arrived: Arrived) -> Counter[str]:
    return Counter(arrived.names.values())
