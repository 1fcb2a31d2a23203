# SPDX-License-Identifier: MPL-2.0
"""Programs of the local network and everybody else: presence, messages both ways, over kill -9.

The neighbour is one of our own making (lan_peer.py), so that it can do everything real programs do
wrong; test_lan_iptux.py has a real one.
"""
import json
import threading

import pytest

from broker import eventually
from helpers import ask_file, bodies, receive_all
from lan_peer import (ANSENTRY, ANSREADMSG, AUTORET, BR_ABSENCE, BR_ENTRY, BR_EXIT, BROADCAST,
                      CAPUTF8, DELMSG, ENCRYPT, FILEATTACH, GETABSENCEINFO, GETINFO, GETLIST,
                      ANSLIST, ISGETLIST2, OKGETLIST, READCHECK, READMSG, RECVMSG, SECRET, SENDCHECK,
                      SENDABSENCEINFO, SENDINFO, SENDMSG, UTF8)
from roost.types import Level

ANN = "lan:ann@pc"


@pytest.fixture
def town(lan, connect):
    """A LAN with a broker, and `zed`, a ZeroMQ peer."""
    lan.make()
    lan.zed = connect(lan.broker, "zed")
    return lan


def online(client):
    return {peer.name for peer in client.peers(online_only=True).items}


# ------------------------------------------------------------ presence

def test_an_entry_is_answered_once_and_seen_by_all(town):
    ann = town.peer(2, nickname="Ann Ä", group="lab")
    number = ann.enter()
    ann.enter(number)  # two broadcast addresses
    answer, = ann.wait_for(ANSENTRY)
    assert answer.data.endswith(b"\0") and answer.options == CAPUTF8 and answer.user == b"roost"
    assert answer.source == (town.address, 2425)
    assert ann.is_silent(ANSENTRY)
    eventually(lambda: ANN in online(town.zed), what="ann to be online")
    peer, = [peer for peer in town.zed.peers().items if peer.name == ANN]
    assert (peer.display_name, peer.kind, peer.is_verified) == ("Ann Ä", "ipmsg", False)
    ann.leave()
    eventually(lambda: ANN not in online(town.zed), what="ann to be offline")
    ann.enter()
    ann.wait_for(ANSENTRY, 2)
    eventually(lambda: ANN in online(town.zed), what="ann to be back")


def test_answers_and_changes_are_never_answered(town):
    ann = town.peer(2)
    ann.say(ANSENTRY | CAPUTF8, ann.entry_body())
    ann.nickname = "Anna"
    ann.say(BR_ABSENCE | CAPUTF8 | 0x100, ann.entry_body())
    eventually(lambda: ANN in online(town.zed), what="ann to be online")
    eventually(lambda: [peer.display_name for peer in town.zed.peers().items
                        if peer.name == ANN] == ["Anna"], what="the change to be seen")
    assert ann.packets == []


def test_the_silent_are_asked_alone(lan, connect):
    lan.make(presence__timeout_s=6)
    zed = connect(lan.broker, "zed")
    ann = lan.peer(2)
    ann.enter()
    asked = ann.wait_for(BR_ENTRY, 3)  # it answers each
    assert all(packet.source == (lan.address, 2425) for packet in asked)
    assert ANN in online(zed)
    ann.answers = False
    eventually(lambda: ANN not in online(zed), what="silence to be noticed")
    count = len(ann.of_mode(BR_ENTRY))
    assert ann.is_silent(BR_ENTRY, 4), "who is gone is not asked for ever"
    assert count <= len(asked) + 5


def test_seeds_and_the_end(lan):
    ann = lan.peer(2)
    lan.make(ipmsg__seeds=f"{lan.at(2)},{lan.at(3)}:2425")
    entry, = ann.wait_for(BR_ENTRY)
    assert entry.body == b"roost"
    silent = lan.peer(3, user="silent")
    silent.answers = False
    assert lan.broker.stop() == 0
    silent.wait_for(BR_EXIT)
    ann.wait_for(BR_EXIT)


