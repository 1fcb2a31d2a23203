# SPDX-License-Identifier: MPL-2.0
"""The conformance suite: each recorded exchange is played by bare sockets against the daemon, and
by a fake broker against the Python and the C library. See exchange.py for the notation."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "system")]

from broker import Broker  # noqa: E402
from exchange import load_all  # noqa: E402
from player import play_against_broker, play_against_client  # noqa: E402
from roost.schema import pb  # noqa: E402

EXCHANGES = load_all()
BY_NAME = pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)


@BY_NAME
def test_daemon(exchange, tmp_path):
    if not exchange.is_for_daemon:
        pytest.skip("about client libraries only")
    broker = Broker(tmp_path / "data", retry__preset="brisk").start()
    try:
        play_against_broker(exchange, broker.url)
    finally:
        assert broker.stop() == 0


@BY_NAME
def test_python_library(exchange):
    if not exchange.client:
        pytest.skip("about the daemon only")
    play_against_client(exchange, [sys.executable, os.path.join(HERE, "conformance_client.py")])


@BY_NAME
def test_c_library(exchange):
    program = os.environ.get("ROOST_CONFORMANCE_CLIENT", "")
    if not os.path.exists(program):
        pytest.skip("the client in C is not built")
    if not exchange.client:
        pytest.skip("about the daemon only")
    play_against_client(exchange, [program])


def test_every_type_of_message_occurs():
    seen = {step.type_name for exchange in EXCHANGES for step in exchange.steps if step.type_name}
    assert seen == set(pb.Type.keys()) - {"TYPE_NONE"}
