"""The card of an exported model: README.md with the front matter for the Hugging Face Hub, and known licences.

A licence is known if it is in the table below, as stated on the model's own page; otherwise an export says so. No entry
is a licence for what was made with a model.
"""

from typing import Any

import yaml

from spar.export.facts import CardFacts, RunFacts

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
_ROLES = {
    "actor": "An actor: it responds to prompts.",
    "refiner": "A refiner: it judges responses and refines bad ones, prompted with the templates of its recipe.",
}
_USE = {
    True: "PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE), FOLDER)",
    False: "AutoModelForCausalLM.from_pretrained(FOLDER)",
}


def model_card(run: RunFacts, model: CardFacts, licence: str | None) -> str:
    """`licence`: the one chosen by its owner; None: none is claimed."""
    front: dict[str, Any] = {"license": licence or "other", "library_name": "transformers"}
    if model.base.startswith("hub:"):
        front["base_model"] = model.base.removeprefix("hub:").partition("@")[0]
    if model.adapter and not model.merged:
        front["library_name"] = "peft"
    front["tags"] = ["spar", model.role]
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n",
        f"# {model.role.capitalize()} of run {run.run_id}, iteration {model.iteration}\n",
        f"{_ROLES[model.role]} Trained by spar {run.version} with the recipe `{run.recipe.get('name')}` (whole in"
        f" recipe.yaml). Method: {run.method}.\n",
        f"Load it with `{_USE[model.adapter and not model.merged]}`. As GGUF: GGUF.md.\n",
        f"## Statistics\n\n{_statistics(model)}\n",
        f"## Lineage\n\n{_lineage(run, model)}\n",
        f"## Licences\n\n{licences(run, licence, [model.base])}\n",
    ]
    return "\n".join(parts)


def _statistics(model: CardFacts) -> str:
    if not model.measures:
        return "The run evaluated nothing: see its recipe."
    lines = ["| measured by the run | at the start | this model |", "|---|---|---|"]
    lines += [f"| {name} | {100 * before:.1f}% | {100 * now:.1f}% |" for name, before, now in model.measures]
    return "\n".join(lines)


def _lineage(run: RunFacts, model: CardFacts) -> str:
    source = run.recipe.get("prompts", {}).get("source", "unknown")
    lines = [
        f"- this model: {model.fingerprint[:16]}{', merged into its base' if model.merged else ''}",
        f"- trained from: {(model.parent or 'unknown')[:16]}",
        f"- at the start of the run: {model.base} ({run.start.get(model.base, 'unknown')[:16]})",
        f"- prompts: {source}; seed {run.recipe.get('seed', 0)}",
    ]
    return "\n".join(lines)


def licences(run: RunFacts, chosen: str | None, models: list[str]) -> str:
    """A table of the parts with their published licences, and the licence chosen for the whole."""
    source = str(run.recipe.get("prompts", {}).get("source", "unknown"))
    rows = [("prompts", source, licence_of_prompts(source))]
    rows += [("model", name, licence_of_model(name)) for name in dict.fromkeys(models)]
    lines = ["| part | name | published under |", "|---|---|---|"]
    lines += [f"| {part} | {name} | {licence} |" for part, name, licence in rows]
    unknown = any(licence == UNKNOWN for _, _, licence in rows)
    if chosen is not None:
        lines.append(f"\nPublished here under: {chosen}, chosen by its publisher.")
    else:
        lines.append(
            "\nNo licence is given. Those above, and the terms of use of the models that wrote the data, apply to"
        )
        lines.append("what was made with them. Add a licence to the front matter before sharing it.")
    if unknown:
        lines.append(f"For parts marked '{UNKNOWN}', see the source.")
    return "\n".join(lines)


def licence_of_model(reference: str) -> str:
    """The licence of a model as a recipe names it: `hub:ID@REVISION`, `builtin:NAME`, or anything else."""
    kind, _, name = reference.partition(":")
    if kind == "builtin":
        return OURS
    return KNOWN.get(name.partition("@")[0], UNKNOWN) if kind == "hub" else UNKNOWN


def licence_of_prompts(source: str) -> str:
    return OURS if source.startswith("world:") else UNKNOWN