def test_one_name_is_one_peer_wherever_it_is(town):
    """A known name at another address is the same peer; another name at a known address is not."""
    ann = town.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    eventually(lambda: ANN in online(town.zed))
    ann.close()
    town.neighbours.remove(ann)
    thief = town.peer(2, user="mallory", host="pc2", first_no=9000)
    thief.enter()
    thief.wait_for(ANSENTRY)
    eventually(lambda: "lan:mallory@pc2" in online(town.zed))
    town.zed.send(f"peer:{ANN}", b"for ann")
    assert thief.is_silent(SENDMSG, 2)
    moved = town.peer(3, first_no=20000)
    moved.enter()
    assert moved.wait_texts(1) == ["zed: for ann"]
    assert thief.texts() == []


# ------------------------------------------------------------ from the LAN

def test_confirmed_is_on_disk(town):
    ann = town.peer(2)
    ann.enter()
    inbox = town.zed.attach("peer:zed")
    numbers = [ann.deliver(f"@zed message {n}") for n in range(20)]
    assert len(set(numbers)) == 20
    town.broker.kill()
    rows = ask_file(town.broker, "SELECT body FROM message WHERE kind = 0 ORDER BY seq")
    assert [bytes(body).decode() for body, in rows] == [f"message {n}" for n in range(20)]
    town.broker.start()
    messages = receive_all(inbox, 20)
    assert bodies(messages) == [f"message {n}".encode() for n in range(20)]
    assert all(message.sender == ANN and message.is_sender_unverified for message in messages)


def test_the_same_packet_again_is_one_message(town):
    ann = town.peer(2)
    ann.enter()
    inbox = town.zed.attach("peer:zed")
    number = ann.deliver("@zed once")
    town.broker.restart()
    ann.send("@zed once", number=number)                           # as it was
    ann.send("@zed once" + "\0" * 64, number=number)               # as Windows does at last
    ann.wait_for(RECVMSG, 3)
    ann.deliver("@zed another text", number=number)                # a program that was started again
    ann.number = 0
    ann.enter()                                                    # and said so
    ann.wait_for(ANSENTRY, 2)
    ann.deliver("@zed once", number=number)                        # the same text, meant anew
    assert bodies(receive_all(inbox, 3)) == [b"once", b"another text", b"once"]
    assert inbox.receive(0.5) is None


def test_what_is_confirmed_and_what_is_not(town):
    ann = town.peer(2)
    ann.enter()
    ann.send("@zed nobody asked", options=0)
    ann.send("@zed to all", options=SENDCHECK | BROADCAST)
    ann.send("@zed by itself", options=SENDCHECK | AUTORET)
    cipher = ann.send(b"12:ab:cd", options=SENDCHECK | ENCRYPT)
    ann.deliver("@zed the last")
    assert [packet.body for packet in ann.of_mode(RECVMSG)] == [str(cipher + 1).encode()]
    inbox = town.zed.attach("peer:zed")
    assert bodies(receive_all(inbox, 4)) == [b"nobody asked", b"to all", b"by itself", b"the last"]
    sealed = ask_file(town.broker, "SELECT body FROM message WHERE content_type LIKE '%encrypted'")
    assert [bytes(body).rstrip(b"\0") for body, in sealed] == [b"12:ab:cd"]


def test_charsets(lan, connect):
    lan.make(ipmsg__charset="gb18030")
    zed = connect(lan.broker, "zed")
    inbox = zed.attach("peer:zed")
    wang = lan.peer(2, user="wang", charset="gbk", nickname="王", capabilities=0)
    wang.enter()
    wang.wait_for(ANSENTRY)
    wang.deliver("@zed 你好，世界")
    message, = receive_all(inbox, 1)
    assert message.body.decode() == "你好，世界"
    assert dict(message.headers)[b"ipmsg.raw"].rstrip(b"\0") == "@zed 你好，世界".encode("gbk")
    eventually(lambda: "王" in {peer.display_name for peer in zed.peers().items})
    zed.send("peer:lan:wang@pc", "再见".encode())
    text, = wang.wait_for(SENDMSG, 1)[-1:]
    assert not text.options & UTF8
    assert wang.wait_texts(1) == ["zed: 再见"]
    wang.deliver(b"@zed \xff\xfe broken")  # decoding never fails a message
    assert receive_all(inbox, 1)[0].body.endswith(b"broken")


def test_without_nul_and_with_colons(town):
    ann = town.peer(2)
    ann.enter()
    inbox = town.zed.attach("peer:zed")
    number = ann.send("@zed a:b:c", nul=b"")
    assert ann.is_confirmed(number)
    assert bodies(receive_all(inbox, 1)) == [b"a:b:c"]
    ann.deliver("@zed: with a colon")
    assert bodies(receive_all(inbox, 1)) == [b"with a colon"]


