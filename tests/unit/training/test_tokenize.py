"""The ids trained on are the ids served."""

from pathlib import Path
from typing import Any

import pytest

from spar.errors import DataError, ModelUnusable, TemplateRefused
from spar.method.records import Example, ExampleKind, Message, Pair, Prompt
from spar.testing.tiny_model import make_tiny_model
from spar.training.tokenize import IGNORED, Tokenizer, sample_lengths

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture
def tokenizer(base: Path) -> Tokenizer:
    return Tokenizer(base)


def served(tokenizer: Tokenizer, *messages: tuple[str, str]) -> list[int]:
    """What an engine feeds the model, by transformers' own path."""
    turns = [{"role": role, "content": content} for role, content in messages]
    ids: Any = tokenizer.hf.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    return list(ids)


def example(*messages: tuple[str, str]) -> Example:
    turns = tuple(Message(role, content) for role, content in messages)
    return Example("p", ExampleKind.REFINEMENT, turns)


def sampled(tokenizer: Tokenizer, text: str) -> list[int]:
    """What an engine samples for a text: its tokens and the end token."""
    return [*tokenizer.hf(text, add_special_tokens=False)["input_ids"], tokenizer.hf.eos_token_id]


def test_a_pair_is_the_served_prompt_and_the_sampled_replies(tokenizer: Tokenizer) -> None:
    ids = tokenizer.pair(Pair(prompt=Prompt.of("w1 w2"), chosen="w3 w4", rejected="w5"))
    assert ids.prompt_ids == served(tokenizer, ("user", "w1 w2"))
    assert ids.chosen_ids == sampled(tokenizer, "w3 w4")
    assert ids.rejected_ids == sampled(tokenizer, "w5")


def test_every_assistant_turn_has_loss_and_its_served_context(tokenizer: Tokenizer) -> None:
    turns = [("user", "w1 w2"), ("assistant", "w3"), ("user", "w4"), ("assistant", "w5 w6")]
    ids = tokenizer.example(example(*turns))
    first, last = sampled(tokenizer, "w3"), sampled(tokenizer, "w5 w6")
    prompt, whole = served(tokenizer, *turns[:1]), served(tokenizer, *turns[:3])
    assert ids.input_ids == whole + last
    assert whole[: len(prompt) + len(first)] == prompt + first
    between = len(whole) - len(prompt) - len(first)
    assert ids.labels == [IGNORED] * len(prompt) + first + [IGNORED] * between + last


def test_what_a_template_writes_after_the_end_token_is_context(base: Path) -> None:
    tokenizer = Tokenizer(base)
    tokenizer.hf.chat_template = tokenizer.hf.chat_template.replace("</s>", "</s> w60")
    turns = [("user", "w1"), ("assistant", "w3"), ("user", "w4"), ("assistant", "w5")]
    ids = tokenizer.example(example(*turns))
    assert ids.input_ids == served(tokenizer, *turns[:3]) + sampled(tokenizer, "w5")
    assert tokenizer.hf.convert_tokens_to_ids("w60") not in ids.labels


def test_lengths_are_of_the_longer_of_a_pair(tokenizer: Tokenizer) -> None:
    pair = Pair(prompt=Prompt.of("w1"), chosen="w2", rejected="w3 w4 w5")
    assert sample_lengths(tokenizer, [pair]) == [len(served(tokenizer, ("user", "w1"))) + 4]


def test_a_template_without_end_token_is_refused(base: Path) -> None:
    tokenizer = Tokenizer(base)
    tokenizer.hf.chat_template = tokenizer.hf.chat_template.replace("</s>", "")
    with pytest.raises(ModelUnusable, match="never stop"):
        tokenizer.pair(Pair(prompt=Prompt.of("w1"), chosen="w2", rejected="w3"))


def test_a_template_that_rewrites_history_is_refused(base: Path) -> None:
    tokenizer = Tokenizer(base)
    tokenizer.hf.chat_template = "{{ messages | length }} " + tokenizer.hf.chat_template
    with pytest.raises(ModelUnusable, match="once another follows"):
        tokenizer.pair(Pair(prompt=Prompt.of("w1"), chosen="w2", rejected="w3"))


def test_an_example_without_a_reply_is_bad_data(tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match="no assistant turn"):
        tokenizer.example(example(("user", "w1")))


def test_a_directory_without_tokenizer_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="no tokenizer"):
        Tokenizer(tmp_path)


def test_a_reply_may_end_with_the_token_that_opens_the_next_turn(base: Path) -> None:
    """As GLM-4's do: the engine stops at <user>, which the template writes only when a turn follows."""
    tokenizer = Tokenizer(base)
    tokenizer.hf.chat_template = tokenizer.hf.chat_template.replace("</s>", "")
    user = tokenizer.hf.convert_tokens_to_ids("<user>")
    tokenizer.end_ids |= {user}
    turns = [("user", "w1"), ("assistant", "w3"), ("user", "w4"), ("assistant", "w5")]
    ids = tokenizer.example(example(*turns))
    assert ids.input_ids == [*served(tokenizer, *turns[:3]), *sampled(tokenizer, "w5")[:-1], user]
    learned = [label for label in ids.labels if label != IGNORED]
    assert learned == [*sampled(tokenizer, "w3")[:-1], user, *sampled(tokenizer, "w5")[:-1], user]
    assert tokenizer.pair(Pair(prompt=Prompt.of("w1"), chosen="w3", rejected="w5")).chosen_ids[-1] == user


def test_a_template_that_refuses_a_turn_is_a_typed_error(base: Path) -> None:
    tokenizer = Tokenizer(base)
    tokenizer.hf.chat_template = "{{ raise_exception('No system turns here.') }}"
    with pytest.raises(TemplateRefused, match=r"roles system, user: No system turns here\."):
        tokenizer.example(example(("system", "w1"), ("user", "w2"), ("assistant", "w3")))
