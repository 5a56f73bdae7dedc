"""A recipe's policies: whether they are there, fit each other, and what else they read."""

from pathlib import Path

import pytest

from spar.data.readers.conversations import read_conversations
from spar.errors import DataError, RecipeError
from spar.messages.judgment import JudgmentSpec
from spar.method.records import ExampleKind, Prompt
from spar.recipes.iteration_settings import base_settings
from spar.recipes.load import load_recipe, recipe_fingerprint
from spar.recipes.models import JudgmentSettings, SelectionSettings
from spar.recipes.paths import read_forms
from spar.recipes.policies import forms_needed, judging_options, needs_checkers, searches, selection_options
from spar.submission.policy_inputs import read_checkers


@pytest.mark.parametrize(
    ("name", "overrides", "told"),
    [
        ("demo", ["judgment.policy=rubrik"], "judgment.policy is 'rubrik', not a known policy"),
        ("demo", ["selection.pairs=extreme"], "selection.pairs is 'extreme', not a known policy"),
        ("demo", ["generation.policy=instrukt"], "generation.policy is 'instrukt', not a known policy"),
        ("demo", ["selection.options.rho=0.1"], "It has none: delete the key."),
        ("meta_rewarding", ["selection.options.roh=0.1"], "Did you mean 'rho'?"),
        ("demo", ["judgment.policy=rubric"], "whose search needs votes, but judgment.policy is rubric"),
        (
            "best_of_n_dpo",
            ["judgment.policy=rubric", "training.train_refiner=true"],
            "a refiner is trained to give verdicts",
        ),
        ("best_of_n_dpo", ["selection.pairs=passed"], "makes examples, but the actor trains by dpo"),
        ("self", ["selection.pairs=refined"], "makes pairs, but the actor trains by sft"),
        ("self_rewarding", ["generation.n=1"], "a pair takes two responses"),
        ("self_rewarding", ["models.refiner=builtin:story/refiner"], "Name the same model for both."),
        ("humpback", ["generation.n=2"], "a text takes one instruction"),
        ("demo", ["generation.policy=instruct", "generation.n=1"], "there is no backward model"),
        ("demo", ["models.backward=builtin:story/one"], "names a model that is not used"),
        ("meta_rewarding", ["judgment.policy=verdict"], "compares judgments with scores"),
        ("meta_rewarding", ["models.shared=false"], "no model here is trained by dpo to judge"),
        ("demo", ["training.mix=world:story-seed"], "the actor trains by dpo, on pairs"),
        ("self", ["training.mix=world:story-nothing"], "which is not a known source"),
        ("self", ["training.mix=init:refiner"], "the data set of init, but there is no init"),
        ("self", ["training.mix=nowhere.jsonl"], "names a missing file"),
        ("demo", ["prompts.source=world:stories"], "which is not a known world"),
        ("demo", ["training.actor.method=ppo"], "training.actor.method is 'ppo'"),
        ("demo", ["training.actor.packing=true"], "training.actor.packing is not a key of a recipe"),
    ],
)
def test_what_does_not_fit_is_told(name: str, overrides: list[str], told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, overrides)
    assert told in str(caught.value)


def test_a_refiner_that_is_not_trained_needs_no_data() -> None:
    caps = [
        f"selection.refiner.{cap}=0" for cap in ("refinements", "tree_yes", "tree_no", "response_no", "response_yes")
    ]
    assert base_settings(load_recipe("best_of_n_dpo", caps)).refiner_fate == "kept"


@pytest.mark.parametrize(
    ("name", "forms", "checkers", "search"),
    [
        ("demo", [], False, True),
        ("self_rewarding", ["score"], False, False),
        ("meta_rewarding", ["score", "compare"], False, False),
        ("humpback", ["rate", "instruct"], False, False),
        ("autoif", [], True, False),
        ("self", [], False, True),
    ],
)
def test_what_a_recipe_needs_follows_from_its_policies(
    name: str, forms: list[str], checkers: bool, search: bool
) -> None:
    recipe = load_recipe(name)
    assert (list(forms_needed(recipe)), needs_checkers(recipe), searches(base_settings(recipe))) == (
        forms,
        checkers,
        search,
    )
    assert [form.name for form in read_forms(recipe)] == forms


