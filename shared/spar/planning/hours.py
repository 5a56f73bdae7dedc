"""The wall-clock time of the whole run, from a pilot: its iterations simulated at the engines' paces one after the
other, and the trainings between them, whose optimizer steps are in proportion to what the pilot selected.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spar.planning.chains import by_kind
from spar.planning.clocks import Server, after, at_once, played, servers_of, slowed
from spar.planning.measuring import rounds
from spar.planning.parts import ForecastPart
from spar.planning.pilot import EVALUATION, PilotFacts
from spar.planning.queueing import Chain, Timeline, timeline
from spar.planning.stage_weights import Weights, weights_of
from spar.recipes.init import ACTOR, FIRST, NAMES, REFINER, init_prompts, role_of
from spar.recipes.iteration_settings import IterationSettings, settings_in
from spar.recipes.models import EvaluationSettings, Recipe, TrainingSettings

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """`calls` is the wall-clock time while calls are made, `covered` the same by kind of step, `training` that of the
    trainings between."""

    calls: float
    covered: Mapping[str, float]
    training: float = 0.0
    training_steps: dict[str, int] = field(default_factory=dict)
    known: bool = True


def hours_of(recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart], window: int) -> Hours:
    """`parts` as returned by `parts_of`, self-play last."""
    selfplay, before = selfplay_steps(recipe, pilot, len(parts[-1].units)), init_steps(recipe, pilot)
    training, steps = _training_hours(recipe, pilot, selfplay, before), named_steps(selfplay, before)
    window = min(window, recipe.dispatch.window)
    servers = servers_of(recipe, pilot, parts, window)
    if False not in servers:
        return Hours(calls=0.0, covered={}, training=training, training_steps=steps, known=False)
    found = _calls(recipe, pilot, parts, window, servers)
    covered = {kind: seconds / HOUR_S for kind, seconds in found.covered.items()}
    return Hours(calls=found.seconds / HOUR_S, covered=covered, training=training, training_steps=steps)


def _calls(
    recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart], window: int, servers: Mapping[bool, Server]
) -> Timeline:
    """Iterations in sequence, each beside the measurements of the one before; the final measurements alone."""
    size, own, beside = recipe.prompts.shard_size, servers[False], _measuring(recipe, pilot)
    *before, selfplay = parts
    phases = []
    for place, part in enumerate(before):
        measuring = beside if place == 0 else []
        if servers.get(True, own) is own:
            phases.append(played(own, part, part.kinds, measuring, size, window))
        else:
            phases.append(
                at_once(
                    *(
                        played(server, part, part.of(teachers), [] if teachers else measuring, size, window)
                        for teachers, server in servers.items()
                    )
                )
            )
    first = played(own, selfplay, selfplay.kinds, beside, size, window)
    again = _measuring(recipe, pilot, again=True)  # a refiner that is kept is measured only at the start
    later = first if again == beside else played(own, selfplay, selfplay.kinds, again, size, window)
    last = timeline([], again, selfplay.kinds, window, own.pace) if again else Timeline()
    _, *shares = stage_shares(pilot, weights_of(recipe))
    return after(*phases, first, *(slowed(later, share) for share in shares), last)


def stage_shares(pilot: PilotFacts, stages: Sequence[Weights]) -> list[float]:
    """How much each iteration writes relative to the first, over the kinds of steps that the pilot observed."""
    seen = dict.fromkeys(stages[0], 0)
    for call in pilot.calls:
        if call.kind in seen:
            seen[call.kind] += call.completion_tokens
    whole = sum(seen.values())
    return [sum(seen[kind] * each[kind].written for kind in seen) / whole if whole else 1.0 for each in stages]


def _measuring(recipe: Recipe, pilot: PilotFacts, again: bool = False) -> list[Chain]:
    """One round of the run's evaluation, its items sampled from the pilot's; `again`: of the models that self-play
    trains."""
    if recipe.evaluation is None or pilot.evaluation is None:
        return []
    draw = random.Random(0)
    found: list[Chain] = []
    for part in dict.fromkeys(call.part for call in pilot.calls if call.kind == EVALUATION):
        calls = [call for call in pilot.calls if call.kind == EVALUATION and call.part == part]
        items = list(by_kind(calls)[EVALUATION].values())
        if again and rounds(recipe, part) == rounds(recipe.model_copy(update={"iterations": 0}), part):
            continue
        scale = _share(recipe.evaluation, pilot.evaluation, part) / pilot_rounds(recipe, pilot, part)
        found += draw.choices(items, k=round(scale * len(items)))
    return found


def pilot_rounds(recipe: Recipe, pilot: PilotFacts, part: str) -> int:
    """How many models of the part the pilot measured: those it was given or made, and those it trained."""
    one = recipe.model_copy(update={"iterations": 1})
    if pilot.trained:
        return rounds(one, part)
    return 1 if recipe.init is None else 2


def _share(whole: EvaluationSettings, part_of: EvaluationSettings, part: str) -> float:
    if part == "actor":
        return whole.actor_prompts / part_of.actor_prompts
    return (whole.judge_items + whole.refine_items) / (part_of.judge_items + part_of.refine_items)


def _training_hours(recipe: Recipe, pilot: PilotFacts, selfplay: Mapping[str, int], before: Mapping[int, int]) -> float:
    """The two trainings of an iteration run in parallel where there is room: the longer counts."""
    times = {
        each: each.fixed_s
        + (each.step_s or 0.0)
        * (selfplay.get(each.role, 0) if each.iteration >= FIRST else before.get(each.iteration, each.steps))
        for each in pilot.trainings
    }
    longer = max((seconds for each, seconds in times.items() if each.iteration >= FIRST), default=0.0)
    initial = sum(seconds for each, seconds in times.items() if each.iteration < FIRST)
    return (recipe.iterations * longer + initial) / HOUR_S


def selfplay_steps(recipe: Recipe, pilot: PilotFacts, units: int) -> dict[str, int]:
    """Optimizer steps of one iteration, by role, within the recipe's caps on pairs and examples."""
    settings = settings_in(recipe, FIRST)
    if not settings.training.trains:
        return {}
    share = recipe.prompts.per_iteration / units
    pairs = min(pilot.pairs * share, settings.selection.max_pairs or float("inf"))
    steps = {"actor": _steps(pairs, settings.training.actor)}
    examples = _capped(settings, pilot.examples, share)
    if examples and settings.refiner_fate == "trained":
        steps["refiner"] = _steps(examples, settings.training.refiner)
    return steps


