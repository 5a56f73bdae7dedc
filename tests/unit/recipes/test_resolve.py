"""Profiles change only what the user left alone; the fingerprint changes with what determines results."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.load import load_recipe, recipe_fingerprint, resolve


def fingerprint(*overrides: str) -> str:
    return recipe_fingerprint(load_recipe("demo", overrides))


def test_the_paper_profile_sets_the_papers_outcome_rules() -> None:
    recipe = load_recipe("demo", ["profile=paper"])
    assert (recipe.judgment.quorum, recipe.search.stop_when_decided) == (1, False)


def test_a_value_of_the_users_own_stays() -> None:
    recipe = load_recipe("demo", ["profile=paper", "judgment.quorum=2"])
    assert (recipe.judgment.quorum, recipe.search.stop_when_decided) == (2, False)


def test_resolving_twice_changes_nothing() -> None:
    recipe = load_recipe("demo", ["profile=paper", "judgment.quorum=2"])
    assert resolve(recipe) == recipe


@pytest.mark.parametrize(
    "change",
    ["seed=1", "name=other", "iterations=2", "training.actor.learning_rate=1e-4", "engine.dtype=float32"],
)
def test_what_determines_results_changes_the_fingerprint(change: str) -> None:
    assert fingerprint(change) != fingerprint()


@pytest.mark.parametrize(
    "change",
    ["dispatch.window=3", "engine.max_batch=7", "engine.deadline_s=5", "training.actor.checkpoint_steps=9"],
)
def test_how_fast_a_run_goes_does_not(change: str) -> None:
    assert fingerprint(change) == fingerprint()


def test_saying_a_default_is_saying_nothing() -> None:
    assert fingerprint("generation.n=5") == fingerprint()


def test_named_files_count_by_their_content(tmp_path: Path) -> None:
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).write_text(f'{{"prompt": "{text}"}}\n')
    a, b, c = (fingerprint(f"prompts.source={tmp_path / name}") for name in "abc")
    assert a == b != c


def test_an_audit_counts_by_what_it_asks_and_not_by_its_alarm(tmp_path: Path) -> None:
    assert fingerprint("judge_audit.prompts=50") != fingerprint()
    assert fingerprint("judge_audit.prompts=50") == fingerprint("judge_audit.prompts=50", "judge_audit.alarm=0.5")
    assert fingerprint("judge_audit.prompts=50") == fingerprint("judge_audit.prompts=50", "judge_audit.stop=true")
    judge = "judge_audit.judge.model=m"
    assert fingerprint(judge, "judge_audit.judge.url=http://a/v1") == fingerprint(
        judge, "judge_audit.judge.url=http://b/v1"
    )
    here, body = (judge, "judge_audit.judge.url=http://a/v1"), "judge_audit.judge.body={top_k: 20}"
    assert fingerprint(*here, "judge_audit.judge.headers={X-Org: a}") == fingerprint(*here) != fingerprint(*here, body)
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).write_text(f'{{"prompt": "{text}"}}\n')
    a, b, c = (fingerprint(f"judge_audit.rules={tmp_path / name}") for name in "abc")
    assert a == b != c


def test_an_audit_needs_rules(tmp_path: Path) -> None:
    for bad in ("judge_audit.rules=world:elsewhere", f"judge_audit.rules={tmp_path / 'none.jsonl'}"):
        with pytest.raises(RecipeError, match=r"judge_audit\.rules"):
            load_recipe("demo", [bad])