def test_addressing_and_notices(town):
    ann = town.peer(2)
    ann.enter()
    ann.deliver("hello?")
    notice, = ann.wait_texts(1, is_notice=True)
    assert "@alice" in notice
    packet = ann.of_mode(SENDMSG)[0]
    assert packet.options & AUTORET and not packet.options & SENDCHECK
    town.zed.call("ROOM_CREATE", scope=b"room:lab")
    room = town.zed.attach("room:lab")
    ann.deliver("#lab hello, room")
    assert bodies(receive_all(room, 1)) == [b"hello, room"]
    ann.deliver("#Lobby hello, all")
    assert len(ann.texts(is_notice=True)) == 1  # explained once
    number = ann.deliver("#nowhere lost?")
    assert len(ann.wait_texts(2, is_notice=True)) == 2
    ann.send("#nowhere lost?", number=number)   # not confirmed in time, it thinks
    ann.send("by itself", options=AUTORET)      # a notice never triggers another
    ann.deliver("@zed end")
    assert len(ann.texts(is_notice=True)) == 2
    kept = ask_file(town.broker, "SELECT m.body FROM message m JOIN scope s ON s.id = m.scope_id"
                    " WHERE s.kind = 1 AND s.name LIKE 'lan:roost@%' ORDER BY seq")
    assert [bytes(body) for body, in kept] == [b"hello?", b"#nowhere lost?", b"by itself"]


def test_notices_wait_for_mail(town):
    """A notice is never sent while mail is unconfirmed: it would hide the mail at some programs."""
    ann = town.peer(2)
    ann.confirms = False
    ann.enter()
    ann.wait_for(ANSENTRY)
    town.zed.send(f"peer:{ANN}", b"first")
    ann.wait_for(SENDMSG)
    ann.deliver("hello?")
    assert ann.texts(is_notice=True) == []
    ann.confirms = True
    ann.wait_texts(1, is_notice=True)
    packets = ann.of_mode(SENDMSG)
    assert packets[-1].options & AUTORET and packets[-1].number > packets[0].number


def test_without_autocreate(lan, connect):
    """As beyond this machine: strangers make no mailboxes, but what is confirmed is kept."""
    lan.make(mailbox__autocreate="off")
    zed = connect(lan.broker, "zed")
    inbox = zed.attach("peer:zed")
    ann = lan.peer(2)
    ann.enter()
    ann.deliver("hello?")
    ann.deliver("@nobody hello?")
    assert len(ann.wait_texts(2, is_notice=True)) == 2
    ann.deliver("@zed hello!")
    assert bodies(receive_all(inbox, 1)) == [b"hello!"]
    zed.send(f"peer:{ANN}", b"hello, ann")
    assert ann.wait_texts(1) == ["zed: hello, ann"]
    names = {name for name, in ask_file(lan.broker, "SELECT name FROM peer")}
    assert "nobody" not in names


def test_a_full_disk_answers_and_stores_later(lan, small_disk, connect):
    """Presence goes on; nothing is confirmed that is not stored; all is well when there is room."""
    lan.make(data=small_disk / "data")
    filler = small_disk / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(b"x" * 65536)
                file.flush()
        except OSError:
            pass
    ann = lan.peer(2)
    big = "@zed " + "x" * 6000
    numbers = []
    for number in range(1500):
        ann.number += 1
        numbers.append(ann.send(f"{big} {number}"))
        if number % 100 == 99 and not ann.is_confirmed(numbers[-1], 2):
            break
    else:
        raise AssertionError("the disk did not get full")
    ben = lan.peer(3, user="ben")
    ben.enter()
    ben.wait_for(ANSENTRY, timeout=5)
    last = ben.send("@zed not stored")
    assert not ben.is_confirmed(last, 2)
    filler.unlink()
    ben.deliver("@zed not stored", number=last)
    zed = connect(lan.broker, "zed")
    eventually(lambda: "lan:ben@pc" in online(zed), what="ben to be stored")


