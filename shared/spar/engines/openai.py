"""The openai engine: any server that speaks OpenAI's chat completions (vLLM, llama.cpp, a hosted model).

The samples of one call go in one request, so that the server computes a shared prompt once. What a server refuses
(`n`, a parameter's name, a value that it fixes) is learned once per served model. Knows nothing of the prompts'
content; connections are in `openai_client`, request bodies in `openai_request`, the forms of replies in
`openai_replies`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from spar.aio import gather
from spar.engines.base import ChatModel, Completion, Engine, LocalModel, Sampling
from spar.engines.calls import CallsInFlight
from spar.engines.openai_access import KEY_VARIABLE
from spar.engines.openai_client import ATTEMPTS, MOST_BODY, HttpReply, OpenAIClient
from spar.engines.openai_refusals import refusal
from spar.engines.openai_replies import Choices, failed_choices, model_names, not_a_completion, read_choices
from spar.engines.openai_request import ChatRequest, RequestShape, adapted, build
from spar.errors import EngineError, ModelUnusable, RecipeError, SparError
from spar.method.records import Message
from spar.recipes.models import EngineSettings

CHAT = "chat/completions"
UNREADABLE = 8
"""Bodies in a row: then it is not a bad reply but another kind of server, or a proxy in front of it."""
ADAPTATIONS = 8
"""More than there is to learn about a server: a request that is refused after that stays refused."""

log = structlog.get_logger()


class OpenAIModel:
    """A served model, and what its server has been seen to accept."""

    def __init__(
        self,
        name: str,
        client: OpenAIClient,
        calls: CallsInFlight,
        send_seed: bool,
        extra: Mapping[str, Any] | None = None,
        positions: int | None = None,
    ) -> None:
        """`positions`: the context length, prompt and reply together, where it is known."""
        self.name = name
        self._client = client
        self._calls = calls
        self._send_seed = send_seed
        self._extra = extra or {}
        self._shape = RequestShape(positions=positions)
        self._noted: set[str] = set()
        self._unreadable: int | None = None
        """Bodies in a row that were no chat completion; None before the first one that was."""

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        return await self._calls.run(self._sample(messages, n, sampling, seed))

    async def _sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        found: dict[int, Completion] = {}
        # Servers refuse several greedy samples in one request: they are all the same.
        if n == 1 or (sampling.temperature > 0 and not self._shape.one_choice):
            found.update(await self._request(messages, n, sampling, seed))
        missing = [place for place in range(n) if place not in found]
        more = await gather(self._request(messages, 1, sampling, seed + place) for place in missing)
        found.update(
            {place: choice for place, choices in zip(missing, more, strict=True) for choice in choices.values()}
        )
        return [found[place] for place in range(n)]

    async def _request(
        self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int
    ) -> Mapping[int, Completion]:
        """Completions by their index; some of n > 1 may be missing. After a refusal the request is adapted and sent
        again, a few times at most."""
        shape = self._shape
        for _ in range(ADAPTATIONS):
            request = build(shape, self.name, messages, n, sampling, seed if self._send_seed else None, self._extra)
            reply = await self._client.post(CHAT, request.body)
            if reply.error is None:
                choices = self._read(reply, messages, request, shape)
                self._learn(shape, request, one_choice=choices.number < n)
                return choices.adjusted(request.adjustments).completions
            next_shape = adapted(shape, request, reply.error)
            if next_shape is None:
                break
            shape = next_shape
        raise await self._refusal(reply, messages)

    def _read(
        self, reply: HttpReply, messages: Sequence[Message], request: ChatRequest, shape: RequestShape
    ) -> Choices:
        if reply.too_large:
            return self._failed(request.n, f"a reply of more than {MOST_BODY:,} bytes", messages)
        try:
            choices = read_choices(reply.data, messages, request.n, request.max_tokens, shape.positions)
        except ValueError as error:
            if self._unreadable is None or self._unreadable >= UNREADABLE:
                raise not_a_completion(self._client.place, str(error), reply.body) from error
            self._unreadable += 1
            return self._failed(request.n, str(error), messages)
        self._unreadable = 0
        for reason in choices.unknown_reasons:
            self._note("unknown_finish_reason", reason=reason, counted_as="cut off")
        if choices.only_reasoning:
            self._note("reply_of_reasoning_only", fix="Raise max_tokens, or switch the model's thinking off.")
        if choices.lowered:
            self._note("reply_shorter_than_max_tokens", because="the server has room for no more")
        return choices

    def _failed(self, n: int, why: str, messages: Sequence[Message]) -> Choices:
        """An unreadable body fails its own replies only, neither the shard nor the run."""
        self._note("reply_that_is_no_completion", because=why)
        return failed_choices(n, why, messages)

    def _learn(self, shape: RequestShape, request: ChatRequest, one_choice: bool) -> None:
        """Send further requests in the form that led to a reply; log once what a request loses by it."""
        for each in request.adjustments:
            self._note("request_not_as_set", adjustment=each.value, because="the server does not take it")
        learned = shape.lasting(self._shape)
        self._shape = replace(learned, one_choice=learned.one_choice or one_choice)

    def _note(self, event: str, **fields: Any) -> None:
        noted = f"{event} {fields}"
        if noted not in self._noted:
            self._noted.add(noted)
            log.warning(event, server=self._client.place, model=self.name, **fields)

    async def _refusal(self, reply: HttpReply, messages: Sequence[Message]) -> SparError:
        if reply.error is None:
            raise AssertionError("only a reply that holds an error is a refusal")
        if reply.error.status == 404:
            return await _unknown(self.name, self._client, reply.error.message)
        sent = sum(len(message.content.encode(errors="replace")) for message in messages)
        return refusal(reply.error, self._client.place, self.name, self._client.key_variable, sent)


class OpenAIEngine:
    """One server. A model is served by its name, or else by the name of its directory."""

    def __init__(self, settings: EngineSettings, attempts: int = ATTEMPTS, key_variable: str = KEY_VARIABLE) -> None:
        if settings.url is None:
            raise RecipeError(
                "The openai engine needs engine.url.", "Set it to something like http://localhost:8000/v1."
            )
        self._settings = settings
        self._client = OpenAIClient(
            settings.url,
            settings.max_batch,
            settings.deadline_s,
            attempts,
            key_variable=key_variable,
            headers=settings.headers,
        )
        self._calls = CallsInFlight("openai")
        self._models: dict[str, OpenAIModel] = {}

    async def serve(self, model: LocalModel) -> ChatModel:
        """A name is not checked: a server need not list all that it serves, and the first call will show.
        Without a name it is the only model that the server lists."""
        self._calls.check_open()
        name = model.name or (model.path.name if model.path else None)
        if name is None:
            names = await self._calls.run(_listed(self._client))
            if names is None or len(names) != 1:
                elsewhere = await self._calls.run(_elsewhere(self._client)) if names is None else None
                raise elsewhere or _not_served(None, names, self._client.place)
            name = names[0]
        if name not in self._models:
            settings = self._settings
            self._models[name] = OpenAIModel(name, self._client, self._calls, settings.send_seed, settings.body)
        return self._models[name]

    async def close(self) -> None:
        await self._calls.close()
        await self._client.close()


def make(settings: EngineSettings) -> Engine:
    return OpenAIEngine(settings)


async def _listed(client: OpenAIClient) -> list[str] | None:
    """The names that the server lists; None from one that has no list. Raises EngineError where it cannot be had."""
    reply = await client.get("models")
    if reply.error is not None and reply.error.status not in (404, 405, 501):
        raise refusal(reply.error, client.place, "list", client.key_variable)
    return None if reply.error is not None else model_names(reply.data)


async def _elsewhere(client: OpenAIClient) -> EngineError | None:
    """Whether the API is one step below the base URL, which lacks the usual /v1."""
    if client.url.path.endswith("/v1"):
        return None
    below = client.url.with_path(f"{client.url.path.rstrip('/')}/v1", keep_query=True)
    try:
        found = model_names((await client.get("models", below)).data) is not None
    except EngineError:
        return None  # no reply from there either
    what = f"{client.place} has no chat completions (HTTP 404), but {client.place}/v1 has a list of models."
    return EngineError(what, f"Set the URL to {client.place}/v1.") if found else None


async def _unknown(name: str, client: OpenAIClient, words: str) -> EngineError:
    """What a 404 of chat completions means: another base URL, or a name that is not served."""
    elsewhere = await _elsewhere(client)
    if elsewhere is not None:
        return elsewhere
    try:
        names = await _listed(client)
    except EngineError:
        names = None  # without a list, nothing is known about the name
    if names is not None and name in names:
        return EngineError(
            f"{client.place} lists the model {name}, and has no chat completions for it (HTTP 404: {words}).",
            "Check that engine.url is the API's base URL, that this is a chat model, and that this key may use it.",
        )
    return _not_served(name, names, client.place, f"HTTP 404: {words}; ")


def _not_served(name: str | None, names: list[str] | None, place: str, words: str = "") -> ModelUnusable:
    listed = "it lists no names" if names is None else f"it serves: {', '.join(sorted(names)) or 'nothing'}"
    what = f"does not serve the model '{name}'" if name else "needs the name of a model"
    fix = "Name one that it serves." if names else "Check its name, and that the URL is the API's base URL."
    return ModelUnusable(f"{place} {what} ({words}{listed}).", fix)
