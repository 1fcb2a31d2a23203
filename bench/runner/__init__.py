# SPDX-License-Identifier: MPL-2.0
"""The parts of bench/run: machine (where we are), brokers (who is measured and how it is started),
plan (what is measured, and doing it), figures (medians, spread, goals), report and plots."""
