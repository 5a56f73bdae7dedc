"""The other half of the benchmarks: asks models, and gives the rows that the scoring half reads.

`DRIVERS` is the table of names; a benchmark's module is loaded when it is asked. Knows nothing of how models are
served, and writes nothing but the rows it hands to the scorer.

    evaluate       asks, scores, and puts what was asked beside the scores
    <benchmark>    which items are asked, and what of a reply goes into a row
    settings       what would change a score, to be kept beside it
    responding     a prompt's response, with or without a search
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from spar.evaluation.asking.base import BenchmarkDriver, BenchmarkRequest, Row
from spar.evaluation.asking.settings import settings_of
from spar.evaluation.benchmarks import BENCHMARKS
from spar.evaluation.benchmarks.report import BenchmarkReport
from spar.roles.usage import Usage

DRIVERS: Mapping[str, str] = {
    "ifeval": "ifeval",
    "llmbar": "llmbar",
    "followbench": "followbench",
    "refinement": "refinement",
    "story": "story",
}
OUR_JUDGE_WORDING = (
    "The judge is prompted in this project's wording, not in FollowBench's: scores of what a judge decides"
    " are not those of the published tables."
)


async def ask(name: str, job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Ask all items at once; the engine batches them. Rows as the benchmark's `--answers` takes them."""
    asking: BenchmarkDriver = import_module(f"{__name__}.{DRIVERS[name]}").ask
    return await asking(job, usage)


def score_rows(name: str, rows: Sequence[Row], job: BenchmarkRequest) -> BenchmarkReport:
    """Score what was said. With a limit, the items that were not asked are left out."""
    with TemporaryDirectory(prefix="spar-eval-") as folder:
        path = Path(folder) / "answers.jsonl"
        path.write_bytes(encode(rows))
        report = BENCHMARKS[name].score(path, job.data, partial=job.settings.limit is not None)
    settings = {**settings_of(name, job), **report.settings}
    return replace(report, settings=settings, warnings=[*report.warnings, *_of_benchmark(name, job), *_warnings(rows)])


def encode(rows: Sequence[Row]) -> bytes:
    """Rows as JSON lines. Half a surrogate pair in a reply is escaped: JSON can hold it, UTF-8 cannot."""
    return "".join(f"{_line(row)}\n" for row in rows).encode()


def _line(row: Row) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return text if _is_utf8(text) else json.dumps(row)


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _of_benchmark(name: str, job: BenchmarkRequest) -> list[str]:
    """What a reader must know to compare the scores with published ones."""
    return [OUR_JUDGE_WORDING] if name == "followbench" and job.judge is not None else []


def _warnings(rows: Sequence[Row]) -> list[str]:
    failures: dict[str, int] = {}
    for row in rows:
        if row.get("failure"):
            failures[row["failure"]] = failures.get(row["failure"], 0) + 1
    told = {
        "cut_off": "were cut off at the token limit",
        "too_long": "could not be asked: too long for the model",
        "refused": "could not be drawn: the model's chat template or its server refuses the conversation",
    }
    return [f"{number} replies {told[failure]}." for failure, number in failures.items() if failure in told]
