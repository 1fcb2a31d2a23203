# SPDX-License-Identifier: MPL-2.0
"""Consumers in memory only: they hear a scope in order, leave nothing in the store, and are gone
after kill -9; mail that somebody listens to is still kept for its reader."""
import sqlite3

import pytest

from helpers import bodies, numbered, receive_all
from roost import RoostError


def stored_consumers(broker, kind):
    with sqlite3.connect(f"file:{broker.data}/roost.db?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM consumer c JOIN scope s ON s.id = c.scope_id"
                                " WHERE s.kind = ?", (kind,)).fetchone()[0]


def test_it_hears_a_topic_and_leaves_nothing(broker, connect):
    writer, listener = connect(broker, "writer"), connect(broker, "listener")
    inbox = listener.attach("topic:news", ephemeral=True)
    other = listener.attach("topic:news", ephemeral=True)   # of its own: it takes over nothing
    for body in numbered(50):
        writer.send("topic:news", body)
    assert bodies(receive_all(inbox, 50)) == numbered(50)
    assert bodies(receive_all(other, 50)) == numbered(50)
    assert stored_consumers(broker, 4) == 0


def test_it_begins_at_the_first_message_if_it_wants(broker, connect):
    writer, listener = connect(broker, "writer"), connect(broker, "listener")
    for body in numbered(20):
        writer.send("topic:news", body)
    inbox = listener.attach("topic:news", ephemeral=True, start="first")
    assert bodies(receive_all(inbox, 20)) == numbered(20)


def test_mail_is_kept_for_its_reader(broker, connect):
    ann, bob = connect(broker, "ann"), connect(broker, "bob")
    heard = ann.attach("peer:ann", ephemeral=True)
    for body in numbered(10):
        bob.send("ann", body)
    assert bodies(receive_all(heard, 10)) == numbered(10)
    broker.kill()
    broker.start()
    assert bodies(receive_all(ann.attach(), 10)) == numbered(10)


def test_a_queue_is_not_listened_to(broker, connect):
    with pytest.raises(RoostError):
        connect(broker, "ann").attach("queue:work", ephemeral=True)
