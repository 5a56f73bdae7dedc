"""Forecasts the whole run from a pilot, step by step, each figure with a 95% interval.

Calls and tokens: a bootstrap over the pilot's prompts, whose trees differ widely in size. Hours: the engine's pace,
fitted to the pilot's calls, and a simulation of an iteration at that pace; their interval is that of the tokens. A
pilot of the first iteration cannot observe later ones, whose actors leave less to refine: the notes say so.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.evaluation.resampling import RESAMPLES, quantile
from spar.planning.call_estimates import NOTHING, CallEstimate
from spar.planning.hours import Hours, hours_of, pilot_rounds, stage_shares
from spar.planning.measuring import rounds
from spar.planning.notes import notes_of
from spar.planning.parts import ForecastPart, asks_teacher, parts_of
from spar.planning.pilot import EVALUATION, PilotFacts
from spar.planning.stage_weights import ALIKE, Weight, Weights, together, weights_of
from spar.recipes.init import ACTOR, FIRST, REFINER, is_given, iteration_of
from spar.recipes.models import EvaluationSettings, PriceSettings, Recipe
from spar.recipes.spending import Spent
from spar.runtime.trace import TracedCall

TRAINING = "training"
JUDGE_AUDIT = "honesty"
GENERATION = "generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Range":
        return Range(value=factor * self.value, low=factor * self.low, high=factor * self.high)

    def plus(self, amount: float) -> "Range":
        return Range(value=self.value + amount, low=self.low + amount, high=self.high + amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepForecast:
    """Over all iterations. `hours`: wall-clock time while a step of the kind is running; steps run in parallel."""

    step: str
    calls: Range
    prompt_tokens: Range
    completion_tokens: Range
    tokens: Range
    hours: Range
    money: Range | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`total` is the whole run, including what it reuses of the pilot: `done`, out of `taken`."""

    recipe: str
    pilot_prompts: int
    prompts: int
    steps: tuple[StepForecast, ...]
    total: StepForecast
    taken: Spent
    done: Spent
    result_bytes: Range
    training_steps: dict[str, int]
    notes: tuple[str, ...]


def forecast(
    recipe: Recipe, pilot: PilotFacts, price: PriceSettings, window: int, benchmarks: CallEstimate = NOTHING
) -> Forecast:
    """`window`: the steps of shards that the workers hold at once; `benchmarks`: the plan's estimate of their calls,
    which a pilot does not make. Raises DataError for a pilot without calls."""
    parts = parts_of(recipe, pilot)
    if not parts or parts[-1].iteration != FIRST:
        raise DataError(
            "The pilot made no call: all of its results existed already.",
            "See their cost with spar report or spar status, or run the pilot in another --dir.",
        )
    draws = _draws(recipe, pilot, parts)
    hours = hours_of(recipe, pilot, parts, window)
    steps = tuple(_step(kind, counts, hours, price) for kind, counts in draws.items())
    trained = _training(hours, price)
    total = _step("total", _added(list(draws.values())), hours, price)
    units = len(parts[-1].units)
    return Forecast(
        recipe=recipe.name,
        pilot_prompts=units,
        prompts=recipe.iterations * recipe.prompts.per_iteration,
        steps=(*steps, *([trained] if trained else [])),
        total=total,
        taken=_spent(pilot.calls),
        done=_reused(recipe, pilot),
        result_bytes=_bytes(pilot, parts, sum(stage_shares(pilot, weights_of(recipe)))),
        training_steps=hours.training_steps,
        notes=tuple(notes_of(recipe, pilot, parts, benchmarks, hours.known)),
    )


Counts = tuple[float, float, float]
"""Calls, prompt tokens, completion tokens."""
Draws = list[Spent]
"""Resampled; the first is the observation."""


def _per_prompt(calls: Sequence[TracedCall], kind: str, units: Sequence[str]) -> list[Counts]:
    """The cost of each prompt; calls that belong to no prompt are shared by all."""
    mine: dict[str, list[TracedCall]] = {unit: [] for unit in units}
    common: list[TracedCall] = []
    for call in calls:
        if call.kind == kind:
            mine.get(call.unit, common).append(call)
    share = _sum(common)
    return [
        (own[0] + share[0] / len(units), own[1] + share[1] / len(units), own[2] + share[2] / len(units))
        for own in map(_sum, mine.values())
    ]


def _sum(calls: Sequence[TracedCall]) -> Counts:
    return (
        float(len(calls)),
        float(sum(call.prompt_tokens for call in calls)),
        float(sum(call.completion_tokens for call in calls)),
    )


