"""From what a pilot saw to what the whole run will take, step by step, each figure with a 95% interval.

Calls and tokens: a bootstrap over the pilot's prompts, whose trees differ widely in size. Hours: the engine's pace,
fitted to the pilot's calls, and a simulation of an iteration on it; their interval is that of the tokens. What a pilot
of the first iteration cannot see, and the notes say: later iterations, whose actors leave less to refine.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.evaluation.resampling import RESAMPLES, quantile
from spar.planning.hours import Hours, hours_of
from spar.planning.pilot import PilotFacts
from spar.recipes.models import EvaluationSettings, PriceSettings, Recipe
from spar.recipes.spending import Spent
from spar.runtime.trace import Call

EVALUATION = "evaluation"
TRAINING = "training"
COUNTS = ("calls", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Range:
    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Range":
        return Range(factor * self.value, factor * self.low, factor * self.high)

    def plus(self, amount: float) -> "Range":
        return Range(self.value + amount, self.low + amount, self.high + amount)


@dataclass(frozen=True, slots=True)
class StepForecast:
    """Of all iterations. `hours` are by the clock while a step of the kind is at work; steps run side by side."""

    step: str
    calls: Range
    prompt_tokens: Range
    completion_tokens: Range
    tokens: Range
    hours: Range
    money: Range | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """`total` is the whole run, what the pilot did included; `done` is that part."""

    recipe: str
    pilot_prompts: int
    prompts: int
    steps: tuple[StepForecast, ...]
    total: StepForecast
    done: Spent
    result_bytes: Range
    training_steps: dict[str, int]
    notes: tuple[str, ...]


def forecast(recipe: Recipe, pilot: PilotFacts, price: PriceSettings, window: int) -> Forecast:
    """`window` are the steps of shards that the workers hold at once. Raises DataError for a pilot without calls."""
    units = _units(pilot)
    if not units:
        raise DataError(
            "The pilot made no call: all of its results were there already.",
            "Look what they took: spar report, spar status; or run the pilot in another --dir.",
        )
    factor = recipe.iterations * recipe.prompts.per_iteration
    sums = {kind: _per_prompt(pilot.calls, kind, units) for kind in _kinds(pilot.calls)}
    measured = _evaluation(recipe, pilot)
    draws = _draws(sums, measured, len(units), factor, recipe.iterations)
    hours = hours_of(recipe, pilot, units, window)
    steps = tuple(_step(kind, counts, hours, price) for kind, counts in draws.items())
    trained = _training(hours, price)
    total = _step("total", _added(list(draws.values())), hours, price)
    return Forecast(
        recipe=recipe.name,
        pilot_prompts=len(units),
        prompts=factor,
        steps=(*steps, *([trained] if trained else [])),
        total=total,
        done=_done(pilot.calls),
        result_bytes=_bytes(pilot, len(units), factor),
        training_steps=hours.training_steps,
        notes=tuple(_notes(recipe, pilot, len(units), hours)),
    )


Draws = list[tuple[float, float, float]]
"""Resampled (calls, prompt tokens, completion tokens); the first is what was seen."""


def _units(pilot: PilotFacts) -> list[str]:
    """The prompts whose responses the pilot asked for itself."""
    seen = {call.unit for call in pilot.calls if call.kind != EVALUATION}
    return [prompt.id for prompt in pilot.prompts if prompt.id in seen]


def _kinds(calls: Sequence[Call]) -> list[str]:
    return list(dict.fromkeys(call.kind for call in calls if call.kind != EVALUATION))


def _per_prompt(calls: Sequence[Call], kind: str, units: Sequence[str]) -> list[tuple[float, float, float]]:
    """What each prompt took; calls that are no prompt's own are shared by all."""
    mine: dict[str, list[Call]] = {unit: [] for unit in units}
    common: list[Call] = []
    for call in calls:
        if call.kind == kind:
            mine.get(call.unit, common).append(call)
    share = _sum(common)
    return [
        (own[0] + share[0] / len(units), own[1] + share[1] / len(units), own[2] + share[2] / len(units))
        for own in map(_sum, mine.values())
    ]


def _sum(calls: Sequence[Call]) -> tuple[float, float, float]:
    return (
        float(len(calls)),
        float(sum(call.prompt_tokens for call in calls)),
        float(sum(call.completion_tokens for call in calls)),
    )


def _evaluation(recipe: Recipe, pilot: PilotFacts) -> list[tuple[list[tuple[float, float, float]], float]]:
    """For each measured part: what each of its items took, and how many items the run has for one of the pilot's."""
    if recipe.evaluation is None or pilot.evaluation is None:
        return []
    parts: dict[str, dict[str, list[Call]]] = {}
    for call in pilot.calls:
        if call.kind == EVALUATION:
            parts.setdefault(call.part, {}).setdefault(call.unit, []).append(call)
    # The pilot measures its start; trained, its end too. The run measures its start and each iteration's end.
    rounds = (recipe.iterations + 1) / (2 if pilot.trainings else 1)
    return [
        (
            [_sum(calls) for calls in items.values()],
            rounds * _items(recipe.evaluation, part) / _items(pilot.evaluation, part),
        )
        for part, items in parts.items()
    ]


