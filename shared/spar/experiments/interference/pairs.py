"""The two kinds of pairs over the same prompts and rejected responses: only the chosen responses differ.

The rejected response is the starting model's own, as in self-play. Knows no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from spar.errors import TrainingError
from spar.experiments.interference.tasks.base import SyntheticTask
from spar.method.records import Pair, Prompt

Kind = Literal["refined", "interfering"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSets:
    """Pair i of both kinds has the same prompt and the same rejected response."""

    refined: tuple[Pair, ...]
    interfering: tuple[Pair, ...]

    def of(self, kind: Kind) -> tuple[Pair, ...]:
        return self.refined if kind == "refined" else self.interfering


def make_pairs(task: SyntheticTask, sampled: Sequence[tuple[str, Sequence[str]]], most: int) -> PairSets:
    """At most one pair of each kind from each prompt and its sampled responses. Raises TrainingError without any."""
    found = [pair for prompt, responses in sampled if (pair := _pair(task, prompt, responses)) is not None]
    if not found:
        raise TrainingError(
            f"The starting model of the {task.name} gave no prompt a wrong response and two better ones for the pairs.",
            "Train it longer (--start-steps), or sample more prompts (--pairs).",
        )
    kept = found[:most]
    return PairSets(
        refined=tuple(pair["refined"] for pair in kept), interfering=tuple(pair["interfering"] for pair in kept)
    )


def _pair(task: SyntheticTask, prompt: str, responses: Sequence[str]) -> Mapping[Kind, Pair] | None:
    right = [response for response in responses if _is_right(task, prompt, response)]
    for rejected in responses:
        refined = None if rejected in right else task.refine(prompt, rejected)
        if refined is None:
            continue
        interfering = task.interfere(prompt, refined, right)
        if interfering is None:
            return None
        given = Prompt.of(prompt)
        return {
            "refined": Pair(prompt=given, chosen=refined, rejected=rejected),
            "interfering": Pair(prompt=given, chosen=interfering, rejected=rejected),
        }
    return None


def _is_right(task: SyntheticTask, prompt: str, response: str) -> bool:
    return task.measure(prompt, response)[0] == 1.0
