# SPDX-License-Identifier: MPL-2.0
"""The real iptux at both ends, the broker between them, and 30 % of all datagrams lost in each
direction of both stretches."""
import threading

import pytest

from broker import eventually
from lan_peer import can_pretend
from lossy import LossyPath

LOSS = 0.3
COUNT = 12
GIVEN_UP_S = 5.5  # iptux sends four times, a second apart


class End:
    """An iptux with its path to the broker; what it sent, and what of it was accepted."""

    def __init__(self, lan, nickname, last, host, seed):
        self.nickname, self.near = nickname, lan.at(last + 10)
        self.far = lan.at(last + 20)
        self.path = LossyPath(self.near, self.far, lan.at(last), lan.address, LOSS, seed)
        lan.neighbours.append(self.path)
        self.iptux = lan.iptux(last, nickname, host=host)
        self.sent, self.accepted = [], []

    def meet(self, zed):
        def is_met():
            if not self.iptux.wait_for(f"(online|update) {self.near} ", 0):
                self.iptux.tell(f"detect {self.near}")
            return self.iptux.wait_for(f"(online|update) {self.near} ", 0) and self.name(zed)
        eventually(is_met, timeout=40, what=f"{self.nickname} to have found the broker")

    def name(self, zed):
        return next((peer.name for peer in zed.peers(online_only=True).items
                     if peer.display_name == self.nickname), None)

    def write(self, to):
        """One text after the other, as a person does; the next when the last is accepted or lost."""
        for number in range(COUNT):
            text = f"{self.nickname} {number} ä"
            self.iptux.send(self.near, f"@{to} {text}")
            self.sent.append(text)
            if self.path.is_accepted(number, GIVEN_UP_S):
                self.accepted.append(text)

    def shown(self, sender):
        return [text.split(": ", 1)[1] for text in self.iptux.messages()
                if text.startswith(f"{sender}: ")]


@pytest.mark.parametrize("has_kills", [False, True], ids=["", "and kills"])
def test_every_accepted_text_is_shown_once_and_in_order(lan, connect, has_kills):
    if not can_pretend():
        pytest.skip("no other host name to be had: both would be one and the same peer")
    lan.make(presence__timeout_s=600)
    zed = connect(lan.broker, "zed")
    ends = [End(lan, "Ann", 2, "annhost", 1), End(lan, "Ben", 3, "benhost", 2)]
    for end in ends:
        end.meet(zed)
    ann, ben = ends
    names = {end: end.name(zed) for end in ends}
    writers = [threading.Thread(target=one.write, args=(names[other],))
               for one, other in ((ann, ben), (ben, ann))]
    for writer in writers:
        writer.start()
    while has_kills and (busy := [writer for writer in writers if writer.is_alive()]):
        busy[0].join(4)
        lan.broker.restart()
    for writer in writers:
        writer.join()
    for one, other in ((ann, ben), (ben, ann)):
        assert len(one.accepted) > COUNT / 2, "hardly anything got through"
        eventually(lambda: set(one.accepted) <= set(other.shown(names[one])), timeout=60,
                   what=f"{one.accepted} at {other.nickname}, who has {other.shown(names[one])}")
        shown = other.shown(names[one])
        assert len(shown) == len(set(shown)), "shown twice"
        assert shown == [text for text in one.sent if text in shown], "not in order"
        total = one.path.lost + one.path.passed
        assert 0.15 < one.path.lost / total < 0.45 and total > 4 * COUNT
    eventually(lambda: all(not zed.query("INSPECT", "consumers", scope=f"peer:{name}")
                           .items[0].waiting for name in names.values()),
               timeout=60, what="everything to be settled")
