"""`spar reproduce figureN`: the paper's printed points, ours beside, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError
from spar.experiments.inference_scaling.curves import BudgetPoint, Interval
from spar.experiments.inference_scaling.report import SweepReport
from tests.unit.cli.test_reproduce_run import benchmark, write


def figure(*arguments: object) -> dict[str, Any]:
    given = ["reproduce", *(str(argument) for argument in arguments), "--json"]
    done = CliRunner().invoke(build_app("reproduce"), given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def values(told: dict[str, Any], name: str) -> list[tuple[int, float]]:
    curve = next(each for each in told["curves"] if each["name"] == name)
    return [(point["x"], round(100 * point["value"], 1)) for point in curve["points"]]


def test_figure_3_has_the_papers_points_and_a_line_for_each_run(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    measured = [{"ifeval": benchmark({}, average=value)} for value in (40.0, 45.5)]
    mine = write(tmp_path, "mine", *measured)
    other = write(tmp_path / "b", "mine", *measured[:1])
    page = tmp_path / "page.html"
    told = figure("figure3", "--run", mine, "--run", f"<b>other</b>={other}", "--page", page)
    assert values(told, "SPaR-8B, paper") == [(0, 78.0), (1, 80.3), (2, 81.1), (3, 81.8)]
    assert values(told, "Self-Rewarding, paper") == [(3, 79.3)]
    assert values(told, "mine") == [(0, 40.0), (1, 45.5)]
    text = page.read_text(encoding="utf-8")
    assert "45.5" in text
    assert "&lt;b&gt;other&lt;/b&gt;" in text
    assert "<b>other" not in text


def test_figure_1_is_the_paper_alone_without_runs_and_says_what_is_not_printed(tmp_path: Path) -> None:
    told = figure("figure1", "--page", tmp_path / "page.html")
    assert [each["name"] for each in told["curves"]] == ["SPaR-8B, paper"]
    assert "prints no number of the directly sampled pairs" in told["notes"][0]


def test_a_limit_is_reported(tmp_path: Path) -> None:
    run = write(tmp_path, "mine", {"ifeval": benchmark({"limit": 50}, average=40.0)})
    told = figure("figure1", "--run", run, "--page", tmp_path / "page.html")
    assert "mine was evaluated on the first 50 prompts only: not comparable with the paper." in told["notes"]


def test_figure_5_is_drawn_from_what_decode_wrote(tmp_path: Path) -> None:
    def point(strategy: str, budget: int, rate: float) -> BudgetPoint:
        mean = Interval(value=rate + 0.1, low=rate, high=rate + 0.2)
        return BudgetPoint(
            strategy=strategy,
            budget=budget,
            rate=rate,
            low=rate - 0.1,
            high=rate + 0.1,
            draws=budget,
            judgments=1.0,
            votes=5.0,
            tokens=90.0,
            endings={"solved": 3},
            average=mean,
        )

    points = [point("actor", 1, 0.5), point("bfs", 4, 0.6)]
    report = SweepReport(
        source="ifeval", prompts=3, scored_by="rules", settings={"seed": 0}, points=points, comparisons=[], majority=[]
    )
    (tmp_path / "decode.json").write_text(json.dumps({"models": {}, **report.as_json()}))
    told = figure("figure5", "--ours", tmp_path / "decode.json", "--page", tmp_path / "page.html")
    assert told["lines"][0] == "paper, IFEval average: greedy 81.8, with tree search 83.7"
    assert told["lines"][2] == "ours, bfs at 4: mean of four 70.0, good 60.0 (50.0 to 70.0)"
    assert "mean of four" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("figure2",), "Figure 2 of the paper is not drawn from a run's numbers"),
        (("figure4",), "drawn from a result of 'spar synthetic"),
        (("figure5", "--run", "x"), "drawn from a result of 'spar decode"),
        (("figure1", "--ours", "x.json"), "Figure 1 is drawn from runs"),
        (("figure1", "--as", "SPaR-8B"), "--as names rows of a table"),
        (("figurex",), "'figurex' is not a figure"),
        (("table1", "--run", "a", "--run", "b"), "A table takes one --run"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(DataError) as caught:
        figure(*arguments)
    assert why in str(caught.value)


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for name in ("figure4", "figure5"):
        with pytest.raises(DataError, match=r"x\.json is no re"):
            figure(name, "--ours", tmp_path / "x.json")
