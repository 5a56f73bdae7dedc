"""Builds a comparison from the data of its runs: the same runs give the same comparison."""

from collections.abc import Mapping, Sequence

from spar.errors import DataError
from spar.report.comparison.checks import check_comparable
from spar.report.comparison.costs import cost_of, work_of
from spar.report.comparison.grouping import grouped
from spar.report.comparison.intervals import difference_of, mean_of
from spar.report.comparison.items import Compared, benchmarks, suite
from spar.report.comparison.model import Comparison, MeasuredGain, MeasureFacts, RunGroup, RunName
from spar.report.comparison.reading import MeasuredRun

POINTS = 100.0
Runs = Sequence[MeasuredRun]


def build_comparison(runs: Runs, measure: str | None = None) -> Comparison:
    """The others are compared with the first run's group. Raises DataError for runs that cannot be compared.

    `measure` is the one whose gain costs are counted for; None: the first that was measured, with a suite the actor's
    accuracy.
    """
    notes = check_comparable(runs)
    groups = grouped(runs)
    base = groups[0][1]
    beside, left_out = benchmarks(runs)
    compared = [each for each in (*suite(), *beside) if all(each.has(run) for run in base)]
    measure = _chosen(measure, compared)
    built = [_group(label, group, base, compared, measure) for label, group in groups]
    notes += left_out
    seeds = {len(group) for _, group in groups}
    if seeds == {1} and measure is not None:
        notes.append("One seed per recipe: the intervals do not cover the variation between seeds.")
    return Comparison(measure=measure, groups=built, notes=notes)


def _chosen(measure: str | None, compared: Sequence[Compared]) -> str | None:
    known = [each.name for each in compared]
    if measure is None:
        return known[0] if known else None
    if measure not in known:
        fix = (
            f"Choose one of: {', '.join(known)}." if known else "They measured nothing in common: leave out --measure."
        )
        raise DataError(f"'{measure}' was not measured in these runs.", fix)
    return measure


def _group(label: str, group: Runs, base: Runs, compared: Sequence[Compared], measure: str | None) -> RunGroup:
    measures = [_measure(of, group, base, of.name == measure) for of in compared if all(of.has(run) for run in group)]
    gain = next((each.gain for each in measures if each.measure == measure), None)
    work = work_of(group, None if group is base else base)
    checked = sum(run.pairs_checked for run in group)
    return RunGroup(
        label=label,
        recipe=group[0].name,
        runs=[_name(run) for run in group],
        measures=measures,
        prompts=sum(run.prompts for run in group),
        pairs=sum(run.pairs for run in group),
        pair_precision=sum(run.pairs_right for run in group) / checked if checked else None,
        outcomes={name: sum(run.outcomes.get(name, 0) for run in group) for name in _outcomes(group)},
        work=work,
        cost=cost_of(work, gain, len(group)),
    )


def _outcomes(group: Runs) -> list[str]:
    return list(dict.fromkeys(name for run in group for name in run.outcomes))


def _name(run: MeasuredRun) -> RunName:
    return RunName(run=run.run_id, home=run.home, seed=run.seed, status=run.status, iterations=run.last_measured)


def _measure(of: Compared, group: Runs, base: Runs, drawn: bool) -> MeasureFacts:
    """`drawn`: with its rates by iteration, for a plot."""
    start = [of.start(run) for run in group]
    end = [of.end(run) for run in group]
    difference, by_seed = (None, True) if group is base else _difference(of, group, base)
    last = min(of.last(run) for run in group)
    return MeasureFacts(
        measure=of.name,
        label=of.label,
        items=len(start[0]),
        start=mean_of(start, resamples=1).value,
        end=mean_of(end),
        gain=mean_of([_minus(after, before) for before, after in zip(start, end, strict=True)], POINTS),
        difference=difference,
        paired_by_seed=by_seed,
        by_iteration={
            index: mean_of([of.right(run)[index] for run in group])
            for index in range(last + 1)
            if drawn and all(index in of.right(run) for run in group)
        },
    )


def _difference(of: Compared, group: Runs, base: Runs) -> tuple[MeasuredGain | None, bool]:
    """The difference at the end, paired by item and by seed; without a common seed, by item alone."""
    mine, theirs = _by_seed(group), _by_seed(base)
    if not all(of.has(run) for run in base):
        return None, True
    common = sorted(set(mine) & set(theirs))
    if common:
        pairs = [_minus(of.end(mine[seed]), of.end(theirs[seed])) for seed in common]
        return mean_of(pairs, POINTS), True
    return difference_of([of.end(run) for run in group], [of.end(run) for run in base], POINTS), False


def _by_seed(group: Runs) -> Mapping[int, MeasuredRun]:
    return {run.seed: run for run in group}


def _minus(after: Sequence[float], before: Sequence[float]) -> list[float]:
    return [mine - other for mine, other in zip(after, before, strict=True)]
