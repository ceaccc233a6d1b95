"""Show the example shop under tracing: its calls as a tree, some spans as JSON, what was hidden."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SHOP = Path(__file__).parent / "shop" / "main.py"
SHOWN = ("shop.people.sign_in", "shop.pricing.tax", "shop.payments.post")


def main() -> int:
    """Run the demonstration; return the exit status of the traced program."""
    with tempfile.TemporaryDirectory(prefix="codetracer-demo-") as folder:
        lines = Path(folder, "spans.jsonl")
        lines.touch()  # so that a run that fails early is told by its own message
        status = run_shop(lines)
        found = [json.loads(line) for line in lines.read_text().splitlines()]
        spans = [line for line in found if line["schema"] == "span/1"]
    if status == 0 and not spans:
        return complain("nothing was recorded; the lines above say why")
    if status == 0:
        show_spans(spans)
    return status


def run_shop(lines: Path) -> int:
    title("the unchanged program, then its calls as a tree, then the summary")
    exporters = ["--exporter", "console", "--exporter", f"jsonl={lines}"]
    program = SHOP.relative_to(Path.cwd()) if SHOP.is_relative_to(Path.cwd()) else SHOP
    print(f"$ codetracer-otel run {' '.join(exporters)} {program}", flush=True)
    command = [sys.executable, "-m", "codetracer_otel", "run", *exporters, str(SHOP)]
    return subprocess.run(command, check=False).returncode


def show_spans(spans: list[dict]) -> None:
    title(f"{len(SHOWN)} of the {len(spans)} spans, as they stand in the JSON-lines file")
    for name in SHOWN:
        print(json.dumps(next(span for span in spans if span["name"] == name)))
    title("how the declined payment was recorded")
    (event,) = [event for span in spans for event in span["events"]]
    for key, value in event["attributes"].items():
        print(f"{key}: {value}")


def complain(text: str) -> int:
    print(f"demo: {text}", file=sys.stderr)
    return 1


def title(text: str) -> None:
    print(f"\n--- {text} ---", flush=True)


if __name__ == "__main__":
    sys.exit(main())
