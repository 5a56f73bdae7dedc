"""A whole sweep: runs the cells, scores them, measures the judge, and assembles the report.

Knows nothing of files and of how models are served.
"""

from collections.abc import Mapping, Sequence

from spar.engines.base import ChatModel
from spar.experiments.inference_scaling.curves import comparisons_of, points_of
from spar.experiments.inference_scaling.grid import GridCell, make_plan
from spar.experiments.inference_scaling.majority_vote import MajorityPoint, majority_curve
from spar.experiments.inference_scaling.report import SweepReport
from spar.experiments.inference_scaling.sampling import CellCallback, Drawn, Job, run_cells
from spar.experiments.inference_scaling.settings import SweepSettings
from spar.experiments.inference_scaling.sources import TaskSource, items_to_judge
from spar.experiments.inference_scaling.tasks import Score, by_judge, by_rules
from spar.inference.records import RoleModels
from spar.method.templates import TemplateSet
from spar.roles.usage import Usage

RULES, JUDGE, ITSELF = "rules", "a judge from outside", "the refiner itself: no rule knows these prompts"


async def measure(
    models: RoleModels,
    judge: ChatModel | None,
    source: TaskSource,
    settings: SweepSettings,
    templates: TemplateSet,
    on_cell: CellCallback,
) -> tuple[SweepReport, Mapping[GridCell, Sequence[Drawn]]]:
    """The report, and all texts that it is computed from. Raises RecipeError, and the models' errors."""
    cells = make_plan(settings.strategies, settings.budgets)
    score, scored_by = _scoring(models, judge, source, settings, templates)
    job = Job(
        models=models,
        tasks=source.tasks,
        score=score,
        how=settings.refining(templates),
        shape=settings.shape,
        response_tokens=settings.response_tokens,
        seed=settings.seed,
        at_once=settings.at_once,
    )
    drawn = await run_cells(job, cells, on_cell)
    report = SweepReport(
        source=source.name,
        prompts=len(source.tasks),
        scored_by=scored_by,
        settings=settings.as_json(templates),
        points=points_of(drawn),
        comparisons=comparisons_of(drawn),
        majority=await _majority(models.refiner, source, drawn, settings, templates),
    )
    return report, drawn


def _scoring(
    models: RoleModels, judge: ChatModel | None, source: TaskSource, settings: SweepSettings, templates: TemplateSet
) -> tuple[Score, str]:
    if source.rules:
        return by_rules, RULES
    score = by_judge(judge or models.refiner, templates, settings.judgment, settings.seed, Usage())
    return score, ITSELF if judge is None else JUDGE


async def _majority(
    refiner: ChatModel,
    source: TaskSource,
    drawn: Mapping[GridCell, Sequence[Drawn]],
    settings: SweepSettings,
    templates: TemplateSet,
) -> list[MajorityPoint]:
    items = items_to_judge(source, drawn, settings.judge_items, settings.seed) if settings.majority else []
    if not items:
        return []
    return await majority_curve(refiner, items, settings.majority, templates, settings.judge_tokens, settings.seed)
