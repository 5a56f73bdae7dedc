"""Tests over seeds, claims, and the page that tells their verdicts; with curves made up for each case."""

import json
import random
import re
from pathlib import Path

import pytest

from spar.cli.main import build_app
from spar.errors import AccountingError, DataError, RecipeError
from spar.experiments.interference.claims import claims_of, paired_test, two_sided_p
from spar.experiments.interference.page import render
from spar.experiments.interference.results import (
    CurvePoint,
    ExperimentResult,
    SeedResult,
    result_from_json,
    result_json,
)
from spar.experiments.interference.running import ReportLine, RunSeed, run_experiment
from spar.experiments.interference.settings import SETTINGS, ExperimentSettings
from tests.unit.report.test_page import read


def test_students_p_is_that_of_the_tables() -> None:
    for df, t in ((1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228)):
        assert two_sided_p(t, df) == pytest.approx(0.05, abs=2e-4)
        assert two_sided_p(-t, df) == two_sided_p(t, df)
    assert two_sided_p(0.0, 4) == 1.0


def test_a_paired_test_by_hand() -> None:
    found = paired_test([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.mean, found.n) == (3.0, 5)
    assert found.t == pytest.approx(3 / (1.5811388 / 5**0.5))
    assert found.p == pytest.approx(0.013236, abs=1e-6)
    assert found.p_sign_flips == 2 / 32
    assert paired_test([1.0, -1.0]).p == paired_test([0.0, 0.0]).p == 1.0
    assert paired_test([1.0, 1.0]).p == 0.0
    with pytest.raises(AccountingError):
        paired_test([1.0])


def test_chance_is_seldom_taken_for_an_effect() -> None:
    rng = random.Random(0)
    found = [paired_test([rng.gauss(0, 1) for _ in range(5)]).p < 0.05 for _ in range(400)]
    assert 0.02 < sum(found) / len(found) < 0.09


def seed(number: int, refined: float, interfering: float, upper: tuple[float, float, float]) -> SeedResult:
    noise = random.Random(number).uniform(-0.02, 0.02)
    measures = [(0.4, 0.4), (0.4 + (refined - 0.4) / 2, (0.4 + interfering) / 2), (refined + noise, interfering)]
    steps = zip((0, 10, 20), measures, upper, strict=True)
    points = [(CurvePoint(step, (r, 0.1)), CurvePoint(step, (i, case))) for step, (r, i), case in steps]
    return SeedResult(
        seed=number,
        pairs=64,
        curves={"refined": tuple(p[0] for p in points), "interfering": tuple(p[1] for p in points)},
    )


Upper = tuple[float, float, float]


def result(refined: float = 0.8, interfering: float = 0.5, upper: Upper = (0.1, 0.8, 0.9)) -> ExperimentResult:
    seeds = tuple(seed(number, refined, interfering, upper) for number in range(5))
    return ExperimentResult("characters", ("accuracy", "upper case"), {"pairs": 64}, 340_000, 61.0, seeds)


def test_claims_hold_or_do_not() -> None:
    assert [claim.held for claim in claims_of(result())] == [True, True, True, True]
    other = claims_of(result(refined=0.5, interfering=0.8, upper=(0.1, 0.2, 0.9)))
    assert [claim.verdict for claim in other] == [
        "did not hold: the opposite did",
        "held",
        "held",
        "did not hold: the opposite did",
    ]
    same = claims_of(result(refined=0.5, interfering=0.5))[0]
    assert same.verdict == "did not hold"
    assert "5 seeds" in str(same)


def test_a_story_has_the_claim_that_interfering_pairs_fall_below_the_start() -> None:
    whole = seed(0, 0.8, 0.3, (0, 0, 0)).curves
    curves = {kind: tuple(CurvePoint(point.step, point.values[:1]) for point in curve) for kind, curve in whole.items()}
    seeds = tuple(SeedResult(seed=number, pairs=64, curves=curves) for number in range(5))
    claims = claims_of(ExperimentResult("stories", ("accuracy",), {}, 1, 1.0, seeds))
    assert claims[-1].statement == "Interfering pairs end below the start"
    assert claims[-1].held


def test_the_page_tells_every_verdict_and_every_number() -> None:
    page = read(render(result()))
    assert re.search(r"Refined pairs end \d+\.\d points above interfering ones", page.text)
    assert page.text.count("held") >= 4
    assert sum(tag == "polygon" for tag, _ in page.tags) == 4  # two measures, two kinds
    assert sum(tag == "circle" for tag, _ in page.tags) == 12
    losing = read(render(result(refined=0.5, interfering=0.8))).text
    assert "do not end above interfering ones" in losing
    assert "the opposite did" in losing


def fake(asked: list[int]) -> RunSeed:
    def run(name: str, settings: ExperimentSettings, number: int, tell: ReportLine) -> SeedResult:
        asked.append(number)
        return seed(number, 0.8, 0.5, (0.1, 0.8, 0.9))

    return run


def test_seeds_that_are_there_are_not_run_again(tmp_path: Path) -> None:
    asked: list[int] = []
    told: list[str] = []
    settings = SETTINGS["characters"]
    first = run_experiment("characters", settings, [0, 1], tmp_path, told.append, fake(asked))
    whole = run_experiment("characters", settings, [0, 1, 2], tmp_path, told.append, fake(asked))
    assert asked == [0, 1, 2]
    assert whole.seeds[:2] == first.seeds
    kept = result_from_json(tmp_path / "synthetic-characters.json")
    assert result_json(kept)["seeds"] == result_json(whole)["seeds"]
    assert (tmp_path / "synthetic-characters.html").read_text().startswith("<!doctype html>")
    other = run_experiment("characters", settings.changed(pairs=8), [0, 1], tmp_path, told.append, fake(asked))
    assert asked == [0, 1, 2, 0, 1]
    assert other.settings["pairs"] == 8


def test_a_stranger_in_the_place_of_a_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "synthetic-stories.json").write_text(json.dumps({"task": "stories"}))
    with pytest.raises(DataError, match="no result"):
        run_experiment("stories", SETTINGS["stories"], [0, 1], tmp_path, lambda told: None, fake([]))


def test_an_unknown_task_is_told() -> None:
    with pytest.raises(RecipeError, match="characters, stories"):
        build_app("synthetic")(args=["synthetic", "poems"], standalone_mode=False)
