"""An iteration's plan: from a recipe and a number alone, who does which step, and what is trained from what."""

import pytest

from services.coordinator.iteration_plan import NamedModel, RowSource, plan_iteration
from spar.messages.base import StepKind
from spar.recipes.init import ACTOR, REFINER
from spar.recipes.load import load_recipe
from spar.recipes.paths import INIT_SET

GENERATION, JUDGMENT, REFINEMENT = StepKind.GENERATION, StepKind.JUDGMENT, StepKind.REFINEMENT


def test_self_play_prompts_the_iterations_own_models_and_trains_them_on_its_rows() -> None:
    plan = plan_iteration(load_recipe("demo"), 2)
    assert plan.chain == (GENERATION, JUDGMENT, REFINEMENT)
    assert [plan.steps[kind].model for kind in plan.chain] == ["actor", "refiner", "refiner"]
    assert (plan.initializes, plan.given, plan.generated_in) == (None, False, 2)
    assert plan.trainings["actor"].rows == (RowSource.PAIRS, RowSource.JUDGMENT_PAIRS)
    assert plan.trainings["refiner"].rows == (RowSource.REFINER_EXAMPLES,)
    assert (plan.trainings["actor"].base, plan.trainings["refiner"].base) == (2, 2)


def test_plans_of_one_recipe_and_number_are_equal_and_of_another_seed_are_not() -> None:
    assert plan_iteration(load_recipe("demo"), 1) == plan_iteration(load_recipe("demo"), 1)
    seeds = {
        plan_iteration(load_recipe("demo", [f"seed={seed}"]), index).trainings[role].seed
        for seed in (0, 1)
        for index in (1, 2)
        for role in ("actor", "refiner")
    }
    assert len(seeds) == 8


def test_the_teacher_makes_the_initial_models_and_each_starts_from_its_backbone() -> None:
    recipe = load_recipe("story-init")
    actor, refiner, first = (plan_iteration(recipe, index) for index in (ACTOR, REFINER, 1))
    teacher = NamedModel(name=recipe.init.teacher.model)  # type: ignore[union-attr]
    assert [actor.steps[kind].model for kind in (GENERATION, JUDGMENT)] == [teacher, teacher]
    assert [refiner.steps[kind].model for kind in refiner.chain] == ["actor", teacher, teacher]
    assert [first.steps[kind].engine.kind for kind in first.chain] == ["transformers"] * 3
    assert refiner.steps[JUDGMENT].engine.kind == "rules"
    assert (actor.initializes, refiner.initializes, first.initializes) == ("actor", "refiner", None)
    assert (actor.trainings["actor"].base, refiner.trainings["refiner"].base) == (ACTOR, ACTOR)
    assert actor.trainings["actor"].rows == (RowSource.INIT_ACTOR,)
    assert refiner.trainings["refiner"].rows == (RowSource.INIT_REFINER,)


def test_one_model_learns_both_initial_sets_in_its_second_training() -> None:
    plan = plan_iteration(load_recipe("story-init", ["models.shared=true"]), REFINER)
    assert plan.trainings["actor"].rows == (RowSource.INIT_REFINER, RowSource.INIT_ACTOR)


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("self_rewarding", (GENERATION, JUDGMENT)),
        ("meta_rewarding", (GENERATION, JUDGMENT, StepKind.COMPARISON)),
    ],
)
def test_what_a_shard_goes_through_follows_from_the_policies(name: str, chain: tuple[StepKind, ...]) -> None:
    # A stage may set its first iteration otherwise; the last one is the recipe's own.
    recipe = load_recipe(name)
    plan = plan_iteration(recipe, 1 if name == "meta_rewarding" else recipe.iterations)
    assert (plan.chain, plan.judging_data) == (chain, StepKind.COMPARISON in chain)


def test_a_backward_model_writes_the_same_again_for_texts_that_are_reused() -> None:
    recipe = load_recipe("humpback", ["prompts.reuse=true"])
    plan = plan_iteration(recipe, 2)
    assert plan.steps[GENERATION].model == NamedModel(name=str(recipe.models.backward))
    assert plan.generated_in == 1


@pytest.mark.parametrize(("mix", "source"), [("world:story-seed", RowSource.MIX), (INIT_SET, RowSource.INIT_SAMPLE)])
def test_supervised_training_mixes_in_what_the_recipe_names(mix: str, source: RowSource) -> None:
    changes = ["selection.pairs=passed", "training.actor.method=sft", f"training.mix={mix}", "training.from_start=true"]
    plan = plan_iteration(load_recipe("story-init", changes), 3)
    assert plan.trainings["actor"].rows == (RowSource.ACTOR_EXAMPLES, source)
    assert (plan.trainings["actor"].base, plan.trainings["refiner"].base) == (1, 3)
