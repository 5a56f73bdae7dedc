"""The licences of the models and prompts that recipes name, as published.

A licence is known if it is in the table below, as stated on the model's own page; otherwise an export says so. No entry
is a licence for what was made with a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.export.facts import RunFacts

KNOWN = {
    "meta-llama/Meta-Llama-3-8B-Instruct": "llama3",
    "meta-llama/Meta-Llama-3-70B-Instruct": "llama3",
    "mistralai/Mistral-7B-Instruct-v0.3": "apache-2.0",
    "zai-org/glm-4-9b-chat-hf": "glm-4",
    "Qwen/Qwen3-0.6B": "apache-2.0",
    "HuggingFaceTB/SmolLM2-135M-Instruct": "apache-2.0",
}
"""The hub's name of the licence, by the hub's name of the model."""
OURS = "apache-2.0"
"""The licence of what this project itself makes: the story world's prompts and models."""
UNKNOWN = "not known here"


def licence_of_model(reference: str) -> str:
    """The licence of a model as a recipe names it: `hub:ID@REVISION`, `builtin:NAME`, or anything else."""
    kind, _, name = reference.partition(":")
    if kind == "builtin":
        return OURS
    return KNOWN.get(name.partition("@")[0], UNKNOWN) if kind == "hub" else UNKNOWN


def licence_of_prompts(source: str) -> str:
    return OURS if source.startswith("world:") else UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class LicencedPart:
    """What an export was made from, and the licence under which it was published."""

    kind: str
    name: str
    licence: str

    @property
    def unknown(self) -> bool:
        return self.licence == UNKNOWN


def parts_of(run: RunFacts, models: Sequence[str]) -> list[LicencedPart]:
    """The prompts and each model, once."""
    source = str(run.recipe.get("prompts", {}).get("source", "unknown"))
    prompts = LicencedPart(kind="prompts", name=source, licence=licence_of_prompts(source))
    named = dict.fromkeys(models)
    return [prompts, *(LicencedPart(kind="model", name=name, licence=licence_of_model(name)) for name in named)]
