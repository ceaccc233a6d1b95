"""The Chrome trace of a real program in Perfetto's own trace processor, as vizviewer serves it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest
from tests.browser import browser
from tests.exporters.files.test_chrome import NO_WHEELS

pytest.importorskip("viztracer", reason=NO_WHEELS)

PROGRAM = """
import asyncio, threading

def leaf(n):
    if n == 3:
        raise ValueError(n)
    return n

def branch(n):
    done = 0
    for i in range(n):
        try:
            done += leaf(i)
        except ValueError:
            pass
    return done

def work(n):
    return [branch(5) for _ in range(n)]

def numbers(n):
    for i in range(n):
        yield branch(i)

async def task(n):
    for i in range(3):
        branch(2)
        await asyncio.sleep(0)
    return n

async def several():
    return await asyncio.gather(*(task(n) for n in range(4)))

threads = [threading.Thread(target=work, args=(20,), name=f"worker-{n}") for n in range(3)]
for thread in threads:
    thread.start()
work(20)
for thread in threads:
    thread.join()
sum(numbers(6))
asyncio.run(several())
"""

QUERY = """
const done = arguments[arguments.length - 1];
const sql = `select s.id as id, ifnull(s.parent_id, -1) as parent, s.name as name, s.dur as dur,
    ifnull(t.name, '') as thread, ifnull(extract_arg(s.arg_set_id, 'args.span_id'), '') as span
    from slice s left join thread_track k on s.track_id = k.id left join thread t using (utid)`;
window.app.trace.engine.query(sql).then((result) => {
  const rows = [];
  const types = {id: 0, parent: 0, name: 'str', dur: 0n, thread: 'str', span: 'str'};
  for (const row = result.iter(types); row.valid(); row.next()) {
    rows.push([row.id, row.parent, row.name, Number(row.dur), row.thread, row.span]);
  }
  done(rows);
}).catch((error) => done(String(error)));
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return the Chrome trace and the spans of the program, both written by one run."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "app.py").write_text(PROGRAM)
    outputs = ["--exporter", "chrome=chrome.json", "--exporter", "jsonl=spans.jsonl"]
    command = [sys.executable, "-m", "codetracer_otel", "run", *outputs, "--quiet", "app.py"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def slices(recorded, tmp_path_factory):
    """Return the slices that Perfetto found, by their ids."""
    driver = browser.start(tmp_path_factory.mktemp("profile"), is_offline=False)
    try:
        return read(driver, recorded / "chrome.json")
    finally:
        driver.quit()


def read(driver, path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [os.path.join(os.path.dirname(sys.executable), "vizviewer"), "--server_only"]
    viewer = subprocess.Popen([*command, "--port", str(port), str(path)])
    try:
        rows = asked(driver, f"http://127.0.0.1:{port}/", viewer)
    finally:
        viewer.terminate()
        viewer.wait()
    fields = ("id", "parent", "name", "dur", "thread", "span")
    return {row[0]: dict(zip(fields, row, strict=True)) for row in rows}


def asked(driver, address, viewer):
    from selenium.webdriver.support.ui import WebDriverWait

    def answers(_):
        assert viewer.poll() is None
        try:
            return urllib.request.urlopen(address, timeout=5).status == 200
        except OSError:
            return False

    WebDriverWait(driver, 60, 0.2).until(answers)
    driver.get(address)
    driver.set_script_timeout(60)
    loaded = "return Boolean(window.app && window.app.trace && window.app.trace.engine)"
    WebDriverWait(driver, 120, 0.2).until(lambda _: driver.execute_script(loaded))
    rows = driver.execute_async_script(QUERY)
    assert isinstance(rows, list), rows
    return rows


def spans(folder):
    with open(folder / "spans.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return {line["span_id"]: line for line in lines if line["schema"] == "span/1"}


def test_every_span_is_one_slice(recorded, slices):
    found = sorted(each["span"] for each in slices.values() if each["span"])
    assert found == sorted(spans(recorded))


def test_calls_nest_below_their_callers_on_their_threads(recorded, slices):
    known = spans(recorded)
    by_span = {each["span"]: each for each in slices.values() if each["span"]}
    compared = 0
    for number, span in known.items():
        own, parent = by_span[number], by_span.get(span["parent_span_id"])
        assert own["name"] == span["name"]
        assert own["dur"] == round(span["duration_ms"] * 1_000_000)
        if own["thread"] and parent and parent["thread"] == own["thread"]:
            assert slices[own["parent"]]["span"] == span["parent_span_id"]
            compared += 1
    assert compared > 300


def test_threads_have_their_names_and_tasks_tracks_of_their_own(recorded, slices):
    named = {each["thread"] for each in slices.values()}
    assert named == {"", "MainThread", "worker-0", "worker-1", "worker-2"}
    beside = {each["name"] for each in slices.values() if each["span"] and not each["thread"]}
    generators = {"__main__.numbers", "__main__.several.<locals>.<genexpr>"}
    assert beside == {"__main__.task", "__main__.several", *generators}
    assert all(each["dur"] >= 0 for each in slices.values())
