"""An evolution from source files to its output folder: read and cut, price, run, collect.

Everything but the output is stored where its queue is: shards, results and their records. A stop thus loses only what
was in flight, and rows appended to a file are the only new requests.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from spar.data.layouts import LeftOut
from spar.data.sources import check_sources, source_identity
from spar.errors import DataError
from spar.evolution.job import EvolveJob
from spar.evolution.lost_attempts import EvolveWatcher
from spar.evolution.manifest import EvolutionManifest, EvolutionUsage, check_sum, earlier_manifest
from spar.evolution.price import PriceEstimate, Prices, estimate
from spar.evolution.queue import StepQueue
from spar.evolution.records import CheckedEvolution
from spar.evolution.runner import ShardRunner
from spar.evolution.seeds import Seed
from spar.evolution.shards import CutShard, cut_shards, open_work, plan_of
from spar.evolution.statistics import SetStatistics, outcomes_in_order
from spar.evolution.steps import ShardEnd
from spar.evolution.writing import WORK, EvolutionFiles
from spar.messages.counts import ReplyCounts
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Done:
    """`repeated`: the output existed already, and nothing was done."""

    manifest: EvolutionManifest
    repeated: bool = False


Agree = Callable[[int, PriceEstimate], bool]
"""Given the number of shards and the cost: whether to proceed."""


def evolve_prompts(
    job: EvolveJob, place: AbstractContextManager[StepQueue], agree: Agree, watcher: EvolveWatcher
) -> Done | None:
    """Write the evolved prompts to `job.out`. None: `agree` declined. `place` is entered only if there is work.

    Raises DataError for sources or an output that cannot be used, and what ends `ShardRunner.run`.
    """
    check_sources(list(job.sources), job.options)
    sources = [source_identity(name) for name in job.sources]
    finished = _finished(job, sources)
    if finished is not None:
        return Done(finished, repeated=True)
    statistics = SetStatistics(taxonomy=job.taxonomy, seed=job.seed)
    with place as queue, EvolutionFiles(job.out, statistics) as files:
        shards = cut_shards(job, queue.store, files)
        rows = sum(shard.count for shard in shards) + files.outcomes.total()
        plan = plan_of(job, queue.store)
        cost = estimate(
            open_work(shards, plan, queue), job.forms, job.taxonomy, job.retries, plan.sampling.max_tokens, job.prices
        )
        if cost.likely.calls and not agree(len(shards), cost):
            return None
        runner = ShardRunner(queue=queue, plan=plan, window=job.steps_at_once, watcher=watcher)
        ends = runner.run([shard.prompts for shard in shards])
        _collect(shards, ends, queue.store, files)
        check_sum(rows, files.outcomes)
        manifest = EvolutionManifest(
            settings=job.settings(),
            sources=sources,
            rows=rows,
            outcomes=outcomes_in_order(files.outcomes),
            left_out={what.value: files.left_out[what] for what in LeftOut},
            taken=_taken(ends, job.prices),
            statistics=statistics.as_json(),
            files=files.digests(),
        )
        files.finish(manifest)
    return Done(manifest)


def _finished(job: EvolveJob, sources: list[dict[str, str | int]]) -> EvolutionManifest | None:
    """This evolution, if the output holds it completely. Raises DataError for another one, unless replacing it."""
    earlier = earlier_manifest(job.out, WORK)
    if earlier is None:
        return None
    same = earlier.fits(job.settings(), sources) and earlier.is_whole(job.out)
    if not same and not job.replace:
        raise DataError(
            f"{job.out} holds an evolution of other sources or settings, or its files were changed.",
            "Choose another --out, or add --replace to overwrite it.",
        )
    return earlier if same and not earlier.owes else None


def _collect(shards: Sequence[CutShard], ends: Sequence[ShardEnd], store: ObjectStore, files: EvolutionFiles) -> None:
    for shard, end in zip(shards, ends, strict=True):
        seeds = _read(store, shard.seeds.key, Seed)
        if end.checked is None:
            for seed in seeds:
                files.add_failed(seed, end.failure)
        else:
            files.add_checked(seeds, _read(store, end.checked.key, CheckedEvolution))


def _read(store: ObjectStore, key: str, row_type: type[Row]) -> list[Row]:
    return decode_rows(get_verified(store, key), row_type, key)[1]


def _taken(ends: Sequence[ShardEnd], prices: Prices) -> EvolutionUsage:
    facts = [result.facts for end in ends for result in (end.evolved, end.checked) if result is not None]
    replies = [ReplyCounts.of(each.counts) for each in facts]
    prompt = sum(each.usage.prompt_tokens for each in facts)
    completion = sum(each.usage.completion_tokens for each in facts)
    return EvolutionUsage(
        calls=sum(each.usage.calls for each in facts),
        prompt_tokens=prompt,
        completion_tokens=completion,
        money=prices.money(prompt, completion),
        failed_replies=_summed(each.failed for each in replies),
        estimated_tokens=sum(each.usage.estimated_tokens for each in facts),
        adjustments=_summed(each.adjusted for each in replies),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for each in counts:
        summed.update(each)
    return dict(sorted(summed.items()))
