"""Steps as a profile reads them, with what a test says about them."""

from collections.abc import Sequence
from typing import Any

from spar.messages.base import StepKind
from spar.messages.coordinator import StepTimings
from spar.report.profile.build import ProfiledRun
from spar.report.profile.steps import EndedStep, IterationSpan


def ended(kind: StepKind, part: str, sent: float, at: float, seconds: float, **more: Any) -> EndedStep:
    """By default the first attempt of iteration 1, on a worker named by the kind, that measured nothing."""
    worker = None if more.get("reused") else kind.value
    given = {"iteration": 1, "worker": worker, "attempt": 1, "reused": False, "timings": None}
    return EndedStep(kind=kind, part=part, sent=sent, ended=at, seconds=seconds, **{**given, **more})


def profiled(steps: Sequence[EndedStep], until: float, **more: Any) -> ProfiledRun:
    """One iteration from 0 until then, active all the time."""
    given = {
        "active": ((0.0, until),),
        "iterations": (IterationSpan(index=1, started=0.0, finished=until),),
        "unfinished": 0,
        "dead": 0,
        "one_process": False,
    }
    return ProfiledRun(run_id="r", steps=tuple(steps), **{**given, **more})


TWO_SHARDS = (
    ended(StepKind.GENERATION, "0", 0, 10, 10, timings=StepTimings(engine_s=8, store_s=1)),
    ended(StepKind.GENERATION, "1", 0, 20, 10),
    ended(StepKind.REFINEMENT, "0", 10, 40, 30, timings=StepTimings(engine_s=30)),
    ended(StepKind.REFINEMENT, "1", 20, 70, 30, timings=StepTimings(engine_s=29)),
    ended(StepKind.SELECTION, "", 70.5, 72, 1, timings=StepTimings()),
    ended(StepKind.TRAINING, "actor", 72, 90, 18, timings=StepTimings(training_s=16)),
)
"""Two shards, one worker a kind; the iteration ends at 91."""
