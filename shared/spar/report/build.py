"""Builds a run's report from its rows and results; the same rows and objects give the same report.

Works at any point of a run: what is not available yet is None or empty. Measures nothing itself.
"""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from sqlmodel import Session

from spar.commands import command
from spar.db.facts import counts_of, facts_of
from spar.db.guards import guard_findings
from spar.db.progress import read_lost
from spar.db.tables import Iteration, Step
from spar.evaluation.items import Item, Measure
from spar.messages.base import StepKind
from spar.messages.counts import SelectionCounts
from spar.messages.endings import RunEnd
from spar.messages.training import Selected, Trained
from spar.recipes.init import FIRST
from spar.report.benchmarks import Kept, benchmark_changes, measures_of
from spar.report.guards import guard_facts
from spar.report.history import HistoryReader
from spar.report.measures import actor_measures, changes, of, rate, refiner_measures
from spar.report.model import (
    ExampleTree,
    IterationReport,
    ModelFacts,
    RefinerDataReport,
    ReplySample,
    Role,
    RunReport,
    Totals,
    TrainingFacts,
)
from spar.report.next_step import next_step
from spar.report.reader import RunReader, of_kind
from spar.report.samples import reply_sample
from spar.report.steps import effort_of
from spar.report.trees import example_trees, tree_facts
from spar.store.base import ObjectStore

ROLES: tuple[Role, Role] = ("actor", "refiner")
PACKAGES = ("spar", "celery", "torch", "transformers", "trl", "peft")


def build_report(session: Session, store: ObjectStore, run_id: str, at_work: bool = True) -> RunReport:
    """The report of a run as it stands. Raises DataError for an unknown run, StoreError for its objects.

    `at_work`: a process is working on the runs; otherwise a run that has not ended was interrupted.
    """
    reader = RunReader(session, store, run_id)
    run, begun = reader.run, reader.iterations()
    end = None if run.end is None else RunEnd.model_validate(run.end)
    measured: dict[int, list[Item]] = {}
    benchmarks: dict[int, Kept] = {}
    examples: list[ExampleTree] = []
    entries = []
    rows = {row.index: row for row in begun}
    for index in [reader.first - 1, *rows]:
        steps = reader.done_steps(index)
        measured[index] = reader.items(steps)
        benchmarks[index] = reader.benchmarks(steps)
        entry = _measured_entry(reader, index, steps, measured[index])
        entry = entry.model_copy(update={"benchmarks": measures_of(benchmarks[index])})
        entries.append(_looped(reader, entry, rows[index], steps, examples) if index in rows else entry)
    return RunReport(
        run=run.id,
        recipe_name=str(run.recipe["name"]),
        seed=int(run.recipe["seed"]),
        status=run.status.shown(at_work).value,
        reason=run.reason,
        planned_iterations=int(run.recipe["iterations"]),
        iterations=entries,
        changes=changes(measured),
        benchmark_changes=benchmark_changes(benchmarks),
        examples=examples,
        replies=_replies(session, store, run_id, begun),
        end=end,
        next_step=next_step(run.status.shown(at_work), end, run.id, lost=read_lost(session, run.id)),
        models=_models(reader, begun),
        totals=_totals(entries, _between(run.started_at, run.finished_at)),
        versions=installed_versions(),
        recipe=run.recipe,
    )


def _replies(session: Session, store: ObjectStore, run_id: str, begun: Sequence[Iteration]) -> list[ReplySample]:
    """Of the iterations that have any."""
    reader = HistoryReader(session, store, run_id, command("explain", run_id))
    samples = [reply_sample(reader, row.index) for row in begun]
    return [sample for sample in samples if sample.shown or sample.lost]


def _measured_entry(reader: RunReader, index: int, steps: Sequence[Step], items: Sequence[Item]) -> IterationReport:
    """What an iteration measured, trained and took; for the start that is all there is."""
    effort = effort_of(steps, reader.spent(index))
    training = {step.part: _training_facts(reader, step) for step in of_kind(steps, StepKind.TRAINING)}
    precision, precision_interval = rate(of(items, Measure.PAIR))
    return IterationReport(
        iteration=index,
        actor=actor_measures(items),
        refiner=refiner_measures(items),
        pair_precision=precision,
        pair_precision_interval=precision_interval,
        training={role: training[role] for role in ROLES if role in training},
        seconds=effort.seconds,
        tokens=effort.tokens,
        calls=effort.calls,
        reused=effort.reused,
    )


