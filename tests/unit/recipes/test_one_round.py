"""Everything that is wrong with a recipe comes in one round, whatever kind of thing it is; and nothing that isn't."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.load import load_recipe

EVERYTHING = """\
extends: spar
name: mine
seed: -1
models: {actor: "hub:a/b", refiner: "builtin:story/refinr"}
prompts: {source: nowhere.jsonl, shard_size: many}
templates: sparr
engine: {kind: opnai}
generation: {policy: respnd, n: 5, tempereture: 0.5}
judgment: {votes: 2, policy: vredict}
search: {beam_width: 9}
selection: {options: {rho: 1}}
training:
  actor: {kind: tlr, batch_size: 32, micro_batch_size: 5}
  mix: chats.jsonl
stages: [{iterations: [7]}]
evaluation: {suite: none, benchmarks: {ifeval: {data: ifeval.jsonl, votes: 3}}}
judge_audit: {rules: rules.jsonl}
budget: {money: 5}
init:
  teacher: {engine: {kind: openai}}
  generation: {policy: evlve}
  judgment: {policy: vredict}
  data: {refiner: [sets/judgments.jsonl]}
"""
KEYS = [
    *("seed", "models.actor", "models.refiner", "prompts.source", "prompts.shard_size", "templates", "engine.kind"),
    *("generation.policy", "generation.tempereture", "judgment.policy", "selection.options.rho", "search.beam_width"),
    *("training.actor.kind", "training.actor.micro_batch_size", "training.mix", "stages", "judgment"),
    *("evaluation.benchmarks.ifeval.data", "evaluation.benchmarks.ifeval.votes", "judge_audit.rules", "budget.money"),
    *("init.teacher.model", "init.generation.policy", "init.judgment.policy", "init.data.refiner"),
]


def complaint(folder: Path, text: str, *overrides: str) -> str:
    (folder / "mine.yaml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(folder / "mine.yaml"), overrides)
    return str(caught.value)


def test_keys_values_engines_paths_policies_and_combinations_come_together(tmp_path: Path) -> None:
    lines = complaint(tmp_path, EVERYTHING).splitlines()[1:]
    named = {key for key in KEYS for line in lines if f" {key} " in f"{line} "}
    assert named == set(KEYS)
    places = [line.strip().partition(": ")[0] for line in lines if line.startswith("  ")]
    assert all(place.startswith("mine.yaml:") for place in places)


def test_what_is_missing_hides_nothing_and_makes_up_nothing(tmp_path: Path) -> None:
    told = complaint(tmp_path, "name: mine\nengine: {kind: openai}\nsearch: {beam_width: 9}\n")
    assert "The recipe" in told
    assert " has 4 problems" in told
    for part in ("models is missing", "prompts is missing", "needs an engine.url", "search.beam_width is 9"):
        assert part in told
    assert "(missing)" not in told


def test_a_value_between_two_keys_leaves_the_rest_of_its_section_to_be_looked_at(tmp_path: Path) -> None:
    told = complaint(tmp_path, "extends: demo\nname: mine\njudgment: {votes: 1, policy: nosuch}\n")
    assert "quorum 3 is more than votes 1" in told
    assert "judgment.policy is 'nosuch'" in told


def test_an_unknown_policy_of_init_is_a_problem_among_others(tmp_path: Path) -> None:
    init = "{teacher: {model: 'served:t'}, responses: {policy: nosuch}, judgment: {policy: norsuch}}"
    told = complaint(tmp_path, f"extends: demo\nname: mine\ninit: {init}\nsearch: {{beam_width: 9}}\n")
    assert "3 problems" in told
    assert "init.responses.policy is 'nosuch', not a known policy" in told


def test_a_key_inside_a_section_given_by_set_has_a_place(tmp_path: Path) -> None:
    told = complaint(tmp_path, "extends: demo\nname: mine\n", "init.prompts.actor=3")
    assert "--set init.prompts.actor: init names no teacher" in told
