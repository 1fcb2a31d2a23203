# SPDX-License-Identifier: MPL-2.0
"""Fixtures of the browser tests: a broker with HTTP, ZeroMQ peers, one browser per module of tests.

After each test the browser must have had no trouble: nothing on the console, no violation of the
content security policy, no exception that nobody caught. A test that means to cause some takes it
away itself with page.trouble().
"""
import re
import time

import pytest

from broker import Broker
from browser import Page
from roost import Client


class WebBroker(Broker):
    """A Broker whose dashboard listens; the port stays the same over restarts."""

    def __init__(self, data, **settings):
        super().__init__(data, **{"http__listen": "127.0.0.1:*", **settings})
        self.web = None

    def start(self):
        super().start()
        if self.web is None:
            line = next(line for line in self.log_of_run() if "protocol=http" in line)
            port = re.search(r"port=\"?(\d+)", line).group(1)
            self.web = f"http://127.0.0.1:{port}"
            self.settings["http.listen"] = f"127.0.0.1:{port}"
        return self


@pytest.fixture(scope="module")
def make_broker(tmp_path_factory):
    brokers = []

    def make(**settings):
        brokers.append(WebBroker(tmp_path_factory.mktemp("data"), **settings))
        return brokers[-1].start()

    yield make
    for broker in brokers:
        print(f"--- log of {broker.data}", *broker.lines[-100:], sep="\n")
        if broker.is_running():
            code = broker.stop()
            assert code == 0, f"roostd ended with {code}"


@pytest.fixture(scope="module")
def broker(make_broker):
    """The broker of a module of tests; a module that needs another one overrides this."""
    return make_broker()


@pytest.fixture(scope="module")
def connect():
    """connect(broker, peer, **options): a ZeroMQ client, closed after the module."""
    clients = []

    def make(broker, peer, **options):
        clients.append(Client(broker.url, peer, **options))
        clients[-1].wait_ready(20)
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def browser(broker):
    page = Page(broker.web)
    yield page
    page.close()


@pytest.fixture
def page(browser):
    """The dashboard, loaded anew, as somebody without an account."""
    browser.resize(1280)
    browser.load()
    browser.js("sessionStorage.clear(); localStorage.clear()")
    browser.load().ready()
    browser.trouble()
    yield browser
    trouble = browser.trouble()
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def patiently():
    """Gives time for something that must not happen: a second of live updates."""
    return lambda: time.sleep(1.2)
