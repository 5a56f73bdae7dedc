"""Every recipe of the table from prompts to models, at a tiny size: in this process, on the simulated engine."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.method.records import Example, ExampleKind, Pair, Prompt
from spar.recipes.load import load_recipe
from spar.testing.behaviour import GOOD
from tests.end_to_end.recipes import PROMPTS, Ran, run_all, simulated_models, small

pytestmark = pytest.mark.end_to_end

RECIPES = {
    **dict.fromkeys(("demo", "no_tree_search", "no_refinement", "no_iteration", "best_of_n_dpo"), 1),
    **dict.fromkeys(("self_rewarding", "self", "humpback", "autoif"), 2),
    "meta_rewarding": 3,
}
"""How many iterations cover everything a recipe does: a stage of meta_rewarding starts with the third."""


def checked_prompts(path: Path) -> Path:
    """Prompts whose checker knows the simulated models' hidden property, and one whose checker always raises."""
    right = f"def evaluate(response):\n    return {GOOD!r} in response.split()"
    broken = "def evaluate(response):\n    return response.nothing"
    rows = [{"prompt": f"Write about lamp {n}.", "checkers": [right, broken]} for n in range(2 * PROMPTS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ran]:
    folder = tmp_path_factory.mktemp("recipes")
    actor, refiner = simulated_models(folder)
    changes = {
        "autoif": [f"prompts.source={checked_prompts(folder / 'checked.jsonl')}"],
        "humpback": [f"models.backward={actor}"],
    }
    recipes = []
    for name, iterations in RECIPES.items():
        judge = actor if load_recipe(name).models.shared else refiner
        recipes.append(load_recipe(name, [*small(actor, judge, iterations), *changes.get(name, [])]))
    return dict(zip(RECIPES, run_all(recipes, folder / "home"), strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_it_ends_with_one_outcome_a_prompt_and_new_models(ran: Mapping[str, Ran], name: str) -> None:
    done = ran[name]
    assert done.run.status is RunStatus.FINISHED, done.run.reason
    assert [done.counted(row.index).total() for row in done.iterations] == [PROMPTS] * len(done.iterations)
    for row in done.iterations:
        selected, counted = done.selected(row.index), done.counted(row.index)
        assert (counted["pair"], counted["example"]) == (selected.pairs, selected.actor_examples)
        assert not selected.pairs or not selected.actor_examples
        assert (row.actor_after != row.actor) == bool(selected.pairs + selected.actor_examples)
    assert any(row.actor_after != row.actor for row in done.iterations)


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("demo", "trained"),
        ("no_iteration", "trained"),
        ("best_of_n_dpo", "kept"),
        ("autoif", "kept"),
        ("self_rewarding", "shared"),
        ("meta_rewarding", "shared"),
        ("self", "shared"),
        ("humpback", "shared"),
    ],
)
def test_what_becomes_of_the_refiner(ran: Mapping[str, Ran], name: str, after: str) -> None:
    for row in ran[name].iterations:
        fate = {row.refiner: "kept", row.actor_after: "shared"}.get(str(row.refiner_after), "trained")
        if row.actor_after == row.refiner:  # nothing to train on: kept and shared are the same
            continue
        assert fate == after


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("demo", "generation judgment refinement"),
        ("no_refinement", "generation judgment"),
        ("best_of_n_dpo", "generation judgment"),
        ("meta_rewarding", "generation judgment comparison"),
        ("self", "generation judgment refinement"),
        ("humpback", "generation judgment"),
    ],
)
def test_which_steps_its_shards_go_through(ran: Mapping[str, Ran], name: str, chain: str) -> None:
    kinds = {step.kind for step in ran[name].steps if step.iteration == 1 and step.part == "0"}
    assert [kind for kind in StepKind if kind in kinds] == chain.split()


def test_meta_rewarding_trains_on_both_kinds_of_pairs_until_its_last_stage(ran: Mapping[str, Ran]) -> None:
    done = ran["meta_rewarding"]
    assert [done.selected(index).judge_pairs > 0 for index in (1, 2, 3)] == [True, True, False]
    assert {step.iteration for step in done.of(StepKind.COMPARISON)} == {1, 2}
    [first, _, last] = done.of(StepKind.TRAINING)
    assert [len(step.message["spec"].get("more", [])) for step in (first, last)] == [1, 0]
    [pair, *_] = done.rows(str(done.selected(1).judge_pairs_key), Pair)
    assert pair.prompt.text.startswith("Score : ")
    assert "Score : " in pair.chosen
    assert pair.chosen != pair.rejected
    assert first.facts["counts"]["samples"] == done.selected(1).pairs + done.selected(1).judge_pairs


