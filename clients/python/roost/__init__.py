# SPDX-License-Identifier: MPL-2.0
"""The Python client of roost, a durable message broker for ZeroMQ.

    import roost

    with roost.connect(peer="alice") as client:
        client.send("bob", "hello")          # on the broker's disk when it returns

roost.Client is synchronous and thread-safe; roost.aio.AsyncClient is its twin for asyncio. Both
drive the same state machine (core.py), which does no I/O. See README.md beside this package.
"""
from .answers import (Address, AuditEntry, ConsumerInfo, Conversation, Counter, DeadLetter,
                      DeliveryState, DeviceKey, Invitation, Member, Page, Peer, Room, Session, TraceStep, User,
                      invitation_of)
from .client import DEFAULT_URL, Client, Inbox, Received, connect
from .keys import KeyPair
from .types import (BAD_CODE, BAD_CREDENTIALS, BUSY, DISK_FULL, DUPLICATE, KEY_NOT_ENROLLED,
                    KEY_OF_ANOTHER, KEY_REVOKED, LOCKED_OUT, NO_SESSION,
                    RECEIPT_DELIVERED, RECEIPT_FATES, RECEIPT_READ, STALE_LEASE, TAKEN_OVER,
                    TOO_LARGE, VERSION, InvitationStatus, Kind, Level, Message, Outcome,
                    PresenceEvent, Privacy, Reaction, Receipt, Role, RoomRole, RoostClosed,
                    RoostError, RoostTimeout, Stored, new_message_id)

__version__ = VERSION

__all__ = [
    "Address", "AuditEntry", "BAD_CODE", "BAD_CREDENTIALS", "BUSY", "Client", "ConsumerInfo",
    "Conversation", "Counter", "DEFAULT_URL", "DISK_FULL", "DUPLICATE", "DeadLetter",
    "DeliveryState", "DeviceKey", "Inbox", "KEY_NOT_ENROLLED", "KEY_OF_ANOTHER", "KEY_REVOKED",
    "KeyPair",
    "Invitation", "InvitationStatus", "Kind", "LOCKED_OUT", "Level", "Member", "Message",
    "NO_SESSION", "Outcome", "Page", "Peer", "PresenceEvent", "Privacy", "RECEIPT_DELIVERED",
    "RECEIPT_FATES", "RECEIPT_READ", "Reaction", "Receipt", "Received", "Role", "Room",
    "RoomRole", "RoostClosed", "RoostError", "RoostTimeout", "STALE_LEASE", "Session", "Stored",
    "TAKEN_OVER", "TOO_LARGE", "TraceStep", "User", "connect", "invitation_of",
    "new_message_id",
]
