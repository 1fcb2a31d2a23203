# SPDX-License-Identifier: MPL-2.0
"""The parts of bench/durability."""
