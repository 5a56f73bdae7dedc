"""A run's profile from its steps. Pure; `read` gets them from the tables."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from spar.report.profile.advice import advise
from spar.report.profile.estimate import with_one_more, worker_groups
from spar.report.profile.model import MoreWorkers, RunProfile
from spar.report.profile.path import critical_path, full_times
from spar.report.profile.spans import Span, length
from spar.report.profile.steps import EndedStep, IterationSpan, PlacedStep, placed_steps
from spar.report.profile.sums import by_kind, by_worker


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledRun:
    """A run as its tables have it. `active`: when it was on. `one_process`: there can be no second worker."""

    run_id: str
    active: tuple[Span, ...]
    iterations: tuple[IterationSpan, ...]
    steps: tuple[EndedStep, ...]
    unfinished: int
    dead: int
    one_process: bool


def build_profile(run: ProfiledRun) -> RunProfile:
    """Where the run's time went, in seconds: by step kind, by worker, and along each iteration's critical path.

    The time of a step that measured no parts counts as unknown. A run in one process gets no estimate of a second
    worker.
    """
    steps = placed_steps(run.steps, {each.index: each for each in run.iterations})
    of_iteration: dict[int, list[PlacedStep]] = defaultdict(list)
    for each in steps:
        of_iteration[each.step.iteration].append(each)
    full = full_times(steps)
    iterations = tuple(critical_path(each, of_iteration[each.index], run.active, full) for each in run.iterations)
    estimates = () if run.one_process else _estimates(steps)
    return RunProfile(
        run_id=run.run_id,
        active_s=length(run.active),
        unfinished=run.unfinished,
        dead=run.dead,
        kinds=by_kind(steps, run.active),
        workers=by_worker(steps, run.active),
        iterations=iterations,
        estimates=estimates,
        advice=advise(iterations, estimates),
    )


def _estimates(steps: Sequence[PlacedStep]) -> tuple[MoreWorkers, ...]:
    return tuple(with_one_more(group) for group in worker_groups(steps))
