# SPDX-License-Identifier: MPL-2.0
"""A virtual machine that runs roostd on a disk of its own, and whose power can be cut.

    machine = Machine(folder, disk_socket)   # see why_not() first
    machine.start()                          # boots, waits for roostd; it then answers at machine.url
    machine.kill()                           # no power any more; see volatile_disk.py
    machine.stop()                           # ends roostd in order and switches off

The guest is a Linux kernel of the distribution and an initramfs made here: busybox, roostd with its
shared libraries, the modules the kernel needs. It mounts the disk (ext4), starts roostd there and relays
its port, which is on its loopback as on any machine, to the network that qemu plays; the port on this
side opens when roostd is ready. No root, no KVM (which is used when told to).

The kernel: ROOST_VM_KERNEL names a folder with an unpacked kernel package in it (boot/, lib/modules/ or
usr/lib/modules/), otherwise it is looked for in vm-kernel of the build (tests/system/vm_kernel puts it
there) and then in this system itself.

Owns the initramfs and the process of qemu; leaves the disk and what is done with roostd to others.
"""
import glob
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading

from broker import END_OF_LOG, Patience, binary, no_orphan

QEMU = "qemu-system-x86_64"
MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "ext4"]
APPLETS = ["sh", "mount", "umount", "insmod", "ip", "nc", "mkdir", "poweroff", "cat"]
BOOT_S = 180          # emulated, and the machine may be busy
MEMORY_MB = 384
DISK_BYTES = 512 << 20

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
mkdir -p /data /tmp /run
echo MOUNTING
mount -t ext4 -o {mount} /dev/vda /data || poweroff -f
echo MOUNTED
nc -ll -p 5555 -e nc 127.0.0.1 5556 &
/roostd --data /data/roost --set zmq.listen=tcp://127.0.0.1:5556 --set http.listen= &
daemon=$!
read word
kill -TERM $daemon
wait $daemon
echo ENDED $?
umount /data && echo UNMOUNTED
poweroff -f
"""


def find_kernel():
    """(vmlinuz, folder of its modules) or None."""
    roots = [os.environ.get("ROOST_VM_KERNEL"), os.path.join(os.environ.get("ROOST_BUILD", ""), "vm-kernel"), "/"]
    for root in filter(None, roots):
        for image in sorted(glob.glob(os.path.join(root, "boot/vmlinuz-*")), reverse=True):
            version = os.path.basename(image).removeprefix("vmlinuz-")
            for modules in ("lib/modules", "usr/lib/modules"):
                folder = os.path.join(root, modules, version, "kernel")
                if os.access(image, os.R_OK) and has_modules(folder):
                    return image, folder
    return None


def has_modules(folder):
    """Whether what the machine needs is in the kernel or there to be inserted, not compressed."""
    try:
        with open(os.path.join(folder, "..", "modules.builtin"), encoding="ascii") as file:
            built_in = {os.path.basename(line.strip()).replace("-", "_") for line in file}
    except OSError:
        return False
    there = {os.path.basename(path) for path in glob.glob(os.path.join(folder, "**", "*.ko"), recursive=True)}
    return {name + ".ko" for name in MODULES} <= there | built_in


def why_not():
    """Why there is no such machine here, or None."""
    for program, package in ((QEMU, "qemu-system-x86"), ("busybox", "busybox-static"),
                             ("mkfs.ext4", "e2fsprogs"), ("debugfs", "e2fsprogs")):
        if not shutil.which(program):
            return f"{program} is not installed (package {package}, set 'vm')"
    if not find_kernel():
        return "there is no kernel for the machine: run tests/system/vm_kernel (ROOST_VM_KERNEL)"
    if os.environ.get("ROOST_SANITIZED", "") not in ("", "OFF"):
        return "an emulated machine is too slow for a sanitized roostd"
    return None


# ---------------------------------------------------------------- what the guest is made of


def modules_of(folder):
    """Paths of the modules to insert, in order. What is not there is built into the kernel."""
    paths = {os.path.basename(path)[:-3]: path
             for path in glob.glob(os.path.join(folder, "**", "*.ko"), recursive=True)}
    order = []

    def add(name):
        path = paths.get(name) or paths.get(name.replace("_", "-"))
        if path is None or path in order:
            return
        with open(path, "rb") as file:
            needs = re.search(rb"\0depends=([^\0]*)\0", file.read())
        for other in needs.group(1).decode().split(",") if needs else ():
            add(other)
        order.append(path)

    for name in MODULES:
        add(name)
    return order


def libraries_of(program):
    """The shared objects it needs, with the loader, by the names it knows them by."""
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(?:=> )?(/\S+) \(0x", text)


class Archive:
    """An initramfs: the format cpio calls newc."""

    def __init__(self):
        self._parts, self._folders, self._count = [], set(), 0

    def add(self, name, mode, data):
        parent = os.path.dirname(name)
        if parent and parent not in self._folders:
            self._folders.add(parent)
            self.add(parent, stat.S_IFDIR | 0o755, b"")
        self._count += 1
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        self._parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]

    def add_file(self, name, path):
        with open(path, "rb") as file:
            self.add(name, stat.S_IFREG | 0o755, file.read())

    def write(self, path):
        self.add("TRAILER!!!", 0, b"")
        with open(path, "wb") as file:
            file.write(b"".join(self._parts))


def make_initramfs(path, modules, mount):
    archive = Archive()
    archive.add("init", stat.S_IFREG | 0o755, INIT.format(mount=mount).encode())
    for folder in ("proc", "sys", "dev"):
        archive.add(folder, stat.S_IFDIR | 0o755, b"")
    archive.add_file("bin/busybox", shutil.which("busybox"))
    for applet in APPLETS:
        archive.add(f"bin/{applet}", stat.S_IFLNK | 0o777, b"busybox")
    archive.add_file("roostd", binary())
    for library in libraries_of(binary()):
        archive.add_file(library[1:], library)
    names = [os.path.basename(module) for module in modules]
    for name, module in zip(names, modules):
        archive.add_file(f"modules/{name}", module)
    archive.add("modules/order", stat.S_IFREG | 0o644, "\n".join(names).encode())
    archive.write(path)


def make_disk(path):
    with open(path, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)


def free_port():
    """One that no connection of this machine gets by chance while nobody listens there."""
    for _ in range(100):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


# ---------------------------------------------------------------- the machine


class Machine:
    """`mount`: options of ext4."""

    def __init__(self, folder, disk_socket, accelerator="tcg", mount="rw"):
        kernel, module_folder = find_kernel()
        self._monitor = os.path.join(folder, "monitor")
        initramfs = os.path.join(folder, "initramfs")
        make_initramfs(initramfs, modules_of(module_folder), mount)
        self.port = free_port()
        self.lines, self.boots, self.process = [], 0, None
        self._news = threading.Condition()
        self._reader = None
        self._command = [
            QEMU, "-accel", accelerator, "-cpu", "max", "-m", str(MEMORY_MB), "-nodefaults", "-no-user-config",
            "-display", "none", "-serial", "stdio", "-monitor", f"unix:{self._monitor},server=on,wait=off",
            "-no-reboot", "-kernel", kernel, "-initrd", initramfs,
            # no_timer_check: on a busy host the emulated timer is late, and the kernel would give up
            "-append", "console=ttyS0 quiet panic=-1 no_timer_check random.trust_cpu=on mitigations=off",
            "-drive", f"file=nbd:unix:{disk_socket},format=raw,if=none,id=disk,cache=writeback",
            "-device", "virtio-blk-pci,drive=disk",
            "-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="]

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    def launch(self):
        """The power is back; waits for nothing."""
        if os.path.exists(self._monitor):
            os.unlink(self._monitor)
        self._began_at, self.boots = len(self.lines), self.boots + 1
        self.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, preexec_fn=no_orphan())
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def start(self):
        """Boots, waits until roostd is ready, and opens its port."""
        self.launch()
        self.wait_for(r"\bready version")
        self._open_port()
        return self

    def _open_port(self):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(BOOT_S)
            link.connect(self._monitor)
            said = b""
            for line in (b"", f"hostfwd_add net tcp:127.0.0.1:{self.port}-10.0.2.15:5555\n".encode()):
                link.sendall(line)
                said = b""
                while not said.endswith(b"(qemu) "):
                    part = link.recv(4096)
                    assert part, "qemu ended"
                    said += part
        assert b"could not" not in said.lower() and b"invalid" not in said.lower(), said

    def _read(self, stream):
        for raw in stream:
            with self._news:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\r\n"))
                self._news.notify_all()
        with self._news:
            self.lines.append(END_OF_LOG)
            self._news.notify_all()

    def console(self):
        with self._news:
            return self.lines[self._began_at:]

    def wait_for(self, pattern, timeout=BOOT_S):
        """Waits for a line of this boot that matches; gives it."""
        patience = Patience(timeout)
        while True:
            lines = self.console()
            found = next((line for line in lines if re.search(pattern, line)), None)
            if found is not None:
                return found
            assert END_OF_LOG not in lines and not patience.is_over(), \
                f"no line {pattern!r} on the console:\n" + "\n".join(lines[-30:])
            with self._news:
                self._news.wait(0.5)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self):
        """Ends roostd in order, unmounts, switches off; gives the exit code of roostd."""
        self.process.stdin.write(b"stop\n")
        self.process.stdin.flush()
        code = int(self.wait_for(r"^ENDED \d+").split()[1])
        self.wait_for("^UNMOUNTED")
        self._gone()
        return code

    def _gone(self):
        self.process.wait(BOOT_S)
        self._reader.join(BOOT_S)
        self.process.stdin.close()
        self.process.stdout.close()

    def is_running(self):
        return self.process is not None and self.process.poll() is None
