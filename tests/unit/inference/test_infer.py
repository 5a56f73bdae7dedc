"""What an inference gives back, however it ends. The models are scripts: each says what it writes, and when."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

import pytest

from spar.engines.base import Completion, Sampling
from spar.errors import DeadlineExceeded, EngineUnavailable, RecipeError
from spar.inference import (
    InferenceRequest,
    InferenceResult,
    RefinerSettings,
    RoleModels,
    StopReason,
    infer,
    make_strategy,
)
from spar.inference.conversations import prompt_of
from spar.inference.strategies import STRATEGIES, Draws, TreeShape
from spar.method.policies import StrategyName
from spar.method.records import Message
from spar.method.templates import builtin_templates
from spar.testing.behaviour import Skill, requested_skill

ASKED = InferenceRequest(
    messages=(Message("user", "Write."),), sampling=Sampling(temperature=0.0, top_p=1.0, max_tokens=64), seed=5
)
HOW = RefinerSettings(templates=builtin_templates("spar"))
NEVER = math.inf


@dataclass
class Script:
    """Writes `responses` and `refinements` in turn; a text's votes are as `votes` says, else all no.

    `seconds` says how long a judge or a refine call takes by the number of calls before it.
    """

    responses: list[str] = field(default_factory=lambda: ["bad"])
    refinements: list[str] = field(default_factory=lambda: [f"better {i}" for i in range(99)])
    votes: dict[str, str] = field(default_factory=dict)
    seconds: Callable[[Skill, int], float] = lambda skill, calls: 0.0
    fails: Callable[[Skill, int], bool] = lambda skill, calls: False
    finishes: dict[Skill, str] = field(default_factory=dict)
    asked: list[tuple[Skill, Sampling, int]] = field(default_factory=list)
    cancelled: int = 0
    hangs: asyncio.Event = field(default_factory=asyncio.Event)

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        skill, calls = requested_skill(messages), len(self.asked)
        self.asked.append((skill, sampling, n))
        if self.fails(skill, calls):
            raise EngineUnavailable("The server is gone.", "Start it.")
        try:
            if self.seconds(skill, calls) == NEVER:
                self.hangs.set()
                await asyncio.Event().wait()
            await asyncio.sleep(self.seconds(skill, calls))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finish = self.finishes.get(skill, "stop")
        return [
            Completion(text=text, finish_reason=finish, prompt_tokens=10, completion_tokens=3)
            for text in self._texts(skill, messages, n)
        ]  # type: ignore[arg-type]

    def _texts(self, skill: Skill, messages: Sequence[Message], n: int) -> list[str]:
        if skill is Skill.RESPOND:
            return [self.responses.pop(0) for _ in range(n)]
        if skill is Skill.REFINE:
            return [f"[[start]]{self.refinements.pop(0)}[[end]]" for _ in range(n)]
        judged = messages[0].content
        votes = next((votes for text, votes in self.votes.items() if f'"{text}"' in judged), "nnnnn")
        words = {"y": "Final Judgement: Yes", "n": "Final Judgement: No", "-": "none"}
        return [words[vote] for vote in votes[:n]]


async def run(script: Script, name: str = "bfs", deadline_s: float | None = None, budget: int = 15) -> InferenceResult:
    return await infer(RoleModels(actor=script, refiner=script), ASKED, make_strategy(name, budget), HOW, deadline_s)


async def test_a_good_response_is_accepted() -> None:
    found = await run(Script(votes={"bad": "yyynn"}))
    assert (found.text, found.ending, found.value) == ("bad", StopReason.ACCEPTED, 0.6)


async def test_the_search_solves_it() -> None:
    script = Script(votes={"better 4": "yyyyn"})
    found = await run(script)
    assert (found.text, found.ending, found.value) == ("better 4", StopReason.SOLVED, 0.8)
    assert found.tree is not None
    assert found.tree.best == (0, 1)
    assert found.counts.judgments == len([1 for skill, _, _ in script.asked if skill is Skill.JUDGE])


async def test_of_an_unsolved_search_the_best_text_wins_the_response_first() -> None:
    assert (await run(Script())).text == "bad"
    assert (await run(Script(votes={"bad": "yynnn", "better 1": "ynnnn"}))).text == "bad"
    better = await run(Script(votes={"bad": "ynnnn", "better 1": "yynnn"}))
    assert (better.text, better.ending, better.value) == ("better 1", StopReason.UNSOLVED, 0.4)


async def test_a_tied_response_is_refined_too() -> None:
    found = await run(Script(votes={"bad": "yynn-", "better 0": "yyyyy"}))
    assert found.ending is StopReason.SOLVED


async def test_a_response_without_a_quorum_of_votes_is_returned() -> None:
    script = Script(votes={"bad": "-----"})
    found = await run(script)
    assert (found.text, found.ending, found.value) == ("bad", StopReason.UNJUDGED, None)
    assert Skill.REFINE not in {skill for skill, _, _ in script.asked}


@pytest.mark.parametrize(
    ("text", "finish", "cut", "returned"),
    [
        ("", "stop", False, ""),
        ("", "length", True, ""),
        ("a\x00b", "stop", False, "a?b"),
        ("\ud83d", "stop", False, "?"),
    ],
)
async def test_an_empty_response_and_one_that_is_no_text_are_not_judged(
    text: str, finish: str, cut: bool, returned: str
) -> None:
    found = await run(Script(responses=[text], finishes={Skill.RESPOND: finish}))
    assert (found.text, found.ending, found.cut_off, found.tree) == (returned, StopReason.RESPONSE_FAILED, cut, None)
    assert found.refiner.calls == 0
    assert found.actor.failures.total() == 1


async def test_a_cut_off_response_is_judged_and_refined_as_it_stands() -> None:
    cut_off = {Skill.RESPOND: "length"}
    solved = await run(Script(votes={"better 0": "yyyyy"}, finishes=cut_off))
    assert (solved.text, solved.ending, solved.cut_off) == ("better 0", StopReason.SOLVED, False)
    accepted = await run(Script(votes={"bad": "yyyyy"}, finishes=cut_off))
    assert (accepted.text, accepted.ending, accepted.cut_off) == ("bad", StopReason.ACCEPTED, True)
    unsolved = await run(Script(finishes=cut_off))
    assert (unsolved.text, unsolved.ending, unsolved.cut_off) == ("bad", StopReason.UNSOLVED, True)
    assert unsolved.actor.failures == {"cut_off": 1}


async def test_further_responses_that_were_cut_off_are_judged_too() -> None:
    texts = ["bad", "longer", "longest", "and so on"]
    script = Script(responses=texts, votes={"longest": "yyyyy"}, finishes={Skill.RESPOND: "length"})
    found = await run(script, "best_of_responses", budget=3)
    assert (found.text, found.ending, found.cut_off) == ("longest", StopReason.SOLVED, True)


async def test_at_the_deadline_the_best_so_far_and_everything_is_cancelled() -> None:
    def slow(skill: Skill, calls: int) -> float:
        return NEVER if skill is Skill.REFINE and calls > 3 else 0.0

    script = Script(votes={"better 2": "yynnn"}, seconds=slow)
    before = asyncio.all_tasks()
    found = await run(script, deadline_s=0.1)
    assert (found.text, found.ending, found.value) == ("better 2", StopReason.DEADLINE, 0.4)
    assert found.tree is not None
    assert [node.path for node in found.tree.nodes] == [(), (0,), (1,), (2,)]
    assert found.tree.node((2,)).reply == "[[start]]better 2[[end]]"
    assert script.cancelled == 2  # two nodes were being refined
    assert asyncio.all_tasks() == before


async def test_before_anything_is_judged_the_response_is_the_best() -> None:
    found = await run(Script(seconds=lambda skill, calls: NEVER if skill is Skill.JUDGE else 0.0), deadline_s=0.05)
    assert (found.text, found.ending, found.value, found.tree) == ("bad", StopReason.DEADLINE, None, None)


async def test_no_response_by_the_deadline_is_an_error() -> None:
    with pytest.raises(DeadlineExceeded, match="Allow more time"):
        await run(Script(seconds=lambda skill, calls: NEVER), deadline_s=0.05)


async def test_a_refiner_that_fails_leaves_the_best_so_far() -> None:
    found = await run(Script(votes={"better 0": "ynnnn"}, fails=lambda skill, calls: calls > 4))
    assert (found.text, found.ending, found.value) == ("better 0", StopReason.ENGINE_FAILED, 0.2)
    assert found.reason == "The server is gone."


async def test_an_actor_that_fails_is_an_error() -> None:
    with pytest.raises(EngineUnavailable):
        await run(Script(fails=lambda skill, calls: True))


async def test_cancelling_cancels_every_call() -> None:
    script = Script(seconds=lambda skill, calls: NEVER if skill is Skill.JUDGE else 0.0)
    task = asyncio.create_task(run(script))
    await script.hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert script.cancelled == 1


def test_every_name_that_a_recipe_takes_has_a_strategy() -> None:
    assert set(STRATEGIES) == set(get_args(StrategyName))


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("actor", "greedy")])
@pytest.mark.parametrize("budget", [1, 4, 15])
async def test_a_budget_is_kept_and_used(name: str, budget: int) -> None:
    script = Script(responses=[f"response {i}" for i in range(99)])
    found = await run(script, name, budget=budget)
    drawn = found.counts.refinements + found.counts.generations - 1
    assert drawn == budget
    assert found.counts.judgments == budget + 1
    only = Draws.RESPONSES if name == "best_of_responses" else Draws.REFINEMENTS
    assert (found.counts.generations > 1) == (only is Draws.RESPONSES)
    assert (found.actor.replies, found.refiner.prompt_tokens) == (found.counts.generations, 10 * found.refiner.calls)
    assert found.refiner.replies == found.counts.refinements + 5 * found.counts.judgments


async def test_greedy_refines_at_temperature_0_and_judges_as_ever() -> None:
    script = Script()
    await run(script, "greedy")
    temperatures = {skill: sampling.temperature for skill, sampling, _ in script.asked}
    assert temperatures == {Skill.RESPOND: 0.0, Skill.JUDGE: 0.7, Skill.REFINE: 0.0}


async def test_further_responses_to_a_greedy_one_are_sampled() -> None:
    script = Script(responses=[f"response {i}" for i in range(9)])
    await run(script, "best_of_responses", budget=2)
    sampled = [
        (sampling.temperature, sampling.max_tokens) for skill, sampling, _ in script.asked if skill is Skill.RESPOND
    ]
    assert sampled == [(0.0, 64), (0.9, 64)]


async def test_the_actor_alone_costs_one_call() -> None:
    script = Script()
    found = await run(script, "actor")
    assert (found.ending, len(script.asked)) == (StopReason.ACTOR, 1)


def test_shapes_and_names() -> None:
    wide = make_strategy("bfs", 40, TreeShape(branch=5, keep=3, depth=4)).policy
    assert wide is not None
    assert (wide.branch, wide.keep, wide.depth, wide.max_nodes) == (5, 3, 4, 40)
    with pytest.raises(RecipeError, match=r"astar.*best_of_responses"):
        make_strategy("astar")
    with pytest.raises(RecipeError, match="max_nodes"):
        make_strategy("bfs", 0)


def test_a_conversation_becomes_one_prompt() -> None:
    user, rules = Message("user", "Write."), Message("system", "Be brief.")
    assert prompt_of([user]).text == "Write."
    assert prompt_of([rules, user]).text == "Be brief.\n\nWrite."
    longer = [rules, user, Message("assistant", "Done."), Message("user", "Again.")]
    assert prompt_of(longer).text == "Be brief.\n\nUser: Write.\n\nAssistant: Done.\n\nUser: Again."
