# SPDX-License-Identifier: MPL-2.0
"""What the process gives up, what its files look like, how its programs are built, and that nothing secret is
where others can see it."""
import errno
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from broker import binary, eventually
from guard import PASSWORD, call, enter, register
from roost.schema import pb

EPERM, ENOSYS = errno.EPERM, errno.ENOSYS
is_sanitized = bool(os.environ.get("ROOST_SANITIZED"))
only_as_shipped = pytest.mark.skipif(is_sanitized, reason="a sanitized build needs what is given up")

DENIED = {"ptrace", "mount", "unshare", "bpf", "init_module", "perf_event_open", "io_uring_setup", "setuid",
          "chroot", "process_vm_readv", "keyctl", "fork", "clone", "execveat", "execve"}


def attempt(make_broker, tmp_path, **settings):
    """{what was tried: errno} from inside a daemon that runs."""
    go, result = tmp_path / "go", tmp_path / "result"
    broker = make_broker(environment={"LD_PRELOAD": os.environ["ROOST_FORBIDDEN"], "FORBIDDEN_GO": str(go),
                                      "FORBIDDEN_RESULT": str(result)}, **settings)
    go.touch()
    eventually(lambda: result.exists() or not broker.is_running(), what="everything was tried")
    path = result if result.exists() else Path(f"{result}.part")
    return broker, {name: int(code) for name, code in (line.split() for line in path.read_text().splitlines())}


@only_as_shipped
def test_what_the_daemon_gives_up(make_broker, connect_raw, tmp_path):
    """No program can be started by it, nor another process, and nothing of the kernel is to be had. It goes on
    working."""
    broker, codes = attempt(make_broker, tmp_path)
    assert {name: codes.get(name) for name in DENIED} == dict.fromkeys(DENIED, EPERM)
    assert codes["system"] != 0
    assert (codes["thread"], codes["core"]) == (0, 0)
    raw = enter(connect_raw, broker, "ana")
    register(raw, "bob")  # Argon2 in another thread
    raw.store("queue:q", count=10)
    status = Path(f"/proc/{broker.process.pid}/status").read_text()
    assert re.search(r"Seccomp:\s+2", status) and re.search(r"NoNewPrivs:\s+1", status)
    for task in Path(f"/proc/{broker.process.pid}/task").iterdir():
        assert re.search(r"Seccomp:\s+2", (task / "status").read_text()), task


@only_as_shipped
def test_the_switch(make_broker, tmp_path):
    """security.seccomp=off: then it is not there (and the test above would fail)."""
    broker, codes = attempt(make_broker, tmp_path, security__seccomp="off")
    assert codes.get("chroot") != EPERM or os.geteuid() != 0
    assert "execve" not in codes  # it was done: the daemon is another program now
    broker.wait()
    broker.lines.clear()


@only_as_shipped
def test_no_memory_of_it_is_left(make_broker):
    """Neither a core dump nor the memory of the process is for others of the same user."""
    broker = make_broker()
    pid = broker.process.pid
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def test_modes_of_files(make_broker, connect_raw, tmp_path):
    """Whatever the umask of who starts it: the data is for its user alone."""
    before = os.umask(0)
    try:
        broker = make_broker(data=tmp_path / "deep" / "er", peers__cache_file="cache.json")
    finally:
        os.umask(before)
    enter(connect_raw, broker, "ana").store("queue:q")
    broker.stop()
    files = list(Path(broker.data).iterdir())
    assert {file.name for file in files} >= {"roost.db", "cache.json"}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert stat.S_IMODE(os.stat(broker.data).st_mode) == 0o700


def test_secrets_are_nowhere(make_broker, connect_raw):
    """Not in the log, whatever its level, not in the command line or environment, not in the files."""
    broker = make_broker(log__level="debug")
    root = enter(connect_raw, broker, "root")
    register(root, "ana")
    ana = enter(connect_raw, broker, "ana", PASSWORD)
    token = call(ana, "TOKEN_CREATE", text=b"laptop").token
    enter(connect_raw, broker, "ana", token)
    body = b"the body of a message is nobody's business"
    ana.store("peer:root", body=body)
    pid = broker.process.pid
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    broker.stop()
    shown += "\n".join(broker.lines).encode()
    files = b"".join(path.read_bytes() for path in Path(broker.data).iterdir() if path.is_file())
    for secret in (PASSWORD, token):
        assert secret not in shown and secret not in files
    assert body not in shown


def test_names_do_not_write_the_log(make_broker, connect_raw):
    """Control characters, escape sequences and marks of direction do not reach it."""
    broker = make_broker(log__level="debug")
    for name in (b"a\nb", b"\x1b[31mred", "\u202eevil".encode(), b"\xff\xfe", b"a\x00b"):
        raw = connect_raw(broker)
        raw.send(pb.Hello(version_min=1, version_max=1, peer=name))
        assert isinstance(raw.receive_any(pb.ERROR, pb.WELCOME), pb.Error), name
        raw.send(pb.Hello(version_min=1, version_max=1, peer=b"x", software="\x1b[2J\u202e", display_name=name))
        assert raw.receive_any(pb.ERROR, pb.WELCOME)
    broker.stop()
    for line in broker.lines:
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line), line


# ------------------------------------------------------------------------------------------- how it is built

def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], capture_output=True, text=True, check=True).stdout


@only_as_shipped
@pytest.mark.parametrize("program", ["roostd", "roost", "libroost"])
def test_how_programs_are_built(program):
    """Position independent, nothing writable that is executable, all relocations done before it runs, canaries
    on the stack, checked string functions, marked for CET where the machine has it."""
    path = {"roostd": binary(), "roost": os.environ["ROOST_CLI"],
            "libroost": next(map(str, Path(os.environ["ROOST_BUILD"], "clients/c").glob("libroost.so.*.*")))}[program]
    assert "DYN" in readelf("-h", path)
    segments = readelf("-l", path)
    assert "GNU_RELRO" in segments
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack and " RW " in stack
    assert not re.search(r"LOAD.* RWE ", segments)
    dynamic = readelf("-d", path)
    assert "BIND_NOW" in dynamic or "NOW" in dynamic
    assert "RPATH" not in dynamic
    symbols = readelf("--dyn-syms", path)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk@", symbols), "no function is checked: is _FORTIFY_SOURCE on?"
    commands = Path(os.environ["ROOST_BUILD"], "compile_commands.json").read_text()
    for flag in ("_FORTIFY_SOURCE=3", "-fstack-clash-protection", "-fstack-protector-strong"):
        assert flag in commands
    if os.uname().machine == "x86_64":
        assert "-fcf-protection" in commands
