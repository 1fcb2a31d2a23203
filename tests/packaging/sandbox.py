#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Runs a program under the limits of a systemd unit, where no systemd runs.

    sandbox.py UNIT PROGRAM [--data DIR] [ARGUMENT...]

As systemd would: the filter of system calls (libseccomp), no capability, a user of its own in a
user namespace, file systems read-only but for DIR, private /tmp and /dev, a /proc of its own.
Needs root for all of that but the filter; without it the program ends with 77. A setting of the
unit it does not know is an error, so nothing in the unit goes untested unnoticed. Left to a real
systemd (tests/packaging/boot_test.sh): IPAddressAllow, DynamicUser, the watchdog.
"""
import ctypes
import errno
import os
import pathlib
import resource
import shutil
import stat
import sys

from unit_file import BEHAVIOUR, Unit, filtered_calls

SANDBOX_ID = 61184          # the first of those systemd gives to dynamic users
PLACE = "/run/roost-sandbox"
NEWNS, NEWUTS, NEWIPC, NEWUSER = 0x20000, 0x04000000, 0x08000000, 0x10000000
NAMESPACES = (NEWNS, NEWUTS, NEWIPC, NEWUSER, 0x20000000, 0x40000000, 0x02000000)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
ALLOW = 0x7FFF0000
NE, LT, EQ, GT, MASKED_EQ = 1, 2, 4, 6, 7
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
ON_OFF = {"ProtectHome", "PrivateTmp", "PrivateMounts", "PrivateDevices", "ProtectClock",
          "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
          "ProtectControlGroups", "PrivateIPC", "RemoveIPC", "NoNewPrivileges", "PrivateUsers",
          "LockPersonality", "MemoryDenyWriteExecute", "RestrictNamespaces", "RestrictRealtime",
          "RestrictSUIDSGID", "DynamicUser"}
VALUES = {"User", "StateDirectory", "StateDirectoryMode", "RuntimeDirectory",
          "RuntimeDirectoryMode", "UMask", "ProtectSystem", "DevicePolicy", "ProtectProc",
          "ProcSubset", "CapabilityBoundingSet", "AmbientCapabilities", "KeyringMode",
          "RestrictAddressFamilies", "IPAddressAllow", "IPAddressDeny", "SystemCallArchitectures",
          "SystemCallFilter", "SystemCallErrorNumber", "LimitNOFILE", "LimitCORE", "LimitDATA"}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind=None, flags=0, data=None):
    def text(value):
        return None if value is None else os.fsencode(value)
    check(libc.mount(text(source), text(target), text(kind), flags, text(data)), f"mount {target}")


def bind(source, target):
    mount(source, target, flags=MS_BIND | MS_REC)


# ------------------------------------------------------------------------------ file systems


class MountAttributes(ctypes.Structure):
    _fields_ = [("set", ctypes.c_uint64), ("clear", ctypes.c_uint64),
                ("propagation", ctypes.c_uint64), ("userns", ctypes.c_uint64)]


def set_read_only(path, is_read_only):
    """The mount and all below it."""
    attributes = MountAttributes(set=MS_RDONLY if is_read_only else 0,
                                 clear=0 if is_read_only else MS_RDONLY)
    check(libc.syscall(442, -100, os.fsencode(path), 0x8000, ctypes.byref(attributes),
                       ctypes.sizeof(attributes)), f"mount_setattr {path}")


def give(path):
    """To the user of the sandbox, as systemd does with StateDirectory=."""
    for folder, _, files in os.walk(path):
        for each in [folder, *(os.path.join(folder, name) for name in files)]:
            os.chown(each, SANDBOX_ID, SANDBOX_ID, follow_symlinks=False)


def private_devices():
    nodes = ("null", "zero", "full", "random", "urandom")
    os.mkdir(f"{PLACE}/dev")
    mount("tmpfs", f"{PLACE}/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755")
    for name in nodes:
        pathlib.Path(f"{PLACE}/dev/{name}").touch()
        bind(f"/dev/{name}", f"{PLACE}/dev/{name}")
    os.mkdir(f"{PLACE}/dev/shm")
    bind(f"{PLACE}/dev", "/dev")


def build_view(unit, program, data):
    """The mounts; gives the paths of program and data inside."""
    check(libc.unshare(NEWNS | NEWUTS | (NEWIPC if unit.is_on("PrivateIPC") else 0)), "unshare")
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for folder in (f"{PLACE}/state", "/run/" + unit.last("RuntimeDirectory")):
        os.makedirs(folder)
        os.chown(folder, SANDBOX_ID, SANDBOX_ID)
    shutil.copy(program, f"{PLACE}/program")
    if data:
        os.makedirs(data, mode=int(unit.last("StateDirectoryMode"), 8), exist_ok=True)
        give(data)
        bind(data, f"{PLACE}/state")
    if unit.is_on("PrivateDevices"):
        private_devices()
    if unit.is_on("PrivateTmp"):
        for folder in ("/tmp", "/var/tmp"):
            mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    if unit.is_on("ProtectHome"):
        for folder in ("/home", "/root"):
            mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=000")
    options = [f"hidepid={unit.last('ProtectProc')}", f"subset={unit.last('ProcSubset')}"]
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ",".join(options))
    if unit.last("ProtectSystem") == "strict":
        runtime = "/run/" + unit.last("RuntimeDirectory")
        bind(runtime, runtime)
        bind(f"{PLACE}/state", f"{PLACE}/state")
        set_read_only("/", True)
        for folder in (f"{PLACE}/state", "/tmp", "/var/tmp", "/proc", "/dev", runtime):
            set_read_only(folder, False)
    return f"{PLACE}/program", f"{PLACE}/state"


# ------------------------------------------------------------------------------ identity


def become(unit):
    os.setgroups([])
    os.setresgid(SANDBOX_ID, SANDBOX_ID, SANDBOX_ID)
    os.setresuid(SANDBOX_ID, SANDBOX_ID, SANDBOX_ID)
    if unit.is_on("PrivateUsers"):
        # Not dumpable after the change of user, so /proc/self would be root's.
        check(libc.prctl(4, 1, 0, 0, 0), "PR_SET_DUMPABLE")
        check(libc.unshare(NEWUSER), "unshare the user namespace")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{SANDBOX_ID} {SANDBOX_ID} 1"),
                           ("gid_map", f"{SANDBOX_ID} {SANDBOX_ID} 1")):
            pathlib.Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break


# ------------------------------------------------------------------------------ system calls


class Argument(ctypes.Structure):
    _fields_ = [("number", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Filter:
    """One filter of libseccomp. Loaded ones stack: the strictest answer counts."""

    def __init__(self, default):
        self.seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.seccomp.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.seccomp.seccomp_init(ctypes.c_uint32(default)))
        # Attribute 3: the filter sets no_new_privs by itself; off, we did.
        self.seccomp.seccomp_attr_set(self.context, 3, ctypes.c_uint32(0))

    def number(self, name):
        return self.seccomp.seccomp_syscall_resolve_name(name.encode())

    def add(self, action, name, *arguments):
        """False: this kernel's tables have no such call."""
        number = self.number(name)
        if number < 0:
            return False
        rows = (Argument * len(arguments))(*(Argument(*argument) for argument in arguments))
        result = self.seccomp.seccomp_rule_add_array(
            self.context, ctypes.c_uint32(action), number, ctypes.c_uint(len(arguments)), rows)
        if result < 0:
            raise OSError(-result, f"rule for {name}: {os.strerror(-result)}")
        return True

    def load(self):
        result = self.seccomp.seccomp_load(self.context)
        if result < 0:
            raise OSError(-result, f"seccomp_load: {os.strerror(-result)}")


