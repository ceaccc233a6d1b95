"""Importing the package does nothing but import: whatever runs, runs because somebody asked."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROBE = """
import json, os, sys, threading, time

events, reads = [], []

class Watched(type(os.environ)):
    def __getitem__(self, key):
        reads.append(key)
        return super().__getitem__(key)

    def __iter__(self):
        reads.append("*")
        return super().__iter__()

def audit(event, arguments):
    if event == "open":
        events.append([event, str(arguments[0]), str(arguments[1])])
    elif event.split(".")[0] in ("_thread", "socket", "subprocess", "shutil", "signal", "ctypes"):
        events.append([event, repr(arguments), ""])

environ = os.environ
os.environ = Watched(
    environ._data, environ.encodekey, environ.decodekey, environ.encodevalue, environ.decodevalue
)
sys.addaudithook(audit)
began = time.perf_counter()
import codetracer_otel
took = time.perf_counter() - began
recorded, read = list(events), list(reads)
os.environ = environ
print(json.dumps({
    "milliseconds": took * 1000,
    "events": recorded,
    "reads": read,
    "modules": sorted(sys.modules),
    "threads": threading.active_count(),
    "tools": [sys.monitoring.get_tool(number) for number in range(6)],
    "hooks": [repr(sys.gettrace()), repr(sys.getprofile()), sys.excepthook is sys.__excepthook__],
}))
"""

HEAVY = ("requests", "urllib3", "google.protobuf", "opentelemetry.proto", "http.client", "grpc")
CODE = (".py", ".pyc")


@pytest.fixture(scope="module")
def report():
    """What an isolated interpreter noticed during the import."""
    command = [sys.executable, "-B", "-W", "error", "-c", PROBE]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert answer.stderr == ""
    return json.loads(answer.stdout)


def test_no_thread_is_started(report):
    assert report["threads"] == 1
    assert [event for event in report["events"] if event[0].startswith("_thread")] == []


def test_no_file_is_opened_but_the_code_itself(report):
    opened = [event[1:] for event in report["events"] if event[0] == "open"]

    assert [entry for entry in opened if not entry[0].endswith(CODE)] == []


def test_no_socket_process_signal_or_foreign_library_is_touched(report):
    assert [event for event in report["events"] if event[0] != "open"] == []


def test_the_environment_is_not_read(report):
    assert report["reads"] == []


def test_neither_a_transport_nor_a_serializer_is_imported(report):
    assert [name for name in HEAVY if name in report["modules"]] == []


def test_the_interpreter_is_not_instrumented(report):
    assert report["tools"] == [None] * 6
    assert report["hooks"] == ["None", "None", True]


def test_the_time_of_the_import_is_reported(report, record_property):
    record_property("import_ms", round(report["milliseconds"], 1))

    assert report["milliseconds"] > 0
