"""Starting models made before self-play, at a tiny size: in this process, on the simulated engine."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.method.records import Example, ExampleKind
from spar.recipes.init import ACTOR, REFINER
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe
from tests.end_to_end.recipes import PROMPTS, Ran, run_all, simulated_models, small

pytestmark = pytest.mark.end_to_end

TEACHER = "served:teacher"
FOR_ACTOR, FOR_REFINER = 8, 10


def initialised(folder: Path, more: Sequence[str] = ()) -> Recipe:
    backbone = folder / "actor" if (folder / "actor").is_dir() else simulated_models(folder)[0]
    tiny = ["init.teacher.engine.kind=simulated", f"init.teacher.model={TEACHER}"]
    tiny += [f"init.prompts.actor={FOR_ACTOR}", f"init.prompts.refiner={FOR_REFINER}"]
    tiny += ["init.actor.kind=simulated", "init.refiner.kind=simulated"]
    tiny += [f"init.{name}.max_tokens=96" for name in ("generation", "responses", "judgment", "search")]
    return load_recipe("story-init", [*small(backbone, backbone, 1), *tiny, *more])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    folder = tmp_path_factory.mktemp("init")
    recipes = [initialised(folder), initialised(folder, ["search.branch=2", "training.actor.beta=0.2", "iterations=2"])]
    return run_all(recipes, folder / "home")


def test_two_iterations_make_the_starting_models(ran: list[Ran]) -> None:
    done = ran[0]
    assert done.run.status is RunStatus.FINISHED, done.run.reason
    actor, refiner, first = sorted(done.iterations, key=lambda row: row.index)
    assert [row.index for row in (actor, refiner, first)] == [ACTOR, REFINER, 1]
    backbone = done.run.models[done.run.recipe["models"]["actor"]]
    assert actor.actor == refiner.refiner == actor.refiner_after == backbone
    assert refiner.actor == actor.actor_after == refiner.actor_after != backbone
    assert refiner.refiner_after not in (backbone, None)
    assert (first.actor, first.refiner) == (refiner.actor_after, refiner.refiner_after)
    assert [row.prompts for row in (actor, refiner, first)] == [FOR_ACTOR, FOR_REFINER, PROMPTS]


def test_every_prompt_has_one_outcome_and_is_in_one_part(ran: list[Ran]) -> None:
    done = ran[0]
    assert [done.counted(index).total() for index in (ACTOR, REFINER, 1)] == [FOR_ACTOR, FOR_REFINER, PROMPTS]
    assert done.counted(ACTOR)["example"] == done.selected(ACTOR).actor_examples > 0
    assert done.counted(REFINER)["lesson"] > 0
    parts = [{row.prompt_id for row in done.outcomes if row.iteration == index} for index in (ACTOR, REFINER, 1)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_who_is_asked(ran: list[Ran]) -> None:
    done = ran[0]
    teacher = done.run.models[TEACHER]
    made = next(row.actor_after for row in done.iterations if row.index == ACTOR)
    asked = {
        (step.iteration, step.kind): step.message["spec"]["model"]["fingerprint"]
        for step in done.steps
        if step.part == "0"
    }
    assert asked[ACTOR, StepKind.GENERATION] == teacher
    assert asked[REFINER, StepKind.GENERATION] == made
    assert asked[REFINER, StepKind.JUDGMENT] == asked[REFINER, StepKind.REFINEMENT] == teacher
    assert asked[1, StepKind.GENERATION] == made
    assert teacher not in {asked[1, kind] for kind in (StepKind.JUDGMENT, StepKind.REFINEMENT)}
    [unjudged] = [step for step in done.of(StepKind.JUDGMENT) if step.iteration == ACTOR and step.part == "0"]
    assert unjudged.facts["usage"]["calls"] == 0


def test_the_sets_are_of_responses_judgments_and_refinements(ran: list[Ran]) -> None:
    done = ran[0]
    responses = done.rows(str(done.selected(ACTOR).actor_examples_key), Example)
    assert {row.kind for row in responses} == {ExampleKind.RESPONSE}
    lessons = done.rows(done.selected(REFINER).examples_key, Example)
    kinds = {row.kind for row in lessons}
    assert ExampleKind.REFINEMENT in kinds
    assert kinds <= {ExampleKind.REFINEMENT, ExampleKind.RESPONSE_YES, ExampleKind.RESPONSE_NO}
    trained = {(step.iteration, step.part) for step in done.of(StepKind.TRAINING) if step.iteration < 1}
    assert trained == {(ACTOR, "actor"), (REFINER, "refiner")}


def test_another_self_play_finds_all_of_it_made(ran: list[Ran]) -> None:
    before = {step.fingerprint for step in ran[0].steps if step.iteration <= REFINER}
    again = [step for step in ran[1].steps if step.iteration <= REFINER]
    assert {step.fingerprint for step in again} == before
    assert all(step.reused for step in again)
    assert not all(step.reused for step in ran[1].steps if step.iteration > REFINER)
