#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The command-line tool against a real broker: rooms, invitations, accounts, and the audit log.

See cli_tool.py for what it needs.
"""
import os
import pty
import select
import sqlite3
import subprocess
import tempfile
import time
import unittest

from cli_tool import DEADLINE_S, ERROR, NOT_FOUND, OK, REFUSED, USAGE, ToolTest


class PeopleTest(ToolTest):
    def secret(self, text):
        """A file with a password; its name."""
        handle, path = tempfile.mkstemp(dir=self.broker.folder.name)
        os.write(handle, text.encode() + b"\n")
        os.close(handle)
        return path

    def test_rooms(self):
        self.roost("room", "create", "kitchen", "--topic", "what is for dinner", "--privacy",
                   "private")
        self.roost("room", "create", "kitchen", expect=REFUSED)
        self.roost("room", "create", "x", "--privacy", "secret", expect=USAGE)
        (row,) = [room for room in self.json("room", "list") if room["name"] == "kitchen"]
        self.assertEqual((row["topic"], row["privacy"], row["my_role"], row["members"]),
                         ("what is for dinner", "private", "owner", 1))
        self.assertIn("kitchen", self.roost("room", "list", "--mine")[0])
        self.roost("room", "set", "kitchen", "--topic", "soup", "--title", "The Kitchen")
        self.roost("room", "set", "kitchen", "--clear", "topic")
        (row,) = [room for room in self.json("room", "list", "--mine")
                  if room["name"] == "kitchen"]
        self.assertEqual((row["topic"], row["title"]), ("", "The Kitchen"))
        self.roost("room", "set", "kitchen", "--clear", "walls", expect=USAGE)

        self.roost("invite", "send", "kitchen", "nina", "come and eat", expect=NOT_FOUND)
        self.roost("peers", peer="nina")  # now she is known
        self.roost("invite", "send", "kitchen", "nina", "come and eat")
        self.assertIn("invites you to room:kitchen: come and eat",
                      self.roost("recv", peer="nina")[0])
        (invitation,) = self.json("invite", "list", peer="nina")
        self.assertEqual((invitation["room"], invitation["inviter"], invitation["status"]),
                         ("room:kitchen", "alice", "pending"))
        self.assertEqual(self.json("invite", "list", "--sent")[0]["id"], invitation["id"])
        self.assertEqual(self.json("invite", "accept", "--id", invitation["id"], peer="nina"),
                         [{"joined": ["room:kitchen"], "count": 1, "failed": 0}])
        self.roost("invite", "accept", peer="nina", expect=NOT_FOUND)
        members = {m["peer"]: m["role"] for m in self.json("room", "members", "kitchen")}
        self.assertEqual(members, {"alice": "owner", "nina": "member"})
        self.roost("room", "role", "kitchen", "nina", "boss", expect=USAGE)
        self.roost("room", "role", "kitchen", "nina", "reader")
        self.roost("send", "room:kitchen", "me too", peer="nina", expect=REFUSED)
        self.roost("send", "room:kitchen", "soup is ready")
        self.assertIn("soup is ready", self.roost("history", "room:kitchen", peer="nina")[0])
        self.assertEqual([m["body"] for m in self.json("search", "--in", "room:kitchen", "soup",
                                                       "rea", peer="nina")], ["soup is ready"])
        self.assertIn("room:kitchen", self.roost("search", "soup")[0])
        self.roost("search", "--in", "room:kitchen", "salad", expect=NOT_FOUND)
        self.roost("search", "--in", "room:kitchen", "--with", "bob", "x", expect=USAGE)
        self.roost("room", "leave", "kitchen", peer="nina")

        self.roost("invite", "send", "kitchen", "nina")
        self.roost("invite", "revoke", "kitchen", "nina")
        self.roost("invite", "revoke", "kitchen", expect=USAGE)
        self.roost("invite", "send", "kitchen", "nina")
        self.roost("invite", "decline", "kitchen", peer="nina")
        self.assertEqual(self.json("invite", "list", peer="nina"), [])
        self.roost("room", "archive", "kitchen")
        self.roost("send", "room:kitchen", "too late", expect=REFUSED)

    def test_what_to_do_is_said(self):
        self.roost("room", "create", "attic", peer="rita")
        for words, said in (
                (("room", "create", "attic"), "room join"),
                (("room", "set", "attic"), "--topic"),
                (("room", "archive", "attic"), "join it first"),
                (("room", "join", "cellar"), "room list"),
                (("invite", "accept"), "invite list"),
                (("user", "token"), "user add"),
                (("user", "add", "rose"), "--new-password-file")):
            environment = {**os.environ, "ROOST_URL": self.broker.url, "ROOST_PEER": "sam"}
            done = subprocess.run([os.environ["ROOST_CLI"], *words], env=environment, timeout=60,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False,
                                  start_new_session=True)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(said, done.stderr.decode(), words)

    def test_empty_lists(self):
        for words in (("room", "list", "--mine"), ("invite", "list"), ("user", "sessions"),
                      ("room", "members", "Lobby")):
            output, errors = self.roost(*words, peer="tina")
            self.assertEqual(output, "")
            self.assertRegex(errors, r"^\(.+\)\n$")
            self.assertEqual(self.roost(*words, "--quiet", peer="tina"), ("", ""))
            self.assertEqual(self.roost(*words, "--json", peer="tina"), ("", ""))
        self.assertIn("nothing was found",
                      self.roost("search", "abracadabra", expect=NOT_FOUND)[1])

    def test_names_of_any_script(self):
        self.roost("room", "create", "厨房", "--topic", "今晚吃什么", peer="小明")
        self.assertRegex(self.roost("room", "list")[0], r"(?m)^厨房 +public ")
        self.assertIn("今晚吃什么", self.roost("room", "list")[0])
        self.assertIn("小明", self.roost("room", "members", "厨房")[0])
        self.roost("send", "room:厨房", "你好世界", peer="小明")
        self.assertIn("你好世界", self.roost("search", "--in", "room:厨房", "世界", peer="小明")[0])

    def test_a_locked_name_is_told_at_once(self):
        wrong = self.secret("wrong")
        for _ in range(5):
            self.roost("peers", "--password-file", wrong, peer="victor", expect=REFUSED)
        began = time.monotonic()
        _, errors = self.roost("peers", "--password-file", wrong, "-t", "30", peer="victor",
                               expect=REFUSED)
        self.assertIn("LOCKED_OUT", errors)
        self.assertLess(time.monotonic() - began, 25)
        self.roost("user", "unlock", "victor")
        _, errors = self.roost("peers", "--password-file", wrong, peer="victor", expect=REFUSED)
        self.assertIn("BAD_CREDENTIALS", errors)

    def test_protected_rooms(self):
        password = self.secret("sesame")
        self.roost("room", "create", "cave", "--privacy", "protected", "--room-password-file",
                   password)
        self.roost("room", "join", "cave", peer="olga", expect=REFUSED)
        self.roost("room", "join", "cave", "--room-password-file", "-", stdin=b"wrong\n",
                   peer="olga", expect=REFUSED)
        self.roost("room", "join", "cave", "--room-password-file", "-", stdin=b"sesame\n",
                   peer="olga")
        _, errors = self.roost("room", "join", "cave", "--room-password-file", "-", peer="olga",
                               expect=USAGE)
        self.assertIn("password of 1 to 1024 bytes", errors)

    def test_accounts(self):
        password, other = self.secret("correct horse"), self.secret("battery staple")
        self.roost("user", "add", "paul", "--new-password-file", password, peer="somebody")
        self.roost("user", "add", "paul", "--new-password-file", password, expect=REFUSED)
        _, errors = self.roost("peers", peer="paul", expect=REFUSED)
        self.assertIn("NO_CREDENTIALS", errors)
        self.roost("peers", "--password-file", other, peer="paul", expect=REFUSED)
        paul = ("--password-file", password)
        self.roost("user", "password", *paul, "--new-password-file", other, peer="paul")
        self.roost("peers", *paul, peer="paul", expect=REFUSED)
        paul = ("--password-file", other)
        token = self.secret(self.roost("user", "token", "--label", "backup", *paul,
                                       peer="paul")[0].strip())
        with_token = ("--password-file", token)
        rows = self.json("user", "sessions", *with_token, peer="paul")
        (row,) = [row for row in rows if row["label"] == "backup"]
        self.roost("user", "sessions", "--end", str(row["id"]), *paul, peer="paul")
        self.roost("user", "sessions", "--end", str(row["id"]), *paul, peer="paul",
                   expect=NOT_FOUND)
        self.roost("peers", *with_token, peer="paul", expect=REFUSED)

        (user,) = [user for user in self.json("user", "list") if user["name"] == "paul"]
        self.assertEqual((user["role"], user["active"]), ("user", True))
        self.assertIn("paul", self.roost("user", "list")[0])
        self.roost("user", "role", "paul", "king", expect=USAGE)
        self.roost("user", "role", "paul", "moderator")
        self.roost("user", "ban", "paul", "--reason", "spam", "--for", "1000")
        _, errors = self.roost("peers", *paul, peer="paul", expect=REFUSED)
        self.assertIn("ACCOUNT_BANNED", errors)
        self.roost("user", "unban", "paul")
        self.roost("peers", *paul, peer="paul")
        self.roost("user", "deactivate", "paul")
        self.roost("peers", *paul, peer="paul", expect=REFUSED)
        self.roost("user", "activate", "paul")
        self.roost("user", "unlock", "paul")
        self.roost("user", "role", "nobody-of-this-name", "user", expect=REFUSED)

        entries = self.json("audit", "list")
        self.assertEqual([entry["id"] for entry in entries], sorted(e["id"] for e in entries))
        self.assertTrue(any(entry["target"] == "paul" for entry in entries))
        self.assertEqual(len(self.json("audit", "list", "-n", "2")), 2)
        self.assertEqual(self.json("audit", "list", "--after", str(entries[-1]["id"])), [])
        file = os.path.join(self.broker.data, "roost.db")
        verdict = self.json("audit", "verify", file)[-1]
        self.assertEqual((verdict["findings"], verdict["last_hash"]), (0, entries[-1]["hash"]))

    def at_terminal(self, *words, typed, peer):
        """Runs the tool at a terminal of its own, answers each prompt in turn; gives exit code and
        all that the terminal showed."""
        process, terminal = pty.fork()
        if process == 0:
            environment = {**os.environ, "ROOST_URL": self.broker.url, "ROOST_PEER": peer}
            os.execve(os.environ["ROOST_CLI"], ["roost", *words], environment)
        shown, answers = b"", list(typed)
        while select.select([terminal], [], [], DEADLINE_S)[0]:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # the tool has ended
                break
            shown += piece
            if answers and shown.endswith(b": "):
                os.write(terminal, answers.pop(0).encode() + b"\n")
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()

    def test_a_terminal_is_asked(self):
        code, shown = self.at_terminal("user", "add", "uma", typed=["open sesame", "open sesame"],
                                       peer="wendy")
        self.assertEqual(code, OK, shown)
        self.assertIn("new password again: ", shown)
        self.assertNotIn("open sesame", shown)
        code, shown = self.at_terminal("room", "list", typed=["open sesame"], peer="uma")
        self.assertEqual(code, OK, shown)
        self.assertIn("Lobby", shown)
        code, shown = self.at_terminal("room", "list", typed=["open"], peer="uma")
        self.assertEqual(code, REFUSED, shown)
        code, shown = self.at_terminal("user", "add", "ulf", typed=["one", "two"], peer="wendy")
        self.assertEqual(code, USAGE, shown)
        self.assertIn("not the same", shown)
        code, shown = self.at_terminal("user", "add", "ulf", typed=[""], peer="wendy")
        self.assertEqual(code, USAGE, shown)
        self.roost("room", "create", "vault", "--privacy", "protected", "--room-password-file",
                   self.secret("sesame"), peer="wendy")
        code, shown = self.at_terminal("room", "join", "vault", "--ask", typed=["sesame"],
                                       peer="xaver")
        self.assertEqual(code, OK, shown)

    def test_a_changed_audit_log_is_found(self):
        self.roost("user", "add", "quentin", "--new-password-file", self.secret("a password"))
        source = sqlite3.connect(os.path.join(self.broker.data, "roost.db"))
        path = os.path.join(self.broker.folder.name, "copy.db")
        copy = sqlite3.connect(path)
        source.backup(copy)
        source.close()
        self.roost("audit", "verify", path)
        changed = copy.execute(
            "UPDATE audit SET detail = 'nothing' WHERE id = (SELECT max(id) FROM audit)")
        self.assertEqual(changed.rowcount, 1)
        copy.commit()
        copy.close()
        output, _ = self.roost("audit", "verify", path, expect=ERROR)
        self.assertRegex(output, r"(?m)^entry \d+: ")
        self.roost("audit", "verify", path + ".none", expect=NOT_FOUND)


if __name__ == "__main__":
    unittest.main(verbosity=2)
