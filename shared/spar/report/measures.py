"""From evaluated items to the report's rates and paired changes. Knows nothing of tables, objects or pages."""

from collections.abc import Mapping, Sequence

from spar.errors import AccountingError
from spar.evaluation.items import Item, Measure
from spar.evaluation.statistics import Proportion, paired_difference
from spar.recipes.init import BACKBONE
from spar.report.model import ActorMeasures, Change, Interval, RefinerMeasures

REPORTED = {
    Measure.ACTOR_GREEDY: "actor.accuracy",
    Measure.ACTOR_SAMPLED: "actor.accuracy_sampled",
    Measure.JUDGE: "refiner.judge_accuracy",
    Measure.REFINE: "refiner.refine_accuracy",
}
"""The field of report.json that each measure of a model fills."""

ByIteration = Mapping[int, Sequence[Item]]


def of(items: Sequence[Item], measure: Measure) -> list[Item]:
    return [item for item in items if item.measure == measure]


def rate(items: Sequence[Item]) -> tuple[float | None, Interval | None]:
    """The share of correct items and its interval; None if nothing was measured."""
    if not items:
        return None, None
    proportion = Proportion.of([item.correct for item in items])
    return proportion.rate, proportion.interval


def failures(items: Sequence[Item]) -> int:
    return sum(item.failure is not None for item in items)


def actor_measures(items: Sequence[Item]) -> ActorMeasures:
    greedy, sampled = of(items, Measure.ACTOR_GREEDY), of(items, Measure.ACTOR_SAMPLED)
    accuracy, interval = rate(greedy)
    accuracy_sampled, interval_sampled = rate(sampled)
    return ActorMeasures(
        accuracy=accuracy,
        accuracy_interval=interval,
        accuracy_sampled=accuracy_sampled,
        accuracy_sampled_interval=interval_sampled,
        prompts=len(greedy),
        failures=failures(greedy) + failures(sampled),
    )


def refiner_measures(items: Sequence[Item]) -> RefinerMeasures:
    """Accuracy of judgments and of refinements over the items, as shares with 95% intervals."""
    judged, refined = of(items, Measure.JUDGE), of(items, Measure.REFINE)
    judge_accuracy, judge_interval = rate(judged)
    refine_accuracy, refine_interval = rate(refined)
    return RefinerMeasures(
        judge_accuracy=judge_accuracy,
        judge_accuracy_interval=judge_interval,
        judge_items=len(judged),
        judge_failures=failures(judged),
        refine_accuracy=refine_accuracy,
        refine_accuracy_interval=refine_interval,
        refine_items=len(refined),
        refine_failures=failures(refined),
    )


def changes(measured: ByIteration) -> list[Change]:
    """Every measure: the backbone against the start that was made of it, the start against each later iteration, then
    each iteration against the next."""
    found = []
    for measure, name in REPORTED.items():
        by_iteration = {index: of(items, measure) for index, items in sorted(measured.items())}
        present = [index for index, items in by_iteration.items() if items]
        made = [(BACKBONE, 0)] if BACKBONE in present and 0 in present else []
        from_start = [(0, index) for index in present if index > 0 and 0 in present]
        onwards = [(index, index + 1) for index in present if index > 0 and index + 1 in present]
        for before, after in made + from_start + onwards:
            found.append(_change(name, before, after, by_iteration[before], by_iteration[after]))
    return found


def _change(name: str, before: int, after: int, old: Sequence[Item], new: Sequence[Item]) -> Change:
    if [(item.prompt, item.given) for item in old] != [(item.prompt, item.given) for item in new]:
        raise AccountingError(
            f"{name} was measured on other items in iteration {after} than in iteration {before}.",
            "This is a bug: both come from one recipe.",
        )
    difference = paired_difference([item.correct for item in old], [item.correct for item in new])
    return Change(
        measure=name,
        before=before,
        after=after,
        points=difference.estimate,
        low=difference.low,
        high=difference.high,
        items=len(old),
    )
