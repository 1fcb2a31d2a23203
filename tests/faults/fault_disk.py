# SPDX-License-Identifier: MPL-2.0
"""A disk whose power can fail, that fails and is slow when told to: fault_fs, from Python.

    disk = FaultDisk(program, folder)      # Unavailable: there is none to be had here
    disk.path                              # programs keep their data here
    disk.cut("drop")                       # after kill -9 of all who use it: nothing unsynced is left
    disk.fault("sync", 3, errno.EIO)       # the third sync from now on fails
    disk.slow("sync", 1000)
    disk.close()

Owns the process of fault_fs, its mount and its control socket. See fault_fs.c for what is meant.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE_S = 20
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    pass


def why_not(program):
    """Why there is no such disk here, or None."""
    if not program or not os.path.exists(program):
        return "fault_fs was not built: install libfuse3-dev and configure again"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse here"
    if os.geteuid() != 0:
        return "only root may mount the disk"
    return None


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class FaultDisk:
    def __init__(self, program, folder, strict_names=False):
        reason = why_not(program)
        if reason:
            raise Unavailable(reason)
        self.path = os.path.join(str(folder), "disk")
        self.control = os.path.join(str(folder), "control")
        os.makedirs(self.path, exist_ok=True)
        os.chmod(str(folder), 0o755)
        # In memory where there is some: what else writes to the real disk does not hold us up.
        in_memory = "/dev/shm" if os.path.isdir("/dev/shm") else str(folder)
        self.lower = tempfile.mkdtemp(prefix="roost-faults-", dir=in_memory)
        os.chmod(self.lower, 0o755)
        words = ["--strict-names"] if strict_names else []
        self.process = subprocess.Popen([program, *words, self.lower, self.control, self.path],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        preexec_fn=_die_with_parent)
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.ismount(self.path):
            if self.process.poll() is not None:
                raise Unavailable("fault_fs: " + self.process.stderr.read().decode().strip())
            if time.monotonic() > deadline:
                raise Unavailable(f"fault_fs did not mount within {PATIENCE_S} s")
            time.sleep(0.01)
        self._lift_limits()

    def _lift_limits(self):
        """The kernel lets a FUSE file system have few dirty pages (of mapped files), and makes writers
        wait for the others'; not this one."""
        device = os.stat(self.path).st_dev
        folder = f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}"
        for name, value in (("strict_limit", "0"), ("max_ratio", "100")):
            try:
                with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                    file.write(value)
            except OSError:
                pass  # of another kernel: it may be slower

    def tell(self, line):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self.control)
            link.sendall(line.encode() + b"\n")
            text = link.recv(400).decode().strip()
        assert text.startswith("ok"), text
        return text[3:]

    def cut(self, mode="drop", seed=0):
        """The power fails and is back. Gives how many unsynced operations there were."""
        return int(self.tell(f"cut {mode} {seed}"))

    def settle(self):
        """Everything done so far lasts."""
        self.tell("settle")

    def fault(self, call, nth, error, for_ever=False, ends_in=""):
        """error 0: a short write."""
        self.tell(f"fault {call} {nth} {error} {'ever' if for_ever else 'once'} {ends_in}")

    def slow(self, call, ms):
        self.tell(f"slow {call} {ms}")

    def clear(self):
        self.tell("clear")

    def counts(self):
        return {name: int(value) for name, value in
                (word.split("=") for word in self.tell("counts").split())}

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False, stderr=subprocess.DEVNULL)
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        shutil.rmtree(self.lower, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
