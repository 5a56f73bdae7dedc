"""The actor: responses to a prompt. Decides nothing about them."""

from functools import partial

from spar.engines.base import ChatModel
from spar.engines.drawing import draw
from spar.method.records import (
    Generated,
    Message,
    Prompt,
    Response,
)
from spar.method.templates.forms import PromptForm
from spar.recipes.models import GenerationSettings
from spar.recipes.policies import generating_policy
from spar.roles.replies import read_reply
from spar.roles.usage import RESPOND, SeedScope, Usage, sampling_of


async def respond(
    chat: ChatModel,
    prompt: Prompt,
    settings: GenerationSettings,
    scope: SeedScope,
    usage: Usage,
    form: PromptForm | None = None,
) -> Generated:
    """Ask for K replies to a prompt in one call: an actor for responses to it as it is, or by the policy's form."""
    policy = generating_policy(settings.policy)
    messages = (Message("user", prompt.text),) if form is None else form.messages(text=prompt.text)
    seed = scope.derive(prompt, RESPOND)
    usage.calls += 1
    replies = await draw(chat, messages, settings.n, sampling_of(settings), seed)
    usage.count(replies)
    responses = [
        read_reply(reply, partial(Response, index), partial(policy.read, index)) for index, reply in enumerate(replies)
    ]
    usage.count_failures([response.failure for response in responses])
    return policy.arrange(prompt, responses)
