# SPDX-License-Identifier: MPL-2.0
"""Open all day: pages come and go, seconds pass, and nothing is left behind."""
import pytest

from scenes import PAGES, a_little

ROUTES = [*PAGES[:-1], "peers/alice", "rooms/kitchen", "waiting/queue%3Aresize", "message?q=soup"]
ROUNDS = 12


@pytest.fixture(scope="module")
def people(connect, broker):
    return a_little(connect, broker)


def visit_all(page):
    for route in ROUTES:
        page.go(route)
        page.until(lambda: not page.all("main .is-loading"), f"the answers of {route}")
    page.go("account")


def listeners(page):
    return page.module("return (await import('/state.js')).subscriberCount()")


def test_pages_leave_nothing_behind(page, people):
    visit_all(page)
    visit_all(page)
    before, subscribers = page.metrics(), listeners(page)
    for _ in range(ROUNDS):
        visit_all(page)
    after = page.metrics()
    print("nodes", before["Nodes"], after["Nodes"], "listeners", before["JSEventListeners"], after["JSEventListeners"],
          "heap", before["JSHeapUsedSize"], after["JSHeapUsedSize"])
    assert listeners(page) == subscribers
    assert after["Nodes"] < before["Nodes"] * 1.1 + 200
    assert after["JSEventListeners"] < before["JSEventListeners"] * 1.1 + 50
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] * 1.25 + 1_000_000


def test_ten_thousand_seconds(page, people):
    """The same samples a browser gets in three hours, at once: the charts do not grow."""
    page.until(lambda: page.all(".chart path.line"), "the charts")
    feed = """
        const {state, takeSample} = await import('/state.js');
        let at = state.samples.at[state.samples.at.length - 1] ?? Date.now();
        for (let n = 0; n < values[0]; n++)
            takeSample({at_ms: at += 1000, stored: n % 900, delivered: n % 700, waiting: n % 50,
                commit_p50_us: 900, commit_p99_us: 4000, commit_heat: state.heat.bounds_us.map((_, i) => i === n % 9 ? 3 : 0)});
        return state.samples.at.length;"""
    assert page.module(feed, 700) == 600
    before = page.metrics()
    assert page.module(feed, 1000) == 600
    after = page.metrics()
    assert after["Nodes"] < before["Nodes"] + 300
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] + 2_000_000


def test_a_room_and_a_log_that_never_end(page, people):
    page.go("rooms/kitchen")
    page.until_text(".said-body", "汤好了")
    page.module("""
        const {publish} = await import('/state.js');
        for (let n = 0; n < 1500; n++)
            publish('message', {scope: 'room:kitchen', seq: 1e9 + n, message_id: String(n), sender: 'bob', body: `x ${n}`, kind: 'text',
                stored_ms: Date.now(), reactions: [], headers: []});""")
    page.until(lambda: page.js("return [...document.querySelectorAll('.said-body')].at(-1).textContent") == "x 1499", "the last line")
    assert len(page.all(".said")) == 400
    page.go("log")
    page.until_text(".log-text", "ready")
    page.module("""
        const {publish} = await import('/state.js');
        for (let n = 0; n < 1500; n++)
            publish('log', {at_ms: Date.now(), level: 'info', actor: 'persistence', text: `line ${n}`});""")
    page.until(lambda: page.js("return [...document.querySelectorAll('.log-text')].some(one => one.textContent === 'line 1499')"), "the last line")
    assert len(page.all(".log-line")) == 1000
