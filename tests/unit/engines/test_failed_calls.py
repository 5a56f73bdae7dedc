"""A conversation that a model does not take costs one response, vote or place in a tree, never its neighbours."""

from collections.abc import Sequence

import pytest

from spar.aio import gather
from spar.engines.base import ChatModel, Completion, Sampling
from spar.engines.drawing import FailedReply, draw
from spar.errors import ConversationTooLong, DataError, EngineUnavailable, TemplateRefused
from spar.method.generating import GENERATING
from spar.method.outcomes import unsolved
from spar.method.records import (
    Judgment,
    JudgmentFailure,
    Message,
    Node,
    Outcome,
    Prompt,
    ReplyFailure,
    Response,
    Verdict,
    Vote,
)
from spar.method.templates import builtin_templates
from spar.method.templates.forms import PromptForm, builtin_form
from spar.recipes.models import GenerationSettings, SamplingSettings, SearchSettings
from spar.roles.actor import Actor
from spar.roles.meta_judge import MetaJudge
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import SeedScope, Usage

SHORT, LONG = Prompt.of("Write about rain."), Prompt.of("Write about rain. " * 40)
SAMPLING = Sampling(temperature=0.7, top_p=1.0, max_tokens=64)
SCOPE = SeedScope(seed=7, iteration=1)
TEMPLATES = builtin_templates("compact")
YES, NO = "it is so ; Final Judgement : Yes", "it is not ; Final Judgement : No"
NEGATIVE = Judgment(votes=(Vote(NO, Verdict.NO),), label=Verdict.NO, failure=None, value=0.0, critique=NO)
ROOT = Node(path=(), text="rain", judgment=NEGATIVE)


def actor(model: ChatModel, settings: GenerationSettings, usage: Usage, form: PromptForm | None = None) -> Actor:
    return Actor(chat=model, settings=settings, scope=SCOPE, usage=usage, form=form)


def refiner(model: ChatModel, usage: Usage) -> Refiner:
    return Refiner(chat=model, settings=RefinerSettings(templates=TEMPLATES), scope=SCOPE, usage=usage)


class Narrow:
    """Takes conversations of so many words; each reply comes from the function of the words."""

    def __init__(self, words: int, reply: str = "rain", error: type[DataError] = ConversationTooLong) -> None:
        self._words, self._reply, self._error = words, reply, error
        self.calls = 0

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        self.calls += 1
        words = sum(len(message.content.split()) for message in messages)
        if words > self._words:
            raise self._error(f"The prompt has {words} words.", "Shorten it.")
        return [Completion(text=self._reply, finish_reason="stop", prompt_tokens=words, completion_tokens=1)] * n


async def test_a_prompt_too_long_fails_each_of_its_responses_and_no_others() -> None:
    usage, model = Usage(), Narrow(20)
    asked = actor(model, GenerationSettings(n=2), usage)
    long, short = await gather(asked.respond(prompt) for prompt in (LONG, SHORT))
    assert [response.failure for response in long.responses] == [ReplyFailure.TOO_LONG] * 2
    assert long.responses[0].text == "The prompt has 120 words."
    assert [(response.text, response.failure) for response in short.responses] == [("rain", None)] * 2
    assert usage.failures == {"too_long": 2}
    assert (usage.calls, usage.replies) == (2, 2)


async def test_a_vote_too_long_is_not_requested_again() -> None:
    usage, model = Usage(), Narrow(20, YES)
    judgment = await refiner(model, usage).judge_response(SHORT, Response(0, "rain " * 40))
    assert {vote.failure for vote in judgment.votes} == {ReplyFailure.TOO_LONG}
    assert (judgment.failure, judgment.value) == (JudgmentFailure.NO_QUORUM, None)
    assert (model.calls, usage.failures) == (1, {"too_long": 5})


async def test_a_refused_conversation_is_another_failure() -> None:
    for error in (TemplateRefused, DataError):
        row = await actor(Narrow(2, error=error), GenerationSettings(n=1), Usage()).respond(SHORT)
        assert row.responses[0].failure is ReplyFailure.REFUSED


async def test_a_tree_whose_first_refinements_do_not_fit_says_so() -> None:
    model = Narrow(20)
    found = await refiner(model, Usage()).search(LONG, ROOT, policy_of(SearchSettings()))
    assert (len(found.nodes), found.solved, model.calls) == (1, False, 1)
    assert found.failures == {"too_long": 3}
    assert unsolved(found) is Outcome.CONTEXT_EXCEEDED


async def test_a_place_whose_text_is_too_long_to_judge_is_pruned_alone() -> None:
    class Rambling:
        """Refines to a long text first, to short ones then; judges only what is short."""

        async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
            if len(messages) == 3:
                texts = [("rain " * 200 if index == 0 else f"rain {index}") for index in range(n)]
                return [
                    Completion(
                        text=f"[[start]] {text} [[end]]", finish_reason="stop", prompt_tokens=1, completion_tokens=1
                    )
                    for text in texts
                ]
            if len(messages[0].content.split()) > 100:
                raise ConversationTooLong("Too many words.", "Shorten it.")
            return [Completion(text=YES, finish_reason="stop", prompt_tokens=1, completion_tokens=1)] * n

    search = SearchSettings(stop_when_decided=False)
    found = await refiner(Rambling(), Usage()).search(SHORT, ROOT, policy_of(search))
    assert [node.path for node in found.nodes] == [(), (1,), (2,)]
    assert (found.solved, found.failures) == (True, {"too_long": 1})


async def test_a_comparison_too_long_names_no_winner() -> None:
    form = builtin_form("spar", "compare")
    assert form is not None
    settings = SamplingSettings(temperature=0.0, max_tokens=8)
    judge = MetaJudge(chat=Narrow(5), form=form, settings=settings, scope=SCOPE, usage=Usage())
    matches = await judge.compare(SHORT, Response(0, "rain"), ("Score: 1", "Score: 2"))
    assert [(match.winner, match.failure) for match in matches] == [(None, ReplyFailure.TOO_LONG)] * 2


async def test_a_written_instruction_that_could_not_be_drawn_is_a_failure() -> None:
    settings = GenerationSettings(n=1, policy="instruct")
    form = builtin_form("spar", GENERATING["instruct"].form or "")
    row = await actor(Narrow(5), settings, Usage(), form).respond(LONG)
    assert [response.failure for response in row.responses] == [ReplyFailure.TOO_LONG]


async def test_half_a_surrogate_pair_is_a_failed_reply_that_can_be_stored() -> None:
    [reply] = await draw(Narrow(20, "rain \ud83d"), (Message("user", "rain"),), 1, SAMPLING, 1)
    assert reply == FailedReply(ReplyFailure.UNPARSABLE, "rain ?", "stop")


async def test_what_may_pass_is_no_reply_but_an_error() -> None:
    class Away:
        async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
            raise EngineUnavailable("No server.", "Start it.")

    with pytest.raises(EngineUnavailable):
        await draw(Away(), (Message("user", "rain"),), 1, SAMPLING, 1)
