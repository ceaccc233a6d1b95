"""Random sessions: filters and options of every kind, and an exporter that reads in any way."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codetracer_otel.exporters.files.chrome import ChromeExporter
from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.filters import filter_from_text
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.settings.limits import Buffer, Limits

if TYPE_CHECKING:
    import random
    from pathlib import Path

# Times, and whether a generator that was let go is told by the next one in its place or at the end.
UNSTEADY_ATTRIBUTES = (
    "thread.",
    "codetracer.busy",
    "codetracer.abandoned",
    "codetracer.unfinished",
)
ADDRESS = re.compile("0x[0-9a-f]+")
HEADER = """
[meta]
name = "fuzz"
version = 2
[secrets]
learn = {learn}
[scope]
default_exec = "skip"
default_value_action = "{action}"
"""
FUNCTIONS = (
    "capture = ['args', 'return', 'locals']",
    "capture = ['args', 'error_locals']",
    "capture = ['return']",
    "capture = []",
    "capture = ['args', 'return', 'globals']",
    "value_default = 'redact'",
    "value_default = 'drop'",
    "root = true",
    "objects = 'type'",
    "measure = true",
    "exec = 'skip'",
)
UNSTEADY = (
    "sampling = {ratio = 0.5}",
    "sampling = {ratio = 0.0, keep_errors = true}",
    "sampling = {max_per_second = 50}",
    "sampling = {first = 3, ratio = 0.1}",
    "sampling = {min_duration_ms = 1, keep_errors = true}",
    "sampling = {min_duration_ms = 100000, keep_errors = true}",
    "events = {lines = true, max_per_span = 5}",
    "events = {exceptions = true}",
)
VALUES = (
    "selector = 'arg:literal:a'\naction = 'redact'",
    "selector = 'arg:literal:b'\naction = 'drop'",
    "selector = 'ret:*.f1'\naction = 'redact'",
    "selector = 'attr:name'\naction = 'redact'",
    "selector = 'attr:field_*'\naction = 'drop'",
    "selector = 'arg:words:password'\naction = 'allow'",
    "selector = 'type:tools.fuzz.things.Point'\naction = 'redact'",
    "selector = 'value:literal:hidden'\naction = 'redact'",
    "selector = 'type:tools.fuzz.things.Plain'\naction = 'allow'\nrepr = true",
)
TAILS = (
    "[scope.fold]\nafter = 3\nshorter_than_us = 1000\n",
    "[scope.tail]\nratio = 0.3\nmax_spans = 10\n",
    "[scope.tail]\nkeep_errors = true\n",
)


def filter_text(pick: random.Random, file: str, *, is_calm: bool) -> str:
    """A filter that traces one file, and says any other thing about its functions."""
    learn, action = pick.choice(("true", "false")), pick.choice(("allow", "allow", "redact"))
    parts = [HEADER.format(learn=learn, action=action)]
    parts.append(f"[[scope.rules]]\nselector = 'file:glob:**{file}'\nexec = 'trace'\n")
    parts.append(_patterns(pick))
    if pick.random() < 0.6:
        parts.append("[[scope.rules]]\nselector = 'pkg:tools.fuzz.things'\nobjects = 'fields'\n")
    for _ in range(pick.randrange(6)):
        body = pick.choice(FUNCTIONS if is_calm else FUNCTIONS + UNSTEADY)
        which = pick.choice((f"*f{pick.randrange(20)}", "*inner", "*method", "fuzzed.f?", "*many"))
        parts.append(f"[[scope.rules]]\nselector = 'obj:glob:{which}'\n{body}\n{_patterns(pick)}")
    if not is_calm and pick.random() < 0.3:
        parts.append(pick.choice(TAILS))
    return "".join(parts)


def _patterns(pick: random.Random) -> str:
    if pick.random() < 0.6:
        return ""
    chosen = pick.sample(VALUES, pick.randrange(1, 3))
    return "".join(f"[[scope.rules.value_patterns]]\n{pattern}\n" for pattern in chosen)


def options(pick: random.Random, file: str, folder: Path, *, is_calm: bool) -> dict[str, Any]:
    """Keywords for `configure`, except the exporters that a calm round compares."""
    made: dict[str, Any] = {
        "trace_filter": filter_from_text(filter_text(pick, file, is_calm=is_calm)),
        # texts of the program's own go on in it, which a calm one must not notice
        "capture_repr": pick.random() < 0.15 and not is_calm,
        "learn_secrets": pick.random() < 0.7,
        "set_global": pick.random() < 0.8,
        "policy": {"log_file": str(folder / "log")},
    }
    if pick.random() < 0.3:
        made["limits"] = Limits(
            max_depth=pick.choice((1, 2, 4, 9)),
            max_items=pick.choice((1, 3, 32, 200)),
            max_string=pick.choice((1, 10, 127, 128, 129, 5000)),
            max_attributes=pick.choice((1, 5, 9, 128)),
        )
    if is_calm:
        return made
    if pick.random() < 0.5:
        made["buffer"] = Buffer(
            records=pick.choice((16, 100, 65_536)),
            bytes=pick.choice((10_000, 1 << 20, 1 << 26)),
            interval_ms=pick.choice((1, 5, 500)),
            batch_records=pick.choice((8, 16)),
            when_full=pick.choice(("auto", "drop_newest")),
        )
    made["capture"] = pick.choice(
        (None, ["args", "return"], ["args"], ["error_locals", "args"], [])
    )
    made["value_format"] = pick.choice((None, "text"))
    made["tail"] = pick.choice((None, None, "errors,slower=1ms,ratio=0.5"))
    made["exporter"] = [Reader(pick, folder), *_others(pick, folder)]
    return made


def _others(pick: random.Random, folder: Path) -> list[str]:
    names = [f"jsonl={folder / 'lines.jsonl'}", f"chrome={folder / 'chrome.json'}"]
    names.append("otlp=http://127.0.0.1:9/v1/traces")
    return [name for name in names if pick.random() < 0.15]


class Mismatch(Exception):
    """Compiled code and Python wrote different bytes."""


class Reader:
    """An exporter that reads blocks as it likes, keeps some, and compares what the encoders write.

    Attributes:
        failures: what did not agree.
    """

    failures: list[str] = []  # of all of them: a forked child has its own

    def __init__(self, pick: random.Random, folder: Path) -> None:
        self._pick, self._folder = pick, folder
        self._kept: list[Any] = []
        self._lock = threading.Lock()

    def export(self, batch: Any) -> ExportResult:
        with self._lock:
            try:
                self._read(batch)
            except Exception as error:
                self.failures.append(f"{type(error).__name__}: {error}")
        return ExportResult.SUCCESS

    def _read(self, batch: Any) -> None:
        records, way = batch.records, self._pick.randrange(8)
        if way == 0:
            list(batch.views())
        elif way == 1:
            self._compare_otlp(batch)
        elif way == 2:
            self._compare_json(batch)
        elif way == 3:
            self._kept.append(records)
        elif way == 4:
            list(zip(records, range(3), strict=False))
        elif way == 5 and len(records) and type(records) is not list:
            _ = records[len(records) // 2], records[-1:], records.size, records.plans()
        elif way == 6:
            self._kept.clear()

    def _compare_otlp(self, batch: Any) -> None:
        compiled, python = OtlpEncoder(), OtlpEncoder()
        # A reload between the two changes the filters that the live resource names.
        batch = replace(batch, resource=dict(batch.resource))
        written = [request.body() for request in compiled.requests(batch)]
        plain = replace(batch, records=list(batch.records))
        expected = [request.body() for request in python.requests(plain)]
        if written != expected:
            for kind, bodies in (("compiled", written), ("python", expected)):
                for number, body in enumerate(bodies):
                    (self._folder / f"{kind}-{number}.pb").write_bytes(body)
            raise Mismatch(f"otlp {len(written)} {len(expected)}")

    def _compare_json(self, batch: Any) -> None:
        for name, make in (("jsonl", JsonLinesExporter.to_file), ("chrome", ChromeExporter)):
            texts = []
            for records in (batch.records, list(batch.records)):
                path = (
                    self._folder / f"compared-{os.getpid()}-{id(self)}.{name}"
                )  # others write as well
                path.unlink(missing_ok=True)
                exporter = make(path)
                exporter.export(Batch(records, (), {"process.pid": 1}))
                exporter.shutdown(1)
                texts.append(path.read_text() if path.exists() else "")
            if texts[0] != texts[1]:
                raise Mismatch(f"{name}: {texts}"[:5000])
            if name == "chrome" and texts[0]:
                json.loads(texts[0])

    def flush(self, timeout: float) -> bool:
        return True

    def shutdown(self, timeout: float) -> None:
        self._kept.clear()


class Counting:
    """Counts spans by everything about them that no clock and no address has a part in."""

    def __init__(self) -> None:
        self.spans: Counter[str] = Counter()

    def export(self, batch: Any) -> ExportResult:
        for view in batch.views():
            attributes = {
                key: value
                for key, value in view.attributes.items()
                if not key.startswith(UNSTEADY_ATTRIBUTES)
            }
            events = [event.name for event in view.events]
            told = (view.name, sorted(attributes.items(), key=repr), events, view.status)
            self.spans[ADDRESS.sub("0x", repr(told))] += 1
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:
        return True

    def shutdown(self, timeout: float) -> None:
        pass
