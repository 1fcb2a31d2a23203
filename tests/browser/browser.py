# SPDX-License-Identifier: MPL-2.0
"""A real browser looking at a real broker.

Owns one headless Chromium with a profile of its own. Besides driving it, it keeps what must never
happen: errors on the console, violations of the content security policy, exceptions nobody caught.
Waiting is always for something to be there.

Environment: ROOST_SCREENSHOTS (folder for pictures, optional).
"""
import os
import pathlib
import shutil
import tempfile
import time

from selenium import webdriver
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

DEADLINE_S = 20
HERE = pathlib.Path(__file__).parent
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars"]
# Runs in each document before anything else: what goes wrong is remembered.
WATCH = """
window.roostTrouble = [];
document.addEventListener("securitypolicyviolation", event => window.roostTrouble.push(
    `CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
window.addEventListener("error", event => window.roostTrouble.push(`error ${event.message} ${event.filename}:${event.lineno}`));
window.addEventListener("unhandledrejection", event => window.roostTrouble.push(`rejection ${event.reason?.stack ?? event.reason}`));
"""


class Page:
    """The dashboard of one broker in one browser."""

    def __init__(self, url, width=1280, height=900):
        self.url = url
        self.profile = tempfile.mkdtemp(prefix="roost-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_script_timeout(DEADLINE_S)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.resize(width, height)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    # ------------------------------------------------------------ where it is

    def resize(self, width, height=900):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def load(self, route="overview"):
        """Loads the document anew."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/#/{route}")
        self.js("return document.readyState")
        return self

    def go(self, route):
        """Changes the page inside the document, as a link does."""
        self.js("""
            window.roostBefore = (location.hash || "#/overview") === arguments[0] ? null : document.querySelector("main > .page");
            location.hash = arguments[0];""", f"#/{route}")
        kind = route.split("?")[0].split("/")[0]
        self.until(lambda: self.js("""
            const shown = document.querySelector(`main > .page-${arguments[0]}`);
            return Boolean(shown?.querySelector("h1")) && shown !== window.roostBefore""", kind), f"the page {route}")
        self.js("delete window.roostBefore")        # the old page shall not be kept by us
        return self

    def ready(self):
        """The stream is open and the first answers are there."""
        self.until(lambda: self.link_text() == "live", "the stream of events")
        self.until(lambda: not self.all("main .is-loading"), "the first answers")
        return self

    def link_text(self):
        return self.js("return document.querySelector('.link-text')?.textContent ?? ''")

    # ------------------------------------------------------------ looking

    def js(self, script, *values):
        return self.driver.execute_script(script, *values)

    def module(self, script, *values):
        """Runs the body of an async function in the page; import() works in it."""
        result = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; const values = [...arguments].slice(0, -1);"
            f"(async () => {{ {script} }})().then(value => done({{value}}), error => done({{error: String(error?.stack ?? error)}}))",
            *values)
        if "error" in result:
            raise JavascriptException(result["error"])
        return result.get("value")

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css):
        return self.until(lambda: next(iter(self.all(css)), None), css)

    def text(self, css):
        return self.js("return document.querySelector(arguments[0])?.textContent ?? null", css)

    def texts(self, css):
        return self.js("return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)", css)

    def column(self, head):
        """The texts of a column of the first table that has it."""
        return self.js("""
            for (const table of document.querySelectorAll("main table")) {
                const heads = [...table.querySelectorAll("thead th")].map(one => one.textContent.trim());
                const at = heads.indexOf(arguments[0]);
                if (at >= 0)
                    return [...table.querySelectorAll("tbody tr")].map(row => row.children[at].textContent);
            }
            return [];""", head)

    def until(self, condition, what, timeout=DEADLINE_S):
        deadline = time.monotonic() + timeout
        while True:
            try:
                value = condition()
            except (StaleElementReferenceException, JavascriptException):
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                self.shoot("failure")
                raise AssertionError(f"{what} did not come within {timeout} s; the page says:\n"
                                     f"{self.text('body')}\n{self.trouble()}")
            time.sleep(0.05)

    def until_text(self, css, words, timeout=DEADLINE_S):
        return self.until(lambda: any(words in text for text in self.texts(css)), f"{words!r} in {css}", timeout)

    # ------------------------------------------------------------ doing

    def click(self, css, words=None):
        """Clicks the first element that matches (and says the words)."""
        def found():
            return next((one for one in self.all(css)
                         if words is None or words in one.get_attribute("textContent")), None)
        element = self.until(found, f"{css} {words or ''}")
        self.js("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        return element

    def type(self, css, text):
        element = self.one(css)
        element.clear()
        element.send_keys(text)
        return element

    def keys(self, *keys):
        """To whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self):
        """How what has the focus is called."""
        return self.js("""const one = document.activeElement;
            return (one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent || one.tagName).trim();""")

    # ------------------------------------------------------------ judging

    def trouble(self):
        """Everything that went wrong since the last time: nothing, hopefully."""
        seen = self.js("return window.roostTrouble?.splice(0) ?? []")
        seen += [f"{line['level']} {line['message']}" for line in self.driver.get_log("browser")
                 if line["level"] in ("SEVERE", "WARNING")]
        return seen

    def accessibility(self):
        """What a person who does not see, or does not use a mouse, would stumble over."""
        return self.js((HERE / "accessibility.js").read_text() + "\nreturn findBarriers();")

    def colours(self, theme):
        """light or dark, as the switch does it."""
        self.module("document.documentElement.dataset.theme = values[0];"
                    "(await import('/state.js')).publish('theme')", theme)

    def shoot(self, name):
        folder = os.environ.get("ROOST_SCREENSHOTS")
        if not folder:
            return
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(pathlib.Path(folder) / f"{name}.png"))

    def metrics(self):
        """Nodes, listeners and bytes of the heap that are really in use."""
        for command in ("HeapProfiler.enable", "Performance.enable"):
            self.driver.execute_cdp_cmd(command, {})
        for _ in range(3):
            self.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        answer = self.driver.execute_cdp_cmd("Performance.getMetrics", {})
        return {row["name"]: row["value"] for row in answer["metrics"]}


__all__ = ["Page", "Keys", "By", "DEADLINE_S"]