def test_files_are_not_relayed_and_it_says_so(town):
    ann = town.peer(2)
    ann.enter()
    inbox = town.zed.attach("peer:zed")
    ann.deliver(b"@zed look\x000:report.pdf:1a2b:5f000000:1:\x07", options=SENDCHECK | FILEATTACH)
    message, = receive_all(inbox, 1)
    assert message.body == b"look"
    headers = dict(message.headers)
    assert headers[b"ipmsg.files"] == b"0:report.pdf:1a2b:5f000000:1:\x07"
    assert json.loads(headers[b"ipmsg.attachments"]) == [
        {"id": "0", "name": "report.pdf", "kind": "file", "size": 0x1a2b, "mtime": 0x5f000000}]
    assert any("Files" in text for text in ann.wait_texts(2, is_notice=True))


# ------------------------------------------------------------ to the LAN

def test_offline_mail_comes_in_order_and_once(town):
    ann = town.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    eventually(lambda: ANN in online(town.zed))
    ann.leave()
    eventually(lambda: ANN not in online(town.zed))
    for number in range(12):
        town.zed.send(f"peer:{ANN}", f"letter {number}".encode())
    assert ann.is_silent(SENDMSG)
    town.broker.restart()
    ann.enter()
    assert ann.wait_texts(12) == [f"zed: letter {number}" for number in range(12)]
    first = ann.of_mode(SENDMSG)[0]
    answers = [packet for packet in ann.packets if packet.mode == ANSENTRY and packet.at < first.at]
    assert len(answers) == 2, "the answer comes before the mail"
    numbers = [packet.number for packet in ann.of_mode(SENDMSG)]
    assert numbers == sorted(set(numbers)) and numbers[-1] < 2**32 - 1
    town.broker.restart()
    ann.enter()
    ann.wait_for(ANSENTRY, 3)
    ann.is_silent(SENDMSG)  # the last one again, at most, if the kill came before its settling
    assert {packet.number for packet in ann.of_mode(SENDMSG)} == set(numbers)
    assert len(ann.texts()) == 12


def test_one_at_a_time_and_again_with_the_same_number(town):
    ann = town.peer(2)
    ann.confirms = False
    ann.enter()
    ann.wait_for(ANSENTRY)
    for text in (b"one", b"two"):
        town.zed.send(f"peer:{ANN}", text)
    packets = ann.wait_for(SENDMSG, 4)
    assert len({packet.number for packet in packets}) == 1
    gaps = [later.at - earlier.at for earlier, later in zip(packets, packets[1:4])]
    assert all(0.7 < gap < 1.6 for gap in gaps), gaps
    assert ann.is_silent(SENDMSG, 2)            # parked
    ann.say(BR_ABSENCE | CAPUTF8, ann.entry_body())  # a sign of life
    again = ann.wait_for(SENDMSG, 5)[4]
    assert again.number == packets[0].number
    ann.say(RECVMSG, b"0")
    ann.say(RECVMSG, str(again.number + 1).encode())  # forged
    assert {packet.number for packet in ann.of_mode(SENDMSG)} == {again.number}
    ann.confirms = True
    assert ann.wait_texts(2) == ["zed: one", "zed: two"]


def test_after_a_kill_the_same_packet_and_no_entry(town):
    """Its number was on disk before it was used. Until it is confirmed nothing makes the program
    forget that it saw it."""
    ann = town.peer(2)
    ann.confirms = False
    ann.enter()
    ann.wait_for(ANSENTRY)
    town.zed.send(f"peer:{ANN}", b"shown before the kill")
    before = ann.wait_for(SENDMSG)[0]
    town.broker.kill()
    count = len(ann.packets)
    town.broker.settings["ipmsg.seeds"] = town.at(2)
    town.broker.start()
    eventually(lambda: len(ann.packets) > count + 1, what="the packet to come again")
    after = ann.packets[count:]
    assert {(packet.mode, packet.number) for packet in after} == {(SENDMSG, before.number)}
    ann.confirms = True
    eventually(lambda: ann.of_mode(BR_ENTRY) or len(ann.packets) > count + 3)
    town.zed.send(f"peer:{ANN}", b"later")
    assert ann.wait_texts(2) == ["zed: shown before the kill", "zed: later"]


