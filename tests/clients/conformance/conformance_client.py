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
        self.inbox = self.received = self.sent = None

    def do_welcome(self):
        self.client.wait_ready()
        return f"welcome {self.client.peer}"

    def do_send(self, scope, body, receipts="0"):
        stored = self.client.send(scope, body, receipts=int(receipts))
        self.sent = stored.message_id
        return "duplicate" if stored.is_duplicate else "stored"

    def do_attach(self, scope, consumer="main"):
        self.inbox = self.client.attach(scope, consumer)
        return f"attached {self.inbox.waiting_at_attach}"

    def do_listen(self, scope):
        self.inbox = self.client.attach(scope, ephemeral=True)
        return f"attached {self.inbox.waiting_at_attach}"

    def do_next(self):
        self.received = self.inbox.receive(10)
        is_system = self.received.kind is roost.Kind.SYSTEM
        text = self.received.content_type if is_system else self.received.text
        return f"next {self.received.kind.name} {self.received.sender} {text}".rstrip()

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

    # ------------------------------------------------------------ rooms and changes

    def do_join(self, room):
        self.client.join(room)
        return "done"

    def do_leave(self, room):
        self.client.leave(room)
        return "done"

    def do_invitations(self):
        return "invitations" + "".join(f" {row.scope}:{row.inviter}:{row.text}"
                                       for row in self.client.invitations().items)

    def do_accept(self, room=""):
        return "joined" + "".join(f" {scope}" for scope in self.client.accept_invitation(room))

    def do_members(self, room):
        return "members" + "".join(f" {row.peer}:{int(row.role)}"
                                   for row in self.client.members(room).items)

    def do_rooms(self):
        return "rooms" + "".join(
            f" {row.name}:{row.topic}:{int(row.privacy)}:{row.members}:{int(row.my_role)}"
            for row in self.client.rooms(mine_only=True).items)

    def do_edit(self, text):
        self.client.edit(self.sent, text)
        return "done"

    def do_delete(self):
        self.client.delete(self.sent)
        return "done"

    def do_react(self, emoji):
        self.client.react(self.sent, emoji)
        return "done"

    def do_unreact(self, emoji):
        self.client.react(self.sent, emoji, is_on=False)
        return "done"

    def do_edits(self):
        return self._page(self.client.edits(self.sent))

    @staticmethod
    def _found(page):
        words = ["found"]
        for message in page.items:
            words += [message.text] if message.text else []
            words += ["edited"] if message.edited_ms else []
            words += ["deleted"] if message.deleted_ms else []
            words += [f"{reaction.emoji}:{reaction.count}:{'mine' if reaction.is_mine else ''}"
                      for reaction in message.reactions]
        return " ".join(words)

    def do_search(self, text, scope):
        return self._found(self.client.search(text, scope=scope))

    def do_log(self, scope):
        return self._found(self.client.history(scope=scope))

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
