"""FollowBench (Y. Jiang et al., ACL 2024): six groups of prompts, each prompt with one to five constraints.

HSR (hard satisfaction rate): are all constraints of an item met? SSR (soft satisfaction rate): what share of them? CSL
(consistent satisfaction levels): how many levels in a row, from level 1, are met in full? 350 items are checked by
rules, 470 by an LLM judge whose reply is in the row; an item without a reply is left out and counted, one whose reply
cannot be read counts as meeting nothing and is counted. Calls no judge itself.

A judge's reply ends with a list of YES and NO, one per constraint, which is read word by word; nothing that a model
wrote is ever evaluated. The list counts where it stands by itself, over however many lines; one within a sentence
counts only at the end of the reply.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spar.errors import DataError
from spar.evaluation.benchmarks.followbench.rules import rule_for
from spar.evaluation.benchmarks.followbench.tasks import GROUPS, LEVELS, FollowBenchTask, Key, read_tasks
from spar.evaluation.benchmarks.report import BenchmarkReport, Interval, ScoredItem, Table, percent_interval
from spar.evaluation.benchmarks.rows import AnswerRows, NumberedRow, match_answers
from spar.evaluation.resampling import bootstrap
from spar.evaluation.statistics import Proportion
from spar.method.reading import after_thoughts, read_yes_no
from spar.method.reading.phrases import CONDITIONAL, revises

_LIST = re.compile(r"^(?P<lead>[^\[\n]*)\[(?P<inside>[^\[\]]*)\](?P<rest>[^\n]*)", re.MULTILINE)
_LABEL = re.compile(r"[^\w\n]*(?:[\w][\w '’-]{0,60}[:：][^\w\n]*)?")
_AROUND = " \t\r\n'\"`‘’“”*"
NAME = "followbench"


@dataclass(frozen=True, slots=True)
class FollowBenchResult:
    """One response, checked. `met` is the share of its constraints that hold; `reply` is the judge's, if any."""

    task: FollowBenchTask
    response: str
    met: float
    reply: str | None
    unparsable: bool = False

    @property
    def all_met(self) -> bool:
        return self.met == 1


def score(answers: AnswerRows, data: Path, partial: bool = False) -> BenchmarkReport:
    """Score rows of {group, example_id, level, response} and, where an LLM judges, its `reply`."""
    tasks, data_digest = read_tasks(data)
    given = match_answers(answers, tasks, _key, partial)
    found = {key: check(tasks[key], line.text("response"), _reply(line)) for key, line in given.lines.items()}
    checked = [item for item in found.values() if item is not None]
    if not checked:
        raise DataError(f"{answers.origin} has no item that can be scored.", "Add the judge's replies as 'reply'.")
    counts = _counts(checked) | {"not_judged": len(found) - len(checked)}
    return BenchmarkReport(
        benchmark=NAME,
        counts=counts,
        scores=_scores(checked),
        intervals=_intervals(checked),
        tables=(_table(checked),),
        items=[_scored(item) for item in checked],
        settings={"data": data_digest, "answers": given.digest},
        warnings=_warnings(counts),
    )


def check(task: FollowBenchTask, response: str, reply: str | None) -> FollowBenchResult | None:
    """By rule, or by the judge's reply; None for an item that needs a judge and has no reply.

    An empty response meets no rule, though some published ones would accept it.
    """
    group, example_id, level = task.key
    rule = rule_for(group, example_id, task.source)
    if rule is not None:
        passed = bool(response.strip()) and rule(response, task.target, level)
        return FollowBenchResult(task, response, float(passed), None)
    if reply is None:
        return None
    met = parse_judge_reply(reply, level)
    return FollowBenchResult(task, response, sum(met) / level if met else 0.0, reply, met is None)


def _key(line: NumberedRow) -> Key:
    return line.text("group"), line.whole("example_id"), line.whole("level")


def _reply(line: NumberedRow) -> str | None:
    return line.optional_text("reply")


def _counts(checked: Sequence[FollowBenchResult]) -> dict[str, int]:
    by_judge = sum(item.task.judged for item in checked)
    return {
        "items": len(checked),
        "by_rule": len(checked) - by_judge,
        "by_judge": by_judge,
        "unparsable": sum(item.unparsable for item in checked),
        "all_met": sum(item.all_met for item in checked),
        "ladders": len(_ladders(checked)),
    }


def _ladders(checked: Sequence[FollowBenchResult]) -> list[list[FollowBenchResult]]:
    """The examples of which all five levels are scored, each from level 1 up."""
    by_example: dict[tuple[str, int], dict[int, FollowBenchResult]] = {}
    for item in checked:
        by_example.setdefault(item.task.key[:2], {})[item.task.key[2]] = item
    return [[levels[level] for level in LEVELS] for levels in by_example.values() if len(levels) == len(LEVELS)]


def hsr(items: Sequence[FollowBenchResult]) -> float:
    return 100 * sum(item.all_met for item in items) / len(items)


def ssr(items: Sequence[FollowBenchResult]) -> float:
    return 100 * sum(item.met for item in items) / len(items)


def csl(ladders: Sequence[Sequence[FollowBenchResult]]) -> float:
    """The mean number of levels met in full before the first that is not, 0 to 5."""
    return sum(_in_a_row(ladder) for ladder in ladders) / len(ladders)


def _in_a_row(ladder: Sequence[FollowBenchResult]) -> int:
    return next((place for place, item in enumerate(ladder) if not item.all_met), len(ladder))


