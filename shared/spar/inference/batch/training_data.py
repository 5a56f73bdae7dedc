"""The output of `spar refine` as training data: the pairs of solved rows, and examples to fine-tune its refiner.

Reads the output file and the settings beside it, and calls no model. Every row ends in one counted outcome.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from spar.errors import DataError
from spar.export.facts import ExportedIteration, Origin, RunFacts
from spar.inference.batch.output import ABOUT, settings_path
from spar.inference.batch.search_row import RowOutcome
from spar.inference.batch.settings import templates_digest
from spar.method.pairs import refined_pair
from spar.method.records import Example, JudgedPrompt, JudgedResponse, Judgment, Pair, Prompt, Response, Tree
from spar.method.refiner_data import RefinerDataRules, select_refiner_examples
from spar.method.templates import BUILTIN, TemplateSet, builtin_templates

DUPLICATE = "duplicate"
"""Of a row whose pair is an earlier row's, word for word."""
UNKNOWN = "unknown"
_DECIDING = ("engine", "seed", "send_seed", "judgment", "search")
_TREE = TypeAdapter(Tree)
_JUDGMENT = TypeAdapter(Judgment)


@dataclass(frozen=True, slots=True)
class RefinedFile:
    """One output file: its pairs and examples, or the reason that it has no examples."""

    facts: RunFacts
    data: ExportedIteration
    no_examples: str | None = None


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a file, read. `lines` are those of the input, by prompt."""

    outcomes: Counter[str]
    pairs: list[Pair]
    trees: list[Tree]
    judged: list[JudgedPrompt]
    lines: dict[str, list[int]]


def read_refined_files(paths: Sequence[Path]) -> tuple[RunFacts, list[RefinedFile]]:
    """All files, and their common settings. Raises DataError if their settings differ."""
    files = [read_refined(path, number) for number, path in enumerate(paths, start=1)]
    facts = files[0].facts
    settings = [{**file.facts.recipe, "prompts": None} for file in files]
    other = next((path for path, one in zip(paths, settings, strict=True) if one != settings[0]), None)
    if other is not None:
        raise DataError(
            f"{other} was written with other settings than {paths[0]}.",
            "Export each by itself: the card names one refiner and one search.",
        )
    inputs = ", ".join(file.facts.recipe["prompts"]["source"] for file in files)
    names = ", ".join(path.name for path in paths)
    return replace(facts, run_id=names, recipe={**facts.recipe, "prompts": {"source": inputs}}), files


def read_refined(path: Path, number: int) -> RefinedFile:
    """`number` counts the files of an export from 1. Raises DataError for any file but an output of `spar refine`."""
    settings = _settings(path)
    about = settings.get(ABOUT) or {}
    rows = _read_rows(path)
    templates = _templates(settings)
    model = str(settings.get("model", UNKNOWN))
    named = str(about.get("model", model))
    data = ExportedIteration(
        iteration=number,
        actor=None,
        refiner=model,
        actor_after=None,
        refiner_after=None,
        prompts=rows.outcomes.total(),
        outcomes=dict(rows.outcomes),
        pairs=rows.pairs,
        examples=_examples(rows, templates, int(settings.get("seed", 0))) if templates is not None else [],
        source=str(path),
        lines=rows.lines,
    )
    recipe: dict[str, Any] = {
        "name": "spar refine",
        "models": {"refiner": named},
        "prompts": {"source": str(about.get("input", path))},
        **{key: value for key, value in settings.items() if key in _DECIDING},
        "templates": UNKNOWN if templates is None else {"judge": templates.judge, "refine": templates.refine},
    }
    facts = RunFacts(
        run_id=path.name,
        status="finished",
        recipe=recipe,
        start={named: model},
        version=metadata.version("spar"),
        origin=Origin.REFINEMENTS,
    )
    missing = f"{settings_path(path).name} does not name the templates" if templates is None else None
    return RefinedFile(facts, data, missing)


def _settings(path: Path) -> dict[str, Any]:
    """The settings that determined the rows; empty if the file was moved away from them."""
    try:
        found = json.loads(settings_path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{settings_path(path)} cannot be read: {error}.", "Restore it, or move it away.") from error
    return found if isinstance(found, dict) else {}


def _templates(settings: dict[str, Any]) -> TemplateSet | None:
    """As they were kept; of an older output the built-in set with their digest."""
    kept = (settings.get(ABOUT) or {}).get("templates")
    if isinstance(kept, dict):
        return TemplateSet(name=str(kept["name"]), judge=str(kept["judge"]), refine=str(kept["refine"]))
    sets = (builtin_templates(name) for name in BUILTIN)
    return next((one for one in sets if templates_digest(one) == settings.get("templates")), None)


def _examples(rows: _Rows, templates: TemplateSet, seed: int) -> Sequence[Example]:
    """As a run chooses them, without its caps."""
    most = sum(len(tree.nodes) for tree in rows.trees) + len(rows.judged)
    rules = RefinerDataRules(
        refinements=most, tree_yes=most, tree_no=most, response_no=most, response_yes=most, contested_only=True
    )
    return select_refiner_examples(rows.trees, rows.judged, rules, templates, seed).examples


def _read_rows(path: Path) -> _Rows:
    found = _Rows(Counter(), [], [], [], defaultdict(list))
    seen: set[Pair] = set()
    for number, row in _lines(path):
        try:
            _add(found, seen, row)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise _not_ours(path, number) from error
    return found


def _add(found: _Rows, seen: set[Pair], row: dict[str, Any]) -> None:
    outcome = RowOutcome(row["outcome"]).value
    if outcome != RowOutcome.REJECTED:
        prompt = Prompt.of(row["prompt"])
        found.lines[prompt.id].append(int(row["line"]))
        judgment = None if row.get("judgment") is None else _JUDGMENT.validate_python(row["judgment"])
        if row.get("tree") is not None:
            tree = _TREE.validate_python(row["tree"])
            found.trees.append(tree)
            judgment = tree.node(()).judgment
            outcome = _add_pair(found, seen, tree, outcome)
        found.judged.append(JudgedPrompt(prompt, (JudgedResponse(Response(0, row["response"]), judgment),)))
    found.outcomes[outcome] += 1


def _add_pair(found: _Rows, seen: set[Pair], tree: Tree, outcome: str) -> str:
    pair = refined_pair(tree)
    if not isinstance(pair, Pair):
        return RowOutcome.UNSOLVED.value
    if pair in seen:
        return DUPLICATE
    seen.add(pair)
    found.pairs.append(pair)
    return outcome


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if not raw.endswith(b"\n"):
                raise DataError(
                    f"The last row of {path} is incomplete, or still being written.",
                    "Let `spar refine` finish, or run the same command again: it repairs the file.",
                )
            try:
                row = json.loads(raw)
            except ValueError as error:
                raise _not_ours(path, number) from error
            if not isinstance(row, dict):
                raise _not_ours(path, number)
            yield number, row


def _not_ours(path: Path, number: int) -> DataError:
    return DataError(
        f"{path} is not an output of `spar refine`: line {number} is not one of its rows.",
        "Name a run, or the file that `spar refine --out` wrote.",
    )
