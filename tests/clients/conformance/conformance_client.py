# SPDX-License-Identifier: MPL-2.0
"""A program around the Python library that does what a line of standard input says and prints one
line for what came of it: the client side of the conformance exchanges. conformance_client.c is the
same around libroost.

usage: conformance_client.py URL PEER
"""
import queue
import sys

import roost


class Session:
    def __init__(self, url, peer):
        self.presence = queue.Queue()
        self.client = roost.Client(url, peer, on_presence=self.presence.put)
        self.inbox = self.received = None

    def do_welcome(self):
        self.client.wait_ready()
        return f"welcome {self.client.peer}"

    def do_send(self, scope, body, receipts="0"):
        stored = self.client.send(scope, body, receipts=int(receipts))
        return "duplicate" if stored.is_duplicate else "stored"

    def do_attach(self, scope, consumer="main"):
        self.inbox = self.client.attach(scope, consumer)
        return f"attached {self.inbox.waiting_at_attach}"

    def do_receive(self):
        self.received = self.inbox.receive(10)
        return f"message {self.received.sender} {self.received.text}"

    def do_ack(self):
        self.received.ack()

    def do_fail(self, reason):
        self.received.fail(reason)

    def do_reject(self, reason):
        self.received.reject(reason)

    def do_release(self):
        self.received.release()

    def do_extend(self):
        self.received.extend()

    def do_confirm(self):
        self.inbox.confirm()
        return "confirmed"

    def do_receipt(self):
        receipt = self.inbox.receipts(10)[0]
        return f"receipt {receipt.level.name} {receipt.scope} {len(receipt.message_ids)}"

    def do_detach(self):
        self.inbox.close()

    @staticmethod
    def _page(page):
        return f"page {' '.join(m.text for m in page.items)}{' and more' if page.has_more else ''}"

    def do_history(self, peer):
        return self._page(self.client.history(peer))

    def do_sync(self, after):
        return self._page(self.client.sync(int(after)))

    def do_unread(self, peer):
        return f"unread {self.client.unread(peer)}"

    def do_peers(self):
        return "peers " + " ".join(f"{p.name}{'+' if p.is_online else '-'}"
                                   for p in self.client.peers().items)

    def do_read(self, peer, seq):
        self.client.mark_read(peer, seq=int(seq))
        return "done"

    def do_watch(self):
        self.client.subscribe_presence()
        return "watching"

    def do_event(self):
        event = self.presence.get(timeout=10)
        return f"event {event.peer} {'online' if event.is_online else 'offline'}"

    def do_close(self):
        self.client.close()
        return "closed"


def main():
    session = Session(*sys.argv[1:3])
    for line in sys.stdin:
        command, *words = line.split()
        try:
            result = getattr(session, f"do_{command}")(*words)
        except roost.RoostError as error:
            result = f"refused {error.code}"
        if result is not None:
            print(result, flush=True)
    session.client.close()


if __name__ == "__main__":
    main()
