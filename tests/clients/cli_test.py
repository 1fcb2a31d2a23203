#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The command-line tool against a real broker: every command about messages, its JSON and its exit codes.

See cli_tool.py for what it needs.
"""
import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from cli_tool import DEADLINE_S, ERROR, NOT_FOUND, OK, REFUSED, TIMEOUT, USAGE, Broker, ToolTest


class CliTest(ToolTest):
    # ------------------------------------------------------------ without a broker

    def test_help(self):
        output, _ = self.roost("help")
        for command in ("send", "recv", "tail", "history", "unread", "read", "peers", "presence",
                        "inspect", "trace", "dead list", "dead peek", "dead redrive", "dead purge",
                        "cancel", "verify", "bench", "stats", "version", "help"):
            self.assertRegex(output, rf"(?m)^  {command} ")
            by_help, _ = self.roost("help", *command.split())
            by_option, _ = self.roost(*command.split(), "--help")
            self.assertEqual(by_help, by_option)
            self.assertIn("Usage: roost " + command, by_help)
        self.assertIn("Exit codes", output)
        for group in ("room", "invite", "user", "audit", "dead"):
            listed, _ = self.roost("help", group)
            for name in re.findall(r"(?m)^  (\w+ \w+) ", listed):
                self.assertIn("Usage: roost " + name, self.roost("help", *name.split())[0])
            self.assertRegex(output, rf"(?m)^  {group}")
        self.assertIn("dead purge", self.roost("help", "dead")[0])
        self.assertEqual(self.roost("--help")[0], output)

    def test_usage_errors(self):
        self.assertIn("did you mean 'send'", self.roost("sned", expect=USAGE)[1])
        self.assertIn("did you mean '--kind'", self.roost("send", "--kid", "x", expect=USAGE)[1])
        self.roost(expect=USAGE)
        self.roost("dead", expect=USAGE)
        self.roost("send", expect=USAGE)
        self.roost("send", "bob", "--kind", expect=USAGE)
        self.roost("send", "bob", "x", "--kind", "nonsense", expect=USAGE)
        self.roost("recv", "--count", "0", expect=USAGE)
        self.roost("recv", "--count", "ten", expect=USAGE)
        self.roost("recv", "--ack", "--peek", expect=USAGE)
        self.roost("recv", "--json=yes", expect=USAGE)
        self.roost("trace", "not-an-id", expect=USAGE)
        self.roost("tail", "queue:work", expect=USAGE)
        self.roost("help", "nonsense", expect=USAGE)
        self.roost("send", "bob", "x", url="http://nowhere", expect=USAGE)

    def test_version(self):
        self.assertRegex(self.roost("version")[0], r"^roost \d+\.\d+\.\d+ ")
        self.assertEqual(self.roost("--version")[0], self.roost("version")[0])
        self.assertEqual(self.json("version")[0]["protocol"], 1)

    def test_nobody_listens(self):
        _, errors = self.roost("send", "bob", "x", "--timeout", "0.3", url="tcp://127.0.0.1:1",
                               expect=TIMEOUT)
        self.assertIn("no broker at tcp://127.0.0.1:1", errors)
        _, errors = self.roost("stats", "-j", "-t", "0.3", url="tcp://127.0.0.1:1", expect=TIMEOUT)
        self.assertIn("error", json.loads(errors))

    def test_mistyped_commands_of_two_words(self):
        for words, near in ((("room", "lst"), "room list"), (("rooms",), "room"),
                            (("help", "usr"), "user"), (("help", "dead", "pek"), "dead peek")):
            _, errors = self.roost(*words, expect=USAGE)
            self.assertIn(f"did you mean '{near}'?", errors)
        self.assertIn("see 'roost help room'", self.roost("room", "sing", expect=USAGE)[1])
        self.assertIn("room create", self.roost("room", expect=USAGE)[0])
        self.assertIn("room create", self.roost("room", "--help")[0])

    # ------------------------------------------------------------ messages

    def test_send_and_receive(self):
        sent = self.json("send", "rita", "Hello", "Rita", "--header", "a=b", "--key", "k",
                         "--type", "text/plain", "--kind", "action", "--correlation", "c",
                         "--reply-to", "alice", "--priority", "3")[0]
        self.assertFalse(sent["duplicate"])
        got = self.json("recv", "--as", "rita")[0]
        self.assertEqual(got["id"], sent["id"])
        self.assertEqual(got["seq"], sent["seq"])
        self.assertEqual(got["body"], "Hello Rita")
        self.assertEqual(got["sender"], "alice")
        self.assertEqual(got["kind"], "action")
        self.assertEqual(got["headers"], {"a": "b"})
        self.assertEqual((got["key"], got["content_type"], got["correlation_id"], got["reply_to"],
                          got["priority"]), ("k", "text/plain", "c", "peer:alice", 3))
        self.roost("recv", "--as", "rita", "--wait", "0.2", expect=TIMEOUT)
        self.assertRegex(self.roost("--as", "alice", "send", "rita", "x")[0],
                         r"^[0-9a-f-]{36}  seq \d+\n$")
        self.assertEqual(self.roost("send", "rita", "x", "-q")[0], "")

    def test_bodies(self):
        awkward = 'quote " backslash \\ tab \t line \n bell \a escape \x1b[31m ü 漢'.encode()
        binary = bytes(range(256))
        self.roost("send", "bodo", stdin=awkward)
        with tempfile.NamedTemporaryFile() as file:
            file.write(binary)
            file.flush()
            self.roost("send", "bodo", "--file", file.name)
        self.roost("send", "bodo", "")
        self.roost("send", "bodo", "--file", "/nonexistent/file", expect=ERROR)
        output, _ = self.roost("recv", "--as", "bodo", "--peek", "--all")
        self.assertNotRegex(output, "[\x00-\x09\x0b-\x1f\x7f]")  # nothing speaks to the terminal
        self.assertIn("ü 漢", output)
        got = self.json("recv", "--as", "bodo", "--all")
        self.assertEqual(got[0]["body"], awkward.decode())
        self.assertNotIn("body", got[1])
        import base64
        self.assertEqual(base64.b64decode(got[1]["body_base64"]), binary)
        self.assertEqual(got[2]["body"], "")

    def test_lines(self):
        lines = "".join(f"line {i}\n" for i in range(3000)).encode()
        self.assertEqual(self.json("send", "queue:lines", "--lines", stdin=lines),
                         [{"sent": 3000, "stored": 3000, "refused": 0}])
        got = self.json("recv", "queue:lines", "--count", "3000")
        self.assertEqual([one["body"] for one in got], [f"line {i}" for i in range(3000)])
        self.assertFalse(any(one.get("redelivered") for one in got))
        self.roost("recv", "queue:lines", "--wait", "0.2", expect=TIMEOUT)

    def test_same_id_twice(self):
        identity = "018f6f2e-7d3a-7c31-9b1e-0123456789ab"
        first = self.json("send", "dora", "x", "--id", identity)[0]
        second = self.json("send", "dora", "x", "--id", identity)[0]
        self.assertFalse(first["duplicate"])
        self.assertTrue(second["duplicate"])
        self.assertEqual(first["seq"], second["seq"])
        self.assertEqual(len(self.json("recv", "--as", "dora", "--all")), 1)

    def test_settling(self):
        self.roost("send", "sam", "x")
        self.assertEqual(len(self.json("recv", "--as", "sam", "--peek")), 1)
        self.assertEqual(len(self.json("recv", "--as", "sam", "--peek", "--all")), 1)
        got = self.json("recv", "--as", "sam", "--reject", "--reason", "no good")[0]
        self.roost("recv", "--as", "sam", "--wait", "0.2", expect=TIMEOUT)
        dead = self.json("dead", "list", "sam", peer="sam")
        self.assertEqual(len(dead), 1)
        self.assertEqual(dead[0]["message"]["id"], got["id"])
        self.assertEqual(dead[0]["text"], "no good")
        self.assertEqual(dead[0]["reason"], "REJECTED")
        self.assertIn("no good", self.roost("dead", "list", "sam", peer="sam")[0])
        self.assertIn(got["id"], self.roost("dead", "peek", "sam", got["id"], peer="sam")[0])
        self.roost("dead", "peek", "sam", "018f6f2e-7d3a-7c31-9b1e-000000000000", peer="sam",
                   expect=NOT_FOUND)
        self.assertEqual(self.json("dead", "redrive", "sam", "--all", peer="sam"),
                         [{"redriven": 1}])
        self.assertEqual(self.json("recv", "--as", "sam", "--reject")[0]["id"], got["id"])
        self.roost("dead", "purge", "sam", peer="sam", expect=USAGE)
        self.assertEqual(self.json("dead", "purge", "sam", got["id"], peer="sam"), [{"purged": 1}])
        self.assertEqual(self.json("dead", "list", "sam", peer="sam"), [])

    def test_failing_comes_again(self):
        """By the schedule, or at once when the peer comes back."""
        self.roost("send", "fay", "x")
        self.assertEqual(self.json("recv", "--as", "fay", "--fail", "--reason", "no")[0]["attempt"], 1)
        self.assertEqual(self.json("inspect", "fay", peer="fay")[0]["waiting"], 1)
        got = self.json("recv", "--as", "fay")[0]
        self.assertEqual(got["attempt"], 2)
        self.assertTrue(got["redelivered"])

    def test_bad_scope(self):
        self.roost("send", "nonsense:x", "x", expect=USAGE)
        self.roost("recv", "nonsense:x", expect=USAGE)
        self.roost("recv", "peer:somebody-else", expect=REFUSED)

    def test_receipts(self):
        sent = self.json("send", "rene", "x", "--receipts", "delivered,read,fates", peer="rosa")[0]
        self.roost("recv", "--as", "rene")
        got = self.json("recv", "--wait", "5", peer="rosa")[0]
        self.assertEqual(got["kind"], "receipt")
        self.assertEqual(got["receipts"][0]["level"], "delivered")
        self.assertEqual(got["receipts"][0]["peer"], "rene")
        self.assertEqual(got["receipts"][0]["ids"], [sent["id"]])

    def test_delay_and_cancel(self):
        sent = self.json("send", "carl", "later", "--delay", "3600")[0]
        self.roost("recv", "--as", "carl", "--wait", "0.2", expect=TIMEOUT)
        self.assertEqual(self.json("cancel", sent["id"]), [{"cancelled": sent["id"]}])
        self.roost("cancel", "018f6f2e-7d3a-7c31-9b1e-000000000000", expect=NOT_FOUND)
        taken = self.json("send", "carl", "now")[0]
        self.roost("recv", "--as", "carl")
        self.roost("cancel", taken["id"], expect=REFUSED)

    def test_tail(self):
        environment = {**os.environ, "ROOST_URL": self.broker.url, "ROOST_PEER": "tina"}
        tail = subprocess.Popen([os.environ["ROOST_CLI"], "tail", "--json"], env=environment,
                                stdout=subprocess.PIPE)
        try:
            deadline = time.monotonic() + DEADLINE_S
            while time.monotonic() < deadline:
                try:
                    output, _ = self.roost("inspect", "tina", "--json", peer="tina")
                    if "roost-tail" in output:
                        break
                except AssertionError:
                    pass
                time.sleep(0.05)
            self.roost("send", "tina", "seen")
            self.assertEqual(json.loads(tail.stdout.readline())["body"], "seen")
            tail.send_signal(signal.SIGINT)
            self.assertEqual(tail.wait(DEADLINE_S), OK)
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()
        self.assertEqual(self.json("recv", "--as", "tina")[0]["body"], "seen")

    # ------------------------------------------------------------ asking

    def test_history_unread_read(self):
        for i in range(5):
            self.roost("send", "hugo", f"from alice {i}")
        self.roost("send", "alice", "from hugo", peer="hugo")
        got = self.json("history", "hugo")
        self.assertEqual([one["body"] for one in got],
                         [f"from alice {i}" for i in range(5)] + ["from hugo"])
        self.assertEqual(len(self.json("history", "hugo", "--limit", "2")), 2)
        older = self.json("history", "hugo", "--limit", "2", "--before", str(got[4]["seq"]))
        self.assertEqual([one["body"] for one in older], ["from alice 2", "from alice 3"])
        newer = self.json("history", "hugo", "--after", str(got[3]["seq"]))
        self.assertEqual([one["seq"] for one in newer], [got[4]["seq"], got[5]["seq"]])
        self.assertEqual(len(self.json("history", "hugo", "--offset", "4")), 2)
        self.assertIn("from hugo", self.roost("history", "hugo")[0])
        self.assertEqual(self.json("unread", "alice", peer="hugo")[0]["unread"], 5)
        self.assertIn("alice", self.roost("unread", peer="hugo")[0])
        self.assertEqual(self.json("read", "alice", "--upto", str(got[1]["seq"]), peer="hugo"),
                         [{"read_upto_seq": got[1]["seq"]}])
        self.assertEqual(self.json("unread", "alice", peer="hugo")[0]["unread"], 3)
        self.roost("read", "alice", peer="hugo")
        unread = self.json("unread", "alice", peer="hugo")
        self.assertEqual(sum(one["unread"] for one in unread), 0)

    def test_peers_and_presence(self):
        self.roost("stats", peer="paula")
        peers = {one["name"]: one for one in self.json("peers")}
        self.assertIn("paula", peers)
        self.assertFalse(peers["paula"]["online"])  # it said goodbye
        self.assertFalse(peers["paula"]["verified"])
        self.assertEqual([one["name"] for one in self.json("peers", "paula")], ["paula"])
        self.assertIn("alice", [one["name"] for one in self.json("peers", "--online")])
        self.roost("peers", "nobody-of-this-name", expect=NOT_FOUND)
        self.assertRegex(self.roost("peers")[0], r"PEER +NAME +STATE")
        self.assertFalse(self.json("presence", "paula")[0]["verified"])
        self.assertIn("unverified", self.roost("presence", "paula")[0])
        events = self.json("presence", "paula")
        self.assertTrue(any(one["online"] for one in events))
        self.assertFalse(events[-1]["online"])

    def test_one_peer(self):
        self.roost("stats", peer="nora")
        one = self.json("peers", "show", "NORA")[0]
        self.assertEqual((one["name"], one["label"], one["reliability"]), ("nora", "nora", 0.5))
        self.assertEqual(self.json("peers", "nickname", "nora", "No one"), [{"named": "nora"}])
        self.roost("stats", peer="nora")  # heard of again: it keeps the name
        one = self.json("peers", "show", "nora")[0]
        self.assertEqual((one["nickname"], one["label"]), ("No one", "No one"))
        text = self.roost("peers", "show", "nora")[0]
        self.assertRegex(text, r"trust +unverified")
        self.assertRegex(text, r"shown as +No one")
        self.roost("peers", "nickname", "nora")
        self.assertEqual(self.json("peers", "show", "nora")[0]["label"], "nora")
        self.roost("peers", "show", "nobody-of-this-name", expect=NOT_FOUND)
        self.assertEqual(self.json("peers", "remove", "nora"), [{"removed": "nora"}])
        self.roost("peers", "remove", "nora", expect=NOT_FOUND)
        self.roost("peers", "remove", "alice", expect=REFUSED)  # it asks

    def test_peers_by_address_and_numbers(self):
        self.roost("stats", peer="ivan")
        names = [one["name"] for one in self.json("peers", "ip", "127.0.0.1")]
        self.assertEqual(names[0], "alice")  # seen there last: it asks
        self.assertIn("ivan", names)
        self.assertNotIn("ivan", [one["name"] for one in
                                  self.json("peers", "ip", "127.0.0.1", "--online")])
        self.assertEqual(self.json("peers", "ip", "192.0.2.1"), [])
        self.assertEqual(self.json("peers", "ip", "::ffff:127.0.0.1")[0]["name"], "alice")
        for wrong in ("localhost", "127.0.0.1:7667", "127.0.0.256", "x"):
            self.roost("peers", "ip", wrong, expect=USAGE)
        stats = self.json("peers", "stats")[0]
        everybody = self.json("peers")
        self.assertEqual(stats["total"], len(everybody))
        self.assertEqual(stats["online"], len([one for one in everybody if one["online"]]))
        self.assertEqual(stats["offline"], stats["total"] - stats["online"])
        self.assertEqual(stats["verified"] + stats["unverified"], stats["total"])
        self.assertEqual(stats["lan"], 0)
        self.assertRegex(self.roost("peers", "stats")[0], r"online +\d")

    def test_presence_follow(self):
        environment = {**os.environ, "ROOST_URL": self.broker.url, "ROOST_PEER": "watcher"}
        with subprocess.Popen([os.environ["ROOST_CLI"], "presence", "--follow", "--json"],
                              env=environment, stdout=subprocess.PIPE, bufsize=0) as follow:
            try:
                deadline = time.monotonic() + DEADLINE_S
                seen = ""
                while seen != "watched" and time.monotonic() < deadline:
                    self.roost("stats", peer="watched")  # comes and goes, again until it is seen
                    while seen != "watched" and select.select([follow.stdout], [], [], 0.2)[0]:
                        seen = json.loads(follow.stdout.readline())["peer"]
                self.assertEqual(seen, "watched")
            finally:
                follow.kill()

    def test_inspect_trace_stats(self):
        sent = self.json("send", "queue:seen", "x")[0]
        self.json("recv", "queue:seen", "--peek")
        info = self.json("inspect", "queue:seen")
        self.assertEqual(info[0]["waiting"], 1)
        self.assertRegex(self.roost("inspect", "queue:seen")[0], r"SCOPE +CONSUMER")
        self.roost("inspect", "queue:never-heard-of", expect=NOT_FOUND)
        steps = self.json("trace", sent["id"])
        self.assertEqual(steps[0]["event"], "stored")
        self.assertIn("stored", self.roost("trace", sent["id"])[0])
        self.roost("trace", "018f6f2e-7d3a-7c31-9b1e-000000000000", expect=NOT_FOUND)
        counters = self.json("stats")
        self.assertTrue(any(one["value"] > 0 for one in counters))
        self.assertIn("COUNTER", self.roost("stats")[0])

    # ------------------------------------------------------------ long work

    def test_bench(self):
        one = self.json("bench", "publish", "-n", "5000", "-p", "2", "--window", "100")[0]
        self.assertEqual((one["messages"], one["refused"], one["producers"]), (5000, 0, 2))
        self.assertGreater(one["messages_per_s"], 0)
        self.assertLessEqual(one["latency_us"]["p50"], one["latency_us"]["max"])
        self.assertEqual(self.json("bench", "drain")[0]["messages"], 5000)
        self.assertEqual(self.json("bench", "echo", "-n", "100", peer="echo")[0]["messages"], 100)
        timed = self.json("bench", "latency", "--rate", "200", "--duration", "0.5")[0]
        self.assertAlmostEqual(timed["messages"], 100, delta=5)
        self.assertEqual(timed["delivered"], timed["messages"])
        self.assertLessEqual(timed["end_to_end_us"]["p50"], timed["end_to_end_us"]["max"])
        fan = self.json("bench", "fan-out", "-n", "300", "--subscribers", "7")[0]
        self.assertEqual((fan["messages"], fan["delivered"], fan["subscribers"]), (300, 2100, 7))
        self.assertIn("on disk", fan["acknowledged"])
        output, errors = self.roost("bench", "-n", "1000")
        self.assertIn("messages/s", output)
        self.assertIn("100 %", errors)
        self.roost("bench", "nonsense", expect=USAGE)

    def test_bench_keeps_to_itself(self):
        """Nobody's mail is touched, and what is left behind expires or is taken away."""
        self.roost("send", "benched", "is this mine?", peer="somebody")
        self.roost("bench", "echo", "-n", "20", peer="benched")
        self.roost("bench", "latency", "-n", "20", peer="benched")
        self.roost("bench", "publish", "-n", "20", "--ttl", "900", "--scope", "queue:short-lived",
                   peer="benched")
        self.assertEqual(self.json("recv", "-n", "1", peer="benched")[0]["body"], "is this mine?")
        with sqlite3.connect(f"file:{self.broker.data}/roost.db?mode=ro", uri=True) as store:
            lives = store.execute(
                "SELECT DISTINCT m.expires_ms - m.stored_ms FROM message m JOIN scope s"
                " ON s.id = m.scope_id WHERE s.name = 'short-lived'").fetchall()
        self.assertEqual(lives, [(900 * 1000,)])
        self.roost("bench", "-n", "30")
        self.assertGreaterEqual(self.json("bench", "clean")[0]["removed"], 30)
        self.assertEqual(self.json("bench", "clean")[0]["removed"], 0)
        self.roost("bench", "latency", "--size", "8", expect=USAGE)

    def test_restarts_in_the_middle(self):
        """Sending and receiving go on over kill -9: nothing lost, nothing twice, in order."""
        broker = Broker()
        count = 60000
        environment = {**os.environ, "ROOST_URL": broker.url, "ROOST_PEER": "alice"}
        lines = "".join(f"{i}\n" for i in range(count)).encode()
        try:
            with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
                source.write(lines)
                source.seek(0)
                send = subprocess.Popen(
                    [os.environ["ROOST_CLI"], "send", "rosa", "--lines", "-q", "-t", "60"],
                    stdin=source, env=environment)
                recv = subprocess.Popen(
                    [os.environ["ROOST_CLI"], "recv", "--as", "rosa", "--count", str(count),
                     "--wait", "30", "-t", "60", "--json"], stdout=target, env=environment)
                for _ in range(3):
                    time.sleep(0.3)
                    broker.restart()
                self.assertEqual(send.wait(60), OK)
                self.assertEqual(recv.wait(60), OK)
                target.seek(0)
                got = [json.loads(line)["body"] for line in target]
        finally:
            broker.stop()
            broker.folder.cleanup()
        self.assertEqual(len(got), count)
        self.assertEqual(got, [str(i) for i in range(count)])

    def test_verify(self):
        path = os.path.join(self.broker.data, "roost.db")
        self.assertEqual(self.json("verify", path)[-1], {"file": path, "findings": 0})
        self.assertIn("sound", self.roost("verify", path)[0])
        self.roost("verify", "/nonexistent", expect=NOT_FOUND)
        self.roost("verify", __file__, expect=ERROR)


if __name__ == "__main__":
    unittest.main(verbosity=2)
