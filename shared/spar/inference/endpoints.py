"""Where an actor or a refiner is, as a person writes it: `URL[#NAME]`, `builtin:story/actor`, or a model's directory.

Opens the engine that serves it. Knows nothing of what is asked of it.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spar.engines.base import Engine, LocalModel
from spar.engines.openai import OpenAIEngine
from spar.engines.openai_replies import KEY_VARIABLE
from spar.engines.registry import make_engine
from spar.errors import ModelUnusable
from spar.recipes.models import EngineSettings
from spar.store.model_files import folder_fingerprint
from spar.worlds.story.builtin import builtin_model

Role = Literal["actor", "refiner", "judge"]
BUILTIN = "builtin:"
ATTEMPTS = 3
"""Of a request that a server fails: about a second in all. Somebody waits for the response; a run would wait longer."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model's server, or the engine of this process, is used."""

    window: int = 512
    """Requests in flight at a server; sequences decoded together in this process."""
    deadline_s: float = 600.0
    """Seconds that one call may take."""
    send_seed: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    role: Role
    settings: EngineSettings
    model: LocalModel

    def open(self) -> Engine:
        """An engine for it; nothing is asked yet. Servers' keys: SPAR_ACTOR_API_KEY and so on, or the common one."""
        if self.settings.kind != "openai":
            return make_engine(self.settings)
        own = f"SPAR_{self.role.upper()}_API_KEY"
        return OpenAIEngine(self.settings, ATTEMPTS, own if os.environ.get(own) else KEY_VARIABLE)


def endpoint(role: Role, place: str, asking: Asking | None = None) -> Endpoint:
    """Read a place. Hashes a directory's files, asks no server. Raises ModelUnusable."""
    how = asking or Asking()
    if "://" in place:
        url, _, name = place.partition("#")
        settings = EngineSettings(
            kind="openai", url=url, max_batch=how.window, deadline_s=how.deadline_s, send_seed=how.send_seed
        )
        return Endpoint(role, settings, LocalModel(f"served:{name}", name=name or None))
    settings = EngineSettings(kind="transformers", max_batch=how.window, deadline_s=how.deadline_s)
    folder = _folder(role, place)
    return Endpoint(role, settings, LocalModel(folder_fingerprint(folder), path=folder, name=folder.name))


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