def test_long_texts_are_split_at_characters(town):
    ann = town.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    text = "äöü€😀" * 4000
    town.zed.send(f"peer:{ANN}", text.encode())
    eventually(lambda: "".join(ann.texts()) == "zed: " + text, what="the whole text")
    packets = ann.of_mode(SENDMSG)
    assert max(len(packet.data) for packet in packets) <= 8192 and len(packets) > 5


def test_sealed_stays_sealed_and_its_opening_travels_back(town):
    ann, ben = town.peer(2), town.peer(3, user="ben", nickname="Ben")
    for peer in (ann, ben):
        peer.enter()
        peer.wait_for(ANSENTRY)
    number = ann.deliver("@lan:ben@pc for your eyes", options=SENDCHECK | SECRET | READCHECK)
    assert ben.wait_texts(1) == [f"{ANN}: for your eyes"]
    packet = ben.of_mode(SENDMSG)[0]
    assert packet.options & SECRET and packet.options & READCHECK
    ben.say(READMSG, b"0")
    ben.say(READMSG | READCHECK, b"99999")
    assert ann.is_silent(READMSG, 0.5)
    opened = ben.say(READMSG | READCHECK, str(packet.number).encode())
    assert str(opened).encode() in [answer.body for answer in ben.wait_for(ANSREADMSG, 2)]
    read, = ann.wait_for(READMSG)
    assert read.body == str(number).encode()
    ben.say(READMSG, str(packet.number).encode())
    assert ann.is_silent(READMSG, 0.5)


def test_sealed_messages_are_opened_much_later(town):
    """After a restart, and after many others: it names the number it got, and that is enough."""
    ann, ben = town.peer(2), town.peer(3, user="ben", nickname="Ben")
    for peer in (ann, ben):
        peer.enter()
        peer.wait_for(ANSENTRY)
    numbers = [ann.deliver(f"@lan:ben@pc secret {n}", options=SENDCHECK | SECRET | READCHECK)
               for n in range(25)]
    ben.wait_texts(25)
    packets = {packet.body: packet for packet in ben.of_mode(SENDMSG)}
    town.broker.restart()
    ben.wait_for(BR_ENTRY)  # it is looked for, and answers
    for n in (0, 20):
        packet = packets[f"{ANN}: secret {n}".encode()]
        ben.say(READMSG, str(packet.number + 1000000).encode())  # never sent
        ben.say(READMSG | READCHECK, str(packet.number).encode())
        wanted = str(numbers[n]).encode()
        eventually(lambda: wanted in [packet.body for packet in ann.of_mode(READMSG)],
                   what=f"the opening of message {n} to come back")
    town.neighbours.append(thief := type(ann)(town.at(9), town.address, user="ben"))
    thief.say(READMSG, str(packets[f"{ANN}: secret 24".encode()].number).encode())
    assert ann.is_silent(READMSG, 0.5), "only from where it went to"


def test_a_confirmation_is_a_receipt(town):
    ann = town.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    town.zed.send(f"peer:{ANN}", b"there?", receipts=Level.DELIVERED)
    assert ann.wait_texts(1) == ["zed: there?"]
    inbox = town.zed.attach("peer:zed")
    receipt, = inbox.receipts(10)
    assert (receipt.level, receipt.peer) == (Level.DELIVERED, ANN)


def test_by_nick_while_it_is_unique(town):
    ann, ben = town.peer(2), town.peer(3, user="ben", nickname="Benny")
    for peer in (ann, ben):
        peer.enter()
        peer.wait_for(ANSENTRY)
    eventually(lambda: {ANN, "lan:ben@pc"} <= online(town.zed))
    town.zed.send("peer:Benny", b"from afar")
    assert ben.wait_texts(1) == ["zed: from afar"]
    ann.deliver("@Benny from next door")
    assert ben.wait_texts(2)[1] == f"{ANN}: from next door"
    ann.nickname = "Benny"
    ann.say(BR_ABSENCE | CAPUTF8, ann.entry_body())
    eventually(lambda: [peer.display_name for peer in town.zed.peers().items
                        if peer.name == ANN] == ["Benny"], what="the change to be seen")
    town.zed.send("peer:Benny", b"whom?")  # neither: a mailbox of that name
    assert ben.is_silent(SENDMSG, 0.5) and len(ann.texts()) == 0


# ------------------------------------------------------------ both ways, when things go wrong