def _items(settings: EvaluationSettings, part: str) -> int:
    return settings.actor_prompts if part == "actor" else settings.judge_items + settings.refine_items


def _draws(
    sums: Mapping[str, list[tuple[float, float, float]]],
    measured: Sequence[tuple[list[tuple[float, float, float]], float]],
    units: int,
    factor: float,
    iterations: int,
) -> dict[str, Draws]:
    """The same prompts are drawn for every kind: a prompt with a large tree is one in all of them."""
    draw = random.Random(iterations)
    found: dict[str, Draws] = {kind: [] for kind in sums}
    if measured:
        found[EVALUATION] = []
    for time in range(RESAMPLES + 1):
        places = range(units) if time == 0 else draw.choices(range(units), k=units)
        for kind, rows in sums.items():
            found[kind].append(_scaled(rows, places, factor / units))
        if measured:
            parts = [
                _scaled(rows, range(len(rows)) if time == 0 else draw.choices(range(len(rows)), k=len(rows)), scale)
                for rows, scale in measured
            ]
            found[EVALUATION].append((sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)))
    return found


def _scaled(
    rows: Sequence[tuple[float, float, float]], places: Sequence[int], scale: float
) -> tuple[float, float, float]:
    calls = prompt = completion = 0.0
    for place in places:
        row = rows[place]
        calls += row[0]
        prompt += row[1]
        completion += row[2]
    return (scale * calls, scale * prompt, scale * completion)


def _added(kinds: Sequence[Draws]) -> Draws:
    return [
        (sum(d[0] for d in each), sum(d[1] for d in each), sum(d[2] for d in each)) for each in zip(*kinds, strict=True)
    ]


def _range(values: Sequence[float]) -> Range:
    ordered = sorted(values[1:])
    low, high = quantile(ordered, 0.025), quantile(ordered, 0.975)
    return Range(values[0], min(low, values[0]), max(high, values[0]))


def _step(name: str, draws: Draws, hours: Hours, price: PriceSettings) -> StepForecast:
    tokens = _range([d[1] + d[2] for d in draws])
    scale = (1.0, 1.0) if not tokens.value else (tokens.low / tokens.value, tokens.high / tokens.value)
    asked = hours.asked if name == "total" else hours.covered.get(name, 0.0)
    clock = Range(asked, asked * scale[0], asked * scale[1]).plus(hours.training if name == "total" else 0.0)
    for_hours = price if name == "total" else price.model_copy(update={"hour": 0.0})
    money = [
        Spent(*each, hours=clock.value * (1.0 if not tokens.value else (each[1] + each[2]) / tokens.value))
        for each in draws
    ]
    return StepForecast(
        step=name,
        calls=_range([d[0] for d in draws]),
        prompt_tokens=_range([d[1] for d in draws]),
        completion_tokens=_range([d[2] for d in draws]),
        tokens=tokens,
        hours=clock,
        money=None if price.free else _range([each.money(for_hours) for each in money]),
    )


def _training(hours: Hours, price: PriceSettings) -> StepForecast | None:
    if not hours.training:
        return None
    nothing = Range(0.0, 0.0, 0.0)
    clock = nothing.plus(hours.training)
    return StepForecast(TRAINING, nothing, nothing, nothing, nothing, clock, None if price.free else nothing)


def _done(calls: Sequence[Call]) -> Spent:
    return Spent(*_sum(calls))


def _bytes(pilot: PilotFacts, units: int, factor: float) -> Range:
    """Texts grow as tokens do, prompt by prompt."""
    rows = [0.0] * units
    places = {prompt.id: place for place, prompt in enumerate(pilot.prompts[:units])}
    for call in pilot.calls:
        if call.unit in places:
            rows[places[call.unit]] += call.completion_tokens
    whole = sum(rows) or 1.0
    draw = random.Random(0)
    size = pilot.result_bytes / units * factor
    return _range(
        [size * sum(rows if time == 0 else draw.choices(rows, k=units)) / whole for time in range(RESAMPLES + 1)]
    )


def _notes(recipe: Recipe, pilot: PilotFacts, units: int, hours: Hours) -> list[str]:
    notes = []
    if recipe.iterations > 1:
        notes.append("Every iteration is taken to be as the first; a better actor leaves less to refine.")
    if units < len(pilot.prompts):
        notes.append(f"{len(pilot.prompts) - units} of the pilot's prompts had results already: it saw {units}.")
    if not pilot.trainings:
        notes.append("The hours are without trainings: --train has the pilot train too.")
    if any(each.step_s is None for each in pilot.trainings):
        notes.append(
            "A training of the pilot was too short to tell its steps from loading: trainings will take longer."
        )
    if getattr(recipe.evaluation, "benchmarks", None) is not None:
        notes.append("Benchmarks beside the evaluation are not in it.")
    if recipe.stages:
        notes.append("The recipe has stages; the pilot ran the first iteration's.")
    if not hours.known:
        notes.append("No call came to its end in the pilot: the hours are not known.")
    return notes
