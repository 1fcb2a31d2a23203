# SPDX-License-Identifier: MPL-2.0
"""Reads a systemd unit, and says what its system call filter lets through.

The groups (@system-service ...) are those of this machine's systemd, asked of systemd-analyze.
"""
import subprocess

# Everything the unit may say. A setting that is not here makes the tests fail: whoever adds one
# decides here how it is put to the test.
BEHAVIOUR = {"Type", "NotifyAccess", "EnvironmentFile", "ExecStart", "ExecReload", "Restart",
             "RestartSec", "RestartPreventExitStatus", "TimeoutStartSec", "TimeoutStopSec",
             "WatchdogSec"}


class Unit:
    """One section of a unit: the last value of each setting, or all of them."""

    def __init__(self, path, section="Service"):
        self.settings = []
        inside = ""
        with open(path, encoding="utf-8") as file:
            for line in file.read().replace("\\\n", " ").splitlines():
                line = line.strip()
                if line.startswith("["):
                    inside = line.strip("[]")
                elif line and line[0] not in "#;" and inside == section:
                    name, _, value = line.partition("=")
                    self.settings.append((name.strip(), value.strip()))

    def names(self):
        return {name for name, _ in self.settings}

    def all(self, name):
        return [value for each, value in self.settings if each == name]

    def last(self, name, otherwise=""):
        return (self.all(name) or [otherwise])[-1]

    def is_on(self, name):
        return self.last(name) in ("yes", "true", "on", "1")

    def words(self, name):
        return " ".join(self.all(name)).split()


def groups():
    """{"@group": ["name", "@other", ...]}"""
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], check=True,
                          capture_output=True, text=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif not line.strip():
            name = None
        elif name and not line.strip().startswith("#"):
            found[name].append(line.strip())
    return found


def expand(names, known):
    """The system calls behind names and groups."""
    result = set()
    for name in names:
        if name.startswith("@"):
            result |= expand(known[name], known)
        else:
            result.add(name)
    return result


def filtered_calls(unit):
    """(what SystemCallFilter= lets through, {name: error number} of what has an answer of its own).
    Lines add and, with ~, take away again; NAME:NUMBER is answered so. @default is always allowed,
    as systemd has it."""
    known = groups()
    allowed, answered = set(), {}
    for index, value in enumerate(unit.all("SystemCallFilter")):
        if value.startswith("~") and index == 0:
            raise ValueError("the first SystemCallFilter= is to be a list of what is allowed")
        plain = {word for word in value.lstrip("~").split() if ":" not in word}
        if value.startswith("~"):
            answered |= {word.split(":")[0]: int(word.split(":")[1])
                         for word in value[1:].split() if ":" in word}
            allowed -= expand(plain, known)
        else:
            allowed |= expand(plain, known)
    return (allowed | expand(["@default"], known)) - set(answered), answered
