# SPDX-License-Identifier: MPL-2.0
"""Everything without a mouse, and nothing that moves for those who do not want it to."""
from browser import Keys
from scenes import PAGES

LETTERS = {"o": "Overview", "p": "Peers", "w": "Waiting", "d": "Dead letters", "m": "Message timeline", "r": "Rooms",
           "a": "Actors", "s": "Store", "n": "Discovery", "t": "Try it", "l": "Log", "u": "Account"}


def press(page, *keys):
    for key in keys:
        page.js("return document.activeElement ?? document.body")
        page.keys(key)


def test_pages_by_two_keys(page):
    for letter, title in LETTERS.items():
        page.js("document.querySelector('h1').focus()")
        press(page, "g", letter)
        page.until(lambda: page.text("main h1") == title, title)
    assert len(LETTERS) == len(PAGES) - 1


def test_skip_link_comes_first(page):
    page.load().ready()
    page.keys(Keys.TAB)
    assert page.focused() == "Skip to content"
    assert page.js("const box = document.activeElement.getBoundingClientRect(); return box.width > 40 && box.top >= 0")
    page.keys(Keys.ENTER)
    assert page.js("return document.activeElement.id") == "main"


def test_every_stop_is_seen_and_named(page):
    """Tab through a whole page: each stop has a name and a visible frame, and there is an end."""
    page.load("peers").ready()
    page.until(lambda: page.all("main table, main .is-empty"), "the list")
    stops = []
    for _ in range(80):
        page.keys(Keys.TAB)
        if page.js("return document.activeElement === document.body"):
            break
        stops.append(page.focused())
        framed = page.js("const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2")
        assert framed, f"nothing shows that {stops[-1]} has the focus"
    assert all(stops) and "Pause" in stops and len(stops) > 15


def test_help(page):
    page.js("document.querySelector('h1').focus()")
    page.keys("?")
    page.until_text("dialog h2", "Keyboard shortcuts")
    assert len(page.all("dialog dt")) >= len(LETTERS) + 4
    assert not page.accessibility()
    page.shoot("shortcuts")
    page.keys(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog"), "the dialog to close")


def test_pause_search_and_colours(page):
    page.go("peers")
    page.keys("p")
    page.until(lambda: page.link_text() == "paused", "the pause")
    page.keys("p")
    page.until(lambda: page.link_text() == "live", "the end of the pause")
    page.keys("/")
    page.until(lambda: page.focused().startswith("Find a peer"), "the field to search in")
    page.keys("p")
    page.keys(Keys.ENTER)
    assert page.link_text() == "live", "what is typed is no shortcut"
    page.until_text("main .is-empty", "Nobody like that")
    page.trouble()
    page.js("document.querySelector('h1').focus()")
    before = page.js("return getComputedStyle(document.body).backgroundColor")
    page.keys("c")
    page.keys("c")
    page.until(lambda: page.js("return getComputedStyle(document.body).backgroundColor") != before, "other colours")
    theme = page.js("return document.documentElement.dataset.theme")
    page.load("peers").ready()
    assert page.js("return document.documentElement.dataset.theme") == theme, "it is remembered"


def test_table_is_sorted_by_keyboard(page):
    page.go("actors")
    page.until(lambda: page.column("Actor"), "the actors")
    page.js("[...document.querySelectorAll('main .sort')].find(one => one.textContent.startsWith('Actor')).focus()")
    page.keys(Keys.ENTER)
    assert page.js("return document.querySelector('[aria-sort=ascending]').textContent").startswith("Actor")
    names = page.column("Actor")
    assert names == sorted(names)
    page.keys(Keys.ENTER)
    page.until(lambda: page.column("Actor") == sorted(names, reverse=True), "the other way round")
    assert page.focused().startswith("Actor"), "the focus stays"


def test_selection_survives_live_updates(page, patiently):
    page.go("actors")
    page.until(lambda: page.column("Actor"), "the actors")
    page.js("getSelection().selectAllChildren(document.querySelector('main tbody th'))")
    chosen = page.js("return String(getSelection())")
    assert chosen
    patiently()
    patiently()
    assert page.js("return String(getSelection())") == chosen


def test_narrow_menu(page):
    page.resize(400)
    page.click("#menu")
    page.until(lambda: page.js("return document.querySelector('.side').checkVisibility()"), "the list of pages")
    assert page.js("return document.getElementById('menu').getAttribute('aria-expanded')") == "true"
    page.shoot("menu-400")
    page.click(".side a", "Store")
    page.until(lambda: page.text("main h1") == "Store", "the page")
    assert not page.js("return document.querySelector('.side').checkVisibility()")


def test_nothing_moves_for_those_who_do_not_want_it(page):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]})
    names = page.js("""return [...document.querySelectorAll('*')].map(one => getComputedStyle(one).animationName)
        .filter(name => name !== 'none')""")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert not names


def test_dark_by_the_system(page):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    dark = page.js("return getComputedStyle(document.body).backgroundColor")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
    assert page.js("return getComputedStyle(document.body).backgroundColor") != dark
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_live_region_speaks_seldom(page):
    """Three changes in a row are told once, and that is the last one."""
    page.module("""
        const {announce} = await import('/ui/notice.js');
        window.told = [];
        new MutationObserver(() => window.told.push(document.getElementById('announcer').textContent))
            .observe(document.getElementById('announcer'), {childList: true, characterData: true, subtree: true});
        announce('one'); announce('two'); announce('three');""")
    page.until(lambda: page.js("return window.told.length"), "something to be told")
    page.module("(await import('/ui/notice.js')).announce('four')")
    assert page.js("return window.told") == ["three"]
