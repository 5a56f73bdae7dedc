"""The cost of a group of runs, how much of it was reused, and the cost of a point gained. Sums; measures nothing."""

from collections.abc import Sequence

from spar.report.comparison.model import CostFacts, MeasuredGain, StepWork, WorkFacts
from spar.report.comparison.reading import ComparedStep, MeasuredRun

Runs = Sequence[MeasuredRun]
EVALUATION = "evaluation"


def work_of(group: Runs, base: Runs | None) -> WorkFacts:
    """`base` is the first group, None for itself."""
    steps = [step for run in group for step in run.steps]
    own, reused = [step for step in steps if not step.reused], [step for step in steps if step.reused]
    kinds = list(dict.fromkeys(step.kind for step in steps if step.calls))
    work = WorkFacts(
        calls={kind: StepWork(own=_calls(own, kind), reused=_calls(reused, kind)) for kind in kinds},
        own_calls=_calls(own),
        reused_calls=_calls(reused),
        own_tokens=sum(step.tokens for step in own),
        reused_tokens=sum(step.tokens for step in reused),
        seconds=sum(run.seconds for run in group),
        steps=len(steps),
        reused_steps=len(reused),
    )
    return work if base is None else work.model_copy(update=_shared(group, base))


def _calls(steps: Sequence[ComparedStep], kind: str | None = None) -> int:
    return sum(step.calls for step in steps if kind in (None, step.kind))


def _shared(group: Runs, base: Runs) -> dict[str, float | None]:
    theirs = {step.fingerprint for run in base for step in run.steps}
    shared = [step for run in group for step in run.steps if step.fingerprint in theirs]
    seeds = {run.seed for run in group} & {run.seed for run in base}
    mine, other = ([step for run in runs if run.seed in seeds for step in run.steps] for runs in (group, base))
    return {
        "shared_steps": len(shared),
        "shared_calls": _calls(shared),
        "own_calls_ratio": _ratio(mine, other),
        "first_iteration_ratio": _ratio(*([step for step in steps if _first(step)] for steps in (mine, other))),
    }


def _first(step: ComparedStep) -> bool:
    return step.iteration == 1 and step.kind != EVALUATION


def _ratio(mine: Sequence[ComparedStep], other: Sequence[ComparedStep]) -> float | None:
    """The ratio of the calls that each made itself."""
    own, theirs = (_calls([step for step in steps if not step.reused]) for steps in (mine, other))
    return own / theirs if theirs else None


def cost_of(work: WorkFacts, gain: MeasuredGain | None, runs: int) -> CostFacts:
    """A mean run's work divided by the mean gain. Work is counted, not sampled, so only the gain has an interval."""
    if gain is None or gain.low <= 0:
        return CostFacts()

    def per_point(amount: float) -> MeasuredGain:
        each = amount / runs
        return MeasuredGain(value=each / gain.value, low=each / gain.high, high=each / gain.low)

    return CostFacts(
        calls=per_point(work.own_calls + work.reused_calls),
        tokens=per_point(work.own_tokens + work.reused_tokens),
        seconds=per_point(work.seconds),
    )
