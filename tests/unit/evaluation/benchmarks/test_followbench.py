"""FollowBench: the rules on responses made for them, the judge's last line, HSR, SSR and CSL by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spar.errors import DataError
from spar.evaluation.benchmarks.followbench.rules import rule_for
from spar.evaluation.benchmarks.followbench.scoring import parse_judge_reply
from spar.evaluation.benchmarks.followbench.tasks import FollowBenchTask, Key, read_tasks
from spar.evaluation.benchmarks.measuring import score_file
from spar.evaluation.benchmarks.report import BenchmarkReport
from tests.unit.evaluation.benchmarks.places import FOLLOWBENCH


@pytest.fixture(scope="module")
def tasks() -> Mapping[Key, FollowBenchTask]:
    return read_tasks(FOLLOWBENCH)[0]


def score(path: Path, rows: list[dict[str, Any]], partial: bool = False) -> BenchmarkReport:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return score_file("followbench", path, FOLLOWBENCH, partial)


def row(key: Key, response: str = "", reply: str | None = None) -> dict[str, Any]:
    group, example_id, level = key
    fields = {"group": group, "example_id": example_id, "level": level, "response": response}
    return fields if reply is None else {**fields, "reply": reply}


def test_the_820_items_and_who_checks_them(tasks: Mapping[Key, FollowBenchTask]) -> None:
    assert len(tasks) == 820
    assert sum(task.judged for task in tasks.values()) == 470
    examples = {group: len({key[1] for key in tasks if key[0] == group}) for group in {key[0] for key in tasks}}
    assert examples == {"content": 25, "situation": 22, "style": 30, "format": 30, "mixed": 17, "example": 40}


def right(task: FollowBenchTask) -> str:
    """A response that the item's own target calls right, where the target is one."""
    if task.source == "CONLL2003":
        return task.target.split("'")[1]
    if task.key[0] == "example":
        template = task.target.replace("{instruction}\n", "").replace("{{", "{").replace("}}", "}")
        return template.replace("{answer}", "something said")
    return task.target


def test_targets_satisfy_their_own_rules(tasks: Mapping[Key, FollowBenchTask]) -> None:
    checked = 0
    for task in tasks.values():
        rule = rule_for(task.key[0], task.key[1], task.source)
        if rule is not None and task.target:
            assert rule(right(task).strip(), task.target, task.key[2]), task.key
            assert not rule("Something else.\nentirely", task.target, task.key[2]), task.key
            checked += 1
    assert checked == 200 + 60 + 40 + 15


MADE: Mapping[str, list[str]] = {
    "cnn_dailymail": [
        "One. Two. Three" + " word" * 20,
        "Rich Potter turns 18. He is no lavish man. All is well",
        "Potter is rich. The actor lives a lavish life. His films sell",
        "Potter is rich. The actor lives well. His films sell",
        "Potter is rich. The actor lives well. His films have sold.",
    ],
    "xsum": [
        "Newton Stewart floods" + " again" * 20,
        "Newton Stewart floods.",
        "The town floods.",
        "The town is drying out.",
        "The operation is going on.",
    ],
    "samsum": [
        "He will procrastinate" + " again" * 20,
        "They procrastinate, and wait.",
        "They procrastinate over stuff, and wait.",
        "They do stuff, and wait.",
        "They do stuff and wait.",
    ],
    "gigaword": [
        "A bus, that is, fell off a cliff",
        "A bus that is fell off a cliff",
        "a bus that is fell off a cliff",
        "a car that is fell off a cliff",
        "a car that fell off a cliff in",
    ],
    "arxiv": [
        "A transformer is shown" + " again" * 20,
        "A transformer is shown.",
        "We show a transformer.",
        "We show activations of a transformer.",
        "We show activations.",
    ],
}