def refuse(number):
    return 0x00050000 | number


def filter_memory():
    rules = Filter(ALLOW)
    write_exec = 2 | 4
    rules.add(refuse(errno.EPERM), "mmap", (2, MASKED_EQ, write_exec, write_exec))
    for name in ("mprotect", "pkey_mprotect"):
        rules.add(refuse(errno.EPERM), name, (2, MASKED_EQ, 4, 4))
    rules.add(refuse(errno.EPERM), "shmat", (2, MASKED_EQ, 0o100000, 0o100000))
    rules.load()


def filter_families(unit):
    allowed = sorted(FAMILIES[name] for name in unit.words("RestrictAddressFamilies"))
    rules = Filter(ALLOW)
    rules.add(refuse(errno.EAFNOSUPPORT), "socket", (0, LT, allowed[0], 0))
    rules.add(refuse(errno.EAFNOSUPPORT), "socket", (0, GT, allowed[-1], 0))
    for family in range(allowed[0], allowed[-1]):
        if family not in allowed:
            rules.add(refuse(errno.EAFNOSUPPORT), "socket", (0, EQ, family, 0))
    rules.load()


def filter_namespaces():
    rules = Filter(ALLOW)
    for flag in NAMESPACES:
        for name in ("unshare", "clone"):
            rules.add(refuse(errno.EPERM), name, (0, MASKED_EQ, flag, flag))
    rules.add(refuse(errno.EPERM), "setns")
    rules.add(refuse(errno.ENOSYS), "clone3")
    rules.load()


