"""The paces of a pilot's engines, each fitted to the calls it received, and iterations simulated at those paces.

The engines are the run's own and, if it makes its starting models, the teacher's: a teacher with a separate engine is
another server, which works at the same time.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.planning.chains import by_kind, of_units
from spar.planning.fitting import Play, fit_pace
from spar.planning.pace import EnginePace
from spar.planning.parts import ForecastPart, asks_teacher
from spar.planning.pilot import EVALUATION, PilotFacts
from spar.planning.queueing import Chain, Shard, Timeline, timeline
from spar.recipes.init import FIRST, iteration_of
from spar.recipes.models import EngineSettings, Recipe
from spar.runtime.trace import TracedCall

MOST_PROMPTS = 640
"""Simulated for one iteration; the rest is extrapolated in proportion."""


@dataclass(frozen=True, slots=True)
class Server:
    """An engine: the calls that a pilot made to it, and the pace fitted to them."""

    calls: Sequence[TracedCall]
    pace: EnginePace


def servers_of(recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart], window: int) -> dict[bool, Server]:
    """The run's own server (False) and the teacher's (True), possibly the same; one without calls is missing."""
    teacher = recipe.init.teacher if recipe.init is not None else None
    separate = teacher is not None and teacher.engine is not None and teacher.engine != recipe.engine
    if not separate:
        found = _server(recipe.engine, pilot, parts, None, recipe.prompts.shard_size, window)
        return {} if found is None else {False: found, True: found}
    both = {False: recipe.engine, True: teacher.engine if teacher is not None and teacher.engine else recipe.engine}
    size = recipe.prompts.shard_size
    made = {teachers: _server(engine, pilot, parts, teachers, size, window) for teachers, engine in both.items()}
    return {teachers: server for teachers, server in made.items() if server is not None}


def _server(
    engine: EngineSettings,
    pilot: PilotFacts,
    parts: Sequence[ForecastPart],
    teachers: bool | None,
    size: int,
    window: int,
) -> Server | None:
    """`teachers` selects the calls to the teacher or the others; None: all."""
    calls = [call for call in pilot.calls if teachers is None or asks_teacher(call.kind) is teachers]
    since = _selfplay_began(pilot)
    fitted = [call for call in calls if call.kind != EVALUATION or call.began >= since]
    chains = by_kind(fitted)
    plays = []
    for part in parts:
        kinds = part.kinds if teachers is None else part.of(teachers)
        beside = list(chains.get(EVALUATION, {}).values()) if part.iteration == FIRST else []
        if kinds:
            plays.append(Play(_as_they_were(chains, kinds, part.units, size), kinds, beside))
    pace = fit_pace(fitted, plays, window, engine.max_batch)
    return None if pace is None else Server(calls, pace)


def _selfplay_began(pilot: PilotFacts) -> float:
    """When self-play began; evaluations before that ran while the starting models were made."""
    init = [call.ended for call in pilot.calls if iteration_of(call.kind) < FIRST]
    return max(init, default=float("-inf"))


def _as_they_were(
    chains: Mapping[str, Mapping[str, Chain]], kinds: Sequence[str], units: Sequence[str], size: int
) -> list[Shard]:
    return [of_units(chains, kinds, units[first : first + size]) for first in range(0, len(units), size)]


def played(
    server: Server, part: ForecastPart, kinds: Sequence[str], beside: Sequence[Chain], size: int, window: int
) -> Timeline:
    """Simulates one iteration of the part on the server, with these kinds of steps. A large one is simulated in part:
    once the engine is full, time grows in proportion to the prompts."""
    if not kinds:
        return timeline([], beside, [EVALUATION], window, server.pace)
    chains = by_kind(server.calls)

    def simulated(number: int) -> Timeline:
        return timeline(_drawn(chains, kinds, part.units, number, size), beside, kinds, window, server.pace)

    few = min(part.prompts, MOST_PROMPTS)
    one = simulated(few)
    if part.prompts == few:
        return one
    return _beyond(simulated(few // 2), one, (part.prompts - few) / (few - few // 2))


def _drawn(
    chains: Mapping[str, Mapping[str, Chain]], kinds: Sequence[str], units: Sequence[str], number: int, size: int
) -> list[Shard]:
    """Prompts sampled from the pilot's in whole rounds, so that its few large trees get their proper weight."""
    draw = random.Random(number)
    drawn: list[str] = []
    while len(drawn) < number:
        drawn += draw.sample(units, k=min(len(units), number - len(drawn)))
    return [of_units(chains, kinds, drawn[first : first + size]) for first in range(0, number, size)]


def _beyond(half: Timeline, whole: Timeline, times: float) -> Timeline:
    """Extrapolated by this many further halves."""
    return Timeline(
        whole.seconds + times * (whole.seconds - half.seconds),
        {
            kind: seconds + times * max(0.0, seconds - half.covered.get(kind, 0.0))
            for kind, seconds in whole.covered.items()
        },
    )


def after(*timelines: Timeline) -> Timeline:
    """The timelines in sequence."""
    kinds = {kind for each in timelines for kind in each.covered}
    return Timeline(
        sum(each.seconds for each in timelines),
        {kind: sum(each.covered.get(kind, 0.0) for each in timelines) for kind in kinds},
    )


def slowed(one: Timeline, times: float) -> Timeline:
    """The timeline with the work multiplied."""
    return Timeline(one.seconds * times, {kind: seconds * times for kind, seconds in one.covered.items()})


def at_once(*timelines: Timeline) -> Timeline:
    """The timelines in parallel on separate servers: the longest decides."""
    return Timeline(max((each.seconds for each in timelines), default=0.0), after(*timelines).covered)
