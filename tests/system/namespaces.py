# SPDX-License-Identifier: MPL-2.0
"""Machines on wires of their own: network namespaces, joined by bridges. Root only.

    town = Town()                 # Unavailable: there is none to be had here
    town.machine("a")             # an empty one; its loopback is up
    town.plug("a", "e0", "10.1.1.1/24", wire="w1")
    town.unplug("a", "e0")
    town.close()

`town.enter(name)` is a command prefix; `town.run_in(name, function)` calls a function of ours there: sockets
it makes stay there.
"""
import ctypes
import itertools
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_towns = itertools.count(1)
_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    pass


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Town:
    def __init__(self):
        self.prefix = f"rt{os.getpid()}-{next(_towns)}-"
        self.machines, self.wires, self.ends = [], set(), itertools.count(1)
        if os.geteuid() != 0:
            raise Unavailable("only root may make network namespaces")
        try:
            self.machine("wires")
        except (subprocess.CalledProcessError, FileNotFoundError) as problem:
            detail = getattr(problem, "stderr", None) or problem
            raise Unavailable(f"no network namespace to be had: {detail}") from problem

    def machine(self, name):
        ip("netns", "add", self.prefix + name)
        self.machines.append(name)
        self.command(name, "link", "set", "lo", "up")

    def command(self, name, *words):
        ip("-n", self.prefix + name, *words)

    def plug(self, name, interface, address, wire):
        """A cable from this interface, which appears, to a bridge all of whose cables are one network.
        The same address is the same card again: others need not ask anew whose it is."""
        if wire not in self.wires:
            self.command("wires", "link", "add", wire, "type", "bridge")
            self.command("wires", "link", "set", wire, "up")
            self.wires.add(wire)
        end = f"p{next(self.ends)}"
        mac = "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("/")[0].split("."))
        self.command("wires", "link", "add", end, "type", "veth", "peer", "name", interface,
                     "address", mac, "netns", self.prefix + name)
        self.command("wires", "link", "set", end, "master", wire, "up")
        self.command(name, "addr", "add", address, "brd", "+", "dev", interface)
        self.command(name, "link", "set", interface, "up")

    def unplug(self, name, interface):
        self.command(name, "link", "del", interface)

    def enter(self, name):
        return ["ip", "netns", "exec", self.prefix + name]

    def run_in(self, name, function):
        result = []

        def there():
            try:
                with open(f"/var/run/netns/{self.prefix}{name}", "rb") as file:
                    if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append((function(), None))
            except BaseException as error:  # raised where it is waited for
                result.append((None, error))

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        value, error = result[0]
        if error:
            raise error
        return value

    def close(self):
        for name in self.machines:
            subprocess.run(["ip", "netns", "del", self.prefix + name], check=False)
