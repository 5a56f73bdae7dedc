"""A benchmark in a third-party package: commands, plans and runs find it by its entry point alone."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from spar.testing.process import INSTANT, server_process
from tests.end_to_end.simulated import PATIENCE_S, SPAR, report_of, write_recipe

pytestmark = pytest.mark.end_to_end

RECORD = """
from spar.benchmark_records import Benchmark, Work

BENCHMARK = Benchmark(
    name="brief",
    about="Brief: are responses short.",
    driver="brief_driver:DRIVER",
    part="actor",
    work=Work.RESPONSES,
    row="key, response",
    data="rows of {key, prompt, most}",
    settings=("max_tokens",),
    shown=("brief",),
)
"""
DRIVER = """
import json

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.report import BenchmarkReport, ScoredItem
from spar.evaluation.benchmarks.requests import all_rows
from spar.evaluation.benchmarks.responding import response_to
from spar.evaluation.benchmarks.rows import count_lines, match_answers


def items(data):
    return {row["key"]: row for row in map(json.loads, data.read_text().splitlines())}


async def request_rows(job, usage):
    async def one(item):
        return {"key": item["key"], **await response_to(job, item["prompt"], usage)}

    return await all_rows(one(item) for item in list(items(job.data).values())[: job.settings.limit])


def score(answers, data, partial=False):
    known = items(data)
    found = match_answers(answers, known, lambda row: row.text("key"), partial)
    scored = [
        ScoredItem(key=key, correct=len(row.text("response").split()) <= known[key]["most"], detail={})
        for key, row in found.lines.items()
    ]
    share = 100 * sum(item.correct for item in scored) / len(scored)
    return BenchmarkReport(
        benchmark="brief",
        counts={"items": len(scored)},
        scores={"brief": share},
        intervals={},
        tables=[],
        items=scored,
        settings={"answers": found.digest},
    )


def count_items(data, limit):
    return ItemCounts(items=count_lines(data, limit))


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a process with the package installed, as pip would leave it."""
    folder = tmp_path / "site"
    about = folder / "brief-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brief\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[spar.benchmarks]\nbrief = brief:BENCHMARK\n")
    (folder / "brief.py").write_text(RECORD)
    (folder / "brief_driver.py").write_text(DRIVER)
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "brief.jsonl"
    rows = [{"key": f"k{place}", "prompt": "Say something.", "most": most} for place, most in enumerate((0, 10_000))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def spar(*arguments: object, env: Mapping[str, str]) -> str:
    command = [*SPAR, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_measures_a_model(installed: Mapping[str, str], data: Path, tmp_path: Path) -> None:
    with server_process("--any-model", *INSTANT) as url:
        arguments = ("--model", f"{url}#m", "--data", data, "--out", tmp_path / "out", "--json")
        printed = json.loads(spar("eval", "brief", *arguments, env=installed))
    assert (printed["benchmark"], printed["scores"], printed["counts"]) == ("brief", {"brief": 50.0}, {"items": 2})


def test_a_run_measures_its_models(installed: Mapping[str, str], data: Path, tmp_path: Path) -> None:
    prompts = {"source": "world:story", "per_iteration": 10, "shard_size": 5}
    evaluation = {"benchmarks": {"brief": {"data": str(data)}}}
    recipe = write_recipe(tmp_path, iterations=1, prompts=prompts, evaluation=evaluation)
    assert "brief" in spar("plan", "demo", "--set", f"evaluation.benchmarks.brief.data={data}", env=installed)
    spar("run", recipe, "--dir", tmp_path / "home", env=installed)
    found = json.dumps(report_of(tmp_path / "home"))
    assert '"brief"' in found
    status = json.loads(spar("status", "--dir", tmp_path / "home", "--json", env=installed))
    assert {(each["benchmark"], each["score"], each["value"]) for each in status["scores"]} == {
        ("brief", "brief", 50.0)
    }
