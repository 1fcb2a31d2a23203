#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A checker that finds nothing is worth nothing: each rule is shown something wrong."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tidy


class Layers(unittest.TestCase):
    def test_allowed(self):
        for name, include in [
                ("actors/rt/log.c", "rt/log.h"),
                ("store/queue.c", "rt/err.h"),
                ("store/queue.c", "store/queue.h"),
                ("proto/wire.c", "rt/buf.h"),
                ("gateways/zmq/zmq_gateway.c", "proto/wire.h"),
                ("gateways/zmq/zmq_gateway.c", "gateways/session.h"),
                ("gateways/zmq/zmq_gateway.c", "gateways/zmq/zmq_session.h"),
                ("actors/persistence.c", "store/store.h"),
                ("actors/persistence.c", "persistence_batch.h"),
                ("actors/sync_manager.c", "backoff.h"),
                ("actors/roostd_config.c", "gateways/zmq/zmq_gateway.h"),
                ("actors/actors.h", "history.h"),
                ("actors/main.c", "actors.h")]:
            self.assertIsNone(tidy.check_include(name, include), (name, include))

    def test_forbidden(self):
        for name, include in [
                ("actors/rt/log.c", "proto/wire.h"),
                ("store/queue.c", "rt/actor.h"),
                ("store/queue.c", "broker.pb-c.h"),
                ("proto/wire.c", "store/store.h"),
                ("gateways/zmq/zmq_gateway.c", "store/store.h"),
                ("gateways/zmq/zmq_gateway.c", "gateways/tcp/line_codec.h"),
                ("gateways/zmq/zmq_gateway.c", "sync_manager.h"),
                ("actors/persistence.c", "gateways/session.h"),
                ("actors/persistence.c", "actors.h"),
                ("actors/persistence.c", "sync_manager_heads.h")]:
            self.assertIsNotNone(tidy.check_include(name, include), (name, include))


class Links(unittest.TestCase):
    def test_what_is_not_there(self):
        text = ("# A title: here\n[a](there.png) [b](gone.png) [c](#a-title-here) [d](#nowhere)\n"
                "[e](https://example.org/x) `[f](code)`\n```\n[g](listing)\n```\n")
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "page.md")
            page.write_text(text)
            Path(folder, "there.png").write_bytes(b"")
            found = [problem.split(":")[0] for _, problem in tidy.links_in(page, text)]
        self.assertEqual(found, ["gone.png", "#nowhere"])


class Top(unittest.TestCase):
    def test_what_does_not_belong_there(self):
        self.assertEqual(tidy.strangers(["store/a.c", ".ci/run", "check", "a.db-wal", "out/x.c", "out/y.c"]),
                         ["a.db-wal", "out"])


class Words(unittest.TestCase):
    def found(self, name, text):
        return [problem for _, problem in tidy.words_in(name, text)]

    def test_code_only(self):
        self.assertTrue(self.found("store/a.c", "strcpy(a, b);"))
        self.assertTrue(self.found("actors/a.c", "zmq_msg_send(m, s, 0);"))
        self.assertTrue(self.found("actors/a.c", "assert(x);"))
        self.assertTrue(self.found("actors/a.c", "/* TODO later */"))
        self.assertFalse(self.found("actors/rt/mailbox.c", "zmq_msg_send(m, s, 0);"))
        self.assertFalse(self.found("store/a.c", '/* strcpy( */ x = "strcpy(";'))
        self.assertFalse(self.found("store/a.c", "_Static_assert(x, y);"))
        self.assertFalse(self.found("store/a.c", "my_strcpy(a);"))
        self.assertFalse(self.found("actors/a.c", "host->random(a);"))

    def test_sql(self):
        self.assertTrue(self.found("actors/a.c", 'x = "SELECT a FROM b";'))
        self.assertFalse(self.found("actors/a.c", "/* SELECT a */"))
        self.assertFalse(self.found("store/a.c", 'x = "SELECT a FROM b";'))

    def test_lines_are_right(self):
        self.assertEqual(list(tidy.words_in("store/a.c", "a\n/* x\n y */\natoi(b);"))[0][0], 4)


class Tests(unittest.TestCase):
    def test_parts_are_tested_with_their_module(self):
        self.assertTrue(tidy.is_tested("history", {"history"}))
        self.assertTrue(tidy.is_tested("history_page", {"history"}))
        self.assertFalse(tidy.is_tested("history", {"history_page"}))
        self.assertFalse(tidy.is_tested("historian", {"history"}))

    def test_every_test_is_built(self):
        with tempfile.TemporaryDirectory() as folder:
            tests = Path(folder) / "tests" / "store"
            tests.mkdir(parents=True)
            for name in ("append", "scopes", "zmq_say"):
                (tests / f"{name}_test.c").touch()
            lists = tests / "CMakeLists.txt"
            lists.write_text("foreach(name append_more scopes)\n")
            self.assertEqual(len(list(tidy.never_built(Path(folder)))), 2)
            lists.write_text("file(GLOB these zmq_*_test.c)\nforeach(name append scopes)\n")
            self.assertEqual(list(tidy.never_built(Path(folder))), [])


class Sizes(unittest.TestCase):
    def test_functions(self):
        body = "int f(void)\n{\n" + "    x;\n" * 61 + "}\n"
        self.assertEqual(list(tidy.long_functions(body)), [(2, 61)])
        body = "int f(void)\n{\n" + "    x;\n" * 60 + "}\n"
        self.assertEqual(list(tidy.long_functions(body)), [])


if __name__ == "__main__":
    unittest.main()
