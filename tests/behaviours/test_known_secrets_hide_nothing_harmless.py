"""Nothing but secrets becomes known: the shop shows the same with and without known secrets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.shop_secrets import SECRETS
from tests.traced_run import PROJECT, run_traced

if TYPE_CHECKING:
    from pathlib import Path


def values_of_shop(folder: Path, *flags: str) -> list[str]:
    """Return every attribute of every span and event of the shop, in order."""
    file = folder / f"spans{len(flags)}.jsonl"
    done = run_traced(
        "--exporter", f"jsonl={file}", "--capture", "args,return,locals", *flags,
        PROJECT / "examples" / "shop" / "main.py", cwd=folder,
    )  # fmt: skip
    assert "spans recorded" in done.stderr
    spans = [json.loads(line) for line in file.read_text().splitlines()]
    found = [dict(span["attributes"]) for span in spans]
    found += [event["attributes"] for span in spans for event in span["events"]]
    return sorted(
        re.sub(r"/shop-\w+", "/folder", f"{key}={value}")  # a temporary one
        for attributes in found
        for key, value in attributes.items()
        if key not in {"codetracer.redaction", "codetracer.busy_ns", "thread.id", "thread.name"}
    )


def test_the_shop_loses_its_secrets_and_nothing_else(tmp_path):
    without = values_of_shop(tmp_path, "--no-learn-secrets")
    with_known = values_of_shop(tmp_path)
    assert len(with_known) == len(without)
    shown = set(without) - set(with_known)
    assert [text for text in shown if not any(secret in text for secret in SECRETS)] == []
    assert all("<redacted>" in text for text in set(with_known) - set(without))
