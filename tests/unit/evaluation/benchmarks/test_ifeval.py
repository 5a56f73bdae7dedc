"""IFEval: agreement with lm-eval's own task over all 541 prompts, the two odd letters, repeat runs count for count."""

import json
import random
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spar.errors import DataError
from spar.evaluation.benchmarks.ifeval.average import shares_of_items
from spar.evaluation.benchmarks.ifeval.checkers import Instruction, check, variants
from spar.evaluation.benchmarks.measuring import score_file
from spar.evaluation.benchmarks.report import BenchmarkReport, keep
from spar.evaluation.benchmarks.rows import read_bytes
from tests.unit.evaluation.benchmarks import ifeval_writer
from tests.unit.evaluation.benchmarks.places import IFEVAL

ODD_LETTERS = {1122: "#", 1129: "!"}


CARRIED = Path(__file__).parent / "carried" / "ifeval_answers.jsonl.zst"
"""Made by rules, and the first 50 by a real model: see the README beside it."""


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_bytes(path).splitlines()]


@pytest.fixture(scope="module")
def responses() -> Path:
    return CARRIED


@pytest.fixture(scope="module")
def report(responses: Path) -> BenchmarkReport:
    return score_file("ifeval", responses, IFEVAL)


@pytest.fixture(scope="module")
def theirs(report: BenchmarkReport, responses: Path) -> Mapping[int, Mapping[str, Any]]:
    """What lm-eval's own task says of the same responses. Its letters are drawn from here: seeded."""
    task = import_module("lm_eval.tasks.ifeval.utils")
    random.seed(7)
    given = {row["key"]: row["response"] for row in rows_of(responses)}
    docs = [json.loads(line) for line in IFEVAL.read_text().splitlines()]
    return {doc["key"]: task.process_results(doc, [given[doc["key"]]]) for doc in docs}


def test_what_is_carried_is_what_its_readme_says(tmp_path: Path) -> None:
    carried = rows_of(CARRIED)
    written = {row["key"]: row["response"] for row in rows_of(ifeval_writer.write(tmp_path / "rules.jsonl", IFEVAL))}
    assert [row["by"] for row in carried] == ["smollm2"] * 50 + ["rules"] * 491
    assert all(row["response"] == written[row["key"]] for row in carried if row["by"] == "rules")
    assert all(row["response"] != written[row["key"]] for row in carried if row["by"] == "smollm2")


def odd(name: str, key: int) -> bool:
    """Is this the instruction for which lm-eval draws a random letter?"""
    return key in ODD_LETTERS and name == "keywords:letter_frequency"


def test_every_instruction_is_followed_exactly_where_lm_eval_says_so(
    report: BenchmarkReport, theirs: Mapping[int, Mapping[str, Any]]
) -> None:
    compared = 0
    for item in report.items:
        key = item.detail["key"]
        expected = theirs[key]
        pairs = zip(expected["inst_level_strict_acc"], expected["inst_level_loose_acc"], strict=True)
        ours = zip(item.detail["instructions"], item.detail["strict"], item.detail["loose"], strict=True)
        for (name, strict, loose), pair in zip(ours, pairs, strict=True):
            if not odd(name, key):
                assert (strict, loose) == pair, (key, name)
                compared += 1
    assert compared == 834 - len(ODD_LETTERS)


def test_the_counts_are_lm_evals_where_no_letter_is_drawn(
    report: BenchmarkReport, theirs: Mapping[int, Mapping[str, Any]]
) -> None:
    settled = [expected for key, expected in theirs.items() if key not in ODD_LETTERS]
    mine = [item for item in report.items if item.detail["key"] not in ODD_LETTERS]
    assert sum(item.correct for item in mine) == sum(expected["prompt_level_strict_acc"] for expected in settled)
    assert sum(all(item.detail["loose"]) for item in mine) == sum(
        expected["prompt_level_loose_acc"] for expected in settled
    )


