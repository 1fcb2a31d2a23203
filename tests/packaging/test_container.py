# SPDX-License-Identifier: MPL-2.0
"""The Containerfile. No engine of containers is needed: what it names is there, what it must have it
has, and (ROOST_TEST_ALL=1, root) its second stage is carried out in a fresh Debian tree, where the
daemon is then started and its health checked by just the commands of the file.
"""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from broker import eventually
from package_helpers import SOURCE, build, run
from test_installed import TREE, lacking, nspawn

KNOWN = {"FROM", "COPY", "WORKDIR", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT",
         "CMD"}


def stages():
    """[[(instruction, the rest), ...], ...]"""
    found = []
    with open(os.path.join(SOURCE, "docs", "packaging", "Containerfile"), encoding="utf-8") as file:
        for line in file.read().replace("\\\n", " ").splitlines():
            if not line or line.startswith("#"):
                continue
            word, _, rest = line.partition(" ")
            assert word in KNOWN, line
            if word == "FROM":
                found.append([])
            found[-1].append((word, rest))
    return found


def last(word):
    return next(rest for each, rest in reversed(stages()[-1]) if each == word)


def test_it_has_what_it_must():
    first, second = stages()
    assert first[0] == ("FROM", "debian:12-slim AS build") and second[0] == ("FROM", "debian:12-slim")
    words = [word for word, _ in second]
    assert words.index("USER") < words.index("ENTRYPOINT") and last("USER") not in ("root", "0")
    assert json.loads(last("ENTRYPOINT"))[0] == "roostd"
    assert "--data" in json.loads(last("ENTRYPOINT")) and last("VOLUME") == "/data"
    assert "HEALTHCHECK" in words and sum(len(stage) for stage in stages()) < 16


def test_what_it_names_is_there():
    command = next(rest for word, rest in stages()[0] if word == "RUN")
    assert os.access(os.path.join(SOURCE, shlex.split(command)[0]), os.X_OK)
    with open(os.path.join(SOURCE, "CMakePresets.json"), encoding="utf-8") as file:
        presets = json.load(file)
    preset = re.search(r"--preset (\w+)", command).group(1)
    assert preset in [each["name"] for each in presets["workflowPresets"]]
    folder = next(each["binaryDir"] for each in presets["configurePresets"] if each["name"] == preset)
    assert f"/source/{folder.split('/', 1)[1]}/packages/" in second_copy()


def second_copy():
    return next(rest for word, rest in stages()[1] if word == "COPY")


@pytest.mark.skipif(os.environ.get("ROOST_TEST_ALL") != "1", reason="only with ROOST_TEST_ALL=1")
@pytest.mark.skipif(os.geteuid() != 0 or bool(lacking), reason=f"needs root and {lacking}")
def test_the_second_stage_works(tmp_path):
    if not os.path.exists(TREE + ".done"):
        pytest.skip("no Debian tree yet: test_installed.py makes it")
    tree = str(tmp_path / "tree")
    run("cp", "-a", "--reflink=auto", TREE, tree)
    shutil.rmtree(os.path.join(tree, "packages"), ignore_errors=True)
    os.makedirs(os.path.join(tree, "packages"))
    packages = build()
    for pattern in re.findall(r"packages/([a-z-]+)_\*\.deb", second_copy()):
        shutil.copy(packages[pattern], os.path.join(tree, "packages"))
    for word, rest in stages()[1]:
        if word == "RUN":
            run(*nspawn(tree, "sh", "-c", rest, flags=["--pipe"]))
    inside = nspawn(tree, flags=["--pipe", "--private-network", f"--user={last('USER')}"])
    script = " ".join(shlex.quote(word) for word in
                      json.loads(last("ENTRYPOINT")) + json.loads(last("CMD")))
    health = " ".join(json.loads(last("HEALTHCHECK").split("CMD ")[1]))
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*inside, "sh", "-c", f"PATH=$PATH:/usr/sbin; {script} & sleep 1; {health} && "
             "echo healthy; id -un; kill $!; wait $!; echo ended $?"],
            stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: process.poll() is not None, timeout=60, what="the container's end")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    text = log.read_text(encoding="utf-8")
    assert "healthy" in text and "ended 0" in text and f"\n{last('USER')}\n" in text, text
