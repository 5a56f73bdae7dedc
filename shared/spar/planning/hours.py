"""How long the whole run will take by the clock, from a pilot: one iteration simulated at the engine's pace.

A large iteration is simulated in part: once the engine is full, more prompts cost in proportion.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spar.planning.chains import by_kind, of_units
from spar.planning.fitting import fit_pace
from spar.planning.pace import Pace
from spar.planning.pilot import PilotFacts
from spar.planning.queueing import BESIDE, Chain, Shard, Timeline, timeline
from spar.recipes.models import EvaluationSettings, Recipe, TrainingSettings

HOUR_S = 3600.0
MOST_PROMPTS = 640
"""Simulated for one iteration; what lies beyond goes in proportion."""


@dataclass(frozen=True, slots=True)
class Hours:
    """`asked` is the clock while models are asked, `covered` by kind of step, `training` the trainings between."""

    asked: float
    covered: Mapping[str, float]
    training: float = 0.0
    training_steps: dict[str, int] = field(default_factory=dict)
    known: bool = True


def hours_of(recipe: Recipe, pilot: PilotFacts, units: Sequence[str], window: int) -> Hours:
    steps = _training_steps(recipe, pilot, len(units))
    training = _training_hours(recipe, pilot, steps)
    window = min(window, recipe.dispatch.window)
    pace = _pace(recipe, pilot, units, window)
    if pace is None:
        return Hours(0.0, {}, training, steps, known=False)
    found = _asked(recipe, pilot, units, window, pace)
    covered = {kind: seconds / HOUR_S for kind, seconds in found.covered.items()}
    return Hours(found.seconds / HOUR_S, covered, training, steps)


def _pace(recipe: Recipe, pilot: PilotFacts, units: Sequence[str], window: int) -> Pace | None:
    """From the pilot's own shards, as they went."""
    chains, kinds, size = by_kind(pilot.calls), _kinds(pilot), recipe.prompts.shard_size
    shards = [of_units(chains, kinds, units[first : first + size]) for first in range(0, len(units), size)]
    beside = list(chains.get(BESIDE, {}).values())
    return fit_pace(pilot.calls, shards, beside, kinds, window, recipe.engine.max_batch)


def _kinds(pilot: PilotFacts) -> list[str]:
    """The kinds of steps that shards go through, in order."""
    return [kind for kind in dict.fromkeys(call.kind for call in pilot.calls) if kind != BESIDE]


def _asked(recipe: Recipe, pilot: PilotFacts, units: Sequence[str], window: int, pace: Pace) -> Timeline:
    """Iterations one after the other, each with the last one's measurements beside it; the final ones by themselves."""
    chains = by_kind(pilot.calls)
    kinds = _kinds(pilot)
    beside = _measuring(recipe, pilot)
    prompts = recipe.prompts.per_iteration

    def simulated(number: int, measuring: Sequence[Chain]) -> Timeline:
        return timeline(
            _shards(chains, kinds, units, number, recipe.prompts.shard_size), measuring, kinds, window, pace
        )

    part = min(prompts, MOST_PROMPTS)
    one = simulated(part, beside)
    if prompts > part:
        half = simulated(part // 2, beside)
        one = _beyond(half, one, (prompts - part) / (part - part // 2))
    last = timeline([], beside, kinds, window, pace) if beside else Timeline()
    return Timeline(
        recipe.iterations * one.seconds + last.seconds,
        {
            kind: recipe.iterations * one.covered.get(kind, 0.0) + last.covered.get(kind, 0.0)
            for kind in {*one.covered, *last.covered}
        },
    )


def _beyond(half: Timeline, whole: Timeline, times: float) -> Timeline:
    """As many halves more."""
    return Timeline(
        whole.seconds + times * (whole.seconds - half.seconds),
        {
            kind: seconds + times * max(0.0, seconds - half.covered.get(kind, 0.0))
            for kind, seconds in whole.covered.items()
        },
    )


def _shards(
    chains: Mapping[str, Mapping[str, Chain]], kinds: Sequence[str], units: Sequence[str], number: int, size: int
) -> list[Shard]:
    """Prompts drawn from the pilot's in whole rounds, so that its few large trees count as they should."""
    draw = random.Random(number)
    drawn: list[str] = []
    while len(drawn) < number:
        drawn += draw.sample(units, k=min(len(units), number - len(drawn)))
    return [of_units(chains, kinds, drawn[first : first + size]) for first in range(0, number, size)]


def _measuring(recipe: Recipe, pilot: PilotFacts) -> list[Chain]:
    """One round of the run's evaluation, its items drawn from the pilot's."""
    if recipe.evaluation is None or pilot.evaluation is None:
        return []
    draw = random.Random(0)
    found: list[Chain] = []
    for part in dict.fromkeys(call.part for call in pilot.calls if call.kind == BESIDE):
        calls = [call for call in pilot.calls if call.kind == BESIDE and call.part == part]
        items = list(by_kind(calls)[BESIDE].values())
        scale = _share(recipe.evaluation, pilot.evaluation, part) / (2 if pilot.trainings else 1)
        found += draw.choices(items, k=round(scale * len(items)))
    return found


def _share(whole: EvaluationSettings, part_of: EvaluationSettings, part: str) -> float:
    if part == "actor":
        return whole.actor_prompts / part_of.actor_prompts
    return (whole.judge_items + whole.refine_items) / (part_of.judge_items + part_of.refine_items)


def _training_steps(recipe: Recipe, pilot: PilotFacts, units: int) -> dict[str, int]:
    """Of one iteration, by role; a recipe's caps on pairs and examples hold."""
    share = recipe.prompts.per_iteration / units
    pairs = min(pilot.pairs * share, recipe.selection.max_pairs or float("inf"))
    caps = recipe.selection.refiner.model_dump()
    examples = sum(min(found * share, caps.get(kind, float("inf"))) for kind, found in pilot.examples.items())
    steps = {"actor": _steps(pairs, recipe.training.actor)}
    if examples and recipe.training.train_refiner and not recipe.models.one:
        steps["refiner"] = _steps(examples, recipe.training.refiner)
    return steps


def _steps(samples: float, settings: TrainingSettings) -> int:
    return round(-(-samples // settings.batch_size)) * settings.epochs


def _training_hours(recipe: Recipe, pilot: PilotFacts, steps: Mapping[str, int]) -> float:
    """The two trainings of an iteration run side by side where there is room: the longer counts."""
    times = [each.fixed_s + (each.step_s or 0.0) * steps.get(each.role, 0) for each in pilot.trainings]
    return recipe.iterations * max(times, default=0.0) / HOUR_S
