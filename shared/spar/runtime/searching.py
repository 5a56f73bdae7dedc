"""The search at inference as a benchmark measures it (arXiv 2412.11605, Table 1): `spar.inference` around each prompt.

A search that an engine's failure ended has no place in a measurement: it is raised, so that it is asked again. Knows
no benchmark.
"""

from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.engines.skills import Usage
from spar.errors import EngineError
from spar.evaluation.asking.base import Respond, Row
from spar.inference import Asked, Found, Models, Refining, infer, make_strategy
from spar.method.records import Message
from spar.method.templates import TemplateSet
from spar.recipes.models import AskSettings, JudgmentSettings, SamplingSettings

REFINE_TEMPERATURE = 0.7  # the paper's, as that of votes


def search_of(models: Models, settings: AskSettings, templates: TemplateSet, seed: int) -> Respond | None:
    """The search that the settings ask for; None if they ask for the actor alone."""
    strategy = make_strategy(settings.strategy, settings.budget)
    if strategy.policy is None:
        return None
    # A refinement says what it changes before the text itself: the paper gives it half as much again.
    longest = settings.max_tokens + settings.max_tokens // 2
    how = Refining(
        templates,
        JudgmentSettings(max_tokens=settings.judge_tokens),
        SamplingSettings(temperature=REFINE_TEMPERATURE, max_tokens=longest),
    )

    async def respond(text: str, usage: Usage) -> Row:
        actor, refiner = _Watched(models.actor), _Watched(models.refiner)
        asked = Asked((Message("user", text),), Sampling(0.0, 1.0, settings.max_tokens), seed)
        found = await infer(Models(actor, refiner), asked, strategy, how)
        for watched in (actor, refiner):
            if watched.failure is not None:
                raise watched.failure
        usage.add(found.actor)
        usage.add(found.refiner)
        return _row(found)

    return respond


def _row(found: Found) -> Row:
    tree = {} if found.tree is None else {"first": found.tree.nodes[0].text, "nodes": len(found.tree.nodes)}
    failed = {"failure": "cut_off"} if found.cut_off else {}
    return {"response": found.text, "search": found.ending.value, "value": found.value, **tree, **failed}


class _Watched:
    """Keeps an engine's failure, which `infer` would make the best of."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self.failure: EngineError | None = None

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        try:
            return await self._chat.sample(messages, n, sampling, seed)
        except EngineError as error:
            self.failure = error
            raise
