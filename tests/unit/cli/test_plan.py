"""`spar plan`: the page, the JSON, the exit code."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app, main


def plan(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build_app("plan"), ["plan", *arguments])
    return done.exit_code, done.stdout


def test_the_demo_needs_next_to_nothing() -> None:
    code, page = plan("demo", "--gpus", "1", "--gpu-memory", "16")
    assert code == 0
    assert "1,500" in page  # responses: 300 prompts, 5 each
    assert "Disk in total" in page


def test_json_has_totals() -> None:
    code, text = plan("demo", "--gpus", "1", "--gpu-memory", "16", "--json")
    found = json.loads(text)
    assert code == 0
    [stage] = found["stages"]
    assert (stage["iterations"], stage["work"]["response_votes"]) == ([1, 2, 3], 7500)
    assert all(need["memory"]["total"] == sum(need["memory"]["parts"].values()) for need in found["needs"])


def test_what_cannot_fit_ends_with_2_and_the_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.jsonl").write_text('{"prompt": "x"}\n')
    arguments = ["plan", "llama3-8b", "--set", f"prompts.source={tmp_path / 'p.jsonl'}", "--gpus", "2"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--gpu-memory", "24"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "train actor needs 8 GPUs, and there are 2" in told
    assert "fix: Change the recipe as listed" in told


def test_stages_have_columns_of_their_own_and_the_whole_adds_up() -> None:
    _, page = plan("meta_rewarding", "--gpus", "1", "--gpu-memory", "16")
    assert re.search(r"each iteration +iteration 1 +iteration 2 +iteration 3\n", page)
    assert "2,400 to 11,400" in page
    # Two iterations of 2,400 to 11,400, one of 2,400; four rounds of 4,000 and of 1,500 to 2,000.
    assert "29,200 to 49,200" in page


def test_the_teachers_price_is_its_own_and_told_beside_the_others() -> None:
    sold = ["--price", "completion=2", "--price", "teacher-completion=20", "--json"]
    code, text = plan("story-init", "--gpus", "1", "--gpu-memory", "16", *sold)
    own, teacher = json.loads(text)["whole"]
    assert code == 0
    assert (own["who"], teacher["who"]) == ("the run's own models", "the teacher")
    assert own["money"] == pytest.approx(2e-6 * own["calls"]["written"])
    assert teacher["money"] == pytest.approx(20e-6 * teacher["calls"]["written"])
    _, alike = plan("story-init", "--gpus", "1", "--gpu-memory", "16", "--price", "completion=2", "--json")
    assert json.loads(alike)["whole"][1]["money"] == pytest.approx(2e-6 * teacher["calls"]["written"])


@pytest.mark.parametrize("told", ["tokens=1", "teacher-hour=2", "prompt=-1", "prompt=true"])
def test_what_is_no_price_is_told(told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", "demo", "--price", told])
    assert ended.value.code == 2
    assert f"--price {told} is not a price" in capsys.readouterr().err


PAPER = {  # responses of an iteration: its prompts, by the method's K
    "spar": "50,000",
    "no_tree_search": "50,000",
    "no_refinement": "50,000",
    "no_iteration": "150,000",
    "self_rewarding": "40,000",
    "meta_rewarding": "70,000",
    "self": "10,000",
    "humpback": "10,000",
    "autoif": "50,000",
}


@pytest.mark.parametrize("backbone", ["llama3-8b", "mistral-7b"])
@pytest.mark.parametrize(("method", "responses"), PAPER.items())
def test_each_method_over_each_model_is_planned_at_the_papers_size(method: str, responses: str, backbone: str) -> None:
    done = CliRunner().invoke(
        build_app("plan"), ["plan", f"{method}-{backbone}", "--gpus", "8", "--gpu-memory", "80"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert re.search(rf"^responses +{responses}\b", done.stdout, re.MULTILINE)
    assert "--set prompts.source=VALUE" in done.stderr
    assert ("the teacher" in done.stdout) == (method not in ("humpback", "autoif"))


def test_a_plan_counts_benchmarks_whose_data_is_given_and_needs_models(tmp_path: Path) -> None:
    (tmp_path / "ifeval.jsonl").write_text("{}\n" * 541)
    data = ["--set", f"evaluation.benchmarks.ifeval.data={tmp_path}/ifeval.jsonl"]
    _, text = plan("spar-llama3-8b", "--gpus", "8", "--gpu-memory", "80", "--json", *data)
    assert [(each["name"], each["items"]) for each in json.loads(text)["measured"]] == [("ifeval", 541)]
    with pytest.raises(SystemExit):
        main(["plan", "spar"])
