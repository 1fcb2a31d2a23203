# SPDX-License-Identifier: MPL-2.0
"""The packages in a fresh Debian with a real systemd: installed, used, upgraded, removed, purged.

debootstrap makes the tree, from the mirror this machine's apt is set to; it is kept in the build tree
for the next time. systemd-nspawn starts the systemd of the tree; inside.sh runs there, without a
network: what the packages depend on was fetched before. Takes minutes and some 150 MB of downloads,
so only with ROOST_TEST_ALL=1.
"""
import os
import re
import shutil
import subprocess

import pytest

from package_helpers import NAMES, PLACE, build, older, run

TREE = os.path.join(PLACE, "debian")
NEEDED = ("debootstrap", "systemd-nspawn", "dpkg-shlibdeps")
WANTED = "systemd,systemd-sysv"
SERVICE = """[Unit]
Description=the test of the packages of roost
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /packages/inside.sh
StandardOutput=append:/packages/said
StandardError=append:/packages/errors
ExecStopPost=/bin/systemctl --no-block poweroff
"""

lacking = [name for name in NEEDED if not shutil.which(name)]
pytestmark = [
    pytest.mark.skipif(os.environ.get("ROOST_TEST_ALL") != "1", reason="only with ROOST_TEST_ALL=1"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a Debian tree"),
    pytest.mark.skipif(bool(lacking), reason=f"not installed: {lacking}"),
]


def mirror():
    """(address, release) of Debian itself, as apt is set to."""
    for line in run("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(CODENAME)",
                    "Created-By: Packages").splitlines():
        site, _, codename = line.split()
        if re.search(r"/debian/?$", site) and "-" not in codename:
            return site, codename
    raise AssertionError("apt is set to no mirror of Debian: nothing to make a tree of")


def nspawn(tree, *arguments, **options):
    return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--resolv-conf=copy-host",
            "-D", tree, *options.get("flags", ()), *arguments]


@pytest.fixture(scope="module")
def fresh(packages, tmp_path_factory):
    """A copy of the tree with the packages and what they depend on."""
    if not os.path.exists(TREE + ".done"):
        shutil.rmtree(TREE, ignore_errors=True)
        site, codename = mirror()
        run("debootstrap", "--variant=minbase", f"--include={WANTED}", codename, TREE, site)
        with open(TREE + ".done", "w", encoding="ascii"):
            pass
    place = os.path.join(TREE, "packages", "new")
    shutil.rmtree(os.path.dirname(place), ignore_errors=True)
    os.makedirs(place)
    for path in packages.values():
        shutil.copy(path, place)
    run(*nspawn(TREE, "sh", "-c", "apt-get update -q && apt-get install -y --download-only "
                "--no-install-recommends -q /packages/new/*.deb", flags=["--pipe"]))
    copy = str(tmp_path_factory.mktemp("debian") / "tree")
    run("cp", "-a", "--reflink=auto", TREE, copy)
    yield copy
    shutil.rmtree(copy, ignore_errors=True)


@pytest.fixture(scope="module")
def packages():
    return build()


def prepare(tree, packages, folder):
    for name in NAMES:
        made = older(packages[name], folder, "0.0.1-1")
        os.makedirs(os.path.join(tree, "packages", "old"), exist_ok=True)
        shutil.copy(made, os.path.join(tree, "packages", "old"))
    shutil.copy(os.path.join(os.path.dirname(__file__), "inside.sh"), os.path.join(tree, "packages"))
    # Nobody is asked, nothing beside it is fetched.
    with open(os.path.join(tree, "etc/apt/apt.conf.d/99test"), "w", encoding="ascii") as file:
        file.write('APT::Install-Recommends "false";\nDpkg::Options { "--force-confold"; };\n')
    with open(os.path.join(tree, "etc/systemd/system/inside.service"), "w", encoding="ascii") as file:
        file.write(SERVICE)
    wants = os.path.join(tree, "etc/systemd/system/default.target.wants")
    os.makedirs(wants, exist_ok=True)
    os.symlink("/etc/systemd/system/inside.service", os.path.join(wants, "inside.service"))


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def test_installed_used_upgraded_removed_purged(fresh, packages, tmp_path):
    prepare(fresh, packages, str(tmp_path))
    done = subprocess.run(nspawn(fresh, flags=["--boot", "--private-network"]), check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    said = read(os.path.join(fresh, "packages", "said")).splitlines()
    print(*said, sep="\n")
    if not said:
        if "Welcome to" not in done.stdout:
            pytest.skip("systemd cannot be started here: " + done.stderr[-300:])
        raise AssertionError(done.stdout[-2000:] + done.stderr[-500:])
    assert said[-1] == "done", read(os.path.join(fresh, "packages", "errors"))
    assert not [line for line in said if line.startswith("not ok")]
    assert len(said) > 30
