# SPDX-License-Identifier: MPL-2.0
"""The conformance suite, played by a fake broker against the JavaScript client."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "system")]

from exchange import load_all  # noqa: E402
from javascript import NODE, need_packages  # noqa: E402
from player import play_against_client  # noqa: E402

need_packages()
EXCHANGES = [exchange for exchange in load_all() if exchange.client]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_javascript_client(exchange):
    play_against_client(exchange, [NODE, os.path.join(HERE, "conformance_client.mjs")])