def _spent(calls: Sequence[TracedCall]) -> Spent:
    number, prompt_tokens, completion_tokens = _sum(calls)
    return Spent(calls=number, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def _evaluation(recipe: Recipe, pilot: PilotFacts) -> list[tuple[list[Counts], float]]:
    """For each measured part: the cost of each item, and how many items the run has for one of the pilot's."""
    if recipe.evaluation is None or pilot.evaluation is None:
        return []
    parts: dict[str, dict[str, list[TracedCall]]] = {}
    for call in pilot.calls:
        if call.kind == EVALUATION:
            parts.setdefault(call.part, {}).setdefault(call.unit, []).append(call)
    return [
        (
            [_sum(calls) for calls in items.values()],
            rounds(recipe, part)
            / pilot_rounds(recipe, pilot, part)
            * _items(recipe.evaluation, part)
            / _items(pilot.evaluation, part),
        )
        for part, items in parts.items()
    ]


def _items(settings: EvaluationSettings, part: str) -> int:
    return settings.actor_prompts if part == "actor" else settings.judge_items + settings.refine_items


def _draws(recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart]) -> dict[str, Draws]:
    """The same prompts of a part are resampled for all of its kinds of steps: a large tree is large in all of them."""
    draw, measured, stages = random.Random(recipe.iterations), _evaluation(recipe, pilot), weights_of(recipe)
    sums = [{kind: _per_prompt(pilot.calls, kind, part.units) for kind in part.kinds} for part in parts]
    found: dict[str, Draws] = {kind: [] for part in parts for kind in part.kinds}
    if measured:
        found[EVALUATION] = []
    for time in range(RESAMPLES + 1):
        for part, kinds in zip(parts, sums, strict=True):
            places = range(len(part.units)) if time == 0 else draw.choices(range(len(part.units)), k=len(part.units))
            for kind, rows in kinds.items():
                spent = _scaled(rows, places, _factor(recipe, part, kind, stages))
                found[kind].append(spent.teachers if asks_teacher(kind) else spent)
        if measured:
            whole = Spent()
            for rows, scale in measured:
                places = range(len(rows)) if time == 0 else draw.choices(range(len(rows)), k=len(rows))
                whole = whole.plus(_scaled(rows, places, ALIKE.times(scale)))
            found[EVALUATION].append(whole)
    return found


def _factor(recipe: Recipe, part: ForecastPart, kind: str, stages: Sequence[Weights]) -> Weight:
    """How many of the run's prompts one of the pilot's represents; an audit takes no more than its slice."""
    iterations = together(stages, kind) if part.iteration == FIRST else ALIKE
    if kind != JUDGE_AUDIT or recipe.judge_audit is None:
        return iterations.times(part.prompts / len(part.units))
    slice_of = recipe.judge_audit.prompts
    return iterations.times(min(slice_of, part.prompts) / min(slice_of, len(part.units)))


def _scaled(rows: Sequence[Counts], places: Sequence[int], scale: Weight) -> Spent:
    calls = prompt = completion = 0.0
    for place in places:
        row = rows[place]
        calls += row[0]
        prompt += row[1]
        completion += row[2]
    return Spent(
        calls=scale.calls * calls, prompt_tokens=scale.read * prompt, completion_tokens=scale.written * completion
    )


def _added(kinds: Sequence[Draws]) -> Draws:
    found = []
    for each in zip(*kinds, strict=True):
        whole = Spent()
        for one in each:
            whole = whole.plus(one)
        found.append(whole)
    return found


def _range(values: Sequence[float]) -> Range:
    ordered = sorted(values[1:])
    low, high = quantile(ordered, 0.025), quantile(ordered, 0.975)
    return Range(value=values[0], low=min(low, values[0]), high=max(high, values[0]))


def _step(name: str, draws: Draws, hours: Hours, price: PriceSettings) -> StepForecast:
    tokens = _range([each.tokens for each in draws])
    scale = (1.0, 1.0) if not tokens.value else (tokens.low / tokens.value, tokens.high / tokens.value)
    calls = hours.calls if name == "total" else hours.covered.get(name, 0.0)
    clock = Range(value=calls, low=calls * scale[0], high=calls * scale[1]).plus(
        hours.training if name == "total" else 0.0
    )
    for_hours = price if name == "total" else price.model_copy(update={"hour": 0.0})
    money = [
        each.plus(Spent(hours=clock.value * (1.0 if not tokens.value else each.tokens / tokens.value))).money(for_hours)
        for each in draws
    ]
    return StepForecast(
        step=name,
        calls=_range([each.calls for each in draws]),
        prompt_tokens=_range([each.prompt_tokens for each in draws]),
        completion_tokens=_range([each.completion_tokens for each in draws]),
        tokens=tokens,
        hours=clock,
        money=None if price.free else _range(money),
    )


def _training(hours: Hours, price: PriceSettings) -> StepForecast | None:
    if not hours.training:
        return None
    nothing = Range(value=0.0, low=0.0, high=0.0)
    clock = nothing.plus(hours.training)
    return StepForecast(
        step=TRAINING,
        calls=nothing,
        prompt_tokens=nothing,
        completion_tokens=nothing,
        tokens=nothing,
        hours=clock,
        money=None if price.free else nothing,
    )


def _reused(recipe: Recipe, pilot: PilotFacts) -> Spent:
    """The pilot's calls whose results the run reuses. Where the run trains its own starting models, it reuses only what
    was computed before the pilot's small ones existed."""
    found = pilot.calls
    if recipe.init is not None and not is_given(recipe, ACTOR):
        found = tuple(call for call in found if iteration_of(call.kind) == ACTOR)
    elif recipe.init is not None and not is_given(recipe, REFINER):
        found = tuple(call for call in found if iteration_of(call.kind) == REFINER or call.kind == GENERATION)
    return _spent(found)


def _bytes(pilot: PilotFacts, parts: Sequence[ForecastPart], iterations: float) -> Range:
    """Texts grow in proportion to tokens, prompt by prompt. `iterations`: the total relative to the first iteration."""
    *before, selfplay = parts
    units = selfplay.units
    places = {unit: place for place, unit in enumerate(units)}
    rows = [0.0] * len(units)
    for call in pilot.calls:
        if call.unit in places:
            rows[places[call.unit]] += call.completion_tokens
    whole = sum(rows) or 1.0
    draw = random.Random(0)
    size = pilot.result_bytes * iterations * selfplay.prompts / len(units)
    drawn = (rows if time == 0 else draw.choices(rows, k=len(units)) for time in range(RESAMPLES + 1))
    found = _range([size * sum(each) / whole for each in drawn])
    return found.plus(
        sum(pilot.initial[part.iteration].result_bytes * part.prompts / len(part.units) for part in before)
    )
