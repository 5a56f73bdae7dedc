"""Test questions for the skills beyond those of actor and refiner, with checks of correct replies.

Made from the rules on prompts of one split. Knows no model: the caller queries it and counts correct replies.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.method.records import Message
from spar.worlds.story.comparing import compare
from spar.worlds.story.conversation import compare_turns, instruct_turns, rate_turns, score_turns
from spar.worlds.story.items import judge_items
from spar.worlds.story.prompts import Split, generate_prompts
from spar.worlds.story.rules import follows
from spar.worlds.story.scoring import misscore, rate, score
from spar.worlds.story.teacher import respond


@dataclass(frozen=True, slots=True)
class Question:
    """A conversation to send, and a check whether a reply is correct. `measure` is the skill's name."""

    measure: str
    turns: Sequence[Message]
    right: Callable[[str], bool]


def questions(count: int, seed: int, split: Split) -> Iterator[Question]:
    """`count` questions of each skill: score, rate, compare, instruct."""
    for prompt, response, _ in judge_items(count, seed, split):
        yield Question("score", score_turns(prompt, response), _closes_as(score(prompt, response)))
        yield Question("rate", rate_turns(prompt, response), _closes_as(rate(prompt, response)))
    yield from _comparisons(count, seed, split)
    rng = random.Random(f"story-instruct-questions:{split}:{seed}")
    for prompt in generate_prompts(count, seed, split):
        text = respond(prompt, rng)
        yield Question("instruct", instruct_turns(text), _instruction_for(text))


def _comparisons(count: int, seed: int, split: Split) -> Iterator[Question]:
    """A correct judgment and a wrong one, in either order."""
    rng = random.Random(f"story-compare-questions:{split}:{seed}")
    for prompt, response, _ in judge_items(count, seed, split):
        first, second = score(prompt, response), misscore(prompt, response, rng)
        if rng.random() < 0.5:
            first, second = second, first
        turns = compare_turns(prompt, response, first, second)
        yield Question("compare", turns, _closes_as(compare(prompt, response, first, second)))


def _closes_as(true_reply: str) -> Callable[[str], bool]:
    """Correct is a reply with the same closing; the text before is not checked."""
    end = true_reply.rpartition(" ; ")[2]
    return lambda reply: reply.strip().rpartition(" ; ")[2] == end


def _instruction_for(text: str) -> Callable[[str], bool]:
    """Correct is a prompt of this world that the text follows."""

    def right(reply: str) -> bool:
        try:
            return follows(reply, text)
        except DataError:
            return False

    return right
