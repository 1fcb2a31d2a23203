# SPDX-License-Identifier: MPL-2.0
"""Every page of a broker nobody has used yet, and of one with a little of everything: it is there, it
says what it should, nobody stumbles, nothing goes wrong."""
import pytest

from scenes import NAMES, PAGES, a_little

TITLES = {"overview": "Overview", "peers": "Peers", "waiting": "Waiting", "dead": "Dead letters",
          "message": "Message timeline", "rooms": "Rooms", "actors": "Actors", "store": "Store",
          "discovery": "Discovery", "tryit": "Try it", "log": "Log", "account": "Account", "signin": "Sign in"}


@pytest.fixture(scope="module")
def empty_browser(make_broker):
    from browser import Page
    page = Page(make_broker().web)
    page.load().ready()
    yield page
    page.close()


@pytest.fixture(scope="module")
def people(connect, broker):
    return a_little(connect, broker)


def look(page, route, name):
    """Judges one page in both colours and three widths."""
    for width, theme in ((1280, "light"), (1280, "dark"), (400, "light"), (1600, "dark")):
        page.resize(width)
        page.colours(theme)
        page.until(lambda: not page.all("main .is-loading"), f"the answers of {route}")
        barriers = page.accessibility()
        assert not barriers, f"{route} at {width} {theme}:\n" + "\n".join(barriers)
        page.shoot(f"{name}-{width}-{theme}")
    page.resize(1280)
    trouble = page.trouble()
    assert not trouble, f"{route}:\n" + "\n".join(trouble)


@pytest.mark.parametrize("route", PAGES)
def test_page_of_an_unused_broker(empty_browser, route):
    page = empty_browser.go(route)
    page.until(lambda: page.text("main h1") == TITLES[route], "its heading")
    assert page.driver.title == f"{TITLES[route]} · roost"
    assert not page.all("main .is-failure"), page.text("main")
    look(page, route, f"empty-{route}")


@pytest.mark.parametrize("route", PAGES)
def test_page(page, people, route):
    page.go(route)
    page.until(lambda: page.text("main h1") == TITLES[route], "its heading")
    if route != "overview":
        assert page.js("return document.activeElement.tagName") in ("H1", "INPUT")
    if route != "signin":
        assert page.text(".side a[aria-current=page]").startswith(TITLES[route])
    assert not page.all("main .is-failure"), page.text("main")
    look(page, route, route)


def test_unknown_page(page):
    page.js("location.hash = '#/nonsense'")
    page.until_text("main", "There is no page")
    assert not page.accessibility()


def test_peer_and_its_mailbox(page, people):
    page.go("peers")
    page.until_text("main table", "alice")
    for name in NAMES[:7]:
        page.until_text("main tbody a", name)
    page.click("main tbody a", "alice")
    page.until_text("main h1", "alice")
    page.until(lambda: len(page.column("Body")) == 7, "the seven messages that wait for alice")
    assert any("汤好了" in text for text in page.column("Body"))
    assert any("<b>not bold</b>" in text for text in page.column("Body")), "markup is text"
    look(page, "peers/alice", "peer")
    page.click("main tbody button")
    page.until_text("dialog h2", "Message")
    assert not page.accessibility()
    page.click("dialog button", "Hex")
    page.until_text("dialog pre", "00000000  ")
    page.shoot("message-dialog")
    page.click("dialog button[aria-label=Close]")
    page.until(lambda: not page.all("dialog"), "the dialog to close")


def test_peer_by_address_and_name(page, people):
    page.go("peers")
    page.type("main input[type=search]", "小明\n")
    page.until(lambda: page.column("Peer") and len(page.column("Peer")) == 1, "one peer")
    assert "小明" in page.column("Peer")[0]
    page.type("main input[type=search]", "nobody at all\n")
    page.until_text("main .is-empty", "Nobody like that")
    page.trouble()


def test_timeline(page, people):
    stored = people["bob"].send("peer:carol", b"where is the umbrella")
    page.go("message")
    page.type("main input[type=search]", "umbrella\n")
    page.until(lambda: page.column("Body") == ["where is the umbrella"], "the message that was searched for")
    page.click("main tbody a")
    page.until_text(".step-name", "Stored")
    page.until_text(".step-name", "Waiting")
    assert stored.seq > 0
    page.until_text("pre", "where is the umbrella")
    look(page, "message", "timeline")


def test_room(page, people):
    page.go("rooms")
    page.until_text("main tbody", "研发部")
    page.click("main tbody a", "kitchen")
    page.until_text(".said-body", "汤好了")
    page.until_text(".members", "小明")
    look(page, "rooms/kitchen", "room")


def test_charts_say_it_in_words_and_as_tables(page, people):
    page.until_text(".chart-title", "Throughput")
    label = page.js("return document.querySelector('.chart svg[role=img]').getAttribute('aria-label')")
    assert label.startswith("Throughput: stored now ")
    page.click("button[aria-label='Show as table: Throughput']")
    page.until(lambda: len(page.all(".chart-table:not([hidden]) tbody tr")) > 5, "the numbers")
    assert page.column("stored")
    assert not page.accessibility()
    page.click("button[aria-label='Show as table: Throughput']")
    page.until(lambda: not page.all(".chart-table:not([hidden])"), "the chart again")


def test_store_says_how_large_and_how_fast(page, people):
    page.go("store")
    page.until_text("main dt", "Data file")
    page.until_text("main dt", "Commit, p99")
    assert any(" KiB" in text or " MiB" in text for text in page.texts("main dd"))


def test_log_is_filtered(page, people):
    page.go("log")
    page.until_text(".log-text", "ready")
    page.js("const one = document.querySelector('select[aria-label=\"Least level\"]'); one.value = 'error'; one.dispatchEvent(new Event('change'))")
    page.until(lambda: not page.all(".log-line.is-info"), "errors only")
    assert "level=error" in page.js("return location.hash")


def test_a_link_leads_back_to_the_same_place(page, people):
    page.load("peers/alice?state=dead").ready()
    page.until_text(".tabs a[aria-current=page]", "Dead")
    assert page.driver.title == "alice · roost"
    page.load("waiting/queue%3Aresize").ready()
    page.until_text("main h1", "queue:resize")
