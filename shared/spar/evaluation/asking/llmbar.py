"""LLMBar, pointwise: the refiner judges each output on its own, in the words it judges with in training: by verdicts,
or by the rubric of a judge that scores.

One greedy vote, or several sampled ones whose majority or mean counts. Knows nothing of which output is the better one.
"""

from spar.evaluation.asking.base import BenchmarkRequest, Row, all_rows
from spar.evaluation.benchmarks.llmbar import OutputPair, read_pairs
from spar.evaluation.judging import VERDICT
from spar.method.defaults import TEMPERATURE
from spar.method.records import Judgment, Prompt, ReplyFailure
from spar.method.voting import never_drawn
from spar.recipes.models import JudgmentSettings
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import JUDGE_NODE, Usage


def vote_settings(votes: int, max_tokens: int) -> JudgmentSettings:
    """Nothing is asked again: a measurement takes the replies as they come. A single vote is greedy."""
    temperature = TEMPERATURE if votes > 1 else 0.0
    return JudgmentSettings(votes=votes, quorum=1, retries=0, temperature=temperature, max_tokens=max_tokens)


async def ask(job: BenchmarkRequest, usage: Usage) -> list[Row]:
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


def replies_of(judgment: Judgment) -> Row:
    """The votes' replies, and whether some were cut off or none could be drawn."""
    votes, failure = judgment.votes, never_drawn(judgment)
    if failure is not None:
        return {"replies": [""] * len(votes), "failure": failure.value, "reason": votes[0].reply}
    cut = any(vote.failure is ReplyFailure.CUT_OFF for vote in votes)
    return {"replies": [vote.reply for vote in votes], **({"failure": "cut_off"} if cut else {})}
