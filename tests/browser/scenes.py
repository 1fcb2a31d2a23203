# SPDX-License-Identifier: MPL-2.0
"""What there is to look at: a broker with a little of everything, and one with a lot.

Everything is made by ZeroMQ clients, as it is in life. Nothing here knows of the browser.
"""
import json

from roost import RoostError
from roost.types import Privacy

NAMES = ["alice", "bob", "小明", "王伟", "田中さくら", "مريم", "דוד", "worker-17", "sensor.roof",
         "a very long name that somebody once typed into a field without a limit and never changed"]
TEXTS = ["the build is green", "汤好了,快来吃饭", json.dumps({"task": "resize", "width": 640, "file": "roof.png"}),
         "שלום, מה שלומך?", "<b>not bold</b> <img src=x onerror=alert(1)>", "soup is ready"]
PAGES = ["overview", "peers", "waiting", "dead", "message", "rooms", "actors", "store", "discovery",
         "tryit", "log", "account", "signin"]


def numbered(count):
    return [f"peer-{number:05d}" if number % 3 else f"节点-{number:05d}" for number in range(count)]


def publish(client, scope, count, **options):
    for number in range(count):
        client.send_async(scope, TEXTS[number % len(TEXTS)].encode(), **options)
    assert client.flush(60)


def kill_letters(client, scope, count, reason="the picture is broken"):
    """Sends and refuses so many: dead letters with a reason."""
    publish(client, scope, count)
    with client.attach(scope) as inbox:
        for _ in range(count):
            inbox.receive(20).reject(reason)
        inbox.confirm()


def a_room(client, name, others=()):
    client.create_room(name, privacy=Privacy.PUBLIC, topic="what is for dinner")
    for other in others:
        try:
            other.join(name)
        except RoostError:
            pass


def a_little(connect, broker):
    """Everybody is here once, some things wait, some died, a room talks."""
    clients = {name: connect(broker, name) for name in NAMES[:7]}
    alice, bob = clients["alice"], clients["bob"]
    publish(bob, "peer:alice", 7)
    publish(alice, "peer:carol", 12)
    alice.query("INSPECT", "consumers")
    alice.call("SCOPE_CREATE", scope=b"queue:resize")
    publish(alice, "queue:resize", 9)
    kill_letters(bob, "queue:thumbnails", 5)
    a_room(alice, "kitchen", [bob, clients["小明"]])
    for name, client in clients.items():
        try:
            client.send("room:kitchen", TEXTS[NAMES.index(name) % len(TEXTS)].encode())
        except RoostError:
            pass                                    # whoever is no member
    a_room(clients["小明"], "研发部", [alice])
    return clients


def a_lot(connect, broker, peers=3000, waiting=10_000):
    """Thousands of peers, ten thousand messages that wait, and all of the above."""
    clients = a_little(connect, broker)
    alice = clients["alice"]
    for name in numbered(peers):
        alice.send_async(f"peer:{name}", b"welcome")
    assert alice.flush(120)
    publish(alice, "queue:resize", waiting - peers)
    return clients
