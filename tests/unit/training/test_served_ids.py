"""Rows that would be trained on as other ids than are served are found, and good ones are not."""

from pathlib import Path

import pytest

from spar.method.records import Example, ExampleKind, Message, Pair, Prompt
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import ComparesIds
from spar.training.registry import make_trainer
from spar.training.tokenize import Tokenizer
from spar.training.trl_trainer import differing

pytestmark = pytest.mark.torch

TURNS = (("user", "w1"), ("assistant", "w3"), ("user", "w4"), ("assistant", "w5"))
ROWS = [
    Pair(prompt=Prompt.of("w1 w2"), chosen="w3 w4", rejected="w5"),
    Example("p", ExampleKind.REFINEMENT, tuple(Message(role, content) for role, content in TURNS)),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


class Merging(Tokenizer):
    """Each piece of a conversation is encoded with one token more than the whole has."""

    def _encode(self, text: str) -> list[int]:
        return [*super()._encode(text), *self.hf("w60", add_special_tokens=False)["input_ids"]]


def test_the_trl_trainer_trains_on_what_is_served(base: Path) -> None:
    trainer = make_trainer("trl")
    assert isinstance(trainer, ComparesIds)
    assert trainer.differing(base, ROWS) == [False, False]


def test_pieces_that_are_encoded_otherwise_than_the_whole_differ(base: Path) -> None:
    assert differing(Merging(base), ROWS) == [True, True]


def test_a_second_bos_is_found(base: Path) -> None:
    tokenizer = Tokenizer(base)
    tokenizer.hf.bos_token = "<s>"
    written = tokenizer.hf.chat_template.removeprefix("<s>").removeprefix("{{ bos_token }}")
    for starts, found in (("<s>", False), ("<s><s>", True)):
        tokenizer.hf.chat_template = f"{starts}{written}"
        assert differing(tokenizer, ROWS) == [found, found]
