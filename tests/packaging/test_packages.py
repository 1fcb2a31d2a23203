# SPDX-License-Identifier: MPL-2.0
"""The Debian packages: what they are called and say of themselves, what is in them, and that it runs
from where it is unpacked. Installed for good, with a systemd that runs: test_installed.py.
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from broker import Broker
from package_helpers import BUILD, NAMES, SOURCE, VERSION, build, field, pack, run

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-shlibdeps"),
                                reason="no dpkg-shlibdeps (package dpkg-dev)")
MULTIARCH = "usr/lib/" + (run("gcc", "-print-multiarch").strip() if shutil.which("gcc") else "")
MUST_HAVE = {
    "roost-daemon": ["usr/sbin/roostd", "usr/lib/systemd/system/roostd.service",
                     "etc/roost/roost.conf", "usr/share/man/man8/roostd.8.gz",
                     "usr/share/man/man5/roost.conf.5.gz", "usr/share/man/man5/roost-data.5.gz",
                     "usr/share/man/man7/roost-protocol.7.gz",
                     "usr/share/doc/roost-daemon/METRICS.md",
                     "usr/share/doc/roost-daemon/examples/roost.rules.yml",
                     "usr/share/doc/roost-daemon/examples/roost.json"],
    "roost": ["usr/bin/roost", "usr/share/man/man1/roost.1.gz", "usr/share/man/man1/roost-room.1.gz",
              "usr/share/bash-completion/completions/roost", "usr/share/zsh/vendor-completions/_roost"],
    "libroost0": [MULTIARCH + "/libroost.so.0"],
    "libroost-dev": ["usr/include/roost.h", MULTIARCH + "/libroost.so", MULTIARCH + "/libroost.a",
                     MULTIARCH + "/pkgconfig/roost.pc", "usr/share/roost/broker.proto",
                     MULTIARCH + "/cmake/roost/roost-config.cmake"],
    "python3-roost": ["usr/lib/python3/dist-packages/roost/client.py",
                      "usr/lib/python3/dist-packages/roost/broker_pb2.py",
                      f"usr/lib/python3/dist-packages/roost-{VERSION}.dist-info/METADATA"],
}


@pytest.fixture(scope="module")
def packages():
    return build()


@pytest.fixture(scope="module")
def tree(packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    for path in packages.values():
        run("dpkg-deb", "-x", path, str(folder))
    return folder


def contents(package):
    return {line.split()[5].lstrip("./").rstrip("/"): line
            for line in run("dpkg-deb", "-c", package).splitlines()}


def test_they_are_named_as_debian_names_them(packages):
    assert set(packages) == set(NAMES)
    for name, path in packages.items():
        assert field(path, "Package") == name
        assert field(path, "Version").startswith(VERSION + "-")
        assert os.path.basename(path) == "_".join(
            (name, field(path, "Version"), field(path, "Architecture"))) + ".deb"
        assert len(field(path, "Description").splitlines()) > 4, "an extended description"


def test_they_depend_on_what_they_link_with(packages):
    depends = {name: field(path, "Depends") for name, path in packages.items()}
    for library in ("libzmq5", "libczmq4", "libsqlite3-0", "libprotobuf-c1", "libsodium23",
                    "libsystemd0", "libc6"):
        assert re.search(rf"\b{library}\b", depends["roost-daemon"]), library
    assert "libzmq5" in depends["libroost0"] and "sqlite" not in depends["libroost0"]
    assert f"libroost0 (= {VERSION}-" in depends["libroost-dev"]
    assert "python3-zmq" in depends["python3-roost"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_in_them(packages, name):
    listed = contents(packages[name])
    for path in MUST_HAVE[name]:
        assert path in listed, f"{name} lacks {path}"
    for path in ("changelog.Debian.gz", "changelog.gz", "copyright"):
        assert f"usr/share/doc/{name}/{path}" in listed
    for path, line in listed.items():
        assert line.split()[1] == "root/root" and path.split("/")[0] in ("etc", "usr"), line
        assert "__pycache__" not in path


def test_nothing_is_in_two_of_them(packages):
    seen = {}
    for name, path in packages.items():
        for each, line in contents(path).items():
            if not line.startswith("d"):
                assert each not in seen, f"{each} is in {seen[each]} and {name}"
                seen[each] = name


def test_the_configuration_is_a_conffile(packages, tmp_path):
    run("dpkg-deb", "-e", packages["roost-daemon"], str(tmp_path))
    assert (tmp_path / "conffiles").read_text() == "/etc/roost/roost.conf\n"
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", str(tmp_path / script))


def symbols_of(packages, tmp_path):
    """[(symbol@version, the version it came with)] of the control file."""
    run("dpkg-deb", "-e", packages["libroost0"], str(tmp_path))
    lines = (tmp_path / "symbols").read_text().splitlines()
    assert lines[:2] == ["libroost.so.0 libroost0 #MINVER#", "* Build-Depends-Package: libroost-dev"]
    return [tuple(line.split()) for line in lines[2:]]


def test_every_symbol_is_listed(packages, tree, tmp_path):
    """In docs/packaging/debian/libroost0.symbols, with the version that brought it; and nothing that is gone."""
    listed = symbols_of(packages, tmp_path)
    found = run("nm", "-D", "--defined-only", "--with-symbol-versions", str(tree / MULTIARCH / "libroost.so.0"))
    names = {line.split()[-1].replace("@@", "@") for line in found.splitlines()}
    exported = {name if "@" in name else f"{name}@{name}" for name in names}
    assert {name for name, _ in listed} == exported
    assert [name for name, _ in listed] == sorted(exported)
    for name, version in listed:
        run("dpkg", "--compare-versions", version, "le", VERSION)


def test_a_program_depends_on_what_it_needs(packages, tree, tmp_path):
    """dpkg-shlibdeps finds the library by its symbols, in a package that is built with it."""
    library = tmp_path / "debian" / "libroost0"
    library.mkdir(parents=True)
    run("dpkg-deb", "-R", packages["libroost0"], str(library))
    (tmp_path / "debian" / "control").write_text(
        "Source: hello\n\nPackage: libroost0\nArchitecture: any\n\nPackage: hello\nArchitecture: any\n")
    run("gcc", str(tree / "usr/share/doc/libroost-dev/examples/hello.c"), "-o", str(tmp_path / "hello"),
        f"-I{tree}/usr/include", f"-L{tree / MULTIARCH}", "-lroost")
    (library / "DEBIAN" / "shlibs").unlink()
    symbols = library / "DEBIAN" / "symbols"
    symbols.write_text(symbols.read_text().replace("roost_send@LIBROOST_0 0.1.0", "roost_send@LIBROOST_0 0.0.7")
                       .replace("roost_ack@LIBROOST_0 0.1.0", "roost_ack@LIBROOST_0 99"))
    said = run("dpkg-shlibdeps", "-O", "--warnings=0", f"-l{library / MULTIARCH}",
               "-e" + str(tmp_path / "hello"), cwd=tmp_path)
    uses_ack = "roost_ack" in run("nm", "-D", "--undefined-only", str(tmp_path / "hello"))
    assert f"libroost0 (>= {99 if uses_ack else VERSION})" in said, said


COMPLETE_IN_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _roost; printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_the_shells_complete(tree):
    """What the package has is what this version of the tool knows, and a shell takes it."""
    scripts = {"bash": tree / "usr/share/bash-completion/completions/roost",
               "zsh": tree / "usr/share/zsh/vendor-completions/_roost"}
    for shell, path in scripts.items():
        assert path.read_text() == run(str(tree / "usr/bin/roost"), "completion", shell)

    def offered(*words):
        return run("bash", "-c", COMPLETE_IN_BASH, "bash", str(scripts["bash"]), *words).split()

    assert offered("roost", "ac") == ["acl"]
    assert {"allow", "deny", "list", "remove", "test"} <= set(offered("roost", "acl", ""))
    assert "--json" in offered("roost", "trace", "--j")
    if shutil.which("zsh"):
        run("zsh", "-n", str(scripts["zsh"]))
        found = run("zsh", "-f", "-c", "fpath=($1 $fpath); autoload -U compinit; compinit -D; print $_comps[roost]",
                    "zsh", str(scripts["zsh"].parent))
        assert found.strip() == "_roost"


@pytest.mark.skipif(not shutil.which("lintian"), reason="no lintian (package lintian)")
def test_lintian_has_nothing_to_say(packages):
    done = subprocess.run(["lintian", "--fail-on", "error,warning", "--allow-root", "--profile",
                           "debian", *packages.values()], check=False, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def digests(packages):
    result = {}
    for name, path in packages.items():
        with open(path, "rb") as file:
            result[name] = hashlib.sha256(file.read()).hexdigest()
    return result


def test_packing_again_gives_the_same_bytes(packages):
    before = digests(packages)
    assert digests(pack(os.path.join(BUILD, "packaging", "deb"))) == before


@pytest.mark.skipif(os.environ.get("ROOST_TEST_ALL") != "1", reason="only with ROOST_TEST_ALL=1")
def test_another_folder_gives_the_same_bytes(packages, tmp_path):
    """The same source elsewhere, built elsewhere."""
    names = run("git", "-C", SOURCE, "ls-files", "-z").rstrip("\0").split("\0")
    for name in names:
        if os.path.exists(os.path.join(SOURCE, name)):
            target = tmp_path / "source" / name
            os.makedirs(target.parent, exist_ok=True)
            shutil.copy2(os.path.join(SOURCE, name), target)
    os.environ["CCACHE_DISABLE"] = "1"
    try:
        again = build(str(tmp_path / "source"), str(tmp_path / "elsewhere" / "build"))
    finally:
        del os.environ["CCACHE_DISABLE"]
    assert digests(again) == digests(packages)


# ------------------------------------------------------------------------------ it runs


def in_tree(tree):
    return {**os.environ, "LD_LIBRARY_PATH": str(tree / MULTIARCH),
            "PYTHONPATH": str(tree / "usr/lib/python3/dist-packages")}


def test_every_library_is_found(tree):
    for path in ("usr/sbin/roostd", "usr/bin/roost", MULTIARCH + "/libroost.so.0"):
        assert "not found" not in run("ldd", str(tree / path))


RECEIVE = """
import sys, roost
with roost.connect(sys.argv[1], peer="alice") as alice:
    inbox = alice.attach()
    message = inbox.receive(timeout=20)
    message.ack()
    inbox.confirm()
    print(roost.__file__, message.text)
