# SPDX-License-Identifier: MPL-2.0
"""The Python client of roost, a durable message broker for ZeroMQ.

    import roost

    with roost.connect(peer="alice") as client:
        client.send("bob", "hello")          # on the broker's disk when it returns

roost.Client is synchronous and thread-safe; roost.aio.AsyncClient is its twin for asyncio. Both
drive the same state machine (core.py), which does no I/O. See README.md beside this package.
"""
from .answers import (Address, ConsumerInfo, Conversation, Counter, DeadLetter, Page, Peer,
                      TraceStep)
from .client import DEFAULT_URL, Client, Inbox, Received, connect
from .types import (BUSY, DISK_FULL, DUPLICATE, NO_SESSION, RECEIPT_DELIVERED, RECEIPT_FATES,
                    RECEIPT_READ, STALE_LEASE, TAKEN_OVER, TOO_LARGE, VERSION, Kind, Level, Message,
                    Outcome, PresenceEvent, Receipt, RoostClosed, RoostError, RoostTimeout, Stored,
                    new_message_id)

__version__ = VERSION

__all__ = [
    "Address", "BUSY", "Client", "ConsumerInfo", "Conversation", "Counter", "DEFAULT_URL",
    "DISK_FULL", "DUPLICATE", "DeadLetter", "Inbox", "Kind", "Level", "Message", "NO_SESSION",
    "Outcome", "Page", "Peer", "PresenceEvent", "RECEIPT_DELIVERED", "RECEIPT_FATES",
    "RECEIPT_READ", "Receipt", "Received", "RoostClosed", "RoostError", "RoostTimeout",
    "STALE_LEASE", "Stored", "TAKEN_OVER", "TOO_LARGE", "TraceStep", "connect", "new_message_id",
]
