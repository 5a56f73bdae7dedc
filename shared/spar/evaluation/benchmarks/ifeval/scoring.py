"""IFEval (J. Zhou et al., arXiv 2311.07911): 541 prompts with 834 instructions that a program can check.

Four scores, strict and loose, by prompt and by instruction, and their mean. Knows nothing of how the responses were
generated; the checkers are in `checkers`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spar.errors import DataError
from spar.evaluation.benchmarks.ifeval.checkers import Followed, Instruction, check, known_instructions, versions
from spar.evaluation.benchmarks.ifeval.responses import key_of, keys_by_prompt, response_of
from spar.evaluation.benchmarks.report import (
    BenchmarkReport,
    Interval,
    ScoredItem,
    Table,
    percent,
    percent_interval,
)
from spar.evaluation.benchmarks.rows import AnswerRows, digest, match_answers, read_bytes
from spar.evaluation.resampling import bootstrap
from spar.evaluation.statistics import Proportion

NAME = "ifeval"
FILE = "input_data.jsonl"
MEASURES = ("prompt_strict", "inst_strict", "prompt_loose", "inst_loose")


@dataclass(frozen=True, slots=True)
class IfevalTask:
    """One prompt and its instructions."""

    key: int
    prompt: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class IfevalResult:
    """One response, checked."""

    task: IfevalTask
    response: str
    followed: Followed


def read_tasks(data: Path) -> tuple[dict[int, IfevalTask], str]:
    """The prompts by key, and the digest of their file. `data` is the file or the folder that holds it."""
    path = data / FILE if data.is_dir() else data
    raw = read_bytes(path)
    tasks: dict[int, IfevalTask] = {}
    for number, text in enumerate(raw.splitlines(), start=1):
        try:
            row = json.loads(text)
            named = zip(row["instruction_id_list"], row["kwargs"], strict=True)
            tasks[row["key"]] = IfevalTask(row["key"], row["prompt"], tuple(Instruction(*pair) for pair in named))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} line {number} is no IFEval prompt ({error}).", f"Name IFEval's {FILE}.") from error
    unknown = {item.name for task in tasks.values() for item in task.instructions} - known_instructions()
    if unknown:
        raise DataError(f"{path} has instructions without a checker: {', '.join(sorted(unknown))}.", f"Use {FILE}.")
    return tasks, digest(raw)


def score(answers: AnswerRows, data: Path, partial: bool = False) -> BenchmarkReport:
    """Score rows of {key, response}, or in one of the other formats that `responses` reads."""
    tasks, data_digest = read_tasks(data)
    by_prompt = keys_by_prompt((task.prompt, key) for key, task in tasks.items())
    given = match_answers(answers, tasks, lambda line: key_of(line, by_prompt), partial)
    checked = []
    for key, line in given.lines.items():
        task, response = tasks[key], response_of(line)
        checked.append(IfevalResult(task, response, check(task.prompt, task.instructions, response)))
    empty = sum(not item.response.strip() for item in checked)
    return BenchmarkReport(
        benchmark=NAME,
        counts=_counts(checked) | {"empty": empty},
        scores=_scores(checked),
        intervals=_intervals(checked),
        tables=(
            _table("instructions", "instruction", [(item.name, s, p) for item, s, p in _instructions(checked)]),
            _table(
                "families", "family", [(item.name.partition(":")[0], s, p) for item, s, p in _instructions(checked)]
            ),
        ),
        items=[_scored(item) for item in checked],
        settings={**versions(), "data": data_digest, "answers": given.digest},
        warnings=[f"{empty} responses are empty; they count as following nothing."] if empty else [],
    )


def _counts(checked: Sequence[IfevalResult]) -> dict[str, int]:
    return {
        "prompts": len(checked),
        "instructions": sum(len(item.followed.strict) for item in checked),
        "prompt_strict": sum(all(item.followed.strict) for item in checked),
        "prompt_loose": sum(all(item.followed.loose) for item in checked),
        "inst_strict": sum(sum(item.followed.strict) for item in checked),
        "inst_loose": sum(sum(item.followed.loose) for item in checked),
    }


def _proportions(checked: Sequence[IfevalResult]) -> dict[str, Proportion]:
    counts = _counts(checked)
    totals = {"prompt": counts["prompts"], "inst": counts["instructions"]}
    return {name: Proportion(successes=counts[name], total=totals[name.partition("_")[0]]) for name in MEASURES}


def _scores(checked: Sequence[IfevalResult]) -> dict[str, float]:
    scores = {name: percent(proportion) for name, proportion in _proportions(checked).items()}
    return scores | {"average": sum(scores.values()) / len(scores)}


def _intervals(checked: Sequence[IfevalResult]) -> dict[str, Interval]:
    """Wilson by prompt. Instructions of one prompt are correlated, so their scores and the mean resample prompts."""
    wilson = {
        name: percent_interval(proportion)
        for name, proportion in _proportions(checked).items()
        if name.startswith("prompt")
    }
    tallies = [
        (
            len(item.followed.strict),
            sum(item.followed.strict),
            sum(item.followed.loose),
            all(item.followed.strict),
            all(item.followed.loose),
        )
        for item in checked
    ]
    return wilson | {
        "inst_strict": bootstrap([tallies], lambda drawn: _share(drawn[0], 1)),
        "inst_loose": bootstrap([tallies], lambda drawn: _share(drawn[0], 2)),
        "average": bootstrap([tallies], lambda drawn: _average(drawn[0])),
    }


Tally = tuple[int, int, int, bool, bool]
"""Of one prompt: instructions, followed strictly, followed loosely, all strictly, all loosely."""


def _share(tallies: Sequence[Tally], place: int) -> float:
    return 100 * sum(tally[place] for tally in tallies) / sum(tally[0] for tally in tallies)


def _average(tallies: Sequence[Tally]) -> float:
    by_instruction = _share(tallies, 1) + _share(tallies, 2)
    return (by_instruction + 100 * sum(tally[3] + tally[4] for tally in tallies) / len(tallies)) / 4


def _instructions(checked: Sequence[IfevalResult]) -> list[tuple[Instruction, bool, bool]]:
    return [
        row
        for item in checked
        for row in zip(item.task.instructions, item.followed.strict, item.followed.loose, strict=True)
    ]


def _table(name: str, category_name: str, rows: Sequence[tuple[str, bool, bool]]) -> Table:
    body: list[tuple[str | int | float, ...]] = []
    for category in sorted({row[0] for row in rows}):
        strict = Proportion.of([row[1] for row in rows if row[0] == category])
        loose = Proportion.of([row[2] for row in rows if row[0] == category])
        low, high = percent_interval(strict)
        shares = tuple(round(value, 4) for value in (percent(strict), low, high, percent(loose)))
        body.append((category, strict.total, strict.successes, loose.successes, *shares))
    columns = (category_name, "total", "strict", "loose", "strict %", "strict low", "strict high", "loose %")
    return Table(name, columns, tuple(body))


def _scored(item: IfevalResult) -> ScoredItem:
    detail = {
        "key": item.task.key,
        "instructions": [instruction.name for instruction in item.task.instructions],
        "strict": list(item.followed.strict),
        "loose": list(item.followed.loose),
        "prompt": item.task.prompt,
        "response": item.response,
    }
    return ScoredItem(str(item.task.key), all(item.followed.strict), detail)
