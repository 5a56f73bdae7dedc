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
    assert "Disk in all" in page


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
    assert "fix: Change it as said" in told


def test_stages_have_columns_of_their_own_and_the_whole_adds_up() -> None:
    _, page = plan("meta_rewarding", "--gpus", "1", "--gpu-memory", "16")
    assert re.search(r"each iteration +iterations 1, 2 +iteration 3\n", page)
    assert "2,400 to 11,400" in page
    # Two iterations of 2,400 to 11,400, one of 2,400; four rounds of 4,000 and of 1,500 to 2,000.
    assert "29,200 to 49,200" in page


def test_the_teachers_price_is_its_own_and_told_beside_the_others() -> None:
    sold = ["--price", "completion=2", "--price", "teacher-completion=20", "--json"]
    code, text = plan("story-init", "--gpus", "1", "--gpu-memory", "16", *sold)
    own, teacher = json.loads(text)["whole"]
    assert code == 0
    assert (own["who"], teacher["who"]) == ("the run's own models", "the teacher")
    assert own["money"] == pytest.approx(2e-6 * own["asked"]["written"])
    assert teacher["money"] == pytest.approx(20e-6 * teacher["asked"]["written"])
    _, alike = plan("story-init", "--gpus", "1", "--gpu-memory", "16", "--price", "completion=2", "--json")
    assert json.loads(alike)["whole"][1]["money"] == pytest.approx(2e-6 * teacher["asked"]["written"])


@pytest.mark.parametrize("told", ["tokens=1", "teacher-hour=2", "prompt=-1", "prompt=true"])
def test_what_is_no_price_is_told(told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", "demo", "--price", told])
    assert ended.value.code == 2
    assert f"--price {told} is no price" in capsys.readouterr().err
