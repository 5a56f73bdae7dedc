"""Ids trained are ids served, text comes back as it was, and the carried models load with what engines need."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from spar.errors import DataError, ModelUnusable
from spar.method.records import Message
from spar.method.refinements import parse_refinement
from spar.worlds.story.builtin import NAMES, builtin_model
from spar.worlds.story.conversation import recognise
from spar.worlds.story.prompts import draw_prompt, split_of
from spar.worlds.story.rules import follows, parse_prompt, violations
from spar.worlds.story.skills import SKILLS, examples, skill_data
from spar.worlds.story.stages import STAGES, chosen_stages, resized
from spar.worlds.story.tokenizer import save_tokenizer
from spar.worlds.story.vocabulary import ASSISTANT, END, IDS, SIZE, encode, encode_conversation, vocabulary


def as_dicts(messages: list[Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder, 256)
    return AutoTokenizer.from_pretrained(folder)


def test_the_vocabulary_has_distinct_tokens_and_room() -> None:
    tokens = vocabulary()
    assert len(set(tokens)) == len(tokens) == SIZE
    assert sum(token.startswith("<spare") for token in tokens) >= 32


def test_no_example_holds_an_unknown_token_or_a_prompt_of_another_split() -> None:
    mixture = dict.fromkeys(SKILLS, 1.0)
    for conversation in examples(mixture, 300, "test"):
        ids, learned = encode_conversation(conversation)
        assert IDS["<unk>"] not in ids
        assert len(ids) == len(learned) <= 200
        assert learned[-1]
        asked = recognise(conversation[:-1])
        assert asked is not None
        prompt = conversation[-1].content if asked.form == "instruct" else asked["prompt"]
        assert split_of(prompt) == "train"


def test_skill_data_is_of_one_skill_and_repeats() -> None:
    found = list(skill_data("refine", 20, 5))
    assert found == list(skill_data("refine", 20, 5)) != list(skill_data("refine", 20, 6))
    for conversation in found:
        asked = recognise(conversation[:-1])
        assert asked is not None
        assert asked.form == "refine"
        refined = parse_refinement(conversation[-1].content, "stop", asked["response"]).text
        assert refined is not None
        assert follows(asked["prompt"], refined)
    with pytest.raises(DataError, match="refine"):
        skill_data("sing", 1, 0)


def test_a_stage_is_made_smaller_and_never_larger() -> None:
    assert resized(STAGES[0], 10).examples == 10
    assert resized(STAGES[0], 10**9) == resized(STAGES[0], None) == STAGES[0]


def test_stages_are_chosen_by_name() -> None:
    assert chosen_stages(()) == STAGES
    assert [stage.name for stage in chosen_stages(("actor",))] == ["actor"]
    with pytest.raises(DataError, match="backbone, actor, refiner, one"):
        chosen_stages(("critic",))


@pytest.mark.torch
def test_the_chat_template_gives_the_ids_that_training_uses(tokenizer: Any) -> None:
    for conversation in examples(dict.fromkeys(SKILLS, 1.0), 100, "template"):
        turns = as_dicts(conversation)
        ids, _ = encode_conversation(conversation)
        assert tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False) == ids
        asked = tokenizer.apply_chat_template(turns[:-1], tokenize=True, add_generation_prompt=True, return_dict=False)
        assert ids[: len(asked)] == asked
        assert asked[-1] == IDS[ASSISTANT]


@pytest.mark.torch
def test_decoding_gives_the_text_back(tokenizer: Any) -> None:
    rng = random.Random(0)
    for text in [
        draw_prompt(rng),
        "knife harp !",
        "[[start]] moss . [[end]]",
        "got 10 yes ; Final Judgement : No",
    ]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == encode(text)
        assert tokenizer.decode([*ids, IDS[END]], skip_special_tokens=True) == text


def test_an_unknown_built_in_model_names_the_choices() -> None:
    with pytest.raises(ModelUnusable, match="story/actor"):
        builtin_model("story/critic")


@pytest.mark.parametrize("name", NAMES)
def test_a_carried_model_has_all_that_engines_and_trainers_need(name: str) -> None:
    folder: Path = builtin_model(name)
    config = json.loads((folder / "config.json").read_text())
    assert config["vocab_size"] == SIZE
    assert config["max_position_embeddings"] >= 256
    assert config["head_dim"] in (32, 64)
    generation = json.loads((folder / "generation_config.json").read_text())
    assert generation["eos_token_id"] == IDS[END]
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    assert tokenizer["model"]["vocab"] == IDS
    assert (folder / "model.safetensors").stat().st_size < 4_000_000
    assert "spar world train" in (folder / "README.md").read_text()


def test_the_actors_teacher_overlooks_the_last_of_three_constraints_most() -> None:
    broken = [0, 0, 0]
    for prompt, response in (
        (turns[0].content, turns[1].content) for turns in examples({"respond_fading": 1.0}, 1500, "fading")
    ):
        constraints = [str(c) for c in parse_prompt(prompt).constraints]
        if len(constraints) == 3:
            for name in violations(prompt, response):
                broken[constraints.index(name)] += 1
    assert broken[0] < broken[1] < broken[2]
