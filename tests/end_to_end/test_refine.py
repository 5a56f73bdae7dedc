"""`spar refine` as a user calls it, against a simulated server in a separate process."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spar.testing.process import INSTANT, server_process

pytestmark = pytest.mark.end_to_end

Done = subprocess.CompletedProcess[str]


def negatives(path: Path, number: int) -> Path:
    rows = [{"prompt": f"Begin text {i} with river.", "response": f"moon {i} table", "id": i} for i in range(number)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def arguments(source: Path, url: str, out: Path, *options: str) -> list[str]:
    base = [sys.executable, "-m", "spar.cli.main", "refine", str(source), "--engine", url, "--out", str(out)]
    return [*base, *options]


def refine(source: Path, url: str, out: Path, *options: str, limit: Callable[[], None] | None = None) -> Done:
    command = arguments(source, url, out, *options)
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)


def read(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def by_line(out: Path) -> dict[int, dict[str, Any]]:
    rows = {row["line"]: row for row in read(out)}
    assert len(rows) == len(read(out)), "a row was written twice"
    return rows


def test_every_row_has_one_output_row_and_the_summary_adds_up(tmp_path: Path, instant: str) -> None:
    source, out = negatives(tmp_path / "in.jsonl", 60), tmp_path / "out.jsonl"
    with source.open("a", encoding="utf-8") as file:
        file.write('{"prompt": "Write.", "response": "a luminous text"}\n')  # the simulation's mark of a good text
        file.write('{"prompt": "Write.", "respo\n\n')
        file.write('{"prompt": " ", "response": "x"}\n{"prompt": "Write."}\n["list"]\n')
    done = refine(source, instant, out, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    rows = by_line(out)
    assert sorted(rows) == [*range(1, 63), 64, 65, 66]  # line 63 is blank
    assert summary["outcomes"] == Counter(row["outcome"] for row in rows.values())
    assert sum(summary["outcomes"].values()) == summary["rows"] == 65
    assert rows[61]["outcome"] == "all_good"
    assert [rows[line]["outcome"] for line in (62, 64, 65, 66)] == ["rejected"] * 4
    assert rows[62]["raw"] == '{"prompt": "Write.", "respo'
    assert rows[64]["reason"] == "`prompt` is empty"
    assert summary["calls"] == sum(row["calls"] for row in rows.values())
    solved = [row for row in rows.values() if row["outcome"] == "solved"]
    assert len(solved) > 30
    assert all("luminous" in row["refined"] or row["value"] > 0.5 for row in solved)
    assert all(row["extra"] == {"id": row["line"] - 1} for row in solved)
    assert all(row["refined"] is None for row in rows.values() if row["outcome"] == "unsolved")


def hear_interrupts() -> None:
    """A shell starts background jobs with Ctrl-C ignored, which their child processes would inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_stopped_search_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, how: signal.Signals, code: int
) -> None:
    source = negatives(tmp_path / "in.jsonl", 40)
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    with server_process("--step-base", "0.002") as url:
        assert refine(source, url, whole).returncode == 0
        # A few trees at a time, so that it is still at work when the signal comes, however busy the machine.
        with subprocess.Popen(arguments(source, url, out, "--trees", "2"), preexec_fn=hear_interrupts) as process:
            while not (out.exists() and out.read_bytes().count(b"\n") >= 3):
                assert process.poll() is None, "it ended before it could be stopped"
                time.sleep(0.01)
            process.send_signal(how)
        assert process.returncode == code
        kept = out.read_bytes()
        kept = kept[: kept.rindex(b"\n") + 1]
        out.write_bytes(kept + b'{"line": 7, "row": "torn')
        done = refine(source, url, out)
    assert done.returncode == 0, done.stderr
    assert "torn" in done.stdout
    assert out.read_bytes().startswith(kept)
    assert outcomes(out) == outcomes(whole)


def outcomes(out: Path) -> dict[int, tuple[str, str | None]]:
    return {line: (row["outcome"], row.get("refined")) for line, row in by_line(out).items()}


