"""Starting models as recipe data: what its parts become, and what is refused."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.planning.init_work import init_work_of
from spar.recipes.init import ACTOR, BACKBONE, REFINER, engine_of, iteration_name, teacher_of
from spar.recipes.iteration_settings import base_settings, settings_in
from spar.recipes.load import load_recipe, recipe_fingerprint
from spar.recipes.policies import needs_checkers


def test_the_papers_settings_are_the_defaults_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("extends: demo\nname: mine\ninit: {teacher: {model: 'served:t'}, actor: {epochs: 2}}\n")
    init = load_recipe(str(file)).init
    assert init is not None
    assert (init.actor.learning_rate, init.actor.epochs, init.actor.batch_size) == (2e-6, 2, 64)
    assert (init.generation.n, init.generation.temperature) == (1, 0.7)
    assert (init.search.policy, init.search.temperature) == ("greedy", 0.0)
    assert (init.prompts.actor, init.selection.tree_yes, init.selection.contested_only) == (8000, 0, False)


def test_pairs_are_learned_by_the_papers_dpo(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("{}\n")
    file = tmp_path / "mine.yaml"
    init = f"{{teacher: {{model: 'served:t'}}, actor: {{method: dpo}}, data: {{actor: [{tmp_path / 'pairs.jsonl'}]}}}}"
    file.write_text(f"extends: demo\nname: mine\ninit: {init}\n")
    recipe = load_recipe(str(file))
    settings = settings_in(recipe, ACTOR).training.actor
    assert (settings.method, settings.learning_rate, settings.batch_size, settings.epochs) == ("dpo", 2e-7, 32, 1)
    assert load_recipe(str(file)).init == type(recipe.init).model_validate(recipe.init.model_dump())  # type: ignore[union-attr]


def test_a_profile_holds_for_the_teacher_too() -> None:
    init = load_recipe("story-init", ["profile=paper", "init.judgment.quorum=1"]).init
    assert init is not None
    assert (init.judgment.retries, init.search.stop_when_decided) == (0, False)


def test_how_its_two_iterations_are_set() -> None:
    recipe = load_recipe("story-init")
    actor, refiner, first = (settings_in(recipe, iteration) for iteration in (ACTOR, REFINER, 1))
    assert (actor.judgment.policy, actor.selection.pairs, actor.refiner_fate) == ("unjudged", "given", "kept")
    assert (refiner.selection.pairs, refiner.refiner_fate) == ("lessons", "trained")
    assert refiner.search.policy == "greedy"
    assert first == base_settings(recipe)
    assert not needs_checkers(recipe)


def test_who_is_asked_and_by_which_engine() -> None:
    recipe = load_recipe("story-init")
    asked = {
        (i, k): teacher_of(recipe, i, k) is not None for i in (ACTOR, REFINER, 1) for k in ("generation", "judgment")
    }
    assert [place for place, teacher in asked.items() if teacher] == [
        (ACTOR, "generation"),
        (ACTOR, "judgment"),
        (REFINER, "judgment"),
    ]
    kinds = [
        engine_of(recipe, *place).kind for place in ((ACTOR, "generation"), (REFINER, "generation"), (1, "judgment"))
    ]
    assert kinds == ["rules", "transformers", "transformers"]


def test_names() -> None:
    assert [iteration_name(index) for index in (BACKBONE, ACTOR, REFINER, 1)] == [
        *("backbone", "init actor", "init refiner", "iteration 1"),
    ]
    assert iteration_name(REFINER, measured=True) == "start"


def test_where_the_teacher_is_makes_no_other_run_and_what_it_is_does() -> None:
    kind = "init.teacher.engine.kind=openai"
    here, there = (
        recipe_fingerprint(load_recipe("story-init", [kind, f"init.teacher.engine.url=http://{host}/v1"]))
        for host in "ab"
    )
    assert here == there
    assert recipe_fingerprint(load_recipe("story-init", ["init.teacher.model=served:other"])) != recipe_fingerprint(
        load_recipe("story-init")
    )


RUBRIC = ["judgment.policy=rubric", "selection.pairs=extremes"]


def test_one_model_learns_to_judge_as_it_will() -> None:
    scoring = load_recipe("story-init", ["models.shared=true", *RUBRIC, "init.judgment.policy=rubric"])
    refiner = settings_in(scoring, REFINER)
    assert (refiner.selection.pairs, refiner.refiner_fate) == ("judged", "shared")
    assert refiner.training.actor == refiner.training.refiner == scoring.init.refiner  # type: ignore[union-attr]
    assert load_recipe("story-init", ["models.shared=true", *RUBRIC]) == scoring  # nothing else could be meant
    assert settings_in(load_recipe("story-init", ["models.shared=true"]), REFINER).selection.pairs == "lessons"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["init.teacher=null"], "names no teacher, and no data for the actor and the refiner"),
        (["init.judgment.policy=rubric"], "a refiner is trained to give verdicts"),
        (
            ["models.shared=true", *RUBRIC, "init.judgment.policy=verdict"],
            "is verdict, but the model judges by rubric in self-play",
        ),
        (["models.shared=true", *RUBRIC, "init.judgment.policy=rating"], "is rating, but the model judges by rubric"),
        (["init.data.actor=[nowhere.jsonl]"], "names a missing file"),
        (["init.teacher.engine.kind=nothing"], "is 'nothing', which is not installed"),
        (["init.teacher.engine.kind=openai"], "init.teacher.engine.url is missing"),
        (["init.teacher.model=nowhere"], "names a missing folder"),
        (["init.prompts.source=nowhere.jsonl"], "names a missing file"),
        (["init.actor.micro_batch_size=5"], "does not divide batch_size 32"),
        (["init.actor.method=dpo"], "a teacher's responses are not pairs"),
        (["init.actor.method=dpo", "models.shared=true"], "a shared model is trained on the actor's data again"),
    ],
)
def test_what_cannot_be_done_is_told(changes: list[str], told: str) -> None:
    with pytest.raises(RecipeError) as raised:
        load_recipe("story-init", changes)
    assert told in str(raised.value)


def test_both_sets_given_leave_a_teacher_without_work(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    with pytest.raises(RecipeError, match="is not used: both data sets are given"):
        load_recipe("story-init", [f"init.data.{role}=[{tmp_path / 'a.jsonl'}]" for role in ("actor", "refiner")])


def test_a_plan_counts_the_teachers_calls_apart() -> None:
    recipe = load_recipe("story-init", ["init.prompts.actor=10", "init.prompts.refiner=6", "init.judgment.votes=3"])
    work = init_work_of(recipe)
    assert work is not None
    # It responds to 10 prompts, and judges 2 responses to each of 6; of those it refines one at most, and judges it.
    assert (work.teacher.least, work.teacher.most) == (10 + 12, 10 + 12 + 12)
    assert work.own.least == work.own.most == 6
    assert work.teacher.written == 10 * 16 + 12 * 3 * 96 + 6 * (48 + 3 * 96)
    assert init_work_of(load_recipe("demo")) is None
