"""`spar plan`: the page, the JSON, the exit code."""

import json
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
    assert found["work"]["response_votes"] == 7500
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
