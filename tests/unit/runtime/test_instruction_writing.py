"""Instructions from a teacher: read out of its lists, each once, until there are enough or it only repeats itself."""

import asyncio

import pytest

from spar.engines.base import Sampling
from spar.errors import DataError
from spar.method.templates.forms import PromptForm, builtin_form
from spar.roles.instruction_writer import InstructionTeacher, parse_instructions
from spar.roles.usage import SeedScope, Usage
from spar.roles.verified_instructions import BARREN, WrittenRound, write_instructions
from spar.testing.scripted import ScriptedModel
from spar.worlds.story.engine import ErrorRates, RulesModel
from spar.worlds.story.prompts import generate_prompts, split_of
from spar.worlds.story.rules import parse_prompt

SEEDS = ["Use no commas.", "Write 20 words."]


@pytest.mark.parametrize(
    ("reply", "finish", "found"),
    [
        ("- Use no commas.\n- Write in capitals.\n", "stop", ("Use no commas.", "Write in capitals.")),
        ("Here:\n1. One.\n2) Two.\n* Three.\nThat is all.", "stop", ("One.", "Two.", "Three.")),
        ("- One.\n- One.", "stop", ("One.",)),
        ("- One.\n- Write no wo", "length", ("One.",)),
        ("<think>- None.</think>\n- One.", "stop", ("One.",)),
        ("I cannot.", "stop", ()),
        ("", "stop", ()),
    ],
)
def test_a_list_is_read_item_by_item(reply: str, finish: str, found: tuple[str, ...]) -> None:
    assert parse_instructions(reply, finish) == found


def form(templates: str) -> PromptForm:
    found = builtin_form(templates, "augment")
    assert found is not None
    return found


def written(teacher: InstructionTeacher, seeds: list[str], wanted: int, start: int = 0) -> list[WrittenRound]:
    async def collected() -> list[WrittenRound]:
        return [each async for each in write_instructions(teacher, seeds, set(seeds), wanted, start)]

    return asyncio.run(collected())


def test_a_round_adds_what_is_new_and_counts_repeats() -> None:
    replies = iter(["- Use no commas.\n- A.\n- B.", "- A.\n- C.\n- D."])
    usage = Usage()
    model = ScriptedModel(lambda messages, call: next(replies))
    teacher = InstructionTeacher(
        model, Sampling(temperature=0.7, top_p=1.0, max_tokens=99), form("spar"), SeedScope(seed=0, iteration=0), usage
    )
    assert written(teacher, SEEDS, 3) == [
        WrittenRound(turn=0, new=("A.", "B."), repeated=1),
        WrittenRound(turn=1, new=("C.",), repeated=1),
    ]
    assert "\n".join(SEEDS) in model.prompts[0]
    assert "50 more" in model.prompts[0]
    assert (usage.calls, usage.failures) == (2, {})


def test_a_teacher_that_repeats_itself_is_asked_no_longer() -> None:
    usage = Usage()
    replies = iter(["- A.", *["- A."] * (BARREN - 1), "no list"])
    model = ScriptedModel(lambda messages, call: next(replies))
    teacher = InstructionTeacher(
        model, Sampling(temperature=0.7, top_p=1.0, max_tokens=99), form("spar"), SeedScope(seed=0, iteration=0), usage
    )
    assert [each.new for each in written(teacher, SEEDS, 9)] == [("A.",), *[()] * BARREN]
    assert usage.failures == {"unparsable": 1}


def test_the_rules_teacher_writes_instructions_that_measure_nothing() -> None:
    seeds = generate_prompts(36, 0, "train")
    teacher = InstructionTeacher(
        RulesModel(ErrorRates(augment=0.0)),
        Sampling(temperature=0.7, top_p=1.0, max_tokens=4096),
        form("compact"),
        SeedScope(seed=0, iteration=0),
        Usage(),
    )
    [first, *_] = rounds = written(teacher, seeds, 60)
    texts = [text for each in rounds for text in each.new]
    assert len(set(texts)) == 60
    assert {split_of(text) for text in texts} == {"selfplay"}
    assert {len(parse_prompt(text).constraints) for text in texts} == {1, 2, 3}
    assert written(teacher, seeds, 60)[0] == first
    assert written(teacher, seeds, 60, start=1)[0].new != first.new


def test_the_rules_teacher_errs_in_some_of_them() -> None:
    seeds = generate_prompts(36, 0, "train")
    teacher = InstructionTeacher(
        RulesModel(ErrorRates(augment=1.0)),
        Sampling(temperature=0.7, top_p=1.0, max_tokens=4096),
        form("compact"),
        SeedScope(seed=0, iteration=0),
        Usage(),
    )
    for text in written(teacher, seeds, 20)[0].new:
        with pytest.raises(DataError, match="occurs twice"):
            parse_prompt(text)