def _looped(
    reader: RunReader,
    entry: IterationReport,
    row: Iteration,
    steps: Sequence[Step],
    examples: list[ExampleTree],
) -> IterationReport:
    """The entry with what the loop did; its example trees are added to `examples`."""
    facts = tree_facts(reader.trees(steps))
    examples.extend(example_trees(facts, row.index))
    selections = of_kind(steps, StepKind.SELECTION)
    return entry.model_copy(
        update={
            "prompts": row.prompts,
            "outcomes": reader.outcomes(row.index),
            "pairs": sum(reader.rows(step, Selected)[0].actor_rows for step in selections),
            "refiner_data": refiner_data(selections),
            "judge_audit": reader.judge_audit(steps),
            "guards": [facts for step in selections for facts in guard_facts(guard_findings(reader.run, step))],
            "trees": facts.trees,
            "solved": facts.solved,
            "tree_sizes": {str(size): trees for size, trees in sorted(facts.sizes.items())},
            "wall_seconds": _between(row.started_at, row.finished_at),
        }
    )


def _training_facts(reader: RunReader, step: Step) -> TrainingFacts:
    trained = reader.rows(step, Trained)[0]
    return TrainingFacts(
        samples=trained.samples,
        too_long=trained.too_long,
        steps=trained.steps,
        tokens=trained.tokens,
        loss=trained.loss,
        seconds=facts_of(step).seconds or 0.0,
    )


def refiner_data(selections: Sequence[Step]) -> RefinerDataReport:
    """Candidates and kept examples by kind, dropped ones by reason; some of those kept may be too long to train on."""
    data = RefinerDataReport()
    for step in selections:
        counts = counts_of(step, SelectionCounts)
        for kind, each in counts.examples.items():
            data.candidates[kind], data.kept[kind] = each.candidates, each.kept
            for reason, number in each.dropped.items():
                data.dropped[reason] = data.dropped.get(reason, 0) + number
        if counts.examples_too_long is not None:
            data.dropped["too_long"] = data.dropped.get("too_long", 0) + counts.examples_too_long
    return data


def _models(reader: RunReader, begun: Sequence[Iteration]) -> list[ModelFacts]:
    """The models that the run started with, then those that each iteration trained."""
    found: list[ModelFacts] = []
    for row in begun:
        before = {"actor": row.actor, "refiner": row.refiner}
        after = {"actor": row.actor_after, "refiner": row.refiner_after}
        if not found:
            found += [_model(reader, role, before[role], row.index - 1) for role in ROLES]
        found += [
            _model(reader, role, fingerprint, row.index)
            for role in ROLES
            if (fingerprint := after[role]) is not None and fingerprint != before[role]
        ]
    return found


def _model(reader: RunReader, role: Role, fingerprint: str, iteration: int) -> ModelFacts:
    row = reader.model(fingerprint)
    return ModelFacts(fingerprint=fingerprint, role=role, iteration=iteration, parent=row.parent, location=row.location)


def _totals(entries: Sequence[IterationReport], wall_seconds: float | None) -> Totals:
    return Totals(
        prompts=sum(entry.prompts for entry in entries),
        pairs=sum(entry.pairs for entry in entries if entry.iteration >= FIRST),
        trees=sum(entry.trees for entry in entries),
        calls=sum(sum(entry.calls.values()) for entry in entries),
        tokens=sum(sum(entry.tokens.values()) for entry in entries),
        reused=sum(sum(entry.reused.values()) for entry in entries),
        seconds=sum(sum(entry.seconds.values()) for entry in entries),
        wall_seconds=wall_seconds,
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def installed_versions() -> dict[str, str]:
    """The versions installed where the report is built, by their metadata: nothing is imported."""
    found = {"python": python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an optional dependency that is not installed
            continue
    return found
