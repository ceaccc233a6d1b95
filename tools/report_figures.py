"""Measure the report at 100,000 and 1,000,000 spans, and of a recording of as many calls."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import browser
from tools.numeric_arguments import whole_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webdriver import WebDriver

COLUMNS = (
    *("spans", "input", "report, by the clock", "report, processor", "peak memory"),
    *("page", "load", "frame p50, p95", "drawing p50, p95"),
)
SIZES = (100_000, 1_000_000)
RECORDED = 1_000_000
FRAMES = 240

LINE = (
    '{{"timestamp":"2026-01-31T12:{minute:02d}:{second:02d}.{micro:06d}Z","name":"{name}",'
    '"trace_id":"{trace:032x}","span_id":"{own:016x}","parent_span_id":{parent},'
    '"duration_ms":{length},"status":{{"code":"{status}","message":null}},"attributes":'
    '{{"code.function.name":"{name}","code.file.path":"/srv/shop/{module}.py",'
    '"code.line.number":{line},"thread.id":{thread},"thread.name":"worker_{thread}",'
    '"codetracer.arg.order_id":{own},"codetracer.arg.items":["apple","bread"],'
    '"codetracer.return":"order {own} accepted"}},"events":[],"links":[],"schema":"span/1"}}\n'
)
NAMES = [
    ("shop.web.handle", 4),
    ("shop.orders.place", 3),
    ("shop.pricing.Basket.price", 3),
    ("shop.storage.write", 2),
    ("shop.text.render", 1),
]
THREADS = 4

# A program whose calls make steps with values of several kinds; each order is two calls.
PROGRAM = """
import sys


def price(order, items):
    total = 0
    for item in items:
        total += item
    return total + order


def place(order):
    items = [order, order + 1]
    label = f"order {order}"
    if order % 1000 == 999:
        try:
            raise ValueError(label)
        except ValueError:
            label = "refused"
    return price(order, items)


for number in range(int(sys.argv[1])):
    place(number)
"""

# Moves and zooms through the whole trace, one change for each frame.
PLAY = """
const done = arguments[arguments.length - 1], count = arguments[0];
const canvas = document.getElementById("spans"), box = canvas.getBoundingClientRect();
const times = [], draws = [];
let before = performance.now(), frame = 0;
function turn(options) {
  const place = {clientX: box.left + box.width / 2, clientY: box.top + 60, cancelable: true};
  canvas.dispatchEvent(new WheelEvent("wheel", {...place, ...options}));
}
function next(now) {
  times.push(now - before);
  before = now;
  draws.push(Number(canvas.dataset.drawMs));
  if (++frame > count) return done([times.slice(2), draws.slice(2)]);
  const third = Math.floor(frame * 3 / count);
  if (third === 0) turn({deltaY: -60, ctrlKey: true});
  else if (third === 1) turn({deltaX: frame % 40 < 20 ? 90 : -60});
  else turn({deltaY: 60, ctrlKey: true});
  requestAnimationFrame(next);
}
requestAnimationFrame(next);
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=whole_from(1), help="spans of a trace")
    asked = parser.parse_args().sizes
    missing = browser.missing()
    if missing:
        print(f"report_figures: {missing}", file=sys.stderr)
        return 1
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    with tempfile.TemporaryDirectory(prefix="codetracer-figures-") as made:
        driver = browser.start(Path(made, "profile"))
        try:
            for count in asked or SIZES:
                with made_trace(Path(made, "trace.jsonl"), write_lines, count) as trace:
                    measure(driver, trace, f"{count:,} | JSON lines")
            for count in asked or (RECORDED,):
                with made_trace(Path(made, "recording"), record, count) as trace:
                    measure(driver, trace, f"{count:,} | native")
        finally:
            driver.quit()
    return 0


@contextmanager
def made_trace(path: Path, make: Callable[[Path, int], None], count: int) -> Iterator[Path]:
    """Make a trace, and remove it at the end: a native one takes gigabytes."""
    make(path, count)
    yield path
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def write_lines(path: Path, count: int) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.writelines(spans(count))


def record(path: Path, count: int) -> None:
    """Run a program that makes so many calls, give or take two, under `run`."""
    script = path.with_name("shop.py")
    script.write_text(PROGRAM, encoding="ascii")
    command = [sys.executable, "-m", "codetracer_otel", "run", "--quiet"]
    command += ["--exporter", f"native={path}", str(script), str(count // 2)]
    subprocess.run(command, check=True, cwd=path.parent)


def measure(driver: WebDriver, trace: Path, label: str) -> None:
    page = trace.with_name("page.html")
    wall, processor, memory = build(trace, page)
    opened = browser.Page(driver, page)
    load = opened.run("return document.documentElement.dataset.readyMs")
    frames, draws = driver.execute_async_script(PLAY, FRAMES)
    size = (trace / "trace.json" if trace.is_dir() else trace).stat().st_size
    print(
        f"| {label}, {size / 1e6:,.0f} MB | {wall:.1f} s | {processor:.1f} s "
        f"| {memory / 1024:.0f} MiB | {page.stat().st_size / 1e6:.1f} MB | {float(load):.0f} ms "
        f"| {share(frames, 0.5):.1f} ms, {share(frames, 0.95):.1f} ms "
        f"| {share(draws, 0.5):.1f} ms, {share(draws, 0.95):.1f} ms |",
        flush=True,
    )


def spans(count: int) -> Iterator[str]:
    """Yield requests of four threads, each a tree of a few dozen calls; the last may be cut."""
    number = 0
    clocks = [0] * THREADS
    while number < count:
        thread = number % THREADS
        lines, length = request(number, thread, clocks[thread])
        clocks[thread] += length + 50
        yield from lines[: count - number]
        number += len(lines)


def request(number: int, thread: int, begin: int) -> tuple[list[str], int]:
    made: list[str] = []

    def call(level: int, parent: int, start: int) -> int:
        name, calls = NAMES[level]
        own = number + len(made) + 1
        place = len(made)
        made.append("")
        at = start + 3
        for _ in range(calls if level + 1 < len(NAMES) else 0):
            at += call(level + 1, own, at) + 2
        length = at + 4 - start
        seconds, micro = divmod(start, 1_000_000)
        made[place] = LINE.format(
            minute=seconds // 60 % 60,
            second=seconds % 60,
            micro=micro,
            name=name,
            module=name.split(".")[1],
            trace=number + 1,
            own=own,
            parent=f'"{parent:016x}"' if parent else "null",
            length=length / 1000,
            status="ERROR" if own % 997 == 0 else "UNSET",
            line=10 + level,
            thread=thread,
        )
        return length

    length = call(0, 0, begin)
    return made, length


def build(trace: Path, page: Path) -> tuple[float, float, int]:
    """Return seconds, seconds of processor, and KiB of memory that the report took."""
    command = [sys.executable, "-m", "codetracer_otel", "report", str(trace), "-o", str(page)]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"report_figures: the report ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def share(values: list[float], part: float) -> float:
    return sorted(values)[round((len(values) - 1) * part)]


if __name__ == "__main__":
    sys.exit(main())
