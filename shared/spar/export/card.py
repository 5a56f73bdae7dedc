"""The card of exported data: README.md with the front matter for the Hugging Face Hub and `load_dataset`."""

from pathlib import Path
from typing import Any

import yaml

from spar.export.facts import Origin, RunFacts
from spar.export.formats import FORMATS
from spar.export.model_card import licences
from spar.recipes.init import FIRST, iteration_name

_LICENCE = """The prompts, and the models that wrote the responses and judgments, have their own licences and terms,
some of which limit training on their output."""


def write_card(path: Path, run: RunFacts, manifest: dict[str, Any], licence: str | None) -> None:
    """`manifest`: the export's, without its files; `licence`: the one chosen by its owner."""
    front = {
        "license": licence or "other",
        "tags": ["spar", "preference", "synthetic"],
        "configs": [{"config_name": name, "data_files": file} for name, file in manifest["sets"].items()],
    }
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n",
        f"# Training data of {run.title}\n",
        f"Made by spar {run.version} with the recipe `{manifest['recipe']}` (whole in recipe.yaml). Method:"
        f" {run.method}.\n",
        f"## Files\n\n{_files(manifest)}\n",
        *_caution(manifest),
        f"## Statistics\n\n{_statistics(manifest)}\n",
        f"## Lineage\n\n{_lineage(run, manifest)}\n",
        f"## Licences\n\n{_LICENCE}\n\n{licences(run, licence, _models(run))}\n",
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def _models(run: RunFacts) -> list[str]:
    """The models that the recipe names, from which all others are trained."""
    named = run.recipe.get("models", {})
    return [name for key, name in named.items() if isinstance(name, str) and key not in ("shared", "one")]


def _files(manifest: dict[str, Any]) -> str:
    uses = FORMATS[manifest["format"]].use
    lines = [f"Format: {manifest['format']}.\n", "| file | rows | read as |", "|---|---|---|"]
    lines += [f"| {file} | {manifest['rows'][name]} | {uses[name]} |" for name, file in manifest["sets"].items()]
    lines.append("\nlineage.jsonl names for each row its file, place (from 0), iteration or source, and prompt id.")
    return "\n".join(lines)


def _caution(manifest: dict[str, Any]) -> list[str]:
    """How a trainer of this format handles rows by default."""
    caution = FORMATS[manifest["format"]].caution
    return [f"## Before you train\n\n{caution}\n"] if caution else []


def _statistics(manifest: dict[str, Any]) -> str:
    lines = ["| iteration | prompts | pairs | examples | how the prompts ended |", "|---|---|---|---|---|"]
    for one in manifest["iterations"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in one["examples"].items()) or "none"
        ends = ", ".join(f"{count} {name}" for name, count in one["outcomes"].items() if count)
        lines.append(f"| {_name(one)} | {one['prompts']} | {one['pairs']} | {kinds} | {ends} |")
    return "\n".join(lines)


def _lineage(run: RunFacts, manifest: dict[str, Any]) -> str:
    """Models by fingerprint, which identifies what they were made from."""
    models, prompts = run.recipe.get("models", {}), run.recipe.get("prompts", {})
    lines = [f"- prompts: {prompts.get('source', 'unknown')}; seed {run.recipe.get('seed', 0)}"]
    for role, named in models.items():
        lines.append(f"- {role} at the start: {named} ({run.start.get(named, 'unknown')[:16]})")
    for one in manifest["iterations"]:
        after = ", ".join(f"{one[key][:16]}" for key in ("actor_after", "refiner_after") if one[key])
        refiner = one["refiner"][:16]
        if run.origin is Origin.REFINEMENTS:
            lines.append(f"- {one['source']}: given responses, judged and refined by {refiner}")
            continue
        lines.append(
            f"- {iteration_name(one['iteration'])}: made by actor {one['actor'][:16]} and refiner "
            f"{refiner}; trained on it: {after or 'nothing yet'}"
        )
    return "\n".join(lines)


def _name(one: dict[str, Any]) -> str:
    return str(one["iteration"]) if one["iteration"] >= FIRST else iteration_name(one["iteration"])
