"""The two callables of a search, `refine` and `judge`, over a chat model and for one prompt.

    refiner = Refiner(chat, prompt, Refining(builtin_templates("spar")))
    tree = await search(prompt, response, refine=refiner.refine, judge=refiner.judge, policy=bfs())

The asking itself is `spar.roles.refiner`'; nothing here decides anything.
"""

from collections.abc import Sequence

from spar.engines.base import ChatModel
from spar.inference.records import RefinerSettings
from spar.method.records import Judgment, Node, Path, Prompt, Refinement
from spar.roles.refiner import judge_node_text, node_vote_rules, refine
from spar.roles.usage import SeedScope, Usage


class Refiner:
    """Asks `chat` about texts for `prompt`; `usage` counts what that took. The root is judged as any node is."""

    def __init__(self, chat: ChatModel, prompt: Prompt | str, how: RefinerSettings, seed: int = 0) -> None:
        self._chat, self._how = chat, how
        self._prompt = Prompt.of(prompt) if isinstance(prompt, str) else prompt
        self._scope = SeedScope(seed, 0)
        self.usage = Usage()

    async def refine(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        how = self._how
        return await refine(
            self._chat, self._prompt, parent, n, attempt, how.templates, how.refinement, self._scope, self.usage
        )

    async def judge(self, text: str, path: Path) -> Judgment:
        how = self._how
        rules = node_vote_rules(how.judgment, how.vote_rounds)
        return await judge_node_text(
            self._chat, self._prompt, text, how.templates, how.judgment, rules, self._scope, self.usage
        )
