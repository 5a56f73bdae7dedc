"""The bad responses that a refiner is measured with, each with a rule that checks a refinement, if a program can.

From a file of {prompt, response}, where a row may have IFEval's `instruction_id_list` and `kwargs`; or from the story
world, whose rules check all of them. Knows no model.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.evaluation.benchmarks.rows import digest, read_bytes
from spar.worlds.story.items import refine_items
from spar.worlds.story.rules import follows

WORLD = "world:story"
WORLD_ITEMS = 200
"""As many as the paper refines (arXiv 2412.11605, Table 3)."""

Rule = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """A prompt and a response that does not follow it. `rule` checks whether a text does; None if no program can."""

    prompt: str
    response: str
    rule: Rule | None = None


def read_negatives(data: Path) -> tuple[list[Negative], str]:
    """All negatives in order, and the digest that identifies them."""
    if str(data) == WORLD:
        items = refine_items(WORLD_ITEMS, 0, "heldout")
        return [
            Negative(prompt=prompt, response=response, rule=_story_rule(prompt)) for prompt, response in items
        ], WORLD
    raw = read_bytes(data)
    found = []
    for number, text in enumerate(raw.splitlines(), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            found.append(Negative(prompt=str(row["prompt"]), response=str(row["response"]), rule=_rule(row)))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{data} line {number} is no negative ({error}).", 'Write {"prompt": "...", "response": "..."}.'
            ) from error
    if not found:
        raise DataError(f"{data} holds no negative.", 'Write rows of {"prompt": "...", "response": "..."}.')
    return found, digest(raw)


def _story_rule(prompt: str) -> Rule:
    return lambda text: follows(prompt, text)


def _rule(row: Mapping[str, Any]) -> Rule | None:
    """IFEval's checkers, applied strictly. Raises KeyError for an instruction without a checker."""
    if "instruction_id_list" not in row:
        return None
    from spar.evaluation.benchmarks.ifeval.checkers import Instruction, check, known_instructions

    unknown = set(row["instruction_id_list"]) - known_instructions()
    if unknown:
        raise KeyError(f"no checker for {', '.join(sorted(unknown))}")
    named = tuple(Instruction(*pair) for pair in zip(row["instruction_id_list"], row["kwargs"], strict=True))
    prompt = str(row["prompt"])
    return lambda text: all(check(prompt, named, text).strict)
