"""An evolution from source files to its folder: read and cut, price, run, collect.

Everything but the output lives in a home: shards, results and their books. So a stop costs what was in flight, and
another evolution of the same seed prompts pays only for what it asks differently.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from spar.data.layouts import SystemRule
from spar.data.sources import Options, check_sources, source_identity
from spar.embedded.evolving import EvolutionPlan, Looked, ShardEnd, ShardRunner
from spar.embedded.home import Home
from spar.embedded.step_queue import StepQueue
from spar.errors import DataError
from spar.evolution.forms import FormSet
from spar.evolution.manifest import EvolutionManifest, Taken, check_sum, earlier_manifest
from spar.evolution.price import ADDED_CHARACTERS, Estimate, Prices, Work, estimate
from spar.evolution.records import Checked
from spar.evolution.seeds import Ended, Seed, read_seeds
from spar.evolution.statistics import SetStatistics, outcomes_in_order
from spar.evolution.taxonomy import Taxonomy
from spar.evolution.writing import WORK, EvolutionFiles
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.evolution import EVOLVE_REVISION, VALIDATE_REVISION
from spar.recipes.models import EngineSettings, SamplingSettings
from spar.runtime.steps import put_rows
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows

SHARD = 16
"""Seed prompts that travel together, as in runs."""
SPARE_THREADS = 4

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class EvolveJob:
    """What is asked for. `window` is how many prompts are with the teacher at once."""

    sources: tuple[str, ...]
    out: Path
    options: Options
    system: SystemRule
    limit: int | None
    engine: EngineSettings
    model: ModelRef
    taxonomy: Taxonomy
    forms: FormSet
    sampling: SamplingSettings
    retries: int
    seed: int
    window: int
    prices: Prices
    replace: bool = False

    def settings(self) -> dict[str, Any]:
        """All that decides the output, as JSON has it; where the teacher runs, and its price, do not."""
        return {
            "revisions": [EVOLVE_REVISION, VALIDATE_REVISION],
            "options": asdict(self.options),
            "system": self.system,
            "limit": self.limit,
            "teacher": self.model.model_dump(mode="json"),
            "engine": EngineIdentity.of(self.engine).model_dump(mode="json"),
            "taxonomy": {"name": self.taxonomy.name, "sha256": _digest(asdict(self.taxonomy))},
            "forms": {"name": self.forms.name, "sha256": _digest(asdict(self.forms))},
            "sampling": self.sampling.model_dump(mode="json"),
            "retries": self.retries,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Done:
    """`repeated`: it was there already, and nothing was done."""

    manifest: EvolutionManifest
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Shard:
    prompts: ObjectRef
    seeds: ObjectRef
    count: int
    characters: int


Agree = Callable[[int, Estimate], bool]
"""Given the shards and what they will cost: whether to go on."""


def evolve_prompts(job: EvolveJob, home: Home, agree: Agree, looked: Looked) -> Done | None:
    """Make `job.out` hold the evolved prompts. The home must be locked. None: it was not agreed to.

    Raises DataError for sources or an output that cannot be used, and what ends `ShardRunner.run`.
    """
    check_sources(list(job.sources), job.options)
    sources = [source_identity(name) for name in job.sources]
    earlier = earlier_manifest(job.out, WORK)
    if earlier is not None and earlier.fits(job.settings(), sources):
        if earlier.is_whole(job.out):
            return Done(earlier, repeated=True)
    elif earlier is not None and not job.replace:
        raise DataError(
            f"{job.out} holds an evolution of other sources or settings.",
            "Choose another --out, or add --replace to write it anew.",
        )
    statistics = SetStatistics(job.taxonomy, job.seed)
    with (
        StepQueue(home, job.window // SHARD + SPARE_THREADS) as queue,
        EvolutionFiles(job.out, statistics) as files,
    ):
        shards = _cut(job, queue.store, files)
        rows = sum(shard.count for shard in shards) + files.outcomes.total()
        plan = _plan(job, queue.store)
        cost = estimate(
            _work(shards, plan, queue), job.forms, job.taxonomy, job.retries, plan.sampling.max_tokens, job.prices
        )
        if cost.likely.calls and not agree(len(shards), cost):
            return None
        ends = ShardRunner(queue, plan, max(1, job.window // SHARD), looked).run([shard.prompts for shard in shards])
        _collect(shards, ends, queue.store, files)
        check_sum(rows, files.outcomes)
        manifest = EvolutionManifest(
            settings=job.settings(),
            sources=sources,
            rows=rows,
            outcomes=outcomes_in_order(files.outcomes),
            taken=_taken(ends, job.prices),
            statistics=statistics.as_json(),
            files=files.digests(),
        )
        files.finish(manifest)
    return Done(manifest)


def _cut(job: EvolveJob, store: ObjectStore, files: EvolutionFiles) -> list[_Shard]:
    shards: list[_Shard] = []
    waiting: list[Seed] = []
    for row in read_seeds(job.sources, job.options, job.system, job.limit):
        if isinstance(row, Ended):
            files.add_ended(row)
            continue
        waiting.append(row)
        if len(waiting) == SHARD:
            shards.append(_put(store, waiting))
            waiting = []
    return [*shards, _put(store, waiting)] if waiting else shards


def _put(store: ObjectStore, seeds: Sequence[Seed]) -> _Shard:
    """Prompts and places apart: where a prompt came from does not decide what becomes of it."""
    prompts = put_rows(store, "prompts", "prompts", [seed.prompt for seed in seeds])
    places = put_rows(store, "seeds", "seeds", seeds)
    characters = sum(len(seed.prompt.text) for seed in seeds)
    return _Shard(ObjectRef(key=prompts), ObjectRef(key=places), len(seeds), characters)


def _plan(job: EvolveJob, store: ObjectStore) -> EvolutionPlan:
    return EvolutionPlan(
        model=job.model,
        engine=job.engine,
        forms=ObjectRef(key=put_rows(store, "forms", "forms", [job.forms])),
        taxonomy=ObjectRef(key=put_rows(store, "taxonomies", "taxonomy", [job.taxonomy])),
        sampling=job.sampling,
        retries=job.retries,
        seed=job.seed,
    )


def _work(shards: Sequence[_Shard], plan: EvolutionPlan, queue: StepQueue) -> Work:
    """What has no result yet."""
    to_evolve = evolve_characters = to_check = check_characters = 0
    for shard in shards:
        evolved = queue.result(plan.evolve(shard.prompts).fingerprint())
        if evolved is None:
            to_evolve += shard.count
            evolve_characters += shard.characters
        elif queue.result(plan.validate(ObjectRef(key=evolved.key)).fingerprint()) is None:
            count = int(evolved.facts["counts"]["evolved"])
            to_check += count
            check_characters += count * (shard.characters // shard.count + ADDED_CHARACTERS)
    return Work(to_evolve, evolve_characters, to_check, check_characters)


def _collect(shards: Sequence[_Shard], ends: Sequence[ShardEnd], store: ObjectStore, files: EvolutionFiles) -> None:
    for shard, end in zip(shards, ends, strict=True):
        seeds = _read(store, shard.seeds.key, Seed)
        if end.checked is None:
            for seed in seeds:
                files.add_failed(seed, end.failure)
        else:
            files.add_checked(seeds, _read(store, end.checked.key, Checked))


def _read(store: ObjectStore, key: str, row_type: type[Row]) -> list[Row]:
    return decode_rows(get_verified(store, key), row_type, key)[1]


def _taken(ends: Sequence[ShardEnd], prices: Prices) -> Taken:
    facts = [result.facts for end in ends for result in (end.evolved, end.checked) if result is not None]
    usage: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for each in facts:
        usage.update(each["usage"])
        replies = {name: n for name, n in each["counts"].items() if name.startswith("reply_")}
        failed.update({name.removeprefix("reply_"): int(n) for name, n in replies.items()})
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    return Taken(
        calls=usage["calls"],
        prompt_tokens=prompt,
        completion_tokens=completion,
        money=prices.money(prompt, completion),
        failed_replies=dict(sorted(failed.items())),
    )


def _digest(plain: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
