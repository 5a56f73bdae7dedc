"""Evolving and checking over a scripted teacher: what it is asked, how often, and what is made of its replies."""

import json
from pathlib import Path

import pytest

from spar.errors import DataError, RecipeError
from spar.evolution.forms import FormSet, forms_named
from spar.evolution.records import Evolution
from spar.evolution.records import EvolutionOutcome as End
from spar.evolution.taxonomy import taxonomy_named
from spar.evolution.teacher import evolve, validate
from spar.method.records import Prompt
from spar.recipes.models import SamplingSettings
from spar.roles.usage import Usage
from spar.testing.scripted import Script, ScriptedModel

TAXONOMY, FORMS = taxonomy_named("spar"), forms_named("spar")
SETTINGS = SamplingSettings(temperature=0.7)
SEED = Prompt.of("Write about $rain.")
MAIN = TAXONOMY.draw_main(3, SEED)
GOOD = "[[start]] Write about rain without commas. [[end]]"
PASSED = "Answerable: Yes\nConsistent: Yes\nMain constraint used: Yes"
EVOLVED = Evolution(prompt=SEED, main=MAIN.key, outcome=End.EVOLVED, text="Write about rain without commas.")


async def evolved(script: Script, retries: int = 2, forms: FormSet = FORMS) -> tuple[Evolution, ScriptedModel, Usage]:
    model, usage = ScriptedModel(script), Usage()
    found = await evolve(model, SEED, TAXONOMY, forms, SETTINGS, retries, 3, usage)
    return found, model, usage


async def test_the_teacher_is_told_the_prompt_the_main_constraint_and_all_kinds() -> None:
    found, model, usage = await evolved(lambda messages, call: GOOD)
    assert (found.outcome, found.text, found.main) == (End.EVOLVED, EVOLVED.text, MAIN.key)
    (asked,) = model.prompts
    assert f'Original Prompt: "{SEED.text}"' in asked
    assert f"of this kind: {MAIN.title}." in asked
    assert all(f"- {group.key}: {group.asks}" in asked for group in TAXONOMY.groups)
    assert "Prefer others than length." in asked
    assert (usage.calls, usage.replies, sum(usage.failures.values())) == (1, 1, 0)


async def test_a_reply_that_is_no_data_is_asked_for_again_with_another_seed() -> None:
    found, model, usage = await evolved(lambda messages, call: ("", "nonsense", GOOD)[call])
    assert found.outcome is End.EVOLVED
    assert len(set(model.seeds)) == 3
    assert usage.failures == {"evolve_empty": 1, "evolve_unparsable": 1}


async def test_the_last_failure_is_the_outcome() -> None:
    found, _, usage = await evolved(lambda messages, call: "nonsense", retries=1)
    assert (found.outcome, found.reply, found.text) == (End.UNPARSABLE, "nonsense", "")
    assert (usage.calls, usage.failures) == (2, {"evolve_unparsable": 2})


async def test_a_none_is_not_asked_again() -> None:
    found, _, usage = await evolved(lambda messages, call: "[[start]]None[[end]]")
    assert (found.outcome, usage.calls) == (End.DECLINED, 1)


async def test_text_that_no_file_can_hold_is_no_prompt() -> None:
    found, _, _ = await evolved(lambda messages, call: "[[start]] rain \ud83d [[end]]", retries=0)
    assert found.outcome is End.UNPARSABLE
    assert json.loads(json.dumps(found.reply, ensure_ascii=False).encode()) == "[[start]] rain ? [[end]]"


async def test_what_the_teacher_cannot_take_ends_that_prompt_alone() -> None:
    def too_long(messages: object, call: int) -> str:
        raise DataError("The prompt has 9000 tokens.", "Shorten it.")

    found, _, _ = await evolved(too_long)
    assert (found.outcome, found.reason) == (End.UNASKABLE, "The prompt has 9000 tokens.")
    checked = await validate(ScriptedModel(too_long), EVOLVED, TAXONOMY, FORMS, SETTINGS, 2, 3, Usage())
    assert (checked.outcome, checked.reason) == (End.UNASKABLE, "The prompt has 9000 tokens.")


async def test_an_evolved_prompt_is_checked_for_its_main_constraint() -> None:
    model, usage = ScriptedModel(lambda messages, call: ("so so", PASSED)[call]), Usage()
    checked = await validate(model, EVOLVED, TAXONOMY, FORMS, SETTINGS, 2, 3, usage)
    assert checked.outcome is End.EVOLVED
    assert f'Prompt: "{EVOLVED.text}"' in model.prompts[0]
    assert f"main constraint of the kind {MAIN.title}: {MAIN.asks}" in model.prompts[0]
    assert (usage.calls, usage.failures) == (2, {"check_unparsable": 1})


async def test_what_has_ended_is_not_checked() -> None:
    model = ScriptedModel(lambda messages, call: PASSED)
    ended = Evolution(prompt=SEED, main=MAIN.key, outcome=End.DECLINED)
    checked = await validate(model, ended, TAXONOMY, FORMS, SETTINGS, 2, 3, Usage())
    assert (checked.outcome, checked.check, model.prompts) == (End.DECLINED, None, [])


def test_forms_of_ones_own_are_held_to_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "evolve.txt").write_text("Add $title to: $seed\n", encoding="utf-8")
    (tmp_path / "validate.txt").write_text("Is $main in: $prompt\n", encoding="utf-8")
    forms = forms_named(str(tmp_path))
    assert forms.evolve_messages("$main", MAIN, TAXONOMY)[0].content == f"Add {MAIN.title} to: $main"
    for text in ("Add $title", "Evolve $seed", "Add $title to $seed for $5", "Add $title to $seed and $response"):
        (tmp_path / "evolve.txt").write_text(text, encoding="utf-8")
        with pytest.raises(RecipeError):
            forms_named(str(tmp_path))
    with pytest.raises(RecipeError, match=r"no readable evolve\.txt"):
        forms_named(str(tmp_path / "absent"))
