"""`spar eval NAME --model M` as a user calls it, against a simulated server in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError, EngineError, RecipeError, SparError
from spar.runtime.loop import LoopThread
from spar.testing.batching import CostModel
from spar.testing.server import ServerOptions, running_server
from tests.unit.evaluation.benchmarks.places import FOLLOWBENCH, IFEVAL, LLMBAR

INSTANT = CostModel(step_base=0, step_per_sequence=0, prefill_per_token=0)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    loop = LoopThread()
    running = running_server(ServerOptions(models=("m", "other"), costs=INSTANT))
    url = loop.run(running.__aenter__())
    yield url
    loop.run(running.__aexit__(None, None, None))
    loop.close()


def spar(*arguments: object) -> str:
    given = ["eval", *(str(argument) for argument in arguments)]
    done = CliRunner().invoke(build_app("eval"), given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def measured(*arguments: object) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(spar(*arguments, "--json"))
    return result


def test_responses_are_asked_scored_and_kept(server: str, tmp_path: Path) -> None:
    asking = ("ifeval", "--model", f"{server}#m", "--data", IFEVAL, "--limit", 4, "--out", tmp_path)
    result = measured(*asking)
    folder = Path(result["folder"])
    assert result["counts"]["prompts"] == 4
    assert result["usage"]["asked"] == 4
    assert result["settings"]["model"] == "m"
    assert json.loads((folder / "result.json").read_text())["scores"] == result["scores"]
    assert len((folder / "items.jsonl").read_text().splitlines()) == 4
    rescored = measured("ifeval", "--answers", folder / "answers.jsonl", "--data", IFEVAL, "--partial")
    assert rescored["counts"] == result["counts"]
    assert measured(*asking) == result  # there already: not even scored again


def test_a_larger_limit_asks_only_what_is_new(server: str, tmp_path: Path) -> None:
    asking = ("llmbar", "--model", f"{server}#m", "--data", LLMBAR, "--out", tmp_path)
    measured(*asking, "--limit", 1)
    usage = measured(*asking, "--limit", 2)["usage"]
    assert (usage["asked"], usage["remembered"]) == (10, 10)


def test_another_judge_leaves_the_responses_as_they_are(server: str, tmp_path: Path) -> None:
    asking = ("followbench", "--model", f"{server}#m", "--data", FOLLOWBENCH, "--limit", 1, "--out", tmp_path)
    alone = measured(*asking)
    judged = measured(*asking, "--judge", f"{server}#other")
    assert judged["usage"]["remembered"] == alone["usage"]["asked"] == 30
    assert judged["counts"]["not_judged"] == 0 < alone["counts"]["not_judged"]
    assert judged["settings"]["judge"] == "other"


def test_a_search_takes_a_refiner_and_more_calls(server: str, tmp_path: Path) -> None:
    asking = ("ifeval", "--model", f"{server}#m", "--data", IFEVAL, "--limit", 2, "--out", tmp_path)
    with pytest.raises(RecipeError, match="needs a refiner"):
        spar(*asking, "--strategy", "bfs")
    with pytest.raises(RecipeError, match="without a search"):
        spar(*asking, "--refiner", f"{server}#m")
    searched = measured(*asking, "--strategy", "bfs", "--budget", 3, "--refiner", f"{server}#other")
    assert searched["usage"]["calls"] > 2
    rows = [json.loads(line) for line in (Path(searched["folder"]) / "answers.jsonl").read_text().splitlines()]
    assert all(row["search"] for row in rows)
    assert searched["settings"]["strategy"] == '"bfs"'


def test_two_models_are_compared_item_by_item(server: str, tmp_path: Path) -> None:
    asking = ("llmbar", "--data", LLMBAR, "--limit", 2, "--out", tmp_path)
    first, second = (measured(*asking, "--model", f"{server}#{name}")["folder"] for name in ("m", "other"))
    told = json.loads(spar("compare", first, second, "--json"))
    assert told["items"] == 20
    assert told["difference"]["estimate"] == pytest.approx(100 * (told["correct"][1] - told["correct"][0]) / 20)
    assert "paired" in spar("compare", first, second)


def test_what_was_said_before_the_engine_failed_is_kept_and_told(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/v1#m"
    with pytest.raises(EngineError) as error:
        spar("ifeval", "--model", nobody, "--data", IFEVAL, "--limit", 1, "--out", tmp_path, "--deadline", 0.05)
    assert "the same command resumes" in error.value.fix


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ifeval",), "No model is named"),
        (("ifeval", "--model", "http://x/v1"), "needs its data"),
        (("ifeval", "--model", "http://x/v1", "--answers", "a", "--data", "b"), "Both --answers and --model"),
        (("llmbar", "--model", "http://x/v1", "--data", "b", "--max-tokens", "9"), "has no effect on llmbar"),
        (("llmbar", "--model", "http://x/v1", "--data", "b", "--judge", "http://y/v1"), "has no effect on llmbar"),
        (("story", "--model", "http://x/v1", "--votes", "3"), "has no effect on story"),
        (("ifeval", "--model", "/nowhere", "--data", "b"), "neither a URL nor the directory"),
        (("compare", "a"), "takes two results"),
        (("compare", "a", "b"), "has no scored items"),
        (("general", "--tasks", "gsm8k"), "No model is named"),
        (("general", "--model", "http://x/v1", "--tasks", "sudoku"), "Unknown task 'sudoku'"),
        (("general", "--model", "http://x/v1", "--tasks", "humaneval"), "executes code that the model writes"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(SparError, match=told) as error:
        spar(*arguments)
    assert error.value.exit_code == 2
    assert error.value.fix


def test_a_file_of_items_can_be_compared_too(tmp_path: Path) -> None:
    rows = tmp_path / "items.jsonl"
    rows.write_text('{"item": "a", "correct": true}\n{"item": "b", "correct": false}\n')
    other = tmp_path / "other.jsonl"
    other.write_text('{"item": "a", "correct": true}\n')
    assert json.loads(spar("compare", rows, rows, "--json"))["difference"]["estimate"] == 0
    with pytest.raises(DataError, match="don't score the same items"):
        spar("compare", rows, other)


def test_general_words_the_call_of_lm_eval() -> None:
    told = spar("general", "--model", "http://x/v1#m", "--tasks", "gsm8k,mmlu", "--limit", 5, "--dry-run").splitlines()
    assert len(told) == 2  # mmlu is scored by log-probabilities, at another address
    assert "local-chat-completions" in told[0]
    assert "base_url=http://x/v1/chat/completions,model=m" in told[0]
    assert "--tasks gsm8k --seed 0 --log_samples --apply_chat_template --limit 5" in told[0]
    assert "local-completions" in told[1]
    assert "base_url=http://x/v1/completions" in told[1]