def test_the_file_tells_good_from_bad(report: BenchmarkReport) -> None:
    """Agreement on all right or all wrong would show nothing."""
    counts = report.counts
    assert (counts["prompts"], counts["instructions"], counts["empty"]) == (541, 834, 9)
    assert 150 < counts["prompt_strict"] < counts["prompt_loose"] < 450
    assert 300 < counts["inst_strict"] < counts["inst_loose"] < 700
    kinds = report.tables[0]
    assert len(kinds.rows) == 25
    assert all(0 < row[2] < row[1] for row in kinds.rows), [row[:3] for row in kinds.rows]  # type: ignore[operator]


def test_scores_are_the_counts_and_their_mean(report: BenchmarkReport) -> None:
    counts, scores = report.counts, report.scores
    assert scores["prompt_strict"] == pytest.approx(100 * counts["prompt_strict"] / 541)
    assert scores["inst_loose"] == pytest.approx(100 * counts["inst_loose"] / 834)
    four = [scores[name] for name in ("prompt_strict", "inst_strict", "prompt_loose", "inst_loose")]
    assert scores["average"] == pytest.approx(sum(four) / 4)
    assert all(low <= scores[name] <= high for name, (low, high) in report.intervals.items())
    assert report.intervals.keys() == scores.keys()


def test_a_second_run_is_the_same_whatever_is_drawn_elsewhere(responses: Path, report: BenchmarkReport) -> None:
    random.seed()
    again = score_file("ifeval", responses, IFEVAL)
    assert again.as_json() == report.as_json()
    assert again.items == report.items


@pytest.mark.parametrize(("key", "letter"), ODD_LETTERS.items())
def test_what_is_no_letter_is_counted_itself(key: int, letter: str) -> None:
    doc = next(row for row in map(json.loads, IFEVAL.read_text().splitlines()) if row["key"] == key)
    place = doc["instruction_id_list"].index("keywords:letter_frequency")
    given = doc["kwargs"][place]
    assert given["letter"] == letter
    instruction = Instruction(doc["instruction_id_list"][place], given)
    enough, fewer = letter * given["let_frequency"], letter * (given["let_frequency"] - 1)
    at_least = given["let_relation"] == "at least"
    for _ in range(5):  # lm-eval would draw another letter each time
        assert check(doc["prompt"], [instruction], f"text {enough}").strict == (at_least,)
        assert check(doc["prompt"], [instruction], f"text {fewer}").strict == (not at_least,)


def test_the_eight_loose_variants() -> None:
    assert set(variants("*a*\nb\n*c*")) == {
        "*a*\nb\n*c*", "b\n*c*", "*a*\nb", "b",
        "a\nb\nc", "b\nc", "a\nb",
    }  # fmt: skip
    assert len(variants("a")) == 8


def test_rows_that_are_missing_are_told_or_left_out(tmp_path: Path, responses: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_bytes(b"\n".join(read_bytes(responses).splitlines()[:3]))
    with pytest.raises(DataError, match="has 3 of the benchmark's 541 items; missing: "):
        score_file("ifeval", few, IFEVAL)
    assert score_file("ifeval", few, IFEVAL.parent, partial=True).counts["prompts"] == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{}", "is no IFEval prompt"),
        ('{"key": 1, "prompt": "p", "instruction_id_list": ["a:b"], "kwargs": []}', "is no IFEval prompt"),
        (
            '{"key": 1, "prompt": "p", "instruction_id_list": ["a:b"], "kwargs": [{}]}',
            "instructions without a checker: a:b",
        ),
    ],
)
def test_a_file_that_is_no_ifeval_is_told(tmp_path: Path, responses: Path, line: str, told: str) -> None:
    (tmp_path / "data.jsonl").write_text(line)
    with pytest.raises(DataError, match=told):
        score_file("ifeval", responses, tmp_path / "data.jsonl")


def test_the_shares_of_the_kept_items_have_the_average_as_their_mean(report: BenchmarkReport) -> None:
    found = shares_of_items(keep(report).items)
    assert list(found) == list(keep(report).correct)
    assert 100 * sum(found.values()) / len(found) == pytest.approx(report.scores["average"], abs=1e-9)
    assert max(found.values()) > 1.0  # a prompt with three instructions weighs more
