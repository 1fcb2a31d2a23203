# SPDX-License-Identifier: MPL-2.0
"""The rules of bench/runner/record.py, and that the record in the tree keeps to them."""
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))

from runner import record  # noqa: E402

TOOLS = {"compiler": "GNU 12.2.0", "sqlite": "3.40.1"}


def known(**counts):
    return {"paths": {name: "per message" for name in counts},
            "entries": [{"when": "2026-01-01", "why": "the first counts of all", "toolchain": TOOLS,
                         "counts": counts}]}


class Record(unittest.TestCase):
    def test_five_percent_are_allowed(self):
        self.assertEqual(record.complaints(known(publish=10000), {"publish": 10500}), [])

    def test_more_than_that_needs_a_reason(self):
        found = record.complaints(known(publish=10000), {"publish": 10501})
        self.assertEqual(len(found), 1)
        self.assertIn("publish: 10,000 to 10,501 instructions (+5.0 %", found[0])
        self.assertIn("--record", found[0])

    def test_less_is_no_complaint_but_said(self):
        self.assertEqual(record.complaints(known(publish=10000), {"publish": 100}), [])
        self.assertIn("record it", record.as_table(known(publish=10000), {"publish": 9000}))

    def test_a_path_may_neither_come_nor_go_in_silence(self):
        self.assertEqual(len(record.complaints(known(publish=1), {"publish": 1, "settle": 1})), 1)
        self.assertEqual(len(record.complaints(known(publish=1, settle=1), {"publish": 1})), 1)

    def test_other_tools_cannot_be_compared(self):
        self.assertIsNone(record.why_incomparable(known(publish=1), dict(TOOLS)))
        reason = record.why_incomparable(known(publish=1), dict(TOOLS, sqlite="3.46.0"))
        self.assertIn("sqlite 3.46.0 here, 3.40.1 in the record", reason)

    def test_an_entry_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "record.json")
            with self.assertRaises(ValueError):
                record.append(path, known(publish=1), TOOLS, {"publish": 2}, "faster")
            record.append(path, known(publish=1), TOOLS, {"publish": 2}, "checks every body twice")
            with open(path, encoding="utf-8") as file:
                entries = json.load(file)["entries"]
        self.assertEqual([entry["counts"]["publish"] for entry in entries], [1, 2])
        self.assertEqual(entries[1]["why"], "checks every body twice")

    def test_gaps_are_found(self):
        record_of_one = known(publish=1)
        self.assertEqual(record.gaps(record_of_one), [])
        record_of_one["entries"][0]["why"] = " "
        record_of_one["entries"][0]["counts"]["settle"] = 1
        self.assertEqual(len(record.gaps(record_of_one)), 2)

    def test_the_record_of_this_tree(self):
        own = record.read(os.path.join(ROOT, "bench", "instructions.json"))
        self.assertEqual(record.gaps(own), [])
        self.assertTrue(own["entries"])


if __name__ == "__main__":
    unittest.main()
