"""Prometheus and Grafana ask for metrics that there are, with the credentials that the API wants."""

import json
import re
from typing import Any

import yaml

from tests.unit.deploy.files import ROOT, read

PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "spar.json").read_text())
OURS = set(re.findall(r'"(spar_\w+)"', (ROOT / "services" / "api" / "routes" / "metrics.py").read_text()))
COUNTERS = {"spar_steps_done", "spar_step_seconds", "spar_completion_tokens", "spar_prompt_tokens", "spar_calls"}


def asked(expression: str) -> set[str]:
    return set(re.findall(r"\bspar_\w+", expression))


def test_panels_and_alerts_ask_for_metrics_of_the_api() -> None:
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    expressions += [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]
    there = (OURS - COUNTERS) | {f"{name}_total" for name in COUNTERS}  # Prometheus adds the ending to counters
    assert set().union(*map(asked, expressions)) <= there


def test_the_api_is_scraped_with_its_token() -> None:
    [api] = [job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "spar"]
    overlay = read(ROOT / "deploy" / "compose" / "observability.yml")
    [secret] = overlay["services"]["prometheus"]["secrets"]
    assert api["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    assert overlay["secrets"][secret] == {"environment": "SPAR_API_TOKEN"}
