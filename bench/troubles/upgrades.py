# SPDX-License-Identifier: MPL-2.0
"""Upgrades: 1,000,000 messages in a data file of each older schema. How long until the daemon is ready,
whether the copy that it keeps first is whole, and what it says of a newer schema.

The older files are made of a new one: the tables as they were then (store/migrations), with the rows of
today, as far as there were such columns."""
import glob
import os
import re
import sqlite3
import subprocess
import time

from troubles.figures import MIB

MOST_S = 60
TOO_NEW = 99
ROOM = 2
# Rows that a later schema added: the room that everybody is in, and new kinds of progress.
NOT_THEN = {"scope": f"WHERE kind != {ROOM}",
            "progress": "WHERE name IN (SELECT name FROM main.progress)"}
EXIT_DATA = 65


def migrations():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    found = []
    for path in sorted(glob.glob(os.path.join(root, "store", "migrations", "0*.sql"))):
        with open(path, encoding="utf-8") as file:
            found.append(file.read())
    return found


def make_new(options, broker):
    """Messages of today, published."""
    broker.start()
    subprocess.run([os.environ["ROOST_CLI"], "--url", broker.url, "--timeout", "600", "bench", "publish", "--producers",
                    "4", "--count", str(options.messages), "--ttl", "600000", "--quiet"], check=True)
    broker.stop()
    database = sqlite3.connect(os.path.join(broker.data, "roost.db"))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    count = database.execute("SELECT count(*) FROM message").fetchone()[0]
    database.close()
    return count


def tables_of(database, schema):
    """{name: columns} of ordinary tables; those of the text index are its own."""
    rows = database.execute(f"SELECT name FROM {schema}.sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                            "'message_text%' AND name NOT LIKE 'sqlite_%'").fetchall()
    return {name: [row[1] for row in database.execute(f"PRAGMA {schema}.table_info({name})")] for (name,) in rows}


def make_old(folder, new, version, scripts):
    os.makedirs(folder, mode=0o700)
    path = os.path.join(folder, "roost.db")
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")
    for script in scripts[:version]:
        database.executescript(script)
    database.execute(f"ATTACH '{new}' AS new")
    database.execute(f"PRAGMA main.application_id = {database.execute('PRAGMA new.application_id').fetchone()[0]}")
    today = tables_of(database, "new")
    database.execute("BEGIN")
    for name, columns in tables_of(database, "main").items():
        common = ", ".join(column for column in columns if column in today.get(name, ()))
        if common:
            database.execute(f"INSERT OR REPLACE INTO main.{name} ({common}) SELECT {common} FROM new.{name} "
                             f"{NOT_THEN.get(name, '')}")
    database.execute("COMMIT")
    database.execute(f"PRAGMA main.user_version = {version}")
    database.execute("DETACH new")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def looks(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return (database.execute("PRAGMA user_version").fetchone()[0],
                database.execute("SELECT count(*) FROM message").fetchone()[0])
    finally:
        database.close()


def upgrade_one(figures, folder, version, count, newest):
    from broker import Broker
    broker = Broker(folder)
    broker.launch()
    began = time.monotonic()
    broker.wait_for_log(r"\bready\b", 600)
    took = time.monotonic() - began
    broker.stop()
    copy = os.path.join(folder, f"roost.db-before-v{newest}")
    if not os.path.exists(copy) or looks(copy) != (version, count):
        figures.fail(f"schema {version}: there is no whole copy from before")
    if looks(os.path.join(folder, "roost.db")) != (newest, count):
        figures.fail(f"schema {version}: {looks(os.path.join(folder, 'roost.db'))} afterwards")
    figures.add(f"schema {version} to {newest}, {count:,} messages: until ready", took, "s", most=MOST_S,
                note=f"{os.path.getsize(copy) / MIB:,.0f} MiB were copied first")
    for path in glob.glob(os.path.join(folder, "*")):
        os.remove(path)


def refuse_newer(figures, path):
    from broker import Broker
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(f"PRAGMA user_version = {TOO_NEW}")
    database.close()
    before = os.path.getsize(path)
    broker = Broker(os.path.dirname(path)).launch()
    code = broker.wait(60)
    said = [line for line in broker.lines if re.search(rf"version {TOO_NEW}\b", line)]
    if code != EXIT_DATA or not said or os.path.getsize(path) != before:
        figures.fail(f"a newer schema: exit code {code}, {broker.lines[-3:]}")
    figures.say(f"{figures.scenario}: a newer schema: exit code {code}: {said[0] if said else ''}")


def upgrade(options, figures, folder):
    from broker import Broker
    scripts = migrations()
    broker = Broker(os.path.join(folder, "new"))
    count = make_new(options, broker)
    path = os.path.join(broker.data, "roost.db")
    for version in range(1, len(scripts)):
        old = os.path.join(folder, f"schema{version}")
        make_old(old, path, version, scripts)
        upgrade_one(figures, old, version, count, len(scripts))
    refuse_newer(figures, path)
