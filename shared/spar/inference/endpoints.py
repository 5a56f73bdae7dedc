"""Where an actor or a refiner is, as a user writes it: `URL[#NAME]`, `builtin:story/actor`, or a model's directory.

Opens the engine that serves it. Knows nothing of its requests.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from spar.engines.base import ChatModel, Completion, Engine, LocalModel, Sampling
from spar.engines.openai import OpenAIEngine
from spar.engines.openai_access import KEY_VARIABLE
from spar.engines.registry import make_engine
from spar.errors import ModelUnusable, RecipeError
from spar.method.records import Message
from spar.method.templates import BUILTIN as BUILTIN_TEMPLATES
from spar.method.templates import TemplateSet, builtin_templates, read_templates
from spar.recipes.models import EngineSettings
from spar.redaction import has_credential
from spar.store.model_files import folder_fingerprint
from spar.texts import plain_message
from spar.worlds.story.builtin import builtin_model

Role = Literal["actor", "refiner", "judge"]
BUILTIN = "builtin:"
ATTEMPTS = 3
"""Of a request that a server fails: about a second in all, as a user waits for the response; a run retries longer."""


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a model's server, or the engine of this process, is used."""

    window: int = 512
    """Requests in flight at a server; sequences decoded together in this process."""
    deadline_s: float = 600.0
    """Seconds that one call may take."""
    send_seed: bool = True
    body: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every request to a server."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of every request to a server; credentials as `${VARIABLE}`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    role: Role
    settings: EngineSettings
    model: LocalModel
    name: str = ""
    """Of one of several that have the same role."""

    def open(self) -> Engine:
        """An engine for it; no request is sent yet."""
        if self.settings.kind != "openai":
            return make_engine(self.settings)
        return OpenAIEngine(self.settings, ATTEMPTS, self.key_variable)

    @property
    def key_variable(self) -> str:
        """The variable of a server's key: SPAR_JUDGE_GPT_API_KEY for a judge named gpt, SPAR_ACTOR_API_KEY and so on by
        role, or the common one."""
        own = f"SPAR_{self.role.upper()}"
        variables = [*([f"{own}_{self.name.upper()}_API_KEY"] if self.name else []), f"{own}_API_KEY"]
        return next((each for each in variables if os.environ.get(each)), KEY_VARIABLE)


class Served:
    """A ChatModel that is loaded, or found at its server, at its first request; after a failure it is tried again."""

    def __init__(self, engine: Engine, model: LocalModel) -> None:
        self.engine, self._model = engine, model
        self._chat: ChatModel | None = None
        self._finding = asyncio.Lock()

    async def find(self) -> ChatModel:
        """Raises EngineError."""
        async with self._finding:
            if self._chat is None:
                self._chat = await self.engine.serve(self._model)
            return self._chat

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        chat = self._chat or await self.find()
        return await chat.sample(messages, n, sampling, seed)


class OpenEndpoints:
    """The models of some endpoints, by role. Models of this process share an engine and its thread.

    An async context manager, which closes the engines.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._engines: dict[str, Engine] = {}
        self.models = {place.role: Served(self._engine(place), place.model) for place in endpoints}

    def _engine(self, place: Endpoint) -> Engine:
        key = place.settings.kind if place.settings.url is None else place.role
        if key not in self._engines:
            self._engines[key] = place.open()
        return self._engines[key]

    async def __aenter__(self) -> "OpenEndpoints":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()


def endpoint(role: Role, place: str, options: RequestOptions | None = None) -> Endpoint:
    """Parse a model's place. Hashes a directory's files, contacts no server. Raises ModelUnusable, RecipeError."""
    how = options or RequestOptions()
    if "://" in place:
        own = f"SPAR_{role.upper()}_API_KEY"
        settings, name = server_settings(place, how, f"{own} or {KEY_VARIABLE}")
        return Endpoint(role, settings, LocalModel(f"served:{name or ''}", name=name))
    settings = EngineSettings(kind="transformers", max_batch=how.window, deadline_s=how.deadline_s)
    folder = _folder(role, place)
    return Endpoint(role, settings, LocalModel(folder_fingerprint(folder), path=folder, name=folder.name))


def server_settings(
    place: str, how: RequestOptions, key_variable: str = KEY_VARIABLE
) -> tuple[EngineSettings, str | None]:
    """The engine of `URL[#NAME]`, and the model's name, if any. Raises RecipeError for settings that cannot be sent."""
    url, _, name = place.partition("#")
    if has_credential(url):
        raise RecipeError(
            "The URL of a server holds a user, a password or a key; URLs are shown and kept with results.",
            f"Set {key_variable} in the environment instead.",
        )
    try:
        settings = EngineSettings(
            kind="openai",
            url=url,
            max_batch=how.window,
            deadline_s=how.deadline_s,
            send_seed=how.send_seed,
            body=dict(how.body),
            headers=dict(how.headers),
        )
    except ValidationError as error:
        problems = "; ".join(f"{problem['loc'][0]}: {plain_message(problem['msg'])}" for problem in error.errors())
        raise RecipeError(
            f"Requests to a server cannot be as given: {problems}.", "Correct --body or --header."
        ) from None
    return settings, name or None


def _folder(role: Role, place: str) -> Path:
    if place.startswith(BUILTIN):
        return builtin_model(place.removeprefix(BUILTIN))
    folder = Path(place).expanduser().resolve()
    if not folder.is_dir():
        raise ModelUnusable(
            f"--{role} is '{place}', which is neither a URL nor the directory of a model.",
            "Give http://HOST:PORT/v1#NAME, a directory with a model's files, or builtin:story/actor.",
        )
    return folder


def templates_for(name: str | None, refiner: str) -> TemplateSet:
    """A built-in set or a folder; None is the set that the refiner was trained on, as far as it is known."""
    if name is None:
        name = "compact" if refiner.startswith(BUILTIN) else "spar"
    return builtin_templates(name) if name in BUILTIN_TEMPLATES else read_templates(name, Path(name))
