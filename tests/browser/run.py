#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Runs one file of browser tests, or says loudly why not (exit code 77, "skipped" for ctest).

usage: run.py FILE [pytest arguments...]
"""
import importlib.util
import shutil
import sys

WANTED = {"chromium": "chromium", "chromedriver": "chromium-driver"}


def missing():
    """Debian packages that are not there."""
    packages = [package for program, package in WANTED.items() if not shutil.which(program)]
    if importlib.util.find_spec("selenium") is None:
        packages.append("python3-selenium")
    return packages


def main():
    packages = missing()
    if packages:
        print("\n*** The dashboard is NOT tested: these packages are missing: " + " ".join(packages) +
              "\n*** Install them with .ci/install test.\n", file=sys.stderr)
        return 77
    import pytest
    return pytest.main(["-q", "-rs", "-p", "no:cacheprovider", *sys.argv[1:]])


sys.exit(main())
