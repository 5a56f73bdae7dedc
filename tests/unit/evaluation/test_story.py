"""What the story measures count as right, wrong and unreadable, with models whose every reply is known."""

from collections.abc import Callable, Sequence
from typing import Literal

import pytest

from spar.engines.base import Completion, Sampling
from spar.evaluation.items import Measure
from spar.evaluation.story import evaluate_actor, evaluate_judge, evaluate_refine, pair_precision
from spar.method.records import Message, Pair, Prompt
from spar.method.templates import builtin_templates
from spar.roles.usage import Usage
from spar.worlds.story import teacher
from spar.worlds.story.engine import EXACT, RulesModel

PROMPT = "start knife ; words 4"
GOOD = "knife moss echo honey"
BAD = "moss knife echo honey cake"
COMPACT = builtin_templates("compact")


class Scripted:
    """Says what it is told to for a conversation, and remembers how it was asked."""

    def __init__(self, say: Callable[[Sequence[Message]], str], finish: Literal["stop", "length"] = "stop") -> None:
        self._say, self._finish = say, finish
        self.asked: list[tuple[Sequence[Message], int, Sampling, int]] = []

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        self.asked.append((messages, n, sampling, seed))
        return [
            Completion(text=self._say(messages), finish_reason=self._finish, prompt_tokens=7, completion_tokens=3)
            for _ in range(n)
        ]


def turns(judge: str, refine: str) -> Callable[[Sequence[Message]], str]:
    return lambda messages: refine if len(messages) == 3 else judge


async def test_an_actor_is_right_where_its_response_follows_the_prompt() -> None:
    chat, usage = Scripted(lambda _: GOOD), Usage()
    items = await evaluate_actor(chat, [PROMPT, "start moss", "words 4"], 0.0, 1.0, 20, 3, usage)
    assert [item.correct for item in items] == [True, False, True]
    assert {item.measure for item in items} == {Measure.ACTOR_GREEDY}
    assert [item.prompt for item in items] == [PROMPT, "start moss", "words 4"]
    assert (usage.calls, usage.completion_tokens) == (3, 9)


async def test_a_sampled_actor_is_asked_as_told_and_with_a_seed_per_prompt() -> None:
    chat = Scripted(lambda _: GOOD)
    items = await evaluate_actor(chat, [PROMPT, "words 4"], 0.9, 0.8, 20, 3, Usage())
    assert {item.measure for item in items} == {Measure.ACTOR_SAMPLED}
    assert {sampling for _, _, sampling, _ in chat.asked} == {Sampling(temperature=0.9, top_p=0.8, max_tokens=20)}
    assert len({seed for *_, seed in chat.asked}) == 2


async def test_a_response_cut_off_is_wrong_even_if_what_there_is_of_it_follows() -> None:
    items = await evaluate_actor(Scripted(lambda _: GOOD, "length"), [PROMPT], 0.0, 1.0, 20, 3, Usage())
    assert (items[0].correct, items[0].failure) == (False, "cut_off")


async def test_a_judge_is_right_where_its_verdict_is_the_truth() -> None:
    chat = Scripted(lambda _: teacher.judge(PROMPT, GOOD))
    items = await evaluate_judge(chat, [(PROMPT, GOOD, True), (PROMPT, BAD, False)], COMPACT, 3, Usage())
    assert [item.correct for item in items] == [True, False]
    assert all(sampling.temperature == 0 and n == 1 for _, n, sampling, _ in chat.asked)


@pytest.mark.parametrize("truth", [True, False])
async def test_a_vote_that_cannot_be_read_is_wrong_whatever_the_truth(truth: bool) -> None:
    chat = Scripted(lambda _: "start knife : well")
    items = await evaluate_judge(chat, [(PROMPT, GOOD, truth)], COMPACT, 3, Usage())
    assert (items[0].correct, items[0].failure) == (False, "unparsable")
    assert len(chat.asked) == 1  # asked once: a measurement does not try again


@pytest.mark.parametrize(
    ("text", "correct", "failure"),
    [(GOOD, True, None), ("moss echo", False, None), (BAD, False, "unchanged"), ("", False, "empty")],
)
async def test_a_refiner_is_right_where_its_text_follows_the_prompt(
    text: str, correct: bool, failure: str | None
) -> None:
    critique = teacher.judge(PROMPT, BAD)
    chat = Scripted(turns(critique, f"[[start]] {text} [[end]]"))
    items = await evaluate_refine(chat, [(PROMPT, BAD)], COMPACT, 3, Usage())
    assert (items[0].correct, items[0].failure) == (correct, failure)
    assert items[0].critique == critique
    assert chat.asked[1][0][1] == Message("assistant", critique)


async def test_a_refinement_without_a_readable_critique_is_wrong_and_not_asked_for() -> None:
    chat = Scripted(turns("no idea", f"[[start]] {GOOD} [[end]]"))
    items = await evaluate_refine(chat, [(PROMPT, BAD)], COMPACT, 3, Usage())
    assert (items[0].correct, items[0].failure, len(chat.asked)) == (False, "unparsable", 1)


async def test_the_teacher_is_always_right() -> None:
    chat = RulesModel(EXACT)
    actor = await evaluate_actor(chat, [PROMPT, "with harp ; finish !"], 0.0, 1.0, 40, 3, Usage())
    judged = await evaluate_judge(chat, [(PROMPT, GOOD, True), (PROMPT, BAD, False)], COMPACT, 3, Usage())
    refined = await evaluate_refine(chat, [(PROMPT, BAD)], COMPACT, 3, Usage())
    assert all(item.correct for item in actor + judged + refined)


def test_pairs_are_right_by_the_rules_alone() -> None:
    prompt = Prompt.of(PROMPT)
    items = pair_precision(
        [Pair(prompt=prompt, chosen=GOOD, rejected=BAD), Pair(prompt=prompt, chosen=BAD, rejected=GOOD)]
    )
    assert [(item.correct, item.given) for item in items] == [(True, BAD), (False, GOOD)]
