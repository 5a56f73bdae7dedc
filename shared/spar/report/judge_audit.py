"""The audit of a run's refiner: each iteration's figures, and their arrangement for the page.

Measures nothing itself and draws nothing; `spar.recipes.judge_audit` decides what is an alarm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spar.evaluation.clustered import Rate
from spar.evaluation.judge_audit import Audited
from spar.evaluation.judge_audit_measures import JudgeMeasures, by_outside, by_refiner, measure, measure_types
from spar.recipes.former_keys import stored_section
from spar.recipes.judge_audit import SOURCES, AuditFigures, AuditSource, disagreements
from spar.recipes.models import JudgeAuditSettings
from spar.report.charts import LineChart, RatePoint, Series, line_chart
from spar.report.model import JudgeAuditFacts, JudgeFacts, RateFacts, RunReport, TypeFacts

SEEN = (("accepted", "the refiner sees", "c-first"), ("followed", "the rules see", "c-second"))


@dataclass(frozen=True, slots=True)
class JudgeAuditRow:
    """One iteration of one source: the refiner, and the outside judge if there is one."""

    label: str
    refiner: JudgeFacts
    outside: JudgeFacts | None


@dataclass(frozen=True, slots=True)
class JudgeAuditTable:
    """One source over the iterations: the success that is seen as lines, and how it is wrong as rows."""

    name: str
    chart: LineChart | None
    rows: tuple[JudgeAuditRow, ...]
    outside: bool


def judge_audit_facts(
    items: Sequence[Audited], figures: Mapping[AuditSource, AuditFigures], recipe: Mapping[str, Any]
) -> JudgeAuditFacts:
    """An audit's rows and what its step counted, as report.json holds them."""
    settings = JudgeAuditSettings.model_validate(stored_section(recipe, "judge_audit"))
    return JudgeAuditFacts(
        refiner={source.value: _judge(items, source) for source in AuditSource},
        outside={source.value: _judge(items, source, outside=True) for source in AuditSource} if settings.judge else {},
        types=[
            TypeFacts(kind=row.kind, false_accept=_rate(row.false_accept), false_reject=_rate(row.false_reject))
            for row in measure_types(items)
        ],
        alarms=[str(parting) for parting in disagreements(figures, settings)],
    )


def _judge(items: Sequence[Audited], source: AuditSource, outside: bool = False) -> JudgeFacts:
    found: JudgeMeasures = measure(
        [item for item in items if item.source is source], by_outside if outside else by_refiner
    )
    return JudgeFacts(
        prompts=found.prompts,
        unlabelled=found.unlabelled,
        accepted=_rate(found.accepted),
        followed=_rate(found.followed),
        gap=None if found.gap is None else found.gap.value,
        gap_interval=None if found.gap is None else (found.gap.low, found.gap.high),
        false_accept=_rate(found.false_accept),
        false_reject=_rate(found.false_reject),
    )


def _rate(rate: Rate | None) -> RateFacts | None:
    if rate is None:
        return None
    return RateFacts(value=rate.value, interval=(rate.low, rate.high), count=rate.count, of=rate.total)


def alarms(report: RunReport) -> list[str]:
    """Every iteration's, in order."""
    return [
        f"in iteration {entry.iteration} {alarm}"
        for entry in report.iterations
        for alarm in (entry.judge_audit.alarms if entry.judge_audit is not None else [])
    ]


def judge_audit_tables(report: RunReport, labels: Sequence[str]) -> list[JudgeAuditTable]:
    """One per source that any iteration has."""
    tables = [_table(report, labels, source, name) for source, name in SOURCES.items()]
    return [table for table in tables if table.rows]


def _table(report: RunReport, labels: Sequence[str], source: str, name: str) -> JudgeAuditTable:
    audited = [
        (labels[place], entry.iteration, entry.judge_audit)
        for place, entry in enumerate(report.iterations)
        if entry.judge_audit is not None and entry.judge_audit.refiner[source].accepted is not None
    ]
    rows = tuple(JudgeAuditRow(label, facts.refiner[source], facts.outside.get(source)) for label, _, facts in audited)
    series = [Series(name=name, style=style, points=_points(audited, source, seen)) for seen, name, style in SEEN]
    return JudgeAuditTable(name, line_chart(series), rows, any(row.outside is not None for row in rows))


def _points(audited: Sequence[tuple[str, int, JudgeAuditFacts]], source: str, seen: str) -> list[RatePoint]:
    found: list[tuple[int, RateFacts | None]] = [
        (index, getattr(facts.refiner[source], seen)) for _, index, facts in audited
    ]
    return [
        RatePoint(x=index, value=rate.value, low=rate.interval[0], high=rate.interval[1])
        for index, rate in found
        if rate is not None
    ]


def type_rows(report: RunReport) -> list[tuple[str, list[TypeFacts | None]]]:
    """By constraint type, one cell for each audited iteration."""
    audited = [entry.judge_audit for entry in report.iterations if entry.judge_audit is not None]
    by_kind = [{row.kind: row for row in facts.types} for facts in audited]
    kinds = sorted({kind for found in by_kind for kind in found})
    return [(kind, [found.get(kind) for found in by_kind]) for kind in kinds]


def audited_labels(report: RunReport, labels: Sequence[str]) -> list[str]:
    return [label for label, entry in zip(labels, report.iterations, strict=True) if entry.judge_audit is not None]
