# SPDX-License-Identifier: MPL-2.0
"""Where Node and the JavaScript client are, and what is done when they are not: a file of tests
about it ends with a line that ctest takes for skipped, a test that only uses it is skipped by name.

The ctest entry javascript_packages (tests/clients/javascript/packages.sh) installs what is needed
and says why it could not. Environment: ROOST_NODE, ROOST_JAVASCRIPT (folder of the package)."""
import os

import pytest

NODE = os.environ.get("ROOST_NODE", "")
PACKAGE = os.environ.get("ROOST_JAVASCRIPT", "")
HAS_PACKAGES = bool(NODE) and os.path.exists(os.path.join(PACKAGE, "node_modules", ".installed"))
WHY = "no Node, or no npm packages: see the test javascript_packages"

only_with_packages = pytest.mark.skipif(not HAS_PACKAGES, reason=WHY)


def need_packages():
    """For files of tests that are about the JavaScript client only."""
    if not HAS_PACKAGES:
        pytest.exit(f"SKIPPED: {WHY}")
