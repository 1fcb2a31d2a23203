# SPDX-License-Identifier: MPL-2.0
"""What the dashboard is made of: how much it weighs, and what its files may not contain."""
import gzip
import os
import pathlib
import re
import urllib.request

import pytest

WEB = pathlib.Path(os.environ["ROOST_SOURCE"]) / "gateways" / "http" / "web"
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
FIRST_PAGE_BYTES_MAX = 120 * 1024
LINES_MAX = 300
# Ways for text to become markup or a program.
FORBIDDEN = [r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"document\.write", r"\beval\(",
             r"new Function", r"DOMParser", r"createContextualFragment", r"setAttribute\(\"style\"",
             r"https?://(?!www\.w3\.org/2000/svg)", r"console\.(log|debug)", r"\bdebugger\b"]


def test_first_page_is_light(broker, browser):
    """Everything the first page loads, as it comes over the wire."""
    browser.load().ready()
    names = browser.js("return performance.getEntriesByType('resource').map(one => one.name)")
    names = {name.split("#")[0] for name in names if "/api/" not in name and "/events" not in name}
    names |= {broker.web + "/"}
    assert any(name.endswith("/app.css") for name in names)
    sizes = {}
    for name in names:
        request = urllib.request.Request(name, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
            assert answer.headers["Content-Encoding"] == "gzip" or len(body) < 200, name
            gzip.decompress(body) if answer.headers["Content-Encoding"] else body
            sizes[name] = len(body)
    total = sum(sizes.values())
    print(f"the first page: {len(sizes)} files, {total} bytes gzipped")
    assert total < FIRST_PAGE_BYTES_MAX, sorted(sizes.items(), key=lambda item: -item[1])


def test_everything_is_light():
    total = sum(len(gzip.compress(path.read_bytes(), 9)) for path in FILES)
    print(f"all of it: {len(FILES)} files, {total} bytes gzipped")
    assert total < FIRST_PAGE_BYTES_MAX


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(WEB).as_posix())
def test_script_keeps_the_rules(path):
    text = path.read_text()
    assert text.startswith("// SPDX-License-Identifier: MPL-2.0\n/")
    assert text.count("\n") <= LINES_MAX
    for pattern in FORBIDDEN:
        assert not re.search(pattern, text), f"{pattern} in {path.name}"


def test_markup_has_no_inline_code():
    text = (WEB / "index.html").read_text()
    assert not re.search(r"\son\w+=", text) and not re.search(r"\sstyle=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text) and "<style" not in text


def imported(name, known):
    """Every module that this one imports, and those import."""
    if name in known:
        return known
    known.add(name)
    for other in re.findall(r'^import .* from "/([^"]+)";$|^import "/([^"]+)";$', (WEB / name).read_text(), re.M):
        imported(other[0] or other[1], known)
    return known


def test_everything_needed_first_is_fetched_at_once():
    """A module the first page needs and index.html does not name is found only after another one."""
    needed = imported("pages/overview.js", imported("app.js", set()))
    named = re.findall(r'(?:modulepreload" href|script type="module" src)="/([^"]+)"', (WEB / "index.html").read_text())
    assert set(named) == needed


def test_security_headers(broker):
    with urllib.request.urlopen(broker.web + "/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        tag = answer.headers["ETag"]
    request = urllib.request.Request(broker.web + "/", headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 304


def test_paths_beside_the_files(broker):
    for path in ("/nothing.js", "/../../etc/passwd", "/ui/", "/%2e%2e/app.js"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(broker.web + path)
        assert refused.value.code in (400, 404), path
