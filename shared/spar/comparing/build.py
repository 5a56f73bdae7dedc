"""Builds a comparison from what was read of its runs: the same runs give the same comparison."""

from collections.abc import Mapping, Sequence

from spar.comparing.checks import check_comparable
from spar.comparing.costs import cost_of, work_of
from spar.comparing.grouping import grouped
from spar.comparing.intervals import difference_of, mean_of
from spar.comparing.model import Comparison, Estimate, Group, MeasureFacts, RunName
from spar.comparing.reading import MeasuredRun
from spar.errors import DataError
from spar.evaluation.items import Measure
from spar.report.headline import MEASURES
from spar.report.measures import REPORTED

POINTS = 100.0
Runs = Sequence[MeasuredRun]


def build_comparison(runs: Runs, measure: str = "actor.accuracy") -> Comparison:
    """The first run's group is what the others are compared with. Raises DataError for runs that don't compare."""
    notes = check_comparable(runs)
    groups = grouped(runs)
    base = groups[0][1]
    built = [_group(label, group, base, measure) for label, group in groups]
    if built[0].measure(measure) is None:
        known = ", ".join(each.measure for each in built[0].measures)
        raise DataError(f"'{measure}' was not measured in these runs.", f"Choose one of: {known}.")
    seeds = {len(group) for _, group in groups}
    if seeds == {1}:
        notes.append("One seed a recipe: the intervals say nothing of what another seed would give.")
    return Comparison(measure=measure, groups=built, notes=notes)


def _group(label: str, group: Runs, base: Runs, measure: str) -> Group:
    measures = [
        _measure(of, name, group, base, name == measure)
        for of, name in REPORTED.items()
        if all(run.items[0][of] and run.last(of) is not None for run in group)
    ]
    gain = next((each.gain for each in measures if each.measure == measure), None)
    work = work_of(group, None if group is base else base)
    checked = sum(run.pairs_checked for run in group)
    return Group(
        label=label,
        recipe=group[0].name,
        runs=[_name(run) for run in group],
        measures=measures,
        prompts=sum(run.prompts for run in group),
        pairs=sum(run.pairs for run in group),
        pair_precision=sum(run.pairs_right for run in group) / checked if checked else None,
        work=work,
        cost=cost_of(work, gain, len(group)),
    )


def _name(run: MeasuredRun) -> RunName:
    iterations = max((run.last(of) or 0 for of in REPORTED), default=0)
    return RunName(run=run.run_id, home=run.home, seed=run.seed, status=run.status, iterations=iterations)


def _measure(of: Measure, name: str, group: Runs, base: Runs, drawn: bool) -> MeasureFacts:
    """`drawn`: with its rates by iteration, for a plot."""
    start = [_correct(run, of, 0) for run in group]
    end = [_end(run, of) for run in group]
    difference, by_seed = (None, True) if group is base else _difference(of, group, base)
    last = min(run.last(of) or 0 for run in group)
    return MeasureFacts(
        measure=name,
        label=MEASURES[name],
        items=len(start[0]),
        start=mean_of(start, resamples=1).value,
        end=mean_of(end),
        gain=mean_of([_minus(after, before) for before, after in zip(start, end, strict=True)], POINTS),
        difference=difference,
        paired_by_seed=by_seed,
        by_iteration={
            index: mean_of([_correct(run, of, index) for run in group])
            for index in range(last + 1)
            if drawn and all(run.items[index][of] for run in group)
        },
    )


def _difference(of: Measure, group: Runs, base: Runs) -> tuple[Estimate | None, bool]:
    """At the end, paired by item and by seed; with no seed in common, by item alone."""
    mine, theirs = _by_seed(group), _by_seed(base)
    if any(run.last(of) is None for run in base):
        return None, True
    common = sorted(set(mine) & set(theirs))
    if common:
        pairs = [_minus(_end(mine[seed], of), _end(theirs[seed], of)) for seed in common]
        return mean_of(pairs, POINTS), True
    return difference_of([_end(run, of) for run in group], [_end(run, of) for run in base], POINTS), False


def _by_seed(group: Runs) -> Mapping[int, MeasuredRun]:
    return {run.seed: run for run in group}


def _end(run: MeasuredRun, of: Measure) -> list[float]:
    return _correct(run, of, run.last(of) or 0)


def _correct(run: MeasuredRun, of: Measure, iteration: int) -> list[float]:
    return [float(item.correct) for item in run.items[iteration][of]]


def _minus(after: Sequence[float], before: Sequence[float]) -> list[float]:
    return [mine - other for mine, other in zip(after, before, strict=True)]