MEASURES: tuple[tuple[str, Callable[[Sequence[FollowBenchResult]], float]], ...] = (("hsr", hsr), ("ssr", ssr))


def _scores(checked: Sequence[FollowBenchResult]) -> dict[str, float]:
    """Over all items of a level. A mean of the five levels only where all five are present."""
    by_level = {level: [item for item in checked if item.task.key[2] == level] for level in LEVELS}
    scores: dict[str, float] = {}
    for name, measure in MEASURES:
        values = {level: measure(items) for level, items in by_level.items() if items}
        scores |= {f"{name}.{level}": value for level, value in values.items()}
        if len(values) == len(LEVELS):
            scores[f"{name}.average"] = sum(values.values()) / len(LEVELS)
    ladders = _ladders(checked)
    return scores | ({"csl": csl(ladders)} if ladders else {})


def _intervals(checked: Sequence[FollowBenchResult]) -> dict[str, Interval]:
    """Wilson for a level's HSR; scores over all levels resample examples, whose levels are correlated."""
    intervals: dict[str, Interval] = {}
    for level in LEVELS:
        items = [item for item in checked if item.task.key[2] == level]
        if items:
            intervals[f"hsr.{level}"] = percent_interval(Proportion.of([item.all_met for item in items]))
            intervals[f"ssr.{level}"] = bootstrap([[item.met for item in items]], lambda drawn: _mean(drawn[0]))
    ladders = _ladders(checked)
    if ladders:
        facts = [(hsr(ladder), ssr(ladder), _in_a_row(ladder)) for ladder in ladders]
        for place, name in enumerate(("hsr.average", "ssr.average", "csl")):
            column = [fact[place] for fact in facts]
            intervals[name] = bootstrap([column], lambda drawn: sum(drawn[0]) / len(drawn[0]))
    return intervals


def _mean(shares: Sequence[float]) -> float:
    return 100 * sum(shares) / len(shares)


def _table(checked: Sequence[FollowBenchResult]) -> Table:
    rows: list[tuple[str | int | float, ...]] = []
    for group in GROUPS:
        items = [item for item in checked if item.task.key[0] == group]
        if items:
            ladders = _ladders(items)
            unparsable = sum(item.unparsable for item in items)
            reached: str | float = round(csl(ladders), 4) if ladders else ""
            rows.append((group, len(items), unparsable, round(hsr(items), 4), round(ssr(items), 4), reached))
    return Table("groups", ("group", "items", "unparsable", "hsr", "ssr", "csl"), tuple(rows))


def _warnings(counts: dict[str, int]) -> list[str]:
    warnings = []
    if counts["not_judged"]:
        warnings.append(
            f"{counts['not_judged']} items need a judge and have no 'reply': left out, so these are not the scores"
            " of the whole benchmark."
        )
    if counts["unparsable"]:
        warnings.append(f"{counts['unparsable']} judge replies cannot be read; they count as meeting nothing.")
    return warnings


def _scored(item: FollowBenchResult) -> ScoredItem:
    group, example_id, level = item.task.key
    detail = {
        "group": group,
        "example_id": example_id,
        "level": level,
        "met": item.met,
        "by": "judge" if item.task.judged else "rule",
        "unparsable": item.unparsable,
        "instruction": item.task.instruction,
        "response": item.response,
        "reply": item.reply,
    }
    return ScoredItem(f"{group}/{example_id}/{level}", item.all_met, detail)


def parse_judge_reply(reply: str, level: int) -> tuple[bool, ...] | None:
    """Which of the `level` constraints hold; None if the reply does not answer for every one.

    The last list of YES and NO counts, unless an earlier one differs and is not retracted. For a single constraint the
    brackets may be missing, in the last line that has words.
    """
    text = (after_thoughts(reply) or "").rstrip()
    lists = [found for found in _LIST.finditer(text) if _stands_alone(found, text) and _words(found["inside"])]
    if not lists:
        return _bare(text) if level == 1 else None
    last = _verdicts(lists[-1], level)
    others = [found for found in lists[:-1] if _verdicts(found, level) not in (None, last)]
    return last if not others or revises(text[others[-1].end() : lists[-1].start()]) else None


def _stands_alone(found: re.Match[str], text: str) -> bool:
    lead, rest = found["lead"], found["rest"]
    if CONDITIONAL.search(lead) or CONDITIONAL.search(rest) or "[" in rest:
        return False
    closes = not any(character.isalnum() for character in rest) and not text[found.end() :].strip("`\n \t")
    return closes or _LABEL.fullmatch(lead) is not None


def _words(inside: str) -> list[str]:
    """The list's words in upper case, a trailing comma ignored; none if there is no YES or NO among them."""
    words = [word.strip(_AROUND).upper() for word in inside.strip().removesuffix(",").split(",")]
    return words if {"YES", "NO"} & set(words) else []


def _verdicts(found: re.Match[str], level: int) -> tuple[bool, ...] | None:
    words = _words(found["inside"])
    return tuple(word == "YES" for word in words) if len(words) == level and set(words) <= {"YES", "NO"} else None


def _bare(text: str) -> tuple[bool] | None:
    """The verdict of a last line without a list: in capitals, or the only word on the line ("no idea" is none)."""
    line = next((line for line in reversed(text.splitlines()) if any(map(str.isalnum, line))), "")
    capitals = re.findall(r"\b(?:YES|NO)\b", line)
    verdict = read_yes_no(line) if len(line.split()) == 1 else None
    if len(capitals) == 1 and not CONDITIONAL.search(line):
        verdict = capitals[0] == "YES"
    return None if verdict is None else (verdict,)
