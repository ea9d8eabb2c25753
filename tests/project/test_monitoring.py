"""The rules and the board in deploy/monitoring name only figures and labels that exist, and the page on operations names all of them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import exposition

from adtoken_project.ops import metrics

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "summary": ["_sum", "_count"]}
OF_PROMETHEUS = {"le"}


def figures() -> dict[str, set[str]]:
    """Return each name under which Prometheus finds a figure, with its labels."""
    counted = {one._name: one._labelnames for one in (metrics.REQUESTS, metrics.SECONDS, metrics.LEASES)}
    return {
        metric.name + suffix: set(counted.get(metric.name) or metric._labelnames)  # type: ignore[attr-defined]  # nothing else tells it without samples
        for metric in metrics.registry().collect()
        for suffix in SUFFIXES.get(metric.type, [""])
    }


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "prometheus-rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[tuple[str, str]]:
    """Return all expressions, with the texts that show their labels."""
    board = json.loads((FOLDER / "grafana-board.json").read_text(encoding="utf-8"))
    targets = [target for panel in board["panels"] for target in panel.get("targets", [])]
    of_board = [(target["expr"], target["legendFormat"]) for target in targets]
    return of_board + [(rule["expr"], " ".join(rule["annotations"].values())) for rule in rules()]


def wrong(expression: str, shown: str, known: dict[str, set[str]]) -> list[str]:
    """Return what an expression or its text names that does not exist."""
    named = set(re.findall(r"\badtoken_\w+", expression))
    there = set[str]().union(*(known.get(name, set()) for name in named)) | OF_PROMETHEUS
    labels = {
        *(label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")),
        *re.findall(r"(\w+)\s*=~?\s*\"", expression),
        *re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", shown),
    }
    return sorted((named - known.keys()) | (labels - there)) + ([] if named else ["no figure at all"])


def test_rules_and_board_name_only_figures_and_labels_that_exist() -> None:
    known = figures()

    found = {expression: wrong(expression, shown, known) for expression, shown in queries()}

    assert len(found) > 20
    assert {expression: names for expression, names in found.items() if names} == {}


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    found = rules()

    assert all(rule["annotations"]["summary"] and rule["annotations"]["runbook"] for rule in found)
    assert {rule["labels"]["severity"] for rule in found} == {"critical", "warning"}
    assert len({rule["alert"] for rule in found}) == len(found)


ALERTS = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'adtoken_work_late{{lane="checks"}}', values: '0x4 1x10'}}
      - {{series: 'adtoken_leases_total{{status="200"}}', values: '0+90x40'}}
      - {{series: 'adtoken_leases_total{{status="503"}}', values: '0+10x40'}}
      - {{series: 'adtoken_accounts_end_untold', values: '0x4 2x100'}}
    alert_rule_test:
      - {{eval_time: 4m, alertname: AdTokenWorkLate}}
      - eval_time: 11m
        alertname: AdTokenWorkLate
        exp_alerts: [{{exp_labels: {{severity: critical, lane: checks}}}}]
      - eval_time: 25m
        alertname: AdTokenJobsTurnedAway
        exp_alerts: [{{exp_labels: {{severity: warning}}}}]
      - {{eval_time: 60m, alertname: AdTokenEndsUntold}}
      - eval_time: 66m
        alertname: AdTokenEndsUntold
        exp_alerts: [{{exp_labels: {{severity: critical}}}}]
"""


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
def test_prometheus_takes_the_rules_and_fires_them_when_it_should(tmp_path: Path) -> None:
    # What an alert says is held by the tests above; here it counts whether it fires.
    found = yaml.safe_load((FOLDER / "prometheus-rules.yml").read_text(encoding="utf-8"))
    for rule in found["groups"][0]["rules"]:
        del rule["annotations"]
    rules_file, cases = tmp_path / "rules.yml", tmp_path / "cases.yml"
    rules_file.write_text(yaml.safe_dump(found), encoding="utf-8")
    cases.write_text(ALERTS.format(rules=rules_file), encoding="utf-8")

    checked = promtool("check", "rules", str(FOLDER / "prometheus-rules.yml"))
    fired = promtool("test", "rules", str(cases))

    assert (checked.returncode, checked.stderr) == (0, "")
    assert fired.returncode == 0, fired.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
def test_prometheus_finds_nothing_to_mend_in_what_metrics_says() -> None:
    linted = promtool("check", "metrics", given=exposition.generate_latest(metrics.registry()).decode())

    assert (linted.returncode, linted.stderr) == (0, "")


def promtool(*words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["promtool", *words], input=given, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_page_on_operations_names_every_figure() -> None:
    section = (
        (ROOT / "docs" / "operations.md")
        .read_text(encoding="utf-8")
        .split("\n## Monitoring\n")[1]
        .split("\n## ")[0]
    )
    described = set(re.findall(r"`([a-z0-9_]+)`", section))

    names = {
        name.removeprefix("adtoken_").removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        for name in figures()
    }

    assert names - described == set()
