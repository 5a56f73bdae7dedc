"""LLMBar: hand-computed cases, degenerate judges, replies that cannot be read."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from spar.errors import DataError
from spar.evaluation.benchmarks.llmbar.scoring import SUBSETS, read_pairs
from spar.evaluation.benchmarks.measuring import score_file
from spar.evaluation.benchmarks.report import BenchmarkReport, compare
from tests.unit.evaluation.benchmarks.places import LLMBAR

YES = "Step-by-step verification: all met.\nFinal Judgement (if the Output accurately follows the Prompt): Yes"
NO = YES.replace("Yes", "No")
Judge = Callable[[bool], str]


def folder(path: Path, labels: Mapping[str, list[int]]) -> Path:
    for subset in SUBSETS:
        place = path / (subset if subset == "Natural" else f"Adversarial/{subset}")
        place.mkdir(parents=True)
        pairs = [{"input": "do", "output_1": "a", "output_2": "b", "label": label} for label in labels.get(subset, [1])]
        (place / "dataset.json").write_text(json.dumps(pairs))
    return path


def replies(path: Path, data: Path, judge: Judge, subsets: tuple[str, ...] = SUBSETS) -> Path:
    pairs, _ = read_pairs(data)
    rows = [
        {"subset": subset, "index": index, "output": output, "reply": judge(pair.label == output)}
        for subset in subsets
        for index, pair in enumerate(pairs[subset])
        for output in (1, 2)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def score(answers: Path, data: Path = LLMBAR, partial: bool = False) -> BenchmarkReport:
    return score_file("llmbar", answers, data, partial)


def test_the_real_subsets_have_their_419_pairs() -> None:
    pairs, _ = read_pairs(LLMBAR)
    assert {subset: len(listed) for subset, listed in pairs.items()} == {
        "Natural": 100,
        "GPTInst": 92,
        "GPTOut": 47,
        "Manual": 46,
        "Neighbor": 134,
    }


def test_a_judge_that_always_says_yes_is_half_right_on_every_subset(tmp_path: Path) -> None:
    report = score(replies(tmp_path / "a.jsonl", LLMBAR, lambda good: YES))
    for name in (*SUBSETS, "adversarial", "average"):
        assert report.scores[f"{name}.accuracy"] == pytest.approx(50.0)
        assert report.scores[f"{name}.f1"] == pytest.approx(66.7, abs=0.05)
    assert report.counts["items"] == report.counts["yes"] == 838
    assert report.counts["unparsable"] == 0


def test_a_judge_that_always_says_no_has_no_f1(tmp_path: Path) -> None:
    report = score(replies(tmp_path / "a.jsonl", LLMBAR, lambda good: NO))
    assert report.scores["average.accuracy"] == pytest.approx(50.0)
    assert report.scores["average.f1"] == 0


def test_a_judge_that_cannot_be_read_is_wrong_every_time_and_counted(tmp_path: Path) -> None:
    report = score(replies(tmp_path / "a.jsonl", LLMBAR, lambda good: "I like it."))
    assert report.scores["average.accuracy"] == report.scores["average.f1"] == 0
    assert report.counts["unparsable"] == 838
    assert report.warnings == ["838 replies cannot be read; they count as wrong."]


def test_a_right_judge_is_right(tmp_path: Path) -> None:
    report = score(replies(tmp_path / "a.jsonl", LLMBAR, lambda good: YES if good else NO))
    assert report.scores["average.accuracy"] == report.scores["average.f1"] == 100
    assert report.intervals["Natural.accuracy"][0] > 97


def test_a_case_by_hand(tmp_path: Path) -> None:
    """Natural: truths good, bad, bad, good; said yes, yes, unreadable, no. TP 1, FP 1, FN 1: accuracy 1/4, F1 1/2."""
    data = folder(tmp_path / "data", {"Natural": [1, 2]})
    said = iter([YES, YES, "?", NO])
    report = score(replies(tmp_path / "a.jsonl", data, lambda good: next(said), ("Natural",)), data, partial=True)
    assert report.scores == {"Natural.accuracy": 25.0, "Natural.f1": 50.0}
    assert report.counts["correct"] == 1
    assert report.tables[0].rows == (("Natural", 4, 1, 1, 25.0, 50.0),)
    assert [item.correct for item in report.items] == [True, False, False, False]


def test_macro_means_weigh_subsets_alike(tmp_path: Path) -> None:
    """Natural all right, one adversarial subset all right, three all wrong: (100 + 0 + 0 + 0) / 4 and 200 / 5."""
    data = folder(tmp_path / "data", {"Natural": [1] * 7, "GPTInst": [2] * 3})
    pairs, _ = read_pairs(data)
    right = {"Natural", "GPTInst"}
    rows = [
        {"subset": s, "index": i, "output": o, "reply": YES if (pair.label == o) == (s in right) else NO}
        for s, listed in pairs.items()
        for i, pair in enumerate(listed)
        for o in (1, 2)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    scores = score(tmp_path / "a.jsonl", data).scores
    assert (scores["adversarial.accuracy"], scores["average.accuracy"]) == (25.0, 40.0)
    assert (scores["adversarial.f1"], scores["average.f1"]) == (25.0, 40.0)


def test_a_missing_subset_is_refused_and_leaves_no_mean_when_a_part_is_scored(tmp_path: Path) -> None:
    given = replies(tmp_path / "a.jsonl", LLMBAR, lambda good: YES, ("Natural", "Manual"))
    with pytest.raises(DataError, match="has 292 of the benchmark's 838 items; missing: GPTInst/0/1"):
        score(given)
    assert "average.f1" not in score(given, partial=True).scores


def test_two_judges_are_compared_item_by_item(tmp_path: Path) -> None:
    right = score(replies(tmp_path / "a.jsonl", LLMBAR, lambda good: YES if good else NO))
    lazy = score(replies(tmp_path / "b.jsonl", LLMBAR, lambda good: YES))
    difference = compare(lazy, right)
    assert difference.estimate == pytest.approx(50)
    assert 45 < difference.low < 50 < difference.high < 55
    with pytest.raises(DataError, match="don't score the same items"):
        compare(lazy, score(replies(tmp_path / "c.jsonl", LLMBAR, lambda good: YES, ("Manual",)), partial=True))


def test_a_folder_that_is_no_llmbar_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        score(tmp_path / "a.jsonl", tmp_path)


def votes(path: Path, data: Path, said: list[str]) -> Path:
    pairs, _ = read_pairs(data)
    rows = [
        {"subset": subset, "index": index, "output": output, "replies": said}
        for subset, listed in pairs.items()
        for index in range(len(listed))
        for output in (1, 2)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_majority_of_several_replies_counts_and_k_of_them_are_shown(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {})
    report = score(votes(tmp_path / "a.jsonl", data, [NO, YES, YES]), data)
    assert report.scores["average.f1"] == pytest.approx(200 / 3)
    [curve] = [table for table in report.tables if table.name == "majority"]
    assert curve.rows == ((1, 50.0, 0.0), (3, 50.0, 66.6667))


def test_a_tie_is_wrong_and_no_unparsable_reply(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {})
    report = score(votes(tmp_path / "a.jsonl", data, [NO, YES]), data)
    assert report.counts["tied"] == report.counts["items"] == 10
    assert report.counts["unparsable"] == report.counts["correct"] == 0
    assert report.warnings == ["10 judgments are tied; they count as wrong."]
