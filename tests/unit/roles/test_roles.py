"""Actor and refiner: which conversations are asked, with which seeds, in how many calls, and what is counted."""

from collections.abc import Callable, Sequence

import pytest

from spar.engines.base import Completion, Sampling
from spar.errors import AccountingError
from spar.method.records import JudgedResponse, Judgment, Message, Node, Path, Prompt, Response, Verdict, Vote
from spar.method.templates import builtin_templates
from spar.recipes.models import GenerationSettings, JudgmentSettings, SearchSettings
from spar.roles.actor import Actor
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import JUDGE_NODE, JUDGE_RESPONSE, SeedScope, Usage

PROMPT = Prompt.of("Write about rain.")
TEMPLATES = builtin_templates("compact")
SCOPE = SeedScope(seed=7, iteration=1)
YES, NO, NOTHING = "it is so ; Final Judgement : Yes", "it is not ; Final Judgement : No", "hm"
NEGATIVE = Judgment(votes=(Vote(NO, Verdict.NO),), label=Verdict.NO, failure=None, value=0.0, critique=NO)

SEARCH = SearchSettings()
ROOT = Node(path=(), text="rain", judgment=NEGATIVE)

Reply = Callable[[Sequence[Message], int], str]


def actor(model: "ScriptedModel", n: int = 5, usage: Usage | None = None) -> Actor:
    return Actor(chat=model, settings=GenerationSettings(n=n), scope=SCOPE, usage=usage or Usage())


def refiner(model: "ScriptedModel", search: SearchSettings = SEARCH) -> Refiner:
    settings = RefinerSettings.for_search(templates=TEMPLATES, judgment=JudgmentSettings(), search=search)
    return Refiner(chat=model, settings=settings, scope=SCOPE)


class ScriptedModel:
    """Answers by a function of the conversation and the sample's number, and remembers every call."""

    def __init__(self, reply: Reply, finish_reason: str = "stop") -> None:
        self._reply = reply
        self._finish = finish_reason
        self.calls: list[tuple[tuple[Message, ...], int, Sampling, int]] = []

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        self.calls.append((tuple(messages), n, sampling, seed))
        finish = "length" if self._finish == "length" else "stop"
        return [
            Completion(text=self._reply(messages, index), finish_reason=finish, prompt_tokens=10, completion_tokens=3)
            for index in range(n)
        ]


async def test_responses_are_asked_for_in_one_call_on_the_bare_prompt() -> None:
    model, usage = ScriptedModel(lambda messages, index: f"rain {index} "), Usage()
    generated = await actor(model, 3, usage).respond(PROMPT)
    assert [(response.index, response.text) for response in generated.responses] == [
        (0, "rain 0"),
        (1, "rain 1"),
        (2, "rain 2"),
    ]
    [(messages, n, sampling, _)] = model.calls
    assert (messages, n) == ((Message("user", PROMPT.text),), 3)
    assert sampling == Sampling(temperature=0.9, top_p=0.9, max_tokens=2048)
    assert (usage.calls, usage.replies, usage.prompt_tokens, usage.completion_tokens) == (1, 3, 10, 9)


async def test_failed_replies_are_counted_by_kind() -> None:
    usage = Usage()
    cut = ScriptedModel(lambda messages, index: "rain", "length")
    generated = await actor(cut, usage=usage).respond(PROMPT)
    assert {response.finish_reason for response in generated.responses} == {"length"}
    await actor(ScriptedModel(lambda messages, index: " "), 2, usage).respond(PROMPT)
    assert usage.failures == {"cut_off": 5, "empty": 2}


async def test_missing_votes_are_asked_for_again_with_another_seed() -> None:
    replies = iter([YES, NOTHING, NOTHING, NOTHING, NO, YES, YES, NOTHING])
    model = ScriptedModel(lambda messages, index: next(replies))
    asked = refiner(model)
    judgment = await asked.judge_response(PROMPT, Response(2, "rain"))
    assert (judgment.label, judgment.value) == (Verdict.YES, 0.75)
    assert [call[1] for call in model.calls] == [5, 3]
    assert len({call[3] for call in model.calls}) == 2
    assert model.calls[0][3] == SCOPE.derive(PROMPT, JUDGE_RESPONSE, 2, 0)
    assert asked.usage.failures == {"unparsable": 4}
    assert [vote.round for vote in judgment.votes] == [0] * 5 + [1] * 3
    assert {vote.finish_reason for vote in judgment.votes} == {"stop"}


async def test_siblings_share_a_call_and_no_two_calls_share_a_seed() -> None:
    def reply(messages: Sequence[Message], index: int) -> str:
        if len(messages) == 1:
            return NO
        return f"[[start]] {messages[0].content.rpartition(' : ')[2]} and {index} [[end]]"

    model, search = ScriptedModel(reply), SearchSettings(stop_when_decided=False)
    asked = refiner(model, search)
    tree = await asked.search(PROMPT, ROOT, policy_of(search))
    refines = [call for call in model.calls if len(call[0]) == 3]
    assert len(tree.nodes) == 16
    assert [call[1] for call in refines] == [3] * 5
    assert refines[0][0] == TEMPLATES.refine_messages(PROMPT.text, "rain", NO)
    assert len({call[3] for call in model.calls}) == len(model.calls) == asked.usage.calls


async def test_a_judged_response_and_its_text_make_the_same_tree() -> None:
    judged = JudgedResponse(Response(0, "rain"), NEGATIVE)
    model = ScriptedModel(lambda messages, index: YES if len(messages) == 1 else f"[[start]] {index} [[end]]")
    trees = [await refiner(model).search(PROMPT, negative, policy_of(SEARCH)) for negative in (judged, ROOT)]
    assert trees[0] == trees[1]
    assert trees[0].solved
    with pytest.raises(AccountingError, match="never judged"):
        await refiner(model).search(PROMPT, JudgedResponse(Response(0, "rain"), None), policy_of(SEARCH))


async def test_a_text_of_a_tree_has_one_judgment_wherever_it_stands() -> None:
    model = ScriptedModel(lambda messages, index: YES)
    places: list[tuple[str, Path]] = [("rain", ()), ("rain ", (1,))]
    first, second = [await refiner(model).judge_node(PROMPT, text, path) for text, path in places]
    assert first == second
    [one, other] = model.calls
    assert one[3] == other[3] == SCOPE.derive(PROMPT, JUDGE_NODE, Prompt.of("rain").id, 0)


async def test_a_tie_on_a_node_is_voted_on_anew_where_the_search_has_rounds() -> None:
    replies = iter([YES, YES, NO, NO, NOTHING, *[YES] * 5])
    model = ScriptedModel(lambda messages, index: next(replies))
    judgment = await refiner(model, SearchSettings(vote_rounds=2)).judge_node(PROMPT, "rain")
    assert (judgment.label, [call[1] for call in model.calls]) == (Verdict.YES, [5, 5])


def test_usages_add_up() -> None:
    usage = Usage(calls=1, replies=2, prompt_tokens=3, completion_tokens=4)
    usage.failures["empty"] = 1
    total = Usage()
    total.add(usage)
    total.add(usage)
    assert (total.calls, total.replies, total.prompt_tokens, total.completion_tokens) == (2, 4, 6, 8)
    assert total.failures == {"empty": 2}
