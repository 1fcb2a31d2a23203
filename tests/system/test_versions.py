# SPDX-License-Identifier: MPL-2.0
"""One version: that of project() in CMakeLists.txt is what every part says of itself."""
import os
import re
import subprocess

import pytest

import roost
from roost.core import Core

VERSION = os.environ.get("ROOST_VERSION")
BUILD = os.environ.get("ROOST_BUILD", "")
SOURCE = os.environ.get("ROOST_SOURCE", "")

pytestmark = pytest.mark.skipif(VERSION is None, reason="run by ctest")


def said_by(program):
    return subprocess.run([os.environ[program], "--version"], check=True, capture_output=True,
                          text=True).stdout


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def test_the_programs():
    assert said_by("ROOSTD") == f"roost {VERSION}\n"
    assert said_by("ROOST_CLI").startswith(f"roost {VERSION} ")


def test_the_python_package():
    assert roost.__version__ == VERSION
    core = Core("alice")
    core.opened(0.0)
    assert f"roost-python {VERSION}".encode() in core.take_frames(0.0)[0]  # HELLO
    assert 'attr = "roost.types.VERSION"' in read(SOURCE, "clients", "python", "pyproject.toml")


def test_the_c_library():
    header = read(SOURCE, "clients", "c", "roost.h")
    parts = [re.search(rf"#define ROOST_VERSION_{part} (\d+)", header).group(1)
             for part in ("MAJOR", "MINOR", "PATCH")]
    assert ".".join(parts) == VERSION
    assert f"\nVersion: {VERSION}\n" in read(BUILD, "clients", "c", "roost.pc")
    assert f'"{VERSION}"' in read(BUILD, "clients", "c", "roost-config-version.cmake")