def filter_modes():
    """RestrictSUIDSGID, RestrictRealtime, LockPersonality."""
    rules = Filter(ALLOW)
    for bit in (stat.S_ISUID, stat.S_ISGID):
        for name, place in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1),
                            ("mkdirat", 2), ("mknod", 1), ("mknodat", 2), ("creat", 1)):
            rules.add(refuse(errno.EPERM), name, (place, MASKED_EQ, bit, bit))
        for name, place in (("open", 2), ("openat", 3)):
            rules.add(refuse(errno.EPERM), name, (place - 1, MASKED_EQ, os.O_CREAT, os.O_CREAT),
                      (place, MASKED_EQ, bit, bit))
    for policy in (os.SCHED_FIFO, os.SCHED_RR, 6):
        rules.add(refuse(errno.EPERM), "sched_setscheduler", (1, EQ, policy, 0))
    rules.add(refuse(errno.EPERM), "personality", (0, NE, 0, 0))
    rules.load()


def filter_calls(unit):
    number = getattr(errno, unit.last("SystemCallErrorNumber", "EPERM"))
    rules = Filter(refuse(number))
    allowed, answered = filtered_calls(unit)
    for name in sorted(allowed):
        rules.add(ALLOW, name)
    for name, answer in answered.items():
        rules.add(refuse(answer), name)
    return rules


# ------------------------------------------------------------------------------ all of it


def check_known(unit):
    unknown = unit.names() - BEHAVIOUR - ON_OFF - VALUES
    if unknown:
        raise SystemExit(f"sandbox.py: settings of the unit it cannot apply: {sorted(unknown)}")
    off = sorted(name for name in ON_OFF & unit.names() if not unit.is_on(name))
    if off or unit.last("CapabilityBoundingSet", "x") != "":
        raise SystemExit(f"sandbox.py: these are not on, which it does not expect: {off}")


def limit(unit):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, min(hard, int(unit.last("LimitNOFILE")))))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gibibytes = unit.last("LimitDATA")
    if not gibibytes.endswith("G"):
        raise SystemExit(f"sandbox.py: LimitDATA={gibibytes} is not in G")
    resource.setrlimit(resource.RLIMIT_DATA, (int(gibibytes[:-1]) << 30,) * 2)


def main(arguments):
    unit, program, rest = Unit(arguments[0]), arguments[1], arguments[2:]
    check_known(unit)
    if os.geteuid() != 0:
        print("sandbox.py: needs root to take the rest away", file=sys.stderr)
        return 77
    calls = filter_calls(unit)  # asks systemd-analyze, so before everything is closed
    at = rest.index("--data") + 1 if "--data" in rest else None
    limit(unit)
    os.umask(0o022)
    program, data = build_view(unit, program, rest[at] if at else None)
    if at:
        rest[at] = data
    os.environ["RUNTIME_DIRECTORY"] = "/run/" + unit.last("RuntimeDirectory")
    os.environ["STATE_DIRECTORY"] = data
    become(unit)
    os.chdir("/")
    os.umask(int(unit.last("UMask"), 8))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    check(libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "PR_SET_PDEATHSIG")
    filter_families(unit)
    filter_namespaces()
    filter_modes()
    filter_memory()
    calls.load()
    os.execv(program, [program, *rest])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
