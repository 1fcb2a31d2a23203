# SPDX-License-Identifier: MPL-2.0
"""What changes is seen to change: rates, peers, rooms, the log; and what happens when the broker is
gone, comes back, or nobody looks."""
import signal

import pytest

from scenes import a_room, publish


@pytest.fixture(scope="module")
def alice(connect, broker):
    return connect(broker, "alice")


def phase(page):
    return page.module("return (await import('/state.js')).state.link.phase")


def totals(page):
    return page.module("return (await import('/state.js')).state.overview?.totals")


def test_rates_and_backlog_rise(page, alice):
    before = totals(page)["waiting"]
    publish(alice, "queue:resize", 500)
    page.until(lambda: totals(page)["waiting"] >= before + 500, "the backlog")
    page.until(lambda: page.module("""
        const {state} = await import('/state.js');
        return state.samples.values.stored.some(value => value > 0);"""), "the rate of stored messages")
    page.until(lambda: page.text(".side a[href='#/waiting'] .side-count") not in ("", "0"), "the count beside Waiting")


def test_peers_come_and_go(page, connect, broker, alice):
    page.go("peers")
    page.until_text("main tbody", "alice")
    guest = connect(broker, "guest-小雨")
    page.until(lambda: any("guest-小雨" in row and "online" in row for row in page.texts("main tbody tr")), "the guest")
    guest.close()
    page.until(lambda: any("guest-小雨" in row and "offline" in row for row in page.texts("main tbody tr")), "his leaving")


def test_a_room_live(page, alice):
    a_room(alice, "live")
    alice.send("room:live", "first".encode())
    page.go("rooms/live")
    page.until_text(".said-body", "first")
    page.until_text(".not-live", "join the room")
    page.click("main button", "Join")
    page.until(lambda: not page.js("return document.querySelector('.not-live').checkVisibility()") and phase(page) == "live",
               "the stream with the room")
    stored = alice.send("room:live", "汤好了".encode())
    page.until_text(".said-body", "汤好了")
    alice.edit(stored.message_id, b"no soup after all")
    page.until_text(".said-body", "no soup after all")
    assert len(page.all(".said")) == 2
    alice.react(stored.message_id, "👍")
    page.until_text(".reaction", "👍 1")
    alice.delete(stored.message_id)
    page.until_text(".said.is-deleted .said-body", "deleted")


def test_the_log_live(page, connect, broker):
    page.go("log")
    page.until_text(".log-text", "ready")
    page.until(lambda: phase(page) == "live", "the stream with the log")
    connect(broker, "noisy").call("FLUSH_INDEX")
    broker.signal(signal.SIGHUP)
    page.until(lambda: any("configuration-read" in text for text in page.texts(".log-text")), "the line about SIGHUP")


def test_hold_keeps_what_comes(page, broker):
    page.go("log")
    page.until_text(".log-text", "ready")
    page.until(lambda: phase(page) == "live", "the stream with the log")
    page.click("main button", "Hold")
    lines = len(page.all(".log-line"))
    broker.signal(signal.SIGHUP)
    page.until_text(".card-note", "held back")
    assert len(page.all(".log-line")) == lines
    page.click("main button", "Go on")
    page.until(lambda: len(page.all(".log-line")) > lines, "the lines that were held")


def test_pause(page, alice, patiently):
    page.until(lambda: page.all(".tile"), "the tiles")
    page.click(".top-tools button", "Pause")
    page.until(lambda: page.link_text() == "paused", "the pause")
    shown = page.text(".tile:nth-child(5) .tile-value")
    publish(alice, "queue:resize", 700)
    patiently()
    patiently()
    assert page.text(".tile:nth-child(5) .tile-value") == shown
    page.click(".top-tools button", "Resume")
    page.until(lambda: page.text(".tile:nth-child(5) .tile-value") != shown, "the backlog after the pause")


def test_ten_minutes_are_there_at_once(page, alice):
    page.load().ready()
    page.until(lambda: page.all(".chart path.line[d^=M]"), "lines in the charts")
    count = page.module("return (await import('/state.js')).state.samples.at.length")
    assert count > 3


def test_nobody_looks(page):
    page.js("Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))")
    page.until(lambda: phase(page) == "hidden", "the stream to end")
    last = page.module("return (await import('/state.js')).state.samples.at.length")
    page.js("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.until(lambda: phase(page) == "live", "the stream again")
    page.until(lambda: page.module("return (await import('/state.js')).state.samples.at.length") > last, "further samples")


def test_no_gap_after_nobody_looked(page, patiently):
    """Last-Event-ID: the seconds nobody looked at are there."""
    page.js("Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))")
    for _ in range(3):
        patiently()
    page.js("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.until(lambda: phase(page) == "live", "the stream again")
    page.until(lambda: page.module("""
        const {at} = (await import('/state.js')).state.samples;
        return Date.now() - at[at.length - 1] < 3000;"""), "new samples")
    widest = page.module("""
        const {at} = (await import('/state.js')).state.samples;
        return Math.max(...at.slice(-6).map((time, n, all) => n ? time - all[n - 1] : 0));""")
    assert widest < 2500


def test_the_broker_is_gone_and_comes_back(page, broker):
    page.until(lambda: page.all(".tile"), "the tiles")
    broker.kill()
    page.until_text(".link-text", "Next try in")
    assert page.js("return document.documentElement.dataset.stale") == "yes"
    page.shoot("disconnected")
    assert not page.accessibility()
    broker.start()
    page.until(lambda: page.link_text() == "live", "the stream again")
    page.until(lambda: page.js("return document.documentElement.dataset.stale ?? ''") == "", "fresh numbers")
    trouble = [line for line in page.trouble() if "Failed to load resource" not in line and "ERR_" not in line]
    assert not trouble, trouble


def test_loaded_while_the_broker_starts(page, broker):
    """The page is there (from before), the broker not yet: it waits, says so, and goes on by itself."""
    broker.kill()
    page.js("location.hash = '#/actors'")
    page.until_text("main .is-failure", "does not answer")
    assert page.all("main .is-failure button")
    broker.start()
    page.until(lambda: "persistence" in " ".join(page.column("Actor")), "the actors")
    trouble = [line for line in page.trouble() if "Failed to load resource" not in line and "ERR_" not in line]
    assert not trouble, trouble
