# SPDX-License-Identifier: MPL-2.0
"""The alert rules of Prometheus and the dashboard of Grafana: every metric they name exists and is
used as what it is, and their expressions are right. promtool (package prometheus, too large to be
installed for this alone) does the latter where it is installed; PROMTOOL names another one.
"""
import json
import os
import re
import shutil
import subprocess

import pytest

FOLDER = os.path.join(os.environ["ROOST_SOURCE"], "docs", "packaging")
RULES = os.path.join(FOLDER, "prometheus", "roost.rules.yml")
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="no promtool (package prometheus)")
OURS = re.compile(r"\broost_\w+")


def metrics():
    """{name as it is exposed: kind}"""
    text = subprocess.run([os.environ["ROOSTD"], "--print-metrics-table"], check=True,
                          capture_output=True, text=True).stdout
    found = {}
    for name, kind in re.findall(r"(?m)^\| `(\w+)` \| (\w+) \|", text):
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            found[name + suffix] = kind
    assert len(found) > 30
    return found


def rules():
    """[(name, expression)]; the few forms of YAML that the file uses."""
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r"- alert: (\w+)\n +expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)", text)
    assert len(found) == text.count("- alert:")
    return [(name, re.sub(r"\s+", " ", folded or plain)) for name, folded, plain in found]


def dashboard():
    with open(os.path.join(FOLDER, "grafana", "roost.json"), encoding="utf-8") as file:
        return json.load(file)


def panels():
    """[(title, expression)], with what Grafana puts in put in."""
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            found.append((panel["title"], target["expr"].replace("$__rate_interval", "5m")
                          .replace("$job", ".*").replace("$instance", ".*")))
    return found


@pytest.mark.parametrize("source", [rules, panels])
def test_every_metric_exists(source):
    known = metrics()
    for name, expression in source():
        used = set(OURS.findall(expression))
        assert used <= set(known), f"{name}: {used - set(known)}"
        assert used or "up{" in expression


@pytest.mark.parametrize("source", [rules, panels])
def test_counters_are_rates_and_gauges_are_not(source):
    known = metrics()
    for name, expression in source():
        rated = set(re.findall(r"\b(?:rate|increase)\((roost_\w+)", expression))
        counters = {each for each in OURS.findall(expression) if known[each] != "gauge"}
        assert rated == counters, name


def test_the_dashboard_is_one_that_grafana_reads():
    board = dashboard()
    assert board["uid"] == "roost" and board["title"] == "roost" and board["schemaVersion"] >= 30
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{panel['title']} lies over another one"
        taken |= cells
        assert panel["type"] == "row" or (panel["targets"] and panel["description"])
        references = [target["refId"] for target in panel.get("targets", [])]
        assert len(references) == len(set(references))


def test_every_alert_says_what_to_do():
    with open(RULES, encoding="utf-8") as file:
        for block in file.read().split("- alert:")[1:]:
            for word in ("severity:", "summary:", "action:"):
                assert word in block, block


@needs_promtool
def test_promtool_accepts_the_rules_and_what_sets_them_off():
    for command in (["check", "rules", RULES],
                    ["test", "rules", os.path.join(FOLDER, "prometheus", "roost.test.yml")]):
        done = subprocess.run([PROMTOOL, *command], check=False, capture_output=True, text=True,
                              cwd=os.path.dirname(RULES))
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_accepts_the_queries_of_the_dashboard(tmp_path):
    """As rules: promtool checks expressions in no other form."""
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for number, (_, expression) in enumerate(panels()):
        lines += [f"      - record: panel:{number}", f"        expr: {json.dumps(expression)}"]
    (tmp_path / "rules.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run([PROMTOOL, "check", "rules", str(tmp_path / "rules.yml")], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