def test_self_mixes_its_skill_data_into_what_it_learns(ran: Mapping[str, Ran]) -> None:
    done = ran["self"]
    trainings = done.of(StepKind.TRAINING)
    assert trainings
    for step in trainings:
        selected = done.selected(step.iteration)
        assert step.facts["counts"]["samples"] == selected.actor_examples + load_recipe("self").training.mix_rows
        assert not done.counted(step.iteration)["all_good"]  # a good response is kept as it is
        [example, *_] = done.rows(str(selected.actor_examples_key), Example)
        assert example.kind is ExampleKind.RESPONSE


def test_humpback_learns_instructions_for_texts_and_starts_anew_each_time(ran: Mapping[str, Ran]) -> None:
    done = ran["humpback"]
    texts = {prompt.text for prompt in done.rows(done.run.prompts, Prompt)}
    [example, *_] = done.rows(str(done.selected(1).actor_examples_key), Example)
    instruction, text = example.messages
    assert text.content in texts
    assert instruction.content not in texts
    bases = {step.message["spec"]["base"]["fingerprint"] for step in done.of(StepKind.TRAINING)}
    assert bases == {done.iterations[0].actor}


def test_humpbacks_second_round_rates_the_same_instructions_by_the_better_model(
    ran: Mapping[str, Ran],
) -> None:
    done = ran["humpback"]
    generated = {(step.iteration, step.part): step for step in done.of(StepKind.GENERATION)}
    rated = {(step.iteration, step.part): step for step in done.of(StepKind.JUDGMENT)}
    parts = {part for iteration, part in generated if iteration == 1}
    assert parts
    for part in parts:
        assert generated[2, part].reused
        assert generated[2, part].result_key == generated[1, part].result_key
        models = [rated[iteration, part].message["spec"]["model"]["fingerprint"] for iteration in (1, 2)]
        assert models == [done.iterations[0].actor, done.iterations[0].actor_after]


def test_humpback_learns_no_instruction_that_is_measured(ran: Mapping[str, Ran], tmp_path: Path) -> None:
    """The same run with a benchmark that contains what the backward model wrote for one text."""
    before = ran["humpback"]
    [example, *_] = before.rows(str(before.selected(1).actor_examples_key), Example)
    item = {
        "key": 1,
        "prompt": example.messages[0].content,
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    }
    (tmp_path / "items.jsonl").write_text(json.dumps(item) + "\n")
    actor, _ = simulated_models(tmp_path)
    benchmark = f"{{suite: none, benchmarks: {{ifeval: {{data: {tmp_path / 'items.jsonl'}, max_tokens: 96}}}}}}"
    changes = [*small(actor, actor, 1), f"models.backward={actor}", f"evaluation={benchmark}"]
    [after] = run_all([load_recipe("humpback", changes)], tmp_path / "home")
    assert after.run.status is RunStatus.FINISHED, after.run.reason
    assert after.counted(1)["measured"] >= 1
    assert after.counted(1)["example"] == before.counted(1)["example"] - after.counted(1)["measured"]
    learned = [row.messages[0].content for row in after.rows(str(after.selected(1).actor_examples_key), Example)]
    assert item["prompt"] not in learned


def test_autoif_fine_tunes_on_what_passes_then_prefers_it(ran: Mapping[str, Ran]) -> None:
    done = ran["autoif"]
    assert [done.selected(index).actor_examples > 0 for index in (1, 2)] == [True, False]
    [pair, *_] = done.rows(done.selected(2).pairs_key, Pair)
    assert GOOD in pair.chosen.split()
    assert GOOD not in pair.rejected.split()
    assert all(step.facts["usage"]["calls"] == 0 for step in done.of(StepKind.JUDGMENT))


def test_recipes_on_the_same_start_share_what_is_the_same(ran: Mapping[str, Ran]) -> None:
    """demo ran first: later runs request no response or vote of the first iteration again."""
    for name in ("no_refinement", "best_of_n_dpo", "no_tree_search"):
        shared = (StepKind.GENERATION, StepKind.JUDGMENT)
        assert all(step.reused for step in ran[name].steps if step.kind in shared)


def test_a_second_recipe_that_shares_the_judging_makes_less_than_half_of_the_calls(ran: Mapping[str, Ran]) -> None:
    made = {
        name: sum(step.facts["usage"]["calls"] for step in done.steps if not step.reused and "usage" in step.facts)
        for name, done in ran.items()
    }
    assert made["no_refinement"] == made["best_of_n_dpo"] == 0
    assert 0 < made["no_tree_search"] < made["demo"] / 2
