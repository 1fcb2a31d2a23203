# SPDX-License-Identifier: MPL-2.0
"""Running imports, and asking a broker what came of them."""
import itertools
import json
import os
import sqlite3
import subprocess

from roost.schema import pb

requests = itertools.count(1)
TABLES = ("peer", "scope", "message", "message_id", "message_conversation", "peer_conversation",
          "consumer", "exception", "marker", "account", "audit", "room", "member", "invitation",
          "edit", "tombstone", "reaction", "progress")


def command(*words):
    return [os.environ["ROOST_CLI"], *map(str, words)]


def run(*words, code=0):
    """(findings, summary, standard error) of an import."""
    done = subprocess.run(command("import", *words, "--json"), capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    summary = lines.pop() if lines and "tables" in lines[-1] else None
    return lines, summary, done.stderr


def counts(summary, table):
    """(read, added, present, skipped)"""
    row = next(row for row in summary["tables"] if row["table"] == table)
    return tuple(row[key] for key in ("read", "added", "present", "skipped"))


def reasons(findings, table):
    return {finding["id"]: finding["reason"] for finding in findings if finding["table"] == table}


def dump(data, *, without_times=False):
    """Everything an import writes, but for how far the text index is."""
    database = sqlite3.connect(f"file:{data}/roost.db?mode=ro", uri=True)
    try:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                for table in TABLES}
    finally:
        database.close()


def hello(raw, peer, secret=b""):
    """WELCOME or ERROR."""
    raw.send(pb.Hello(version_min=1, version_max=1, peer=peer.encode(), credentials=secret))
    return raw.receive()


def call(raw, method, **fields):
    return raw.ask(pb.Call(request_id=next(requests), method=pb.Method.Value(method), **fields),
                   pb.REPLY)


def query(raw, kind, **fields):
    """The rows of all parts; fails when the broker refuses."""
    raw.send(pb.Query(request_id=next(requests), kind=pb.QueryKind.Value(kind), **fields))
    result = pb.Result()
    while True:
        message = raw.receive()
        assert message is not None and not isinstance(message, pb.Error), (kind, message)
        if isinstance(message, pb.Result):
            result.MergeFrom(message)
        elif isinstance(message, pb.Fin):
            assert message.code == 0, (kind, message)
            return result
