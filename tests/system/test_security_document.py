# SPDX-License-Identifier: MPL-2.0
"""docs/SECURITY.md: each test that it names exists, and is one that is run."""
import os
import re
from pathlib import Path

SOURCE = Path(os.environ["ROOST_SOURCE"])
TEXT = (SOURCE / "docs/SECURITY.md").read_text()


def test_named_tests_exist():
    named = re.findall(r"`([a-z0-9_]+\.(?:py|c))(?:::([a-z0-9_]+))?`", TEXT)
    assert len(named) > 40
    missing = []
    for name, function in named:
        paths = list((SOURCE / "tests").rglob(name))
        is_there = [path for path in paths if not function or
                    re.search(rf"(?m)^(?:def|static void) {function}\(", path.read_text())]
        if not is_there:
            missing.append((name, function))
    assert missing == []


def test_every_test_of_security_is_named():
    for path in sorted((SOURCE / "tests/system").glob("test_security_*.py")):
        if path != Path(__file__):
            assert f"`{path.name}" in TEXT, path.name


def test_named_options_exist():
    config = (SOURCE / "docs/CONFIG.md").read_text()
    for option in re.findall(r"`((?:quota|security|lair|http|zmq)\.[a-z_]+)`", TEXT):
        assert f"`{option}`" in config, option
