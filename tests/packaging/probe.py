# SPDX-License-Identifier: MPL-2.0
"""Tries what the unit takes away, from inside; prints what was possible nevertheless, one per line,
then "done". Run as a program of sandbox.py, whose limits test_unit.py so puts to the test.
"""
import ctypes
import errno
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
# No longer possible: x86-64 numbers. Each with arguments that would do no harm.
CALLS = {"setpriority": (141, 0, 0, 0), "unshare": (272, 0x10000000), "ptrace": (101, 0, 0, 0, 0),
         "mount": (165, b"none", b"/nowhere", b"tmpfs", 0, 0), "bpf": (321, 0, 0, 0),
         "keyctl": (250, 0, 0), "setuid": (105, 0), "chroot": (161, b"/nowhere"),
         "clock_settime": (227, 0, 0), "syslog": (103, 10, 0, 0), "personality": (135, 0x40000),
         "kexec_load": (246, 0, 0, 0, 0), "perf_event_open": (298, 0, 0, 0, 0, 0)}


def is_possible(action):
    try:
        action()
    except OSError:
        return False
    return True


def call(number, *arguments):
    """Any other error than a refusal means that the call was let through."""
    if libc.syscall(number, *arguments) < 0 and \
            ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        raise OSError(ctypes.get_errno(), "")


def write_to(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def write_and_execute():
    libc.mmap.restype = ctypes.c_void_p
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(errno.EPERM, "")


def set_uid_bit():
    path = os.environ["STATE_DIRECTORY"] + "/probe"
    write_to(path)
    try:
        os.chmod(path, 0o4700)
    finally:
        os.unlink(path)


def status(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith(name + ":"))


def main():
    for path in ("/usr/bin/x", "/etc/x", "/var/lib/x", "/sys/x", "/run/x"):
        if is_possible(lambda path=path: write_to(path)):
            print("write to", path)
    for path in ("/root", "/home", "/proc/1", "/proc/sys/kernel", "/dev/mem", "/dev/rtc0"):
        if is_possible(lambda path=path: os.listdir(path) if os.path.isdir(path) else os.stat(path)):
            print("see", path)
    for name, number in (("AF_PACKET", 17), ("AF_VSOCK", 40), ("AF_BLUETOOTH", 31)):
        if is_possible(lambda number=number: socket.socket(number, socket.SOCK_DGRAM).close()):
            print("open a socket of", name)
    for name, arguments in CALLS.items():
        if is_possible(lambda arguments=arguments: call(*arguments)):
            print("call", name)
    if is_possible(write_and_execute):
        print("write and execute the same memory")
    if is_possible(set_uid_bit):
        print("make a set-user-id program")
    for name, wanted in (("CapBnd", "0" * 16), ("CapEff", "0" * 16), ("NoNewPrivs", "1"),
                         ("Seccomp", "2")):
        if status(name) != wanted:
            print("be", name, status(name))
    if os.getuid() == 0:
        print("be root")
    print("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