@pytest.mark.parametrize("source", MADE)
def test_a_rule_asks_for_one_thing_more_per_level(source: str) -> None:
    """Response k holds up to level k and, but for the last, no further."""
    rule = rule_for("mixed", 11, source)
    assert rule is not None
    for place, response in enumerate(MADE[source], start=1):
        held = [rule(response, "", level) for level in range(1, 6)]
        assert held == [level <= place for level in range(1, 6)], response


def test_the_last_result_said_counts() -> None:
    logical = rule_for("situation", 1, "BBH_logical")
    money = rule_for("situation", 8, "gsm_8k")
    date = rule_for("situation", 6, "BBH_time")
    assert logical is not None
    assert money is not None
    assert date is not None
    assert logical("It is not (A), so (B).", "(B)", 1)
    assert not logical("(B), or rather (A)", "(B)", 1)
    assert money("First $3, then $14.", "$14", 1)
    assert date("12/29/1937", "12/29/1937", 1)
    assert not date("December 29", "12/29/1937", 1)


def test_the_table_needs_numbered_paragraphs_and_at_last_a_closing_line() -> None:
    rule = rule_for("format", 22, "helpful_base")
    assert rule is not None
    long = "word " * 21 + "end"
    plain = "\n\n".join([long] * 3)
    numbered = "\n\n".join(f"{number}. {long}" for number in (1, 2, 3))
    assert [rule(plain, "", level) for level in range(1, 6)] == [True, True, True, False, False]
    assert rule("one\n\ntwo\n\nthree", "", 2)
    assert not rule("one\n\ntwo\n\nthree", "", 3)
    # "1" before its full stop is a sentence of one word to the published rule, so levels 4 and 5 fail on it.
    assert not rule(numbered, "", 4)


def test_the_speech_counts_its_points_and_words() -> None:
    rule = rule_for("format", 30, "koala")
    assert rule is not None
    points = "\n".join(f"**{n}. Growth: it lifts every single town and every home in the land**" for n in range(1, 6))
    assert rule(points, "", 2)
    assert not rule("no marker", "", 1)
    assert not rule("**1. Growth: up**", "", 2)
    assert not rule(points, "", 4)


@pytest.mark.parametrize(
    ("reply", "level", "met"),
    [
        ("1) ...\n['YES', 'NO', 'YES']", 3, (True, False, True)),
        ('Thus:\n["YES","NO"]\n```', 2, (True, False)),
        ("[YES, no]", 2, (True, False)),
        ("**['YES']**", 1, (True,)),
        ("YES", 1, (True,)),
        ("The answer is NO.", 1, (False,)),
        ("YES and NO", 1, None),
        ("YES", 2, None),
        ("['YES', 'NO']", 3, None),
        ("['YES', 'MAYBE']", 2, None),
        ("['YES', 'NO']\nI hope that helps.", 2, (True, False)),
        ("[\n  'YES',\n  'NO'\n]", 2, (True, False)),
        ("['YES', 'NO',]", 2, (True, False)),
        ("['YES', 'NO'].\nThese are my verdicts.", 2, (True, False)),
        ("['YES', 'NO']\nIt would be ['YES', 'YES'] with a title.", 2, (True, False)),
        ("So it is ['YES', 'NO'].", 2, (True, False)),
        ("['YES', 'NO']\nWait, the second holds.\n['YES', 'YES']", 2, (True, True)),
        ("['YES', 'NO']\n['YES', 'YES']", 2, None),
        ("['YES', 'NO']\n['YES', 'MAYBE']", 2, None),
        ("<think>\n['YES', 'YES']\n</think>\n['NO', 'NO']", 2, (False, False)),
        ("Yes", 1, (True,)),
        ("no idea", 1, None),
        ("[__import__('os').system('exit 1')]", 1, None),
        ("", 1, None),
        ("```", 1, None),
    ],
)
def test_the_list_of_yes_and_no_that_a_reply_ends_with(reply: str, level: int, met: tuple[bool, ...] | None) -> None:
    assert parse_judge_reply(reply, level) == met