def test_other_settings_another_input_and_a_strange_file_are_refused(tmp_path: Path, instant: str) -> None:
    source, out = negatives(tmp_path / "in.jsonl", 3), tmp_path / "out.jsonl"
    assert refine(source, instant, out).returncode == 0
    before = out.read_bytes()
    changed = refine(source, instant, out, "--policy", "dfs")
    assert (changed.returncode, "search.policy bfs -> dfs" in changed.stderr) == (2, True)
    source.write_text(source.read_text().replace("moon 1", "moon one"), encoding="utf-8")
    moved = refine(source, instant, out)
    assert (moved.returncode, "Line 2 of the input" in moved.stderr) == (2, True)
    assert out.read_bytes() == before
    strange = tmp_path / "strange.jsonl"
    strange.write_text("mine\n", encoding="utf-8")
    refused = refine(source, instant, strange)
    assert (refused.returncode, strange.read_text()) == (2, "mine\n")


def test_an_engine_that_dies_stops_the_search_and_what_is_done_is_kept(tmp_path: Path, instant: str) -> None:
    source, out = negatives(tmp_path / "in.jsonl", 40), tmp_path / "out.jsonl"
    with server_process(*INSTANT, "--stop-after", "150") as url:
        failed = refine(source, url, out, "--trees", "4", "--deadline", "3")
    assert failed.returncode == 3, failed.stderr
    kept = len(by_line(out))
    assert 0 < kept < 40
    assert f"keeps its {kept} rows" in failed.stderr
    done = refine(source, instant, out, "--json")
    assert (done.returncode, json.loads(done.stdout)["earlier"]) == (0, kept)
    assert sorted(by_line(out)) == list(range(1, 41))


def test_a_disk_that_is_full_leaves_whole_rows(tmp_path: Path, instant: str) -> None:
    source, out = negatives(tmp_path / "in.jsonl", 40), tmp_path / "out.jsonl"

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    failed = refine(source, instant, out, limit=small_disk)
    assert failed.returncode == 3
    assert f"Cannot write {out}" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert 0 < len(by_line(out)) < 40
    assert refine(source, instant, out).returncode == 0
    assert sorted(by_line(out)) == list(range(1, 41))


@pytest.mark.parametrize("place", ["/proc/out.jsonl", "{tmp}/in.jsonl", "{tmp}"])
def test_an_unwritable_output_is_reported_at_once(tmp_path: Path, instant: str, place: str) -> None:
    source = negatives(tmp_path / "in.jsonl", 1)
    failed = refine(source, instant, Path(place.format(tmp=tmp_path)))
    assert failed.returncode in (2, 3)
    assert "error:" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("engine", "options", "message"),
    [
        ("/nowhere", (), "neither a URL nor the directory"),
        ("{url}", ("--model", "absent"), "it serves: simulated"),
        ("{url}", ("--votes", "3", "--quorum", "5"), "quorum 5 is more than votes 3"),
        ("{url}", ("--templates", "/nowhere"), "no readable judge.txt"),
    ],
)
def test_invalid_settings_are_reported(
    tmp_path: Path, instant: str, engine: str, options: tuple[str, ...], message: str
) -> None:
    source = negatives(tmp_path / "in.jsonl", 1)
    failed = refine(source, engine.format(url=instant), tmp_path / "out.jsonl", *options)
    assert failed.returncode == 2, failed.stderr
    assert message in " ".join(failed.stderr.split())


def test_a_missing_input_is_reported(tmp_path: Path, instant: str) -> None:
    failed = refine(tmp_path / "absent.jsonl", instant, tmp_path / "out.jsonl")
    assert failed.returncode == 2
    assert "cannot be read" in failed.stderr


@pytest.mark.parametrize("policy", ["greedy", "best_of_n", "iterative", "dfs"])
def test_every_policy_searches(tmp_path: Path, instant: str, policy: str) -> None:
    source, out = negatives(tmp_path / "in.jsonl", 12), tmp_path / "out.jsonl"
    done = refine(source, instant, out, "--policy", policy, "--profile", "paper", "--templates", "compact")
    assert done.returncode == 0, done.stderr
    assert {"solved", "unsolved"} & {row["outcome"] for row in read(out)}
