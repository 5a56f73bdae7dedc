"""The options of `spar refine`, resolved: which engine, which model, which search. Reads templates, calls no model.

`identity` is what decides the output: a file begun with one identity is not continued with another.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spar.engines.base import LocalModel
from spar.errors import RecipeError
from spar.inference.endpoints import RequestOptions, server_settings
from spar.method.profiles import PROFILES
from spar.method.templates import BUILTIN, TemplateSet, builtin_templates, read_templates
from spar.recipes.models import EngineSettings, JudgmentSettings, SearchSettings
from spar.store.model_files import folder_fingerprint
from spar.texts import plain_message

FORMAT = 1
"""Of the output rows; a file of another one is not continued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineJob:
    """The resolved options of one `spar refine`. `trees` is the number searched at once."""

    input: Path
    out: Path
    engine: EngineSettings
    model: LocalModel
    templates: TemplateSet
    judgment: JudgmentSettings
    search: SearchSettings
    seed: int
    trees: int

    def about(self) -> dict[str, Any]:
        """What an export names and does not decide the rows; where a server is stays out, for it may hold a key."""
        return {
            "input": str(self.input),
            "model": self.model.name or (str(self.model.path) if self.model.path else self.model.fingerprint),
            "templates": {
                "name": self.templates.name,
                "judge": self.templates.judge,
                "refine": self.templates.refine,
            },
        }

    def identity(self) -> dict[str, Any]:
        """What decides the rows' results: a file that was written under another identity is not continued."""
        body = {"body": dict(self.engine.body)} if self.engine.body else {}
        return {
            "format": FORMAT,
            "engine": self.engine.kind,
            "model": self.model.fingerprint,
            "send_seed": self.engine.send_seed,
            "templates": templates_digest(self.templates),
            "judgment": self.judgment.model_dump(mode="json"),
            "search": self.search.model_dump(mode="json"),
            "seed": self.seed,
            **body,
        }


def templates_digest(templates: TemplateSet) -> str:
    return hashlib.sha256(f"{templates.judge}\0{templates.refine}".encode()).hexdigest()[:16]


def engine_and_model(place: str, name: str | None, how: RequestOptions) -> tuple[EngineSettings, LocalModel]:
    """A URL is an OpenAI-compatible server, anything else the directory of a model."""
    if "://" in place:
        settings, in_place = server_settings(place, how)
        if name and in_place and name != in_place:
            raise RecipeError(f"--model is '{name}', and the URL names '{in_place}'.", "Leave one of them out.")
        name = name or in_place
        return settings, LocalModel(f"served:{name or ''}", name=name)
    if name is not None:
        raise RecipeError(f"--model names a server's model, and '{place}' is no URL.", "Leave --model out.")
    folder = Path(place).expanduser().resolve()
    if not folder.is_dir():
        raise RecipeError(
            f"--engine is '{place}', which is neither a URL nor the directory of a model.",
            "Give a base URL such as http://localhost:8000/v1, or a directory with a model's files.",
        )
    settings = EngineSettings(kind="transformers", max_batch=how.window, deadline_s=how.deadline_s)
    return settings, LocalModel(folder_fingerprint(folder), path=folder)


def templates_named(name: str) -> TemplateSet:
    return builtin_templates(name) if name in BUILTIN else read_templates(name, Path(name))


def with_profile(
    name: str, judgment: dict[str, Any], search: dict[str, Any]
) -> tuple[JudgmentSettings, SearchSettings]:
    """The given settings, with the profile's for the others. All votes follow a tree's rules, the root's too."""
    profile = PROFILES[name]
    imposed = {"quorum": profile.quorum}
    judged = _given({**imposed, **_given(judgment)})
    if "votes" in judged and "quorum" not in judged:
        judged["quorum"] = judged["votes"] // 2 + 1  # more than half, as 3 of 5
    imposed = {
        "retries": profile.search_retries,
        "vote_rounds": profile.vote_rounds,
        "stop_when_decided": profile.stop_when_decided,
    }
    searched = _given({**imposed, **_given(search)})
    try:
        return JudgmentSettings(**judged), SearchSettings(**searched)
    except ValidationError as error:
        problems = "; ".join(plain_message(problem["msg"]) for problem in error.errors())
        raise RecipeError(
            f"The search cannot be run with these options: {problems}.", "Change these options."
        ) from error


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
