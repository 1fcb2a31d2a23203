# SPDX-License-Identifier: MPL-2.0
"""Who is asking: accounts, passwords, tokens, and names without an account."""
import pytest

PASSWORD = "correct horse 电池"


@pytest.fixture(scope="module")
def broker(make_broker):
    return make_broker(security__admins="alice")


@pytest.fixture(scope="module")
def alice(connect, broker):
    connect(broker, "somebody").register("alice", PASSWORD)
    return connect(broker, "alice", credentials=PASSWORD)


def sign_in(page, user, password):
    page.go("signin")
    page.type("input[autocomplete=username]", user)
    page.type("input[type=password]", password)
    page.click("main button", "Sign in")


def stored(page):
    return page.js("return [sessionStorage.getItem('roost.token'), localStorage.length, document.cookie]")


def test_sign_in_and_out(page, alice):
    sign_in(page, "alice", PASSWORD)
    page.until(lambda: page.text(".who bdi") == "alice", "alice's name")
    page.ready()
    token, _, cookie = stored(page)
    assert token and cookie == ""
    assert PASSWORD not in page.js("return JSON.stringify({...sessionStorage}) + JSON.stringify({...localStorage})")
    page.load("account").ready()
    page.until_text("main dd", "alice")
    page.until_text("main dd", "verified")
    page.until(lambda: page.column("Session"), "the sessions")
    assert not page.accessibility()
    page.shoot("account-signed-in")
    page.click("main button", "Sign out")
    page.until(lambda: page.text("main h1") == "Sign in", "the page to sign in")
    assert stored(page)[0] is None
    page.trouble()


def test_wrong_password(page, alice):
    sign_in(page, "alice", "wrong")
    page.until_text("main [role=alert]", "the name or the password is wrong")
    assert page.text("main h1") == "Sign in" and stored(page)[0] is None
    assert not page.accessibility()
    page.shoot("signin-wrong")
    page.trouble()


def test_a_name_with_an_account_needs_it(page, alice):
    page.go("signin")
    page.type("main form:nth-of-type(1) input:not([type=password]):not([autocomplete=username])", "alice")
    page.click("main button", "Use without an account")
    page.until_text("main [role=alert]", "this name has an account")
    page.trouble()


def test_another_name_without_an_account(page, alice):
    page.go("signin")
    page.type("main input[autocomplete=off]", "小明")
    page.click("main button", "Use without an account")
    page.until(lambda: page.text(".who bdi") == "小明", "the name")
    assert page.module("return (await (await import('/api.js')).get('/api/v1/me')).name") == "小明"
    page.trouble()


def test_what_is_for_administrators_says_so(page, alice):
    """Somebody without rights sees what to do, not an empty page."""
    page.go("actors")
    page.until_text("main .is-failure", "This is for administrators")
    assert page.all("main .is-failure a[href*=signin]")
    assert not page.accessibility()
    page.shoot("not-allowed")
    page.trouble()


def test_a_token_that_ended(page, alice):
    sign_in(page, "alice", PASSWORD)
    page.until(lambda: page.text(".who bdi") == "alice", "alice's name")
    page.ready()
    alice.end_session(is_all=True)
    page.js("location.hash = '#/peers'")
    page.until(lambda: page.text("main h1") == "Sign in", "the page to sign in")
    assert stored(page)[0] is None, "a token that is no good is not kept"
    assert "then=" in page.js("return location.hash")
    page.shoot("signed-out")
    page.trouble()
