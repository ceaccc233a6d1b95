"""Nothing but secrets becomes known: the shop shows the same with and without known secrets."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.shop_secrets import SECRETS
from tests.traced_run import PROJECT, run_traced, spans_in, spans_of

from codetracer_otel.model.value import REDACTED

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
    spans = spans_in(file)
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


CORPUS = PROJECT / "tests" / "corpus" / "programs"
# Without those that wait to be killed, replace the process, write random things, or run for long.
CORPUS_PROGRAMS = sorted(
    path.name
    for path in CORPUS.glob("*.py")
    if path.stem not in {"killed", "terminate", "terminate_handled", "interrupt_signal", "latin"}
)
VARYING = {"codetracer.redaction", "codetracer.busy_ns", "thread.id"}
SUITE = """\
import os, pytest

def login(password, user):
    return f"{user} is in"

@pytest.fixture
def folder(tmp_path):
    return tmp_path / "orders"

@pytest.mark.parametrize("name", ["password", "changeme1", "2026-01-17", "12345678", "True"])
def test_words(folder, name):
    assert login(name, f"user of {name}, warehouse/3") == f"user of {name}, warehouse/3 is in"
    assert os.path.join(str(folder), name).endswith(name)

def test_paths(folder, monkeypatch):
    monkeypatch.setenv("API_TOKEN", str(folder))
    assert login(str(folder.parent), user="administrator") == "administrator is in"
"""


def shown_values(file: Path) -> list[str]:
    """Return the values of every span and event, without what differs from run to run."""
    found = []
    for span in spans_of(file.read_text("utf-8", "surrogateescape")):
        for attributes in (span["attributes"], *(event["attributes"] for event in span["events"])):
            found += [f"{key}={value}" for key, value in attributes.items() if key not in VARYING]
    return sorted(re.sub(r"0x[0-9a-f]+|\d+|/tmp\S*", "N", text) for text in found)


def both_ways(folder: Path, *words: object) -> tuple[list[str], list[str]]:
    """Return what a program shows without and with known secrets."""
    shown = []
    for number, flags in enumerate((["--no-learn-secrets"], [])):
        file = folder / f"{number}.jsonl"
        run_traced(
            "--quiet", "--exporter", f"jsonl={file}", "--capture", "args,return,locals",
            *flags, *words, cwd=folder,
        )  # fmt: skip
        shown.append(shown_values(file) if file.exists() else [])
    return shown[0], shown[1]


@pytest.mark.parametrize("name", CORPUS_PROGRAMS)
def test_a_program_of_the_corpus_shows_the_same(tmp_path, name):
    shutil.copytree(CORPUS, tmp_path / "p", ignore=shutil.ignore_patterns("__pycache__"))
    without, with_known = both_ways(tmp_path, tmp_path / "p" / name)
    masked = [text for text in with_known if REDACTED in text]
    assert masked == [text for text in without if REDACTED in text]


def test_a_suite_shows_its_words_numbers_and_paths(tmp_path):
    (tmp_path / "test_words.py").write_text(SUITE)
    without, with_known = both_ways(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert any("warehouse" in text for text in with_known)
    assert [text for text in with_known if REDACTED in text] == [
        text for text in without if REDACTED in text
    ]
