"""Checks of a model's server before lm-eval starts: that it replies, its model's name, its abilities.

Without them lm-eval would fail after minutes, with a traceback. Knows nothing of tasks.
"""

import os
from dataclasses import replace
from typing import Any

from spar.engines.base import LocalModel, Sampling
from spar.engines.openai import OpenAIModel
from spar.engines.openai_access import KEY_VARIABLE
from spar.engines.openai_client import OpenAIClient
from spar.errors import RecipeError
from spar.header_values import header_value
from spar.inference.endpoints import Endpoint
from spar.method.records import Message

_HELLO = (Message("user", "Reply with one word."),)
_SHORT = Sampling(temperature=0.0, top_p=1.0, max_tokens=16)
_DEADLINE_S = 120.0  # for the first reply of a server that may be loading


def key_variable(place: Endpoint) -> str:
    """The variable that holds the server's key: the role's own, or the common one."""
    own = f"SPAR_{place.role.upper()}_API_KEY"
    return own if os.environ.get(own) else KEY_VARIABLE


def key_of(place: Endpoint) -> str:
    """The server's key, empty without one. Raises RecipeError for a key that no header can hold."""
    variable = key_variable(place)
    return header_value(variable, os.environ.get(variable, ""))


async def find_server(place: Endpoint) -> Endpoint:
    """The endpoint with the name of its model, once that has replied. Raises EngineError, RecipeError."""
    engine = place.open()
    try:
        model = await engine.serve(place.model)
        assert isinstance(model, OpenAIModel), "a URL is served by the openai engine"
        await model.sample(_HELLO, 1, _SHORT, 0)
        return replace(place, model=LocalModel(place.model.fingerprint, name=model.name))
    finally:
        await engine.close()


async def require_logprobs(place: Endpoint, tasks: str) -> None:
    """Raises RecipeError if a server does not return the log-probabilities of a prompt, by which `tasks` are scored."""
    client = OpenAIClient(str(place.settings.url), 1, _DEADLINE_S, 2, key_variable=key_variable(place))
    probe = {"model": place.model.name, "prompt": "One, two", "max_tokens": 1, "temperature": 0.0}
    try:
        reply = await client.post("completions", {**probe, "logprobs": 1, "echo": True})
    finally:
        await client.close()
    if reply.error is None and _has_logprobs(reply.data):
        return
    why = "its reply has none" if reply.error is None else f"HTTP {reply.error.status}: {reply.error.message}"
    raise RecipeError(
        f"{tasks} is scored by the likelihood of given choices, and {client.place} offers no log-probabilities of a"
        f" prompt ({why}).",
        "Measure the model's directory, or a server whose completions have them (vLLM); chat completions and the"
        " gateway cannot.",
    )


def _has_logprobs(data: Any) -> bool:
    try:
        return bool(data["choices"][0]["logprobs"]["token_logprobs"])
    except (KeyError, IndexError, TypeError):
        return False
