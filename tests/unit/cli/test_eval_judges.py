"""`--judge` given several times: who is called what, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.cli.engine_options import Judges, read_judges
from spar.cli.main import build_app
from spar.errors import RecipeError
from spar.inference.endpoints import endpoint


def test_a_name_goes_before_the_place_and_a_url_is_no_name() -> None:
    url = "http://127.0.0.1:9/v1?a=b#gpt-4o"
    assert read_judges([url]) == Judges(url)
    assert read_judges([url, "models/last"]) == Judges(url, {"judge_2": "models/last"})
    assert read_judges([f"gpt={url}", "spar=models/last"]) == Judges(None, {"gpt": url, "spar": "models/last"})
    assert read_judges([]) == Judges()


@pytest.mark.parametrize("given", [["gpt=a", "gpt=b"], ["self=a"], ["judge=a"], ["rules=a"]])
def test_no_two_raters_have_one_name(given: list[str]) -> None:
    with pytest.raises(RecipeError, match="Two raters would be called"):
        read_judges(given)


def run(folder: Path, *arguments: str) -> tuple[int, str, BaseException | None]:
    given = ["eval", *arguments, "--out", str(folder / "evals"), "--json"]
    done = CliRunner().invoke(build_app("eval"), given)
    return done.exit_code, done.stdout, done.exception


REFINEMENT = ("refinement", "--model", "builtin:story/refiner", "--data", "world:story", "--limit", "3")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--strategy", "best_of_responses"), "draws responses"),
        (("--strategy", "greedy", "--budget", "3"), "one greedy refinement is none"),
        (("--refiner", "builtin:story/refiner"), "is its --model"),
    ],
)
def test_a_strategy_that_does_not_start_from_negatives_is_refused(
    tmp_path: Path, more: tuple[str, ...], why: str
) -> None:
    _, _, error = run(tmp_path, *REFINEMENT, *more)
    assert isinstance(error, RecipeError)
    assert why in str(error)


def test_each_judge_rates_and_the_counts_stand_beside(tmp_path: Path) -> None:
    judges = ("--judge", "gpt=builtin:story/backbone", "--judge", "spar=builtin:story/refiner")
    code, printed, error = run(tmp_path, *REFINEMENT, "--strategy", "bfs", "--budget", "3", *judges)
    assert code == 0, error
    told = json.loads(printed)
    assert {"acc_gpt", "acc_spar", "acc_self", "acc_rules"} <= set(told["scores"])
    assert told["scores"]["acc_spar"] == told["scores"]["acc_self"]  # the same model under two names
    assert told["counts"]["generations"] >= 3
    assert told["settings"]["strategy"] == '"bfs"'
    assert {"gpt", "spar"} <= set(told["models"])


def test_only_refinement_takes_several_judges(tmp_path: Path) -> None:
    two = ("--judge", "builtin:story/backbone", "--judge", "builtin:story/refiner")
    _, _, error = run(tmp_path, "followbench", "--model", "builtin:story/actor", "--data", str(tmp_path), *two)
    assert isinstance(error, RecipeError)
    assert "followbench accepts no named judge, and no second one" in str(error)


def test_a_named_judge_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_JUDGE_API_KEY", "common")
    monkeypatch.setenv("SPAR_JUDGE_GPT_API_KEY", "own")
    place = endpoint("judge", "http://127.0.0.1:9/v1#m")
    assert replace(place, name="gpt").key_variable == "SPAR_JUDGE_GPT_API_KEY"
    assert replace(place, name="spar").key_variable == "SPAR_JUDGE_API_KEY"
