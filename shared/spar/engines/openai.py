"""The openai engine: any server that speaks OpenAI's chat completions (vLLM, llama.cpp, a hosted model).

Samples of one call travel in one request, so that the server computes a shared prompt once. Knows nothing of what is
asked; connections are `openai_client`'s, the shapes of replies `openai_replies`'.
"""

from collections.abc import Sequence
from typing import Any

from spar.engines.base import ChatModel, Completion, Engine, LocalModel, Sampling
from spar.engines.calls import CallsInFlight
from spar.engines.openai_client import ATTEMPTS, OpenAIClient
from spar.engines.openai_replies import KEY_VARIABLE, OneChoiceOnly, model_names, read_completions, refusal
from spar.errors import EngineError, EngineUnavailable, ModelUnusable, RecipeError
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.together import together


class OpenAIModel:
    """A served name. Remembers once a server has shown that it gives one choice per request."""

    def __init__(self, name: str, client: OpenAIClient, calls: CallsInFlight, send_seed: bool) -> None:
        self.name = name
        self._client = client
        self._calls = calls
        self._send_seed = send_seed
        self._one_choice = False

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        return await self._calls.run(self._sample(messages, n, sampling, seed))

    async def _sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        completions: list[Completion] = []
        # Servers refuse several greedy samples in one request: they are all the same.
        if n == 1 or (sampling.temperature > 0 and not self._one_choice):
            try:
                completions = (await self._ask(messages, n, sampling, seed))[:n]
                self._one_choice = self._one_choice or len(completions) < n
            except OneChoiceOnly:
                self._one_choice = True
        missing = range(len(completions), n)
        return completions + await together(self._one(messages, sampling, seed + i) for i in missing)

    async def _one(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        return (await self._ask(messages, 1, sampling, seed))[0]

    async def _ask(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if n > 1:
            body["n"] = n
        if self._send_seed:
            body["seed"] = seed  # sample i gets seed + i by the server
        reply = await self._client.post("chat/completions", body)
        if reply.status == 404:
            raise await _unknown(self.name, self._client)
        if reply.status != 200:
            raise refusal(reply.status, reply.body, self._client.place, self.name, n)
        return read_completions(reply.body, self._client.place, sampling.max_tokens)


class OpenAIEngine:
    """One server. A model is served by its name, or else by the name of its directory."""

    def __init__(self, settings: EngineSettings, attempts: int = ATTEMPTS, key_variable: str = KEY_VARIABLE) -> None:
        if settings.url is None:
            raise RecipeError(
                "The openai engine needs engine.url.", "Set it to something like http://localhost:8000/v1."
            )
        self._settings = settings
        self._client = OpenAIClient(
            settings.url, settings.max_batch, settings.deadline_s, attempts, key_variable=key_variable
        )
        self._calls = CallsInFlight("openai")

    async def serve(self, model: LocalModel) -> ChatModel:
        """Checks the name against the server's list, where it has one; without any name, takes its only model."""
        name = model.name or (model.path.name if model.path else None)
        names = await self._calls.run(_served(self._client))
        if name is None and names is not None and len(names) == 1:
            name = names[0]
        if name is None or (names is not None and name not in names):
            raise _not_served(name, names, self._client.place)
        return OpenAIModel(name, self._client, self._calls, self._settings.send_seed)

    async def close(self) -> None:
        await self._calls.close()
        await self._client.close()


def make(settings: EngineSettings) -> Engine:
    return OpenAIEngine(settings)


async def _served(client: OpenAIClient) -> list[str] | None:
    """The names that the server lists; None from one that has no list."""
    reply = await client.get("models")
    if reply.status in (404, 405, 501):
        return None
    if reply.status != 200:
        raise refusal(reply.status, reply.body, client.place, "list")
    names = model_names(reply.body)
    if names is None:
        raise EngineUnavailable(
            f"{client.place}/models is not a list of models.",
            "Check that engine.url is the base URL of an OpenAI-compatible API.",
        )
    return names


async def _unknown(name: str, client: OpenAIClient) -> EngineError:
    names = await _served(client)
    if names is not None and name in names:
        return EngineError(
            f"{client.place} has no chat completions for the model {name} (HTTP 404).",
            "Check that engine.url is the API's base URL and that this is a chat model.",
        )
    return _not_served(name, names, client.place)


def _not_served(name: str | None, names: list[str] | None, place: str) -> ModelUnusable:
    listed = "it lists no names" if names is None else f"it serves: {', '.join(sorted(names)) or 'nothing'}"
    what = f"does not serve the model '{name}'" if name else "needs the name of a model"
    return ModelUnusable(f"{place} {what} ({listed}).", "Name one that it serves.")
