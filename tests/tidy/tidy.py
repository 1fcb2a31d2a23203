#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""The house rules that no compiler checks. See docs/STYLE.md for their reasons.

    tidy.py ROOT [layers|words|sizes|tests|headers|licences|links|top|format ...]

Each check prints "file:line: what is wrong" and the program ends with 1 if there was anything.
Exit code 77: the check could not be made (no clang-format).
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 300  # of the JavaScript client
SOURCE_FOLDERS = ("actors", "proto", "store", "gateways", "clients", "bench", "tests")

# --- layers: which quoted includes a folder may use. First matching row counts.
# The names are those of the include lines: "rt/..." is actors/rt, a bare name is in the own folder.
STORE_MAY_SEE = tuple(f"rt/{name}.h" for name in
                      ("err", "log", "clock", "check", "buf", "hash", "arena", "heap"))
LAYERS = [
    # (beginning of the file's name, allowed prefixes of quoted includes; "*": bare names)
    # The program puts everything together, so it may see everything; nobody else sees actors.h.
    (r"actors/main", ("",)),
    (r"actors/roostd", ("",)),
    (r"actors/actors.h", ("",)),
    (r"actors/rt/", ("rt/",)),
    (r"store/", ("store/",) + STORE_MAY_SEE),
    (r"proto/", ("proto/", "rt/", "*.pb-c.h")),
    (r"gateways/", ("gateways/", "proto/", "rt/", "*.pb-c.h", "*")),
    (r"actors/", ("rt/", "proto/", "store/", "*.pb-c.h", "*")),
]
# Headers of an actor are its own: "sync_manager*.h" only in sync_manager*.c and .h.
ACTORS = ("discovery", "peer_registry", "sync_manager", "persistence", "history", "auth_worker", "accounts")
# What one gateway may see of the gateways' folder: its own folder, and files directly in it.

