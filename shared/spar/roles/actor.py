"""The actor: responses to a prompt. Decides nothing about them."""

from dataclasses import dataclass
from functools import partial

from spar.engines.base import ChatModel
from spar.engines.drawing import draw
from spar.method.records import Generated, Message, Prompt, Response
from spar.method.templates.forms import PromptForm
from spar.recipes.models import GenerationSettings
from spar.recipes.policies import generating_policy
from spar.roles.replies import read_reply
from spar.roles.usage import RESPOND, SeedScope, Usage, sampling_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A model that responds; `usage` counts its calls. `form` is what the settings' policy prompts with, if any."""

    chat: ChatModel
    settings: GenerationSettings
    scope: SeedScope
    usage: Usage
    form: PromptForm | None = None

    async def respond(self, prompt: Prompt) -> Generated:
        """K replies to a prompt from one call, as responses, or as the settings' policy parses them."""
        policy = generating_policy(self.settings.policy)
        seed = self.scope.derive(prompt, RESPOND)
        self.usage.calls += 1
        replies = await draw(self.chat, self._messages(prompt), self.settings.n, sampling_of(self.settings), seed)
        self.usage.count(replies)
        responses = [
            read_reply(reply, partial(Response, index), partial(policy.read, index))
            for index, reply in enumerate(replies)
        ]
        self.usage.count_failures([response.failure for response in responses])
        return policy.arrange(prompt, responses)

    def _messages(self, prompt: Prompt) -> tuple[Message, ...]:
        return (Message("user", prompt.text),) if self.form is None else self.form.messages(text=prompt.text)
