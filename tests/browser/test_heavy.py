# SPDX-License-Identifier: MPL-2.0
"""Three thousand peers and ten thousand messages that wait: every page still answers, shows a bounded
part of it, and stays readable. The pictures of it are kept."""
import pytest

from scenes import PAGES, a_lot

PEERS, WAITING = 3000, 10_000
NODES_MAX = 30_000


@pytest.fixture(scope="module")
def people(connect, broker):
    return a_lot(connect, broker, PEERS, WAITING)


@pytest.mark.parametrize("route", [*PAGES[:-1], "peers/alice", "waiting/queue%3Aresize", "rooms/kitchen"])
def test_page_with_a_lot(page, people, route):
    page.go(route)
    page.until(lambda: not page.all("main .is-loading"), "the answers")
    assert not page.all("main .is-failure"), page.text("main")
    assert page.js("return document.querySelectorAll('*').length") < NODES_MAX
    for width, theme in ((1600, "light"), (1600, "dark"), (400, "light"), (400, "dark")):
        page.resize(width, 1000)
        page.colours(theme)
        page.shoot(f"heavy-{route.replace('/', '-').replace('%3A', '-')}-{width}-{theme}")
        barriers = page.accessibility()
        assert not barriers, f"{width} {theme}:\n" + "\n".join(barriers)


def test_more_and_more_peers(page, people):
    page.go("peers")
    page.until(lambda: len(page.column("Peer")) == 100, "the first hundred")
    for wanted in (200, 300):
        page.click("main button", "Show more")
        page.until(lambda: len(page.column("Peer")) == wanted, f"{wanted} peers")
    names = page.column("Peer")
    assert len(set(names)) == len(names)


def test_those_who_wait_most_come_first(page, people):
    page.go("waiting")
    page.until(lambda: page.column("Scope"), "the consumers")
    assert page.column("Scope")[0] == "queue:resize"
    assert page.column("Waiting")[0] == f"{WAITING - PEERS + 9:,}"


def test_counts_of_the_overview(page, people):
    page.until(lambda: page.module("return (await import('/state.js')).state.overview.totals.waiting") >= WAITING, "the backlog")
    page.until(lambda: page.module("return (await import('/state.js')).state.overview.totals.peers") >= PEERS, "the peers")


def test_a_waiting_message_far_down(page, people):
    page.go("waiting/queue%3Aresize")
    page.until(lambda: len(page.column("Message")) >= 50, "the first of the queue")
    page.click("main button", "Show more")
    page.until(lambda: len(page.column("Message")) >= 150, "more of the queue")


def test_first_paint(page, people):
    """A figure for docs/PERFORMANCE.md; no time decides a test."""
    paints = []
    for _ in range(5):
        page.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        page.load().ready()
        page.until(lambda: page.js("return performance.getEntriesByName('first-contentful-paint').length"), "the paint")
        paints.append(page.module("""
            const paint = performance.getEntriesByName('first-contentful-paint')[0].startTime;
            return [paint, performance.getEntriesByType('navigation')[0].loadEventEnd];"""))
    print("first contentful paint, ms:", sorted(round(paint) for paint, _ in paints))
    print("loaded, ms:", sorted(round(load) for _, load in paints))
