"""A headless Chromium without a network."""

from __future__ import annotations

import json
import shutil

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)


def missing():
    """Return what is to be installed, in words, or an empty text."""
    programs = {"chromium": CHROMIUM, "chromedriver": DRIVER}
    names = [name for name, found in programs.items() if not found]
    install = "on Debian: apt-get install chromium chromium-driver"
    return f"needs {' and '.join(names)}; {install}" if names else ""


def start(profile, *, is_offline=True):
    """Return a driver; its owner ends it with ``quit()``."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*_SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    if not is_offline:
        return driver
    driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    return driver


class Page:
    """A report in the browser."""

    def __init__(self, driver, path):
        self.driver = driver
        self.url = path.as_uri()
        driver.get_log("performance")
        driver.get_log("browser")
        driver.get(self.url)
        self.wait("document.documentElement.dataset.state === 'ready'")
        self.settle()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 30, 0.05).until(lambda _: self.run(f"return {condition}"))

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
        )

    def window(self):
        """Return the times that the timeline begins and ends with."""
        return self.run(
            "const {from, to} = document.getElementById('spans').dataset;"
            "return [Number(from), Number(to)];"
        )

    def selected(self):
        return int(self.run("return document.getElementById('spans').dataset.selected"))

    def text(self, element):
        return self.run("return document.getElementById(arguments[0]).textContent", element)

    def click(self, element):
        from selenium.webdriver.common.by import By

        self.driver.find_element(By.ID, element).click()
        self.settle()

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    def focus(self):
        self.run("document.getElementById('spans').focus()")

    def colors(self, element="spans"):
        """Return the colours of a canvas and how many of the sampled pixels have them."""
        return self.run(
            """
            const canvas = document.getElementById(arguments[0]);
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const found = {};
            for (let i = 0; i < data.length; i += 4 * 7) {
              const color = [data[i], data[i + 1], data[i + 2]].join();
              found[color] = (found[color] || 0) + 1;
            }
            return found;
            """,
            element,
        )

    def requests(self):
        """Return the addresses that the page asked for and its policy let pass, its own too."""
        logged = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        asked, refused = {}, set()
        for message in logged:
            given = message["params"]
            # the browser's own first page may still have been loading
            if given.get("documentURL", "").startswith("chrome:"):
                continue
            if message["method"] == "Network.requestWillBeSent":
                asked[given["requestId"]] = given["request"]["url"]
            elif given.get("blockedReason") == "csp":
                refused.add(given["requestId"])
        return [url for request, url in asked.items() if request not in refused]

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]
