"""A selection's guards count what is planted in its rows, its judgments and its trees."""

import asyncio
from typing import Any, cast

import pytest

from services.training.guarding import guard_figures
from spar.messages.training import SelectionSpec
from spar.method.guards import TrainingRows
from spar.method.records import JudgedPrompt, JudgedResponse, Judgment, Pair, Prompt, Response, Verdict, Vote
from spar.recipes.guards import Mark, findings
from spar.recipes.models import GuardSettings
from spar.runtime.worker import Worker


class Untrained:
    """Of a selection's spec: nothing is trained, so no tokenizer is needed."""

    actor = refiner = None
    actor_limit = refiner_limit = None


def judged(*verdicts: Verdict) -> JudgedPrompt:
    """One response for each, with a vote of that verdict."""
    responses = tuple(
        JudgedResponse(
            Response(place, "text"),
            Judgment(
                votes=(Vote("", verdict),),
                label=verdict,
                failure=None,
                value=float(verdict is Verdict.YES),
                critique=None,
            ),
        )
        for place, verdict in enumerate(verdicts)
    )
    return JudgedPrompt(Prompt.of("x"), responses)


def warned(rows: TrainingRows, *prompts: JudgedPrompt) -> set[str]:
    spec = cast(SelectionSpec, Untrained())
    figures = asyncio.run(guard_figures(cast(Worker, Any), spec, rows, prompts, []))
    return {each.guard.value for each in findings(figures, GuardSettings()) if each.mark is not Mark.PASS}


GOOD = [Pair(prompt=Prompt.of(f"prompt {n}"), chosen="a b c", rejected="a b d") for n in range(3)]


@pytest.mark.parametrize(
    ("planted", "guards"),
    [
        (Pair(prompt=Prompt.of("x"), chosen="a b c", rejected="a b d"), set()),
        (Pair(prompt=Prompt.of("x"), chosen="a b c", rejected="a b c"), {"same"}),
        (Pair(prompt=Prompt.of("x"), chosen="a b c", rejected=""), {"empty"}),
        (Pair(prompt=Prompt.of("prompt 1"), chosen="a b c", rejected="a b e"), {"repeated_prompts"}),
        (GOOD[0], {"repeated_prompts", "repeated_rows"}),
        (Pair(prompt=Prompt.of("x"), chosen=" ".join("abcdefghijklmnopqrstuvw"), rejected="a b d"), {"length_gap"}),
    ],
)
def test_a_planted_pair_is_found(planted: Pair, guards: set[str]) -> None:
    assert warned(TrainingRows(pairs=[*GOOD, planted])) == guards


def test_a_refiner_that_accepts_everything_is_found() -> None:
    rows = TrainingRows(pairs=GOOD)
    assert warned(rows, judged(Verdict.YES, Verdict.NO)) == set()
    assert warned(rows, judged(Verdict.YES, Verdict.YES)) == {"labels"}
