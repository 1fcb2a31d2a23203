# SPDX-License-Identifier: MPL-2.0
"""The scenarios of bench/trouble."""
