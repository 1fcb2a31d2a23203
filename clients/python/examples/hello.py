# SPDX-License-Identifier: MPL-2.0
"""alice writes to bob, who is away; bob comes home, reads, and alice is told.

usage: hello.py      (a broker must run at tcp://127.0.0.1:7667)
"""
import roost

with roost.connect("tcp://127.0.0.1:7667", "alice") as alice:
    stored = alice.send("bob", "Are you there?", receipts=roost.RECEIPT_DELIVERED)
    print(f"stored as number {stored.seq}; bob may be away, and the broker may be killed now")

    with roost.connect("tcp://127.0.0.1:7667", "bob") as bob:
        with bob.attach() as inbox:
            received = inbox.receive(timeout=10)
            print(f"{received.sender}: {received.text}")
            received.ack()
            inbox.confirm()

    with alice.attach() as inbox:
        for receipt in inbox.receipts(timeout=10):
            print(f"{receipt.level.name} by {receipt.peer}")