def listed(*words: str) -> str:
    return "Checked.\n[" + ", ".join(f"'{word}'" for word in words) + "]"


def test_scores_by_hand(tmp_path: Path) -> None:
    """One ladder fails level 3 half-way and passes 4; one cannot be read at level 1; a third is met throughout."""
    first = [listed("YES"), listed("YES", "YES"), listed("YES", "NO", "YES"), listed(*["YES"] * 4), listed(*["NO"] * 5)]
    second = ["no idea", *(listed(*["YES"] * level) for level in range(2, 6))]
    third = [listed(*["YES"] * level) for level in range(1, 6)]
    rows = [
        row(("style", example, level), "text", replies[level - 1])
        for example, replies in ((1, first), (2, second), (3, third))
        for level in range(1, 6)
    ]
    report = score(tmp_path / "a.jsonl", rows, partial=True)
    assert [report.scores[f"hsr.{level}"] for level in range(1, 6)] == pytest.approx(
        [200 / 3, 100, 200 / 3, 100, 200 / 3]
    )
    assert [report.scores[f"ssr.{level}"] for level in range(1, 6)] == pytest.approx(
        [200 / 3, 100, 800 / 9, 100, 200 / 3]
    )
    assert report.scores["hsr.average"] == pytest.approx(80)
    assert report.scores["csl"] == pytest.approx((2 + 0 + 5) / 3)
    assert report.counts == {
        "items": 15,
        "by_rule": 0,
        "by_judge": 15,
        "unparsable": 1,
        "all_met": 12,
        "ladders": 3,
        "not_judged": 0,
    }
    assert report.tables[0].rows == (("style", 15, 1, 80.0, pytest.approx(84.4444), pytest.approx(2.3333)),)


def test_right_and_lazy_models_over_all_items(tmp_path: Path, tasks: Mapping[Key, FollowBenchTask]) -> None:
    """Every judge content, and every target said: all but the rules that have no target are met."""
    rows = [row(key, right(task), listed(*["YES"] * key[2])) for key, task in tasks.items()]
    report = score(tmp_path / "a.jsonl", rows)
    assert report.counts["by_rule"] == 350
    assert report.counts["all_met"] == 470 + 315
    assert report.scores["hsr.average"] == pytest.approx(report.scores["ssr.average"])
    nothing = score(tmp_path / "b.jsonl", [row(key, "", "?") for key in tasks])
    assert nothing.counts["unparsable"] == 470
    assert nothing.scores["csl"] == nothing.scores["ssr.average"] == 0


def test_items_without_a_judge_are_left_out_and_told(tmp_path: Path, tasks: Mapping[Key, FollowBenchTask]) -> None:
    report = score(tmp_path / "a.jsonl", [row(key, right(task)) for key, task in tasks.items()])
    assert report.counts["items"] == 350
    assert report.counts["not_judged"] == 470
    assert "left out" in report.warnings[0]


def test_a_row_of_level_0_or_of_no_group_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: the benchmark has no item style/1/0"):
        score(tmp_path / "a.jsonl", [row(("style", 1, 0))])
    with pytest.raises(DataError, match="no item that can be scored"):
        score(tmp_path / "a.jsonl", [row(("style", 1, 1))], partial=True)


def test_rules_get_the_text_as_it_was_generated(tasks: Mapping[Key, FollowBenchTask], tmp_path: Path) -> None:
    """The published rules compare the generation itself: a line break at its end is another text."""
    exact = next(task for task in tasks.values() if task.source == "text_editing")
    last = next(task for task in tasks.values() if task.source == "BBH_time")
    for task, text, met in (
        (exact, exact.target, True),
        (exact, f"{exact.target}\n", False),
        (exact, f" {exact.target}", False),
        (last, f"So it is {last.target}.\n", True),
        (exact, " \n", False),
    ):
        report = score(tmp_path / "responses.jsonl", [row(task.key, text)], partial=True)
        assert report.counts["all_met"] == met, text