def test_both_ways_with_loss_and_kills(town):
    """30 % of the datagrams are lost in each direction while the broker is killed again and again:
    everything arrives, once and in order."""
    ann = town.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    inbox = town.zed.attach("peer:zed")
    ann.loss = 0.3
    count = 15
    failures = []

    def write():
        try:
            for number in range(count):
                ann.deliver(f"@zed up {number}", gap_s=0.4, tries=80)
        except AssertionError as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(count):
        town.zed.send(f"peer:{ANN}", f"down {number}".encode())
        if number % 5 == 4:
            town.broker.restart()
    writer.join()
    assert not failures, failures
    assert bodies(receive_all(inbox, count)) == [f"up {number}".encode() for number in range(count)]
    assert inbox.receive(0.5) is None
    ann.loss = 0
    ann.say(BR_ABSENCE | CAPUTF8, ann.entry_body())
    texts = ann.wait_texts(count, timeout=60)
    assert texts == [f"zed: down {number}" for number in range(count)]


# ------------------------------------------------------------ the rest of the protocol

def test_questions(town):
    ann = town.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    eventually(lambda: ANN in online(town.zed))
    ann.say(ISGETLIST2)
    ann.wait_for(OKGETLIST)
    ann.say(GETLIST, b"0")
    hosts, = ann.wait_for(ANSLIST)
    fields = hosts.body.split(b"\a")
    assert fields[:2] == [b"    0", b"    1"]
    assert fields[2:4] == [b"ann", b"pc"]
    assert fields[5:9] == [town.at(2).encode(), b"30985", b"Ann", b"\b"]
    ann.say(GETINFO)
    assert b"roost" in ann.wait_for(SENDINFO)[0].body
    ann.say(GETABSENCEINFO)
    assert ann.wait_for(SENDABSENCEINFO)[0].body == b"Not absence mode"


@pytest.mark.parametrize("data", [
    b"", b"\0", b"1", b"1:2:3", b"1:1:a:b:", b":::::", b"1:x:a:b:32:hi", b"1:1:a:b:-1:hi",
    b"1:1:a:b:99999999999999999999:hi", b"1:4294967296:a:b:288:hi", b"1:1::b:288:hi",
    b"2:1:a:b:1:hi", b"11:1:a:b:1:hi", b"1:1:a:b:1", b"\xff" * 2000, b"1:1:" + b"x" * 60000 + b":b:288:hi",
    b"GET / HTTP/1.0\r\n\r\n", b"1:1:\x01\x02:\x03:288:hi\0", b"1:1:a:b:254:hi", b"1:1:a:b:96:1:2:3",
], ids=lambda data: repr(data[:30]))
def test_hostile_datagrams(town, data):
    ann = town.peer(2)
    ann.raw(data)
    ann.raw(data)
    ann.enter()
    ann.wait_for(ANSENTRY)
    assert {packet.mode for packet in ann.packets} <= {ANSENTRY, RECVMSG, SENDMSG, BR_ENTRY}
    assert len(ann.packets) < 10


def test_a_flood_harms_nobody_else(town):
    loud, ann = town.peer(2, user="loud"), town.peer(3)
    loud.enter()
    for number in range(3000):
        loud.send(f"@zed flood {number}", options=0)
    ann.enter()
    ann.wait_for(ANSENTRY, timeout=3)
    ann.deliver("@zed still here", gap_s=3)


def test_deleted_unread(town):
    ann = town.peer(2)
    ann.confirms = False
    ann.enter()
    ann.wait_for(ANSENTRY)
    town.zed.send(f"peer:{ANN}", b"one")
    packet = ann.wait_for(SENDMSG)[0]
    ann.say(DELMSG, str(packet.number).encode())
    assert ann.is_silent(SENDMSG, 2)


def test_expiry_can_be_watched(lan, connect):
    lan.make(message__ttl_s=3, cleanup__interval_s=1)
    zed = connect(lan.broker, "zed")
    ann = lan.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    eventually(lambda: ANN in online(zed))
    ann.leave()
    eventually(lambda: ANN not in online(zed))
    zed.send(f"peer:{ANN}", b"too old")
    eventually(lambda: not zed.query("INSPECT", "consumers", scope=f"peer:{ANN}").items[0].waiting,
               what="the message to expire")
    ann.enter()
    ann.wait_for(ANSENTRY, 2)
    assert ann.is_silent(SENDMSG)
