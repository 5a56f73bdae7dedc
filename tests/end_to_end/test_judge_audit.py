"""A run whose refiner diverges from the rules: shown in status and report, and stopped if the recipe says so.

The simulated refiner judges by a hidden property, the prompts' own rule by commas, of which the simulated actor writes
none: half of the responses are rejected that are good.
"""

import json
from pathlib import Path

import pytest

from tests.end_to_end.simulated import report_of, run, write_recipe

pytestmark = pytest.mark.end_to_end


def write_prompts(folder: Path) -> str:
    ruled = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    rows = [{"prompt": f"Write about lamp {number}.", **ruled} for number in range(40)]
    rows += [{"prompt": f"Write about moss {number}."} for number in range(20)]  # no rule checks these
    path = folder / "prompts.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def test_a_diverged_refiner_is_reported_and_stops_the_run_if_configured(tmp_path: Path) -> None:
    prompts = {"source": write_prompts(tmp_path), "per_iteration": 30, "shard_size": 5}
    recipe = write_recipe(tmp_path, prompts=prompts, judge_audit={"prompts": 25})
    home = tmp_path / "home"

    stopped = run(["run", recipe, "--dir", home, "--set", "judge_audit.stop=true"])
    assert stopped.returncode == 130, stopped.stderr
    assert "stopped: judge audit: in iteration 1 the refiner accepts" in stopped.stderr
    assert "judge drifted iteration=1 source=response" in stopped.stderr
    assert report_of(home)["status"] == "stopped"
    assert "alarm: iteration 1: the refiner accepts" in run(["status", "--dir", home]).stdout

    # The same command without the stop is the same run.
    finished = run(["run", recipe, "--dir", home, "--set", "judge_audit.stop=false"])
    assert finished.returncode == 0, finished.stderr
    report = report_of(home)
    first, second = (entry["judge_audit"] for entry in report["iterations"][1:])
    assert report["iterations"][0]["judge_audit"] is None
    assert 20 <= first["refiner"]["response"]["prompts"] <= 25  # the simulated refiner is mute on some
    assert second["refiner"]["response"]["prompts"] <= 10  # of the second iteration's prompts ten have rules
    assert first["refiner"]["response"]["followed"]["value"] == 1.0
    assert first["refiner"]["response"]["false_reject"]["value"] > 0.3
    assert first["alarms"]
    assert second["alarms"] == []  # ten prompts are too few to raise one
    assert "Does the refiner judge honestly?" in (home / "report.html").read_text(encoding="utf-8")


def test_prompts_without_rules_are_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "free.jsonl"
    path.write_text("".join(f'{{"prompt": "Write about lamp {number}."}}\n' for number in range(60)))
    recipe = write_recipe(tmp_path, prompts={"source": str(path), "per_iteration": 30}, judge_audit={"prompts": 25})
    refused = run(["run", recipe, "--dir", tmp_path / "home"])
    assert refused.returncode == 2
    assert "the audit of the refiner's judging needs such rows" in refused.stderr
