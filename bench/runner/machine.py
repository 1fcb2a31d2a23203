# SPDX-License-Identifier: MPL-2.0
"""Where the measurement runs: cores and who gets which, the file system under the data, versions.

Promises nothing about quietness: it only writes down what could explain a figure later."""
import os
import platform
import re
import subprocess
import time


def cores():
    """(core of the server, core of the clients); the same one twice on a single-core machine."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 if len(usable) > 1 else 0]


def file_system(path):
    """Type of the file system that holds `path`, for example ext4 or tmpfs."""
    path = os.path.realpath(path)
    best, kind = "", "unknown"
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            left, _, right = line.partition(" - ")
            mount = left.split()[4].replace("\\040", " ")
            if os.path.commonpath([mount, path]) == mount and len(mount) >= len(best):
                best, kind = mount, right.split()[0]
    return kind


def output_of(command):
    """What a program that ends by itself prints; "" when there is no such program."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False,
                                stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout or result.stderr


def version_of(package, binary):
    """Of its Debian package; of the program itself where it is none. (Some servers start when asked for
    their version.)"""
    if package:
        return output_of(["dpkg-query", "-W", "-f", "${Version}", package]) or "unknown"
    return output_of([binary, "--version"]).strip().split("\n")[0]


def describe(scratch, chosen, binaries):
    """What goes into the result file about this machine and the brokers measured on it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory_kib = int(file.readline().split()[1])
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "cpu": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": memory_kib // 1024,
        "kernel": platform.release(),
        "file_system": file_system(scratch),
        "load_1min_at_start": os.getloadavg()[0],
        "versions": {broker.name: version_of(broker.package, binaries[broker.name])
                     for broker in chosen},
    }
