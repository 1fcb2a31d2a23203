#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Makes docs/dashboard.png: the overview of a real broker with real traffic, light and dark side by
side. Run by hand when the dashboard has changed; the environment is that of the browser tests.

usage: picture.py OUTPUT.png [SECONDS of traffic]
"""
import base64
import math
import pathlib
import sys
import tempfile
import threading
import time

from browser import Page
from conftest import WebBroker
from roost import Client
from scenes import a_room, kill_letters

WIDTH, HEIGHT, SHOWN = 1280, 830, 640


def work(broker, stop):
    """Takes what comes, with a pause now and then so that something waits."""
    with Client(broker.url, "worker-17") as worker, worker.attach("queue:resize", window=64) as inbox:
        while not stop.is_set():
            received = inbox.receive(0.2)
            if received:
                received.ack()


def load(broker, stop):
    with Client(broker.url, "camera") as camera:
        begin = time.monotonic()
        while not stop.is_set():
            wave = 1 + math.sin((time.monotonic() - begin) / 17)
            for _ in range(int(6 + 20 * wave)):
                camera.send_async("queue:resize", b"x" * 300)
            camera.send_async("peer:小明", b"hello") if wave > 1.9 else None
            time.sleep(0.05)
        camera.flush(20)


def shoot(page, theme):
    page.resize(WIDTH, HEIGHT)
    page.colours(theme)
    time.sleep(1.5)
    return base64.b64encode(page.driver.get_screenshot_as_png()).decode()


def side_by_side(page, pictures, output):
    page.driver.get("about:blank")
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": 2 * SHOWN + 8, "height": SHOWN * HEIGHT // WIDTH, "deviceScaleFactor": 1, "mobile": False})
    page.js("""
        document.body.style.cssText = "margin:0; display:flex; gap:8px; background:#888";
        for (const picture of arguments[0]) {
            const image = document.createElement("img");
            image.src = "data:image/png;base64," + picture;
            image.width = arguments[1];
            document.body.append(image);
        }""", pictures, SHOWN)
    time.sleep(1)
    pathlib.Path(output).write_bytes(page.driver.get_screenshot_as_png())


def main():
    output, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 150
    broker = WebBroker(tempfile.mkdtemp()).start()
    stop = threading.Event()
    with Client(broker.url, "alice") as alice:
        kill_letters(alice, "queue:thumbnails", 3)
        a_room(alice, "kitchen")
        threads = [threading.Thread(target=run, args=(broker, stop)) for run in (load, work)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        page = Page(broker.web).load().ready()
        pictures = [shoot(page, theme) for theme in ("light", "dark")]
        side_by_side(page, pictures, output)
        page.close()
        stop.set()
        for thread in threads:
            thread.join()
    broker.stop()


main()
