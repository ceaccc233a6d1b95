"""Take the pictures of the report page again: ``python -m tools.report_pictures``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from selenium.webdriver.remote.webdriver import WebDriver

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE = (1280, 800)
LARGEST = 280_000  # bytes; pages are read over slow lines, too

PIP_FILTER = """\
[meta]
name = "pip"
version = 2

[scope]
default_exec = "skip"
default_value_action = "inherit"

[[scope.rules]]
selector = "pkg:{pip,pip.*}"
exec = "trace"
reason = "look at pip itself"
"""

ORDERS = """
import time


def query(table, n):
    time.sleep(0.002)
    return [table, n]


def price(items):
    time.sleep(0.001 * items)
    return items * 100


def place(n):
    rows = query('orders', n)
    total = price(n % 3 + 1)
    if n:
MORE        pass
    return total, rows


def main():
    for n in range(12):
        place(n)


main()
"""


def main() -> int:
    missing = browser.missing()
    if missing:
        print(f"report_pictures: {missing}", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="codetracer-pictures-") as made:
        folder = Path(made)
        listed, compared = pip(folder), comparison(folder)
        pages = [
            ("report-light", "light", shop(folder), choose_failed),
            ("report-dark", "dark", listed, choose_deep),
            ("flame-light", "light", listed, choose_flame),
            ("flame-dark", "dark", listed, choose_flame),
            ("comparison-light", "light", compared, choose_change),
            ("comparison-dark", "dark", compared, choose_change),
        ]
        driver = browser.start(folder / "profile")
        try:
            for name, scheme, page, prepare in pages:
                take(driver, name, scheme, page, prepare)
        finally:
            driver.quit()
    return 0


def shop(folder: Path) -> Path:
    run(folder, "--exporter", "jsonl=shop.jsonl", str(ROOT / "examples" / "shop" / "main.py"))
    return report(folder, "shop")


def pip(folder: Path) -> Path:
    (folder / "pip.toml").write_text(PIP_FILTER)
    chosen = ("--trace-filter", "pip.toml", "--exporter", "jsonl=pip-list.jsonl")
    run(folder, *chosen, "-m", "pip", "list", "--disable-pip-version-check")
    return report(folder, "pip-list", "--trace-filter", "pip.toml")


def comparison(folder: Path) -> Path:
    """Compare two versions of a small program: a query more for each order, a new function."""
    for name, more in (("before", ""), ("after", "        query('users', n)\n")):
        (folder / f"{name}.py").write_text(ORDERS.replace("MORE", more))
        run(folder, "--exporter", f"jsonl={name}.jsonl", f"{name}.py")
    command = [sys.executable, "-m", "codetracer_otel", "diff", "before.jsonl", "after.jsonl"]
    subprocess.run([*command, "--html", "diff.html"], cwd=folder, check=True, capture_output=True)
    return without_machine(folder, folder / "diff.html")


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "codetracer_otel", "run", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def report(folder: Path, name: str, *arguments: str) -> Path:
    """Build a page that names no folder of this machine."""
    command = [sys.executable, "-m", "codetracer_otel", "report", f"{name}.jsonl", "-o"]
    page = folder / f"{name}.html"
    subprocess.run([*command, page.name, *arguments], cwd=folder, check=True)
    return without_machine(folder, page)


def without_machine(folder: Path, page: Path) -> Path:
    text = page.read_text("ascii")
    for machine in (*map(Path, sys.path), ROOT, folder.resolve()):
        if machine.is_absolute() and len(machine.parts) > 1:
            text = text.replace(f"{machine}/", "")
    page.write_text(text, "ascii")
    return page


def take(
    driver: WebDriver,
    name: str,
    scheme: str,
    path: Path,
    prepare: Callable[[browser.Page], None],
) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    metrics = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page = browser.Page(driver, path)
    prepare(page)
    target = IMAGES / f"{name}.png"
    driver.save_screenshot(str(target))
    size = target.stat().st_size
    print(f"{target.relative_to(ROOT)}: {size:,} bytes")
    if size > LARGEST:
        raise SystemExit(f"report_pictures: {target.name} has more than {LARGEST:,} bytes")


def choose_failed(page: browser.Page) -> None:
    """Select the declined payment, and look at the whole day."""
    page.click("next-error")
    look_at_all(page)


def choose_deep(page: browser.Page) -> None:
    """Select the first call of a function that pip calls often, and look at the run around it."""
    page.press("/", *"read_text")
    page.wait("document.getElementById('matches').textContent.endsWith('found')")
    page.press("\ue007")
    page.press("\ue00c")
    look_at_all(page)
    page.click("zoom-in")
    page.click("zoom-in")
    leave(page)


def choose_flame(page: browser.Page) -> None:
    """Show the flame graph beside the timeline, and the deepest of its widest paths."""
    page.press("f")
    page.run("document.getElementById('flame-spans').focus()")
    page.press(*["\ue015"] * 4)
    leave(page)


def choose_change(page: browser.Page) -> None:
    """Mark what the first difference is about."""
    page.run("document.querySelector('#changes button').click()")
    leave(page)


def look_at_all(page: browser.Page) -> None:
    page.click("fit")
    leave(page)


def leave(page: browser.Page) -> None:
    page.run("document.activeElement.blur()")
    page.driver.execute_cdp_cmd(
        "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": 560, "y": 790}
    )
    page.settle()


if __name__ == "__main__":
    sys.exit(main())