"""


def test_a_message_goes_through_what_is_unpacked(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("ROOSTD", str(tree / "usr/sbin/roostd"))
    broker = Broker(tmp_path, arguments=["--config", str(tree / "etc/roost/roost.conf")]).start()
    try:
        run(str(tree / "usr/bin/roost"), "--url", broker.url, "--as", "bob", "send", "alice",
            "unpacked", timeout=60)
        said = run(sys.executable, "-c", RECEIVE, broker.url, env=in_tree(tree), timeout=60)
        assert said.split() == [str(tree / "usr/lib/python3/dist-packages/roost/__init__.py"),
                                "unpacked"]
    finally:
        assert broker.stop() == 0


def test_a_program_is_built_with_what_is_unpacked(tree, tmp_path):
    environment = {**in_tree(tree), "PKG_CONFIG_PATH": str(tree / MULTIARCH / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "roost", env=environment).split()
    assert f"-L{tree}" in " ".join(flags).replace("/../..", ""), flags
    run("gcc", str(tree / "usr/share/doc/libroost-dev/examples/hello.c"), "-o",
        str(tmp_path / "hello"), *flags)
    done = subprocess.run([str(tmp_path / "hello"), "tcp://127.0.0.1:1"], check=False,
                          capture_output=True, text=True, env=environment, timeout=60)
    assert "TIMEOUT" in done.stderr, "nobody listens there, and it says so"
