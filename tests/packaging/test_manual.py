# SPDX-License-Identifier: MPL-2.0
"""The manual pages: nothing to say against for mandoc, and nothing missing that the programs know.

Pages that are made of tables can hardly be out of date; what people write in them can.
"""
import os
import re
import shutil
import sqlite3
import subprocess

import pytest

from broker import Broker

MAN = os.path.join(os.environ["ROOST_BUILD"], "docs", "packaging", "man")
SOURCE = os.environ["ROOST_SOURCE"]
# What says nothing about the page: long lines of generated text, and pages of other packages or of
# this one, which is not installed.
HARMLESS = re.compile(r"input text line longer than 80 bytes|referenced manual not found|outdated mandoc.db")


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def said_by(program, *arguments):
    return run(os.environ[program], *arguments)


def pages():
    found = [os.path.join(folder, name) for folder, _, names in os.walk(MAN) for name in names]
    assert len(found) > 20
    return sorted(found)


def source_of(name):
    path = next(page for page in pages() if os.path.basename(page) == name)
    with open(path, encoding="utf-8") as file:
        return file.read()


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc (package mandoc)")
def test_mandoc_has_nothing_to_say():
    done = subprocess.run(["mandoc", "-T", "lint", *pages()], check=False, capture_output=True,
                          text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not HARMLESS.search(line)]
    assert not lines, "\n".join(lines)


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc (package mandoc)")
def test_a_wrong_page_is_found(tmp_path):
    (tmp_path / "x.1").write_text(source_of("roostd.8").replace(".El\n", "", 1), encoding="utf-8")
    done = subprocess.run(["mandoc", "-T", "lint", str(tmp_path / "x.1")], check=False,
                          capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if not HARMLESS.search(line)]


def test_pages_refer_to_pages_there_are():
    known = {os.path.basename(page) for page in pages()} | {"sqlite3.1"}
    for page in pages():
        with open(page, encoding="utf-8") as file:
            for name, section in re.findall(r"(?m)^\.Xr (\S+) (\d)", file.read()):
                assert f"{name}.{section}" in known, f"{page} refers to {name}({section})"


def test_roostd_has_its_options_and_exit_codes():
    page = source_of("roostd.8")
    options = set(re.findall(r"(?m)^  --([a-z-]+)", said_by("ROOSTD", "--help")))
    assert options == set(re.findall(r"(?m)^\.It Fl -([a-z-]+)", page))
    codes = re.search(r"\n## Exit codes of roostd\n(.*)", said_by("ROOSTD", "--print-config-table"),
                      re.DOTALL).group(1)
    for code, meaning in re.findall(r"(?m)^\| (\d+) \| (.*) \|$", codes):
        assert f".It {code}\n{meaning}\n" in page


def test_roost_conf_has_every_key():
    keys = re.findall(r"(?m)^\| `(\w+\.\w+)`", said_by("ROOSTD", "--print-config-table"))
    assert keys and keys == re.findall(r"(?m)^\.It Cm (\w+\.\w+)", source_of("roost.conf.5"))


def test_the_example_has_every_key_and_is_right(tmp_path):
    path = os.path.join(os.environ["ROOST_BUILD"], "docs", "packaging", "roost.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text == said_by("ROOSTD", "--print-config-example")
    assert not [line for line in text.splitlines() if line and line[0] not in "#["]
    assert "right" in said_by("ROOSTD", "--config", path, "--check-config")
    (tmp_path / "all.conf").write_text(re.sub(r"(?m)^#(?!include_dir)(\w+ =)", r"\1", text),
                                       encoding="utf-8")
    shown = said_by("ROOSTD", "--config", str(tmp_path / "all.conf"), "--print-config")
    keys = re.findall(r"(?m)^\| `\w+\.(\w+)`", said_by("ROOSTD", "--print-config-table"))
    assert re.findall(r"(?m)^(\w+) =", shown) == keys, "uncommented it sets each of them"
    defaults = re.findall(r"(?m)^# (\w+ =.*)$", said_by("ROOSTD", "--print-config"))
    assert re.findall(r"(?m)^(\w+ =.*)$", shown) == defaults, "and sets it to its default"


def test_every_command_has_a_page():
    overview = said_by("ROOST_CLI", "help").split("\nCommands\n")[1].split("\n\n")[0]
    words = {re.split(r"\s+", line.strip())[0] for line in overview.splitlines()}
    assert words == {os.path.basename(page)[len("roost-"):-2] for page in pages()
                     if re.search(r"/roost-\w[\w-]*\.1$", page)}
    for word in words:
        page = source_of(f"roost-{word}.1")
        listed = re.findall(rf"(?m)^  ({word} [a-z-]+) ", overview)
        for name in listed or [word]:
            options = re.findall(r"(?m)^  (?:-\w,|   ) --([a-z-]+)",
                                 said_by("ROOST_CLI", "help", *name.split()).split(
                                     "Options of every command")[0])
            for option in options:
                assert f"Fl -{option}" in page, f"{name}: --{option}"


def test_the_page_of_the_protocol_has_its_types():
    with open(os.path.join(SOURCE, "proto", "wire", "broker.proto"), encoding="utf-8") as file:
        enum = re.search(r"enum Type \{(.*?)\n\}", file.read(), re.DOTALL).group(1)
    types = [pair for pair in re.findall(r"(\w+) = (\d+);", enum) if pair[1] != "0"]
    assert types == re.findall(r"\.It Cm (\w+)\n(\d+)", source_of("roost-protocol.7"))


def test_the_page_of_the_data_has_its_tables(tmp_path):
    broker = Broker(tmp_path).start()
    assert broker.stop() == 0
    with sqlite3.connect(f"file:{tmp_path}/roost.db?mode=ro", uri=True) as database:
        rows = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        tables = {name for name, in rows if not re.match(r"sqlite_|message_text_", name)}
        page = source_of("roost-data.5")
        items = re.findall(r"(?m)^\.It Cm (.+)$", page)
        assert tables == {name for item in items for name in item.split(" , ")}
        for query in re.findall(r'roost\.db "([^"]+)"', page):
            database.execute(query)
