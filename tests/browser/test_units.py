# SPDX-License-Identifier: MPL-2.0
"""The pure parts of the dashboard (formats, scales, routes, the stream's parser), in the browser that
runs them. What they are asked is in units.js."""
from browser import HERE


def test_pure_parts(broker, browser):
    browser.load()
    result = browser.module((HERE / "units.js").read_text() + "\nreturn runUnits();")
    assert len(result["names"]) >= 10
    assert not result["failed"], "\n".join(result["failed"])