def init_steps(recipe: Recipe, pilot: PilotFacts) -> dict[int, int]:
    """Optimizer steps of the starting models, by iteration. A given data set is left out: the pilot trained on all of
    it, and beside another set for one model its size is unknown here.
    """
    if recipe.init is None:
        return {}
    prompts = {role: number for role, number in zip(("actor", "refiner"), init_prompts(recipe), strict=True) if number}
    rows = {
        iteration: _capped(
            settings_in(recipe, iteration), seen.rows, prompts[str(role_of(iteration))] / len(seen.prompts)
        )
        for iteration, seen in pilot.initial.items()
        if seen.prompts
    }
    if recipe.models.shared and REFINER in rows:  # one model is made of both sets
        rows[REFINER] += rows.get(ACTOR, 0.0)
    return {
        iteration: _steps(number, getattr(recipe.init, str(role_of(iteration)))) for iteration, number in rows.items()
    }


def named_steps(selfplay: Mapping[str, int], before: Mapping[int, int]) -> dict[str, int]:
    """All of them by name: a role's in each iteration, a starting model's once."""
    return {**{NAMES[iteration]: steps for iteration, steps in before.items()}, **selfplay}


def _capped(settings: IterationSettings, rows: Mapping[str, int], share: float) -> float:
    caps: dict[str, float] = settings.selection.refiner.model_dump()
    return sum(min(found * share, caps.get(kind, float("inf"))) for kind, found in rows.items())


def _steps(samples: float, settings: TrainingSettings) -> int:
    return round(-(-samples // settings.batch_size)) * settings.epochs