# --- words: what must not be written, where it may be, and why.
WORDS = [
    (r"\bpthread_(mutex|rwlock|spin|cond)|\bmtx_|\bcnd_", r"^tests/", "actors share nothing"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(", r"^tests/", "unbounded"),
    (r"\b(atoi|atol|atoll|atof)\s*\(", None, "hides errors; use strtol or the config readers"),
    (r"(?<!->)(?<!\.)\b(rand|random|srand|rand_r)\s*\(", r"^(tests|bench)/", "use actor_random or libsodium"),
    (r"\bzmsg_|\bzstr_|\bzsock_send\s*\(|\bzframe_", r"^tests/", "slow, and parses text"),
    (r"\bzactor_", r"^actors/rt/system\.c", "threads belong to the runtime"),
    (r"\bpthread_create\s*\(|\bthrd_create\s*\(",
     r"^(actors/rt/runner\.c|tests/|bench/|clients/)", "threads belong to the runtime"),
    (r"\bzmq_(msg_send|send|sendmsg|send_const)\s*\(",
     # keyring.c answers libzmq itself
     r"^(actors/(rt/(mailbox|runner)|keyring)\.c|gateways/|clients/|tests/|bench/)",
     "the one door between threads is mailbox.c"),
    (r"\bassert\s*\(", r"^tests/", "vanishes in release builds; use CHECK"),
    (r"\b(clock_gettime|gettimeofday|time)\s*\(", r"^(actors/rt/clock\.c|clients/|tests/|bench/)",
     "time comes from rt/clock or the actor"),
    (r"\b(sleep|usleep|nanosleep)\s*\(", r"^(clients/|tests/|bench/)", "nobody waits; use a timer"),
    (r"\b(system|popen)\s*\(", r"^(tests/|bench/)", "no shell"),
    (r"\b_?exit\s*\(", r"^(actors/(main|roostd)[a-z_]*\.c|clients/|tests/|bench/)",
     "only main ends the process"),
    (r"\bsecure_getenv\s*\(|\bgetenv\s*\(",
     r"^(actors/(main|roostd)[a-z_]*\.c|clients/|tests/|bench/)",
     "the environment is read by the configuration"),
    (r"#\s*pragma\s+once", None, "use an include guard"),
]
COMMENT_WORDS = [(r"\b(TODO|FIXME|XXX)\b", "finish it or write an issue")]
SQL = re.compile(r"\b(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|"
                 r"CREATE\s+(TABLE|INDEX)\s|PRAGMA\s|BEGIN\s+IMMEDIATE)")
SQL_MAY_BE = re.compile(r"^(store/|tests/|bench/)")

# --- tests: modules without a test program of their own or of the module they are a part of, each
# with the reason.
TESTED_ELSEWHERE = {
    "actors/rt/runner.c": "an actor on a thread, seen through its supervisor: system_test",
    "actors/main.c": "the whole program: tests/system",
    "gateways/http/http_ask.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_broker.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_caller.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_discovery.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_feed.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_listen.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_live.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_log.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_messages.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_net.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_overview.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_people.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_ready.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_request.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_rooms.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/http/http_store.c": "with real readers: tests/system/test_live_*.py",
    "gateways/http/http_stream.c": "with real clients on real sockets: tests/system/test_rest_*.py",
    "gateways/ipmsg/ipmsg_gateway.c": "with neighbours on real sockets: tests/system/test_lan_*.py",
    "gateways/ipmsg/ipmsg_hear.c": "with neighbours on real sockets: tests/system/test_lan_*.py",
    "gateways/ipmsg/ipmsg_in.c": "with neighbours on real sockets: tests/system/test_lan_*.py",
    "gateways/ipmsg/ipmsg_say.c": "with neighbours on real sockets: tests/system/test_lan_*.py",
    "gateways/ipmsg/ipmsg_show.c": "with neighbours on real sockets: tests/system/test_live_health.py",
    "gateways/ipmsg/lan_interfaces.c": "with real interfaces: lan_net_test",
    "gateways/lair/lair_tls.c": "with real clients of TLS: tests/system/test_security_tls.py",
    "gateways/tls_keys.c": "with real clients of TLS: tests/system/test_security_tls.py",
    "gateways/lair/lair_ask.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_feed.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_login.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_mail.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_message.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_net.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_room.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_say.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/lair_session.c": "with a real client on a real socket: tests/system/test_lair_*.py",
    "gateways/lair/tcp_gateway.c": "with a real client on a real socket: tests/system/test_lair_*.py",
}
TESTED_FOLDERS = ("actors", "proto", "store", "gateways")


def c_files(root, folders=SOURCE_FOLDERS, suffixes=(".c", ".h")):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "node_modules" not in path.parts:
                yield path, path.relative_to(root).as_posix()


def blank(match):
    """Spaces instead of a comment or literal, line breaks kept."""
    return re.sub(r"[^\n]", " ", match.group(0))


TOKENS = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def split(text):
    """The same text three times: only code, only comments, only literals."""
    code = TOKENS.sub(blank, text)

    def keep(kind):
        parts = []
        last = 0
        for match in TOKENS.finditer(text):
            parts.append(re.sub(r"[^\n]", " ", text[last:match.start()]))
            is_comment = match.group(0).startswith(("/*", "//"))
            parts.append(match.group(0) if is_comment == (kind == "comment") else blank(match))
            last = match.end()
        parts.append(re.sub(r"[^\n]", " ", text[last:]))
        return "".join(parts)

    return code, keep("comment"), keep("literal")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def may_include(name, include, allowed):
    for prefix in allowed:
        if prefix == "":
            return True
        if prefix == "*" and "/" not in include:
            return True
        if prefix.startswith("*.") and include.endswith(prefix[1:]):
            return True
        if prefix != "*" and include.startswith(prefix):
            return True
    # A private header beside the file itself.
    return "/" not in include and name.count("/") > 0 and not include.endswith(".pb-c.h")


def owner_of(include):
    stem = include.rsplit("/", 1)[-1]
    for actor in ACTORS:
        if re.match(rf"{actor}(_[a-z_]+)?\.h$", stem):
            return actor
    return None


def check_include(name, include):
    for pattern, allowed in LAYERS:
        if not name.startswith(pattern):
            continue
        if not may_include(name, include, allowed):
            return f'"{include}" is not of a layer that {pattern} may see'
        break
    if name.startswith("gateways/") and include.startswith("gateways/"):
        own = name.split("/")[1]
        parts = include.split("/")
        if len(parts) > 2 and parts[1] != own:
            return f'"{include}" belongs to another gateway'
    if name.startswith("gateways/") and owner_of(include) and include.count("/") == 0:
        return f'"{include}" belongs to an actor; gateways only exchange messages'
    if re.match(r"actors/(?!main|roostd|actors\.h)[^/]+$", name) and include.count("/") == 0:
        if include == "actors.h":
            return '"actors.h" is for the program; actors know each other by id only'
        owner = owner_of(include)
        if owner and not name.startswith(f"actors/{owner}"):
            return f'"{include}" belongs to {owner}; actors only exchange messages'
    return None


def layers(root):
    for path, name in c_files(root, TESTED_FOLDERS):
        text = path.read_text()
        # TOKENS would blank the quoted name, so only comments are taken away here.
        text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)
        for match in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
            problem = check_include(name, match.group(1))
            if problem:
                yield f"{name}:{line_of(text, match.start())}: {problem}"


def words_in(name, text):
    code, comments, literals = split(text)
    for pattern, allowed, reason in WORDS:
        if allowed and re.search(allowed, name):
            continue
        for match in re.finditer(pattern, code):
            yield line_of(code, match.start()), f"{match.group(0).strip()}: {reason}"
    for pattern, reason in COMMENT_WORDS:
        for match in re.finditer(pattern, comments):
            yield line_of(comments, match.start()), f"{match.group(0)}: {reason}"
    if not SQL_MAY_BE.match(name):
        for match in SQL.finditer(literals):
            yield line_of(literals, match.start()), "SQL outside store/"


def words(root):
    for path, name in c_files(root):
        for line, problem in words_in(name, path.read_text()):
            yield f"{name}:{line}: {problem}"


def long_functions(text):
    """(line, length) of bodies that begin and end with a brace in the first column."""
    begin = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            begin = number
        elif line.startswith("}") and begin:
            length = number - begin - 1
            if length > FUNCTION_LINES_MAX:
                yield begin, length
            begin = None


def sizes(root):
    for path, name in c_files(root):
        text = path.read_text()
        count = text.count("\n")
        if count > FILE_LINES_MAX:
            yield f"{name}:1: {count} lines, at most {FILE_LINES_MAX}; split by responsibility"
        for line, length in long_functions(text):
            yield f"{name}:{line}: function of {length} lines, at most {FUNCTION_LINES_MAX}"
    for path, name in c_files(root, suffixes=(".py",)):
        count = path.read_text().count("\n")
        if count > FILE_LINES_MAX:
            yield f"{name}:1: {count} lines, at most {FILE_LINES_MAX}; split by responsibility"
    for path, name in c_files(root, ("clients",), (".js",)):
        count = path.read_text().count("\n")
        if count > MODULE_LINES_MAX:
            yield f"{name}:1: {count} lines, at most {MODULE_LINES_MAX}; split by responsibility"


def is_tested(stem, known):
    """Its own test, or that of the module it is a part of: history_page by history_test."""
    words_of_stem = stem.split("_")
    return any("_".join(words_of_stem[:count]) in known
               for count in range(1, len(words_of_stem) + 1))


def never_built(root):
    """A test nobody builds never fails: its folder names it, or takes all that begin so."""
    for path in sorted((root / "tests").rglob("*_test.c")):
        lists = path.parent / "CMakeLists.txt"
        listing = lists.read_text() if lists.exists() else ""
        taken = re.findall(r"(\w*)\*_test\.c", listing)
        if not any(path.stem.startswith(begin) for begin in taken) and \
                not re.search(rf"\b{path.stem[:-5]}(_test)?\b", listing):
            yield f"{path.relative_to(root)}:1: {lists.relative_to(root)} does not build it"


def tests(root):
    known = {path.stem[:-5] for path in (root / "tests").rglob("*_test.c")}
    known |= {path.stem[5:] for path in (root / "tests").rglob("test_*.py")}
    for path, name in c_files(root, TESTED_FOLDERS, (".c",)):
        if not is_tested(path.stem, known) and name not in TESTED_ELSEWHERE:
            yield f"{name}:1: no {path.stem}_test.c (or a reason in tests/tidy/tidy.py)"
    yield from never_built(root)
    for name in TESTED_ELSEWHERE:
        if name != "actors/main.c" and not (root / name).exists():
            yield f"tests/tidy/tidy.py:1: {name} is gone, take it off the list"


# Files of any kind that may hold a comment, by their end; those without one when they are scripts.
LICENSED = (".sh", ".cmake", ".js", ".mjs", ".ts", ".css", ".html", ".yml", ".in", ".service")
# Samples, and what would not be what it is with a comment in front.
UNLICENSED = ("tests/golden/", "tests/fuzz/corpus/", "clients/python/METADATA.in")


def listed(root):
    """The files of the repository; none outside one."""
    return filter(None, subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True,
                                       text=True, check=False).stdout.split("\0"))


