"""Everything that every exporter shows of a program's spans, as one text for each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.conftest import only
from tests.exporters.collector import running_collector
from tests.exporters.otlp.test_grpc import serving

import codetracer_otel
from codetracer_otel.sdk.entry_points.span_exporters import (
    JsonLinesSpanExporter,
    NativeSpanExporter,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def shown_by_every_exporter(
    program: Callable[[], object], folder: Path, capsys, *rules: str, **options
) -> dict[str, str]:
    """Run a program in a session with every exporter; return what each of them shows.

    Only functions of the program's own file are traced. OTLP's bytes are read by the classes that
    ``opentelemetry-proto`` has for them, and shown with bytes as Python writes them.
    """
    file = program.__code__.co_filename
    with running_collector() as http, serving() as (grpc, grpc_url):
        exporters = [
            f"jsonl={folder / 'spans.jsonl'}",
            f"chrome={folder / 'spans.json'}",
            f"native={folder / 'native'}",
            "console",
            f"otlp={http.url}",
            f"otlp-grpc={grpc_url}",
        ]
        with codetracer_otel.configure(only(file, *rules), exporters, **options):
            program()
        sent = {"otlp": repr(http.requests), "otlp-grpc": repr(grpc.requests)}
    assert all(sent.values())
    return {
        "jsonl": (folder / "spans.jsonl").read_text(),
        "chrome": (folder / "spans.json").read_text(),
        "native": content_of(folder / "native"),
        "console": capsys.readouterr().err,
        **sent,
    }


def shown_by_span_exporters(
    write: Callable[[TracerProvider], object], folder: Path, provider: TracerProvider | None = None
) -> dict[str, str]:
    """Write spans by a foreign provider; return what our exporters for it show."""
    provider = provider or TracerProvider(shutdown_on_exit=False)
    for exporter in (
        JsonLinesSpanExporter(folder / "foreign.jsonl"),
        NativeSpanExporter(folder / "foreign"),
    ):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    write(provider)
    provider.shutdown()
    return {
        "jsonl of spans": (folder / "foreign.jsonl").read_text(),
        "native of spans": content_of(folder / "foreign"),
    }


def content_of(folder: Path) -> str:
    """Return the texts of every file of a native trace."""
    return "".join((folder / name).read_text() for name in sorted(os.listdir(folder)))


def leaks(shown: dict[str, str], *secrets: str) -> dict[str, list[str]]:
    """Return for each exporter the secrets that it shows, as far as there are any."""
    found = {name: [one for one in secrets if one in text] for name, text in shown.items()}
    return {name: some for name, some in found.items() if some}
