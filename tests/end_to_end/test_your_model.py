"""docs/your-model.md, followed as its reader would: each file written, each command run, in the page's order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.torch, pytest.mark.timeout(1200)]

PAGE = Path(__file__).parents[2] / "docs" / "your-model.md"
BLOCK = re.compile(r"```(bash|yaml|python)\n(.*?)```", re.DOTALL)
NAMED = re.compile(r"# (\S+\.\w+)\n")


def run(script: str, folder: Path) -> str:
    """The output of bash for the script, with this environment's `spar` and `python` first on the path."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def follow(page: str, folder: Path) -> list[str]:
    """Write the page's files and run its commands; returns what each block printed."""
    printed = []
    for language, text in BLOCK.findall(page):
        named = NAMED.match(text)
        if named:
            (folder / named.group(1)).write_text(text, encoding="utf-8")
        if language == "bash":
            printed.append(run(text, folder))
        elif language == "python":
            printed.append(run(f"python {named.group(1)}", folder))
    return printed


def test_the_page_takes_a_model_from_prompts_to_a_better_model(tmp_path: Path) -> None:
    _, ran, explained, _, replied = follow(PAGE.read_text(encoding="utf-8"), tmp_path)
    assert "report:" in ran
    assert "all_good" in explained
    report = json.loads((tmp_path / "my-run" / "report.json").read_text())
    pairs = (tmp_path / "my-data" / "pairs.jsonl").read_text().splitlines()
    assert len(pairs) > 0
    assert report["iterations"][1]["outcomes"]["pair"] == len(pairs)
    before, after = (tmp_path / name / "model.safetensors" for name in ("my-model", "my-better-model"))
    assert before.read_bytes() != after.read_bytes()
    assert replied.split()[-1] == "!"