# What stands in the first folder, beside names with a dot in front.
TOP = {*SOURCE_FOLDERS, "docs", "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "check",
       "quickstart"}


def strangers(names):
    """What a program left behind, and nobody meant to keep."""
    return sorted({name.split("/")[0] for name in names if not name.startswith(".")} - TOP)


def top(root):
    for name in strangers(listed(root)):
        yield f"{name}:1: does not belong in the first folder of the repository"


def licences(root):
    """The files of the repository that no other rule looks at."""
    for name in listed(root):
        path = root / name
        if not path.is_file() or path.is_symlink() or name.startswith(UNLICENSED):
            continue
        head = path.read_bytes()[:400]
        is_script = path.suffix == "" and head.startswith(b"#!")
        is_listed = path.suffix in LICENSED or path.name == "CMakeLists.txt"
        if (is_listed or is_script) and b"SPDX-License-Identifier: MPL-2.0" not in head:
            yield f"{name}:1: no SPDX line"
    if b"Mozilla Public License Version 2.0" not in (root / "LICENSE").read_bytes()[:200]:
        yield "LICENSE:1: is not the text of the MPL 2.0"


def headers(root):
    for path, name in c_files(root, suffixes=(".c", ".h", ".def", ".proto", ".py", ".sql", ".js", ".mjs", ".ts")):
        text = path.read_text()
        if "SPDX-License-Identifier: MPL-2.0" not in text[:200]:
            yield f"{name}:1: no SPDX line"
        if path.suffix == ".h" and not re.search(r"^#ifndef (\w+)\n#define \1$", text, re.M):
            yield f"{name}:1: no include guard"
        if path.suffix in (".c", ".h") and not re.match(r"/\* SPDX[^\n]*\n \*\n \* ?\S", text):
            yield f"{name}:1: no header comment that says what the file owns and promises"


LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)\)")


def anchors(text):
    """What a heading can be linked to as, in the way of the sites that show these pages."""
    for title in re.findall(r"^#+ +(.*?) *$", text, re.M):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def links_in(path, text):
    """Links to files or headings that are not there."""
    prose = re.sub(r"^(```|~~~).*?^\1", blank, text, flags=re.M | re.S)
    for match in LINK.finditer(prose):
        file, _, anchor = match.group(1).partition("#")
        if re.match(r"[a-z]+:", file):
            continue
        target = path.parent / file if file else path
        if not target.exists():
            yield line_of(prose, match.start()), f"{file}: there is no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
            yield line_of(prose, match.start()), f"{match.group(1)}: there is no such heading"


def links(root):
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root).as_posix()
        if name.startswith((".", "build")) or "/node_modules/" in name:
            continue
        for line, problem in links_in(path, path.read_text()):
            yield f"{name}:{line}: {problem}"


def clang_format(root):
    program = shutil.which("clang-format")
    if not program:
        print("no clang-format here")
        sys.exit(77)
    names = [str(path) for path, _ in c_files(root)]
    result = subprocess.run([program, "--dry-run", "--style=file"] + names, cwd=root,
                            capture_output=True, text=True, check=False)
    seen = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: warning", result.stderr, re.M):
        name = match.group(1)
        if name not in seen:
            seen.add(name)
            yield f"{Path(name).relative_to(root)}:{match.group(2)}: not formatted (first place)"


CHECKS = {"layers": layers, "words": words, "sizes": sizes, "tests": tests, "headers": headers,
          "licences": licences, "links": links, "top": top,
          "format": clang_format}


def main(arguments):
    root = Path(arguments[0]).resolve()
    problems = 0
    for check in arguments[1:] or CHECKS:
        for problem in CHECKS[check](root):
            print(problem)
            problems += 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
