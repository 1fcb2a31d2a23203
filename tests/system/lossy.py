# SPDX-License-Identifier: MPL-2.0
"""A bad stretch of network between a program of the local network and the broker.

    LossyPath(near, far, neighbour, broker, loss=0.3, seed=1)

What `neighbour` says to the address `near` comes to the broker from the address `far`, and what the broker says
to `far` comes to the neighbour from `near`, all on port 2425; of each direction the share `loss` is
lost. `confirmed` are the numbers of the packets whose confirmation got through to the neighbour.
"""
import random
import socket
import threading

from lan_peer import PORT, RECVMSG, SENDMSG, Packet


class LossyPath:
    def __init__(self, near, far, neighbour, broker, loss=0.3, seed=1):
        self.loss, self.random = loss, random.Random(seed)
        self.neighbour, self.broker = (neighbour, PORT), (broker, PORT)
        self.sockets = [self._bind(near), self._bind(far)]
        self.confirmed, self.sent, self.lost, self.passed = set(), [], 0, 0
        self.news = threading.Condition()
        self.is_open = True
        ways = ((0, 1, self.broker), (1, 0, self.neighbour))
        self.threads = [threading.Thread(target=self._carry, args=way, daemon=True) for way in ways]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _bind(address):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind((address, PORT))
        end.settimeout(0.1)
        return end

    def close(self):
        self.is_open = False
        for thread in self.threads:
            thread.join()
        for end in self.sockets:
            end.close()

    def _carry(self, source, target, to):
        while self.is_open:
            try:
                data, _ = self.sockets[source].recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            with self.news:
                self._look(data, to, self._is_lost())
                self.news.notify_all()

    def _is_lost(self):
        is_lost = self.random.random() < self.loss
        self.lost += is_lost
        self.passed += not is_lost
        return is_lost

    def _look(self, data, to, is_lost):
        packet = Packet(data, None, to)
        if packet.mode == SENDMSG and to == self.broker and packet.number not in self.sent:
            self.sent.append(packet.number)
        if is_lost:
            return
        if packet.mode == RECVMSG and to == self.neighbour:
            self.confirmed.add(int(packet.body))
        self.sockets[0 if to == self.neighbour else 1].sendto(data, to)

    def is_accepted(self, index, timeout):
        """The index-th message of the neighbour (0 is the first): was it confirmed to it?"""
        def done():
            return len(self.sent) > index and self.sent[index] in self.confirmed
        with self.news:
            return self.news.wait_for(done, timeout)
