"""What a run produced, and how it differs from the undisturbed one: prompts lost or counted twice, and bytes.

An object's key ends with the SHA-256 of its bytes, so equal keys mean equal bytes, for every step's result.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session, select

from services.coordinator.shortfall import FAILURES
from spar.db.tables import Iteration, PromptOutcome, Run, Step
from spar.messages.states import RunStatus, StepState
from spar.messages.training import Selected
from spar.method.records import Pair
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows

Place = tuple[int, str, str]
"""Iteration, kind and part of a step."""
Position = tuple[int, int]
"""Iteration, and the position of a prompt in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The current state of one run."""

    status: RunStatus
    results: Mapping[Place, str]
    outcomes: Mapping[Position, str]
    planned: int
    """Prompts of all iterations that have started."""
    repeated: int
    """Prompts with more than one outcome in an iteration, and duplicate pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A run compared with the undisturbed one."""

    lost: int
    """Prompts without an outcome, or lost to a failure that did not occur in the undisturbed run."""
    twice: int
    same_bytes: bool
    first: str = ""
    """The first step whose bytes differ."""


def evidence_of(database: Engine, store: ObjectStore, run_id: str) -> Evidence:
    with Session(database) as session:
        run = session.get_one(Run, run_id)
        begun = session.exec(select(Iteration).where(Iteration.run_id == run_id)).all()
        rows = session.exec(select(PromptOutcome).where(PromptOutcome.run_id == run_id)).all()
        done = session.exec(select(Step).where(Step.run_id == run_id, Step.state == StepState.DONE)).all()
        ids = Counter((row.iteration, row.prompt_id) for row in rows)
        selections = [step.result_key for step in done if step.kind == "selection" and step.result_key]
        return Evidence(
            status=run.status,
            results={(step.iteration, step.kind.value, step.part): step.result_key or "" for step in done},
            outcomes={(row.iteration, row.position): row.outcome for row in rows},
            planned=sum(iteration.prompts for iteration in begun),
            repeated=_more_than_once(ids) + sum(_pairs_twice(store, key) for key in selections),
        )


def _pairs_twice(store: ObjectStore, key: str) -> int:
    [selected] = decode_rows(get_verified(store, key), Selected, key)[1]
    pairs = decode_rows(get_verified(store, selected.pairs_key), Pair, selected.pairs_key)[1]
    return _more_than_once(Counter((pair.prompt.id, pair.rejected) for pair in pairs))


def _more_than_once(counted: Mapping[object, int]) -> int:
    return sum(count - 1 for count in counted.values())


def compare(found: Evidence, undisturbed: Evidence) -> Difference:
    """Lost prompts are counted over the whole plan: an iteration that never started lost all its prompts."""
    missing = sum(place not in found.outcomes for place in undisturbed.outcomes)
    failed = sum(
        outcome in FAILURES and undisturbed.outcomes.get(place) != outcome for place, outcome in found.outcomes.items()
    )
    differ = [
        place
        for place in sorted({*found.results, *undisturbed.results})
        if found.results.get(place) != undisturbed.results.get(place)
    ]
    return Difference(
        lost=missing + failed,
        twice=max(0, found.repeated - undisturbed.repeated),
        same_bytes=not differ,
        first="/".join(map(str, differ[0])) if differ else "",
    )
