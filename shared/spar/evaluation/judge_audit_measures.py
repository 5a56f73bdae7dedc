"""How well a judge agrees with the rules over audited items: false accepts and rejects, and the gap in success rates.

Every interval treats a prompt's items as one cluster. Knows nothing of where the items come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spar.evaluation.clustered import Mean, Rate, clustered_mean, clustered_rate
from spar.evaluation.judge_audit import Audited
from spar.method.records import Verdict
from spar.recipes.judge_audit import AuditFigures, AuditSource


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeMeasures:
    """One judge over one source's items: those it labelled, those it did not, and its errors.

    `gap` is the share that it accepts minus the share that follows its prompt. `false_accept` is over the bad items,
    `false_reject` over the good ones; None where there are none.
    """

    prompts: int
    unlabelled: int
    accepted: Rate | None
    followed: Rate | None
    gap: Mean | None
    false_accept: Rate | None
    false_reject: Rate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMeasures:
    """The refiner by constraint type, both sources together: how many it accepted of the items that break a constraint
    of the type, and rejected of the good items whose prompt has one."""

    kind: str
    false_accept: Rate | None
    false_reject: Rate | None


def by_refiner(item: Audited) -> Verdict | None:
    return item.said


def by_outside(item: Audited) -> Verdict | None:
    return item.outside


def measure(items: Sequence[Audited], label: Callable[[Audited], Verdict | None] = by_refiner) -> JudgeMeasures:
    """One judge's measures over items of one source."""
    labelled = [item for item in items if label(item) is not None]
    groups = _by_prompt(labelled)

    def rate(hit: Callable[[Audited], bool], among: Callable[[Audited], bool] = lambda _: True) -> Rate | None:
        return clustered_rate([[hit(item) for item in group if among(item)] for group in groups])

    def accepts(item: Audited) -> bool:
        return label(item) is Verdict.YES

    return JudgeMeasures(
        prompts=len(groups),
        unlabelled=len(items) - len(labelled),
        accepted=rate(accepts),
        followed=rate(lambda item: item.good),
        gap=clustered_mean([[accepts(item) - item.good for item in group] for group in groups]),
        false_accept=rate(accepts, lambda item: not item.good),
        false_reject=rate(lambda item: not accepts(item), lambda item: item.good),
    )


def measure_types(items: Sequence[Audited]) -> list[TypeMeasures]:
    """One row per constraint type that occurs, by name."""
    labelled = [item for item in items if by_refiner(item) is not None]
    kinds = sorted({kind for item in labelled for kind, _ in item.found})
    return [_measure_type(kind, _by_prompt(labelled)) for kind in kinds]


def _measure_type(kind: str, groups: Sequence[Sequence[Audited]]) -> TypeMeasures:
    breaking = [[by_refiner(item) is Verdict.YES for item in group if (kind, False) in item.found] for group in groups]
    following = [
        [by_refiner(item) is Verdict.NO for item in group if item.good and (kind, True) in item.found]
        for group in groups
    ]
    return TypeMeasures(kind=kind, false_accept=clustered_rate(breaking), false_reject=clustered_rate(following))


def _by_prompt(items: Sequence[Audited]) -> list[list[Audited]]:
    groups: dict[str, list[Audited]] = {}
    for item in items:
        groups.setdefault(item.prompt.id, []).append(item)
    return list(groups.values())


def summarize(items: Sequence[Audited]) -> dict[AuditSource, AuditFigures]:
    """The figures that an alarm is decided by; a source without a labelled item is left out."""
    found = {source: measure([item for item in items if item.source is source]) for source in AuditSource}
    figures = {source: _figures(measures) for source, measures in found.items()}
    return {source: each for source, each in figures.items() if each is not None}


def _figures(found: JudgeMeasures) -> AuditFigures | None:
    if found.accepted is None or found.followed is None or found.gap is None:
        return None
    return AuditFigures(
        items=found.accepted.total,
        prompts=found.prompts,
        unlabelled=found.unlabelled,
        accepted=found.accepted.value,
        followed=found.followed.value,
        gap=found.gap.value,
        gap_low=found.gap.low,
        gap_high=found.gap.high,
        false_accept=None if found.false_accept is None else found.false_accept.value,
        false_reject=None if found.false_reject is None else found.false_reject.value,
    )
