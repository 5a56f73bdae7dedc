"""Cuts seed prompts into shards in a store, and determines the open work. Calls no model."""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.evolution.job import SHARD, EvolveJob
from spar.evolution.price import ADDED_CHARACTERS, EvolutionWork
from spar.evolution.queue import StepQueue
from spar.evolution.seeds import Ended, Seed, read_seeds
from spar.evolution.steps import EvolutionPlan
from spar.evolution.writing import EvolutionFiles
from spar.messages.base import ObjectRef
from spar.messages.counts import EvolveCounts
from spar.runtime.steps import put_rows
from spar.store.base import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CutShard:
    prompts: ObjectRef
    seeds: ObjectRef
    count: int
    characters: int


def cut_shards(job: EvolveJob, store: ObjectStore, files: EvolutionFiles) -> list[CutShard]:
    shards: list[CutShard] = []
    waiting: list[Seed] = []
    for row in read_seeds(job.sources, job.options, job.rules, job.limit):
        if isinstance(row, Ended):
            files.add_ended(row)
            continue
        waiting.append(row)
        if len(waiting) == SHARD:
            shards.append(_put(store, waiting))
            waiting = []
    return [*shards, _put(store, waiting)] if waiting else shards


def _put(store: ObjectStore, seeds: Sequence[Seed]) -> CutShard:
    """Prompts and origins are stored separately: the origin of a prompt does not affect its result."""
    prompts = put_rows(store, "prompts", "prompts", [seed.prompt for seed in seeds])
    places = put_rows(store, "seeds", "seeds", seeds)
    characters = sum(len(seed.prompt.text) for seed in seeds)
    return CutShard(
        prompts=ObjectRef(key=prompts), seeds=ObjectRef(key=places), count=len(seeds), characters=characters
    )


def plan_of(job: EvolveJob, store: ObjectStore) -> EvolutionPlan:
    return EvolutionPlan(
        model=job.model,
        engine=job.engine,
        forms=ObjectRef(key=put_rows(store, "forms", "forms", [job.forms])),
        taxonomy=ObjectRef(key=put_rows(store, "taxonomies", "taxonomy", [job.taxonomy])),
        sampling=job.sampling,
        retries=job.retries,
        seed=job.seed,
    )


def open_work(shards: Sequence[CutShard], plan: EvolutionPlan, queue: StepQueue) -> EvolutionWork:
    """The work without a result."""
    to_evolve = evolve_characters = to_check = check_characters = 0
    for shard in shards:
        evolved = queue.result(plan.evolve(shard.prompts).fingerprint())
        if evolved is None:
            to_evolve += shard.count
            evolve_characters += shard.characters
        elif queue.result(plan.validate(ObjectRef(key=evolved.key)).fingerprint()) is None:
            count = EvolveCounts.of(evolved.facts.counts).evolved
            to_check += count
            check_characters += count * (shard.characters // shard.count + ADDED_CHARACTERS)
    return EvolutionWork(
        to_evolve=to_evolve, evolve_characters=evolve_characters, to_check=to_check, check_characters=check_characters
    )