def test_a_template_folder_needs_the_forms_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "judge.txt").write_text("$prompt $response")
    (tmp_path / "refine.txt").write_text("again")
    with pytest.raises(RecipeError, match=r"has no score.txt"):
        load_recipe("self_rewarding", [f"templates={tmp_path}"])
    (tmp_path / "score.txt").write_text("score $prompt")
    with pytest.raises(RecipeError, match=r"'score' must have \$prompt, \$response"):
        load_recipe("self_rewarding", [f"templates={tmp_path}"])
    (tmp_path / "score.txt").write_text("score $response for $prompt")
    first = load_recipe("self_rewarding", [f"templates={tmp_path}"])
    [form] = read_forms(first)
    assert form.messages(prompt="$response", response="b")[0].content == "score b for $response"
    before = recipe_fingerprint(first)
    (tmp_path / "score.txt").write_text("Score $response for $prompt")
    assert recipe_fingerprint(load_recipe("self_rewarding", [f"templates={tmp_path}"])) != before


def test_options_are_completed_by_the_policys_own() -> None:
    assert judging_options(JudgmentSettings(policy="rubric")) == {"good": 4}
    assert judging_options(JudgmentSettings(policy="rubric", options={"good": 5})) == {"good": 5}
    assert selection_options(SelectionSettings(pairs="length_controlled")) == {"rho": 0.0, "max_chars": 0.0}


def test_what_came_later_changes_no_identity_until_it_is_used() -> None:
    plain = load_recipe("demo")
    written = plain.model_dump(mode="json")
    assert "policy" not in written["judgment"]
    assert "stages" not in written
    assert recipe_fingerprint(
        load_recipe("demo", ["judgment.policy=verdict", "models.shared=false"])
    ) == recipe_fingerprint(plain)
    assert recipe_fingerprint(load_recipe("demo", ["training.train_refiner=false"])) != recipe_fingerprint(plain)
    assert JudgmentSpec.model_fields["form"].exclude_if is not None


def test_checkers_come_with_their_prompts(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        '\ufeff{"prompt": "a", "checkers": ["x", "y"]}\nnothing\n{"prompt": "b"}\n{"prompt": "c", "checkers": [1]}\n'
    )
    [row] = read_checkers(path, [Prompt.of("a")])
    assert (row.prompt_id, row.checkers) == (Prompt.of("a").id, ("x", "y"))
    with pytest.raises(DataError, match="2 prompts have no checkers, the first is 'b'"):
        read_checkers(path, [Prompt.of("a"), Prompt.of("b"), Prompt.of("c")])


def test_conversations_are_read_or_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "mix.jsonl"
    good = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    path.write_text(good * 3)
    rows = read_conversations(path, most=2)
    assert [row.kind for row in rows] == [ExampleKind.MIXED] * 2
    for bad, told in (
        ('{"messages": [{"role": "user", "content": "a"}]}', "has no assistant turn"),
        ('{"messages": [{"role": "bot", "content": "a"}]}', "a turn has role 'bot'"),
        ("[1]", "is not a row of messages"),
        ('{"messages": [{"role": "user", "content": "a"}], "images": ["a.png"]}', "`images` is not empty"),
        (good.replace('"b"', '"b", "weight": 0').strip(), r"excluded from training \(weight: 0\)"),
        (good.replace("}]}", '}], "label": false}').strip(), "`label` is false"),
        (good.replace('"a"', '"<image>a"').strip(), "placeholder for more than text"),
        ("x", "is not a row of messages"),
    ):
        path.write_text(good + bad)
        with pytest.raises(DataError, match=told) as caught:
            read_conversations(path, most=5)
        assert "line 2" in str(caught.value)
    path.write_text("\n")
    with pytest.raises(DataError, match="holds no conversation"):
        read_conversations(path, most=5)
