"""LLMBar, pointwise: its driver. The refiner judges each output on its own, with the prompt of its training: by
verdicts, or by the rubric of a judge that scores.

One greedy vote, or several sampled ones whose majority or mean counts. Does not know which output is the better one.
"""

from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.llmbar.scoring import OutputPair, read_pairs, score
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row, all_rows
from spar.evaluation.benchmarks.votes import replies_of, vote_settings
from spar.evaluation.judging import VERDICT
from spar.method.records import Prompt
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import JUDGE_NODE, Usage


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """Both outputs of each pair; the limit counts pairs of each subset."""
    pairs, _ = read_pairs(data)
    return ItemCounts(items=2 * sum(len(listed[:limit]) for listed in pairs.values()))


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of {subset, index, output, replies}; with a limit, of the first pairs of each subset."""
    pairs, _ = read_pairs(job.data)
    judging = job.judging
    update = {"policy": judging.name, "options": dict(judging.options)}
    settings = vote_settings(job.settings.votes, job.settings.judge_tokens).model_copy(update=update)
    refiner = Refiner(
        chat=job.model,
        settings=RefinerSettings(templates=job.templates, judgment=settings, form=judging.form),
        scope=job.scope,
        usage=usage,
    )
    by_policy = {} if judging.name == VERDICT else {"policy": judging.name, "options": judging.all_options}

    async def one(subset: str, index: int, output: int, pair: OutputPair) -> Row:
        place = {"subset": subset, "index": index, "output": output}
        prompt, text = Prompt.of(pair.input), pair.outputs[output - 1]
        judgment = await refiner.judge(prompt, text, JUDGE_NODE, index, output)
        return {**place, **replies_of(judgment), **by_policy}

    return await all_rows(
        one(subset, index, output, pair)
        for subset, listed in pairs.items()
        for index, pair in enumerate(listed[: job.settings.limit])
        for output in (1, 2)
    )


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
