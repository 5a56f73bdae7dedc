"""The story world as a benchmark: an actor's responses, a refiner's judgments and refinements, checked by its rules.

The same measures as a run's evaluation (`spar.evaluation.story`), scored from rows. Calls no model.
"""

from collections.abc import Sequence
from pathlib import Path

from spar.evaluation.benchmarks.report import BenchmarkReport, ScoredItem, Table, percent, percent_interval
from spar.evaluation.benchmarks.rows import AnswerRows, NumberedRow
from spar.evaluation.items import Measure
from spar.evaluation.statistics import Proportion
from spar.method.records import Verdict
from spar.method.refinements import parse_refinement
from spar.method.verdicts import parse_vote
from spar.worlds.story.rules import follows

NAME = "story"
MODELS = (Measure.ACTOR_GREEDY, Measure.ACTOR_SAMPLED, Measure.JUDGE, Measure.REFINE)


def score(answers: AnswerRows, data: Path, partial: bool = False) -> BenchmarkReport:
    """Score rows of {measure, prompt, reply} and, except for an actor, `given`: the text that was judged or refined.

    Accepts any number of rows: the world generates as many items as requested, so none is missing.
    """
    items = [_scored(index, line) for index, line in enumerate(answers.lines)]
    present = {measure: [i for i in items if i.detail["measure"] == measure] for measure in MODELS}
    shares = {m.value: Proportion.of([i.correct for i in found]) for m, found in present.items() if found}
    unread = sum(item.detail["failure"] is not None for item in items)
    return BenchmarkReport(
        benchmark=NAME,
        counts={name: share.total for name, share in shares.items()} | {"failures": unread},
        scores={name: percent(share) for name, share in shares.items()},
        intervals={name: percent_interval(share) for name, share in shares.items()},
        tables=(_table(items, list(shares)),),
        items=items,
        settings={"data": "world:story", "answers": answers.digest},
        warnings=[f"{unread} replies cannot be read; they count as wrong."] if unread else [],
    )


def _scored(index: int, line: NumberedRow) -> ScoredItem:
    measure = line.text("measure")
    if measure not in MODELS:
        raise line.refuse(f"'{measure}' is no measure; there are {', '.join(MODELS)}")
    correct = line.optional_text("failure") is None and _correct(Measure(measure), line)
    detail = {name: line.optional_text(name) for name in ("prompt", "reply", "given", "critique", "failure")}
    return ScoredItem(f"{measure}/{index}", correct, {"measure": measure, **detail})


def _correct(measure: Measure, line: NumberedRow) -> bool:
    prompt, reply = line.text("prompt"), line.text("reply")
    match measure:
        case Measure.JUDGE:
            truth = Verdict.YES if follows(prompt, line.text("given")) else Verdict.NO
            return parse_vote(reply, "stop").verdict is truth
        case Measure.REFINE:
            refined = parse_refinement(reply, "stop", line.text("given")).text
            return refined is not None and follows(prompt, refined)
        case _:
            return follows(prompt, reply)


def _table(items: Sequence[ScoredItem], measures: Sequence[str]) -> Table:
    rows = []
    for measure in measures:
        found = [item for item in items if item.detail["measure"] == measure]
        failed = sum(item.detail["failure"] is not None for item in found)
        rows.append((measure, len(found), sum(item.correct for item in found), failed))
    return Table("measures", ("measure", "items", "correct", "failures"), tuple(rows))
