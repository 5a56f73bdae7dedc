"""What decisions are made from, read from the database: a run's state, its counts, the load of each run. Writes
nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import String, and_, cast
from sqlmodel import col, select

from services.coordinator import canaries
from services.coordinator.budget import BudgetState
from services.coordinator.fair_share import Load
from services.coordinator.flow import WHOLE_ITERATION
from services.coordinator.iteration_plan import IterationPlan
from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.recompute.rows import recomputing
from services.coordinator.shortfall import Canary, DeadPrompts
from services.coordinator.state import NONE, RunState, StepCounts
from services.coordinator.steps.context import RunContext
from spar.db.dropped import is_dropped
from spar.db.facts import counts_of
from spar.db.spending import read_spending
from spar.db.tables import Iteration, Run, Shard, Step
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.counts import AuditCounts
from spar.messages.endings import EndReason, RunEnd
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.states import IterationStatus, RunStatus, StepState
from spar.recipes.init import ACTOR, FIRST, first_iteration, init_prompts
from spar.recipes.iteration_settings import IterationSettings
from spar.recipes.judge_audit import disagreements, reason
from spar.recipes.models import JudgeAuditSettings, Recipe
from spar.recipes.policies import judging_policy
from spar.recipes.spending import Spent, capped


def loads_of(ledger: Ledger, runs: Sequence[Run]) -> list[Load]:
    """How many shard steps each run has, in this order."""

    def count(run: Run, states: Sequence[StepState]) -> int:
        return sum(
            number
            for key, number in ledger.counts(run.id).items()
            if key.iteration == run.iteration and key.kind not in WHOLE_ITERATION and key.state in states
        )

    return [
        Load(
            run_id=run.id,
            in_flight=count(run, IN_FLIGHT),
            ready=count(run, [StepState.READY]),
            window=int(run.recipe["dispatch"]["window"]),
        )
        for run in runs
    ]


def state_of(context: RunContext, window: int, probe_limits: dict[StepKind, int]) -> RunState:
    """The input of `flow.next_actions`."""
    ledger, run, recipe, plan = context.ledger, context.run, context.recipe, context.plan(context.run.iteration)
    begun = ledger.current(run)
    return RunState(
        running=run.status.on,
        cancelling=run.status is RunStatus.CANCELLING,
        iteration=run.iteration,
        iterations=recipe.iterations,
        first=first_iteration(recipe),
        halfway=begun is not None and begun.index == ACTOR,
        status=begun.status if begun else IterationStatus.SHARDS,
        shards=begun.shards if begun else 0,
        chain=plan.chain,
        refiner=plan.settings.refiner_fate,
        trains=recipe.training.trains,
        window=window,
        evaluates=recipe.evaluation is not None,
        counts=counts(ledger, run.id, run.iteration),
        evaluations=_evaluation_counts(ledger, run.id),
        probe_limits=probe_limits,
        budget=_budget_state(context, plan),
        failures=recipe.failures,
        dead=_dead_prompts(ledger, run, recipe),
        canary=_canary(ledger, run, recipe, begun),
        judge_audit=recipe.judge_audit is not None and run.iteration >= FIRST,
        diverged=_diverged(ledger, run, recipe.judge_audit),
        auditing=_auditing(ledger, run, recipe.judge_audit),
        recomputing=recomputing(ledger, run.id),
    )


def _canary(ledger: Ledger, run: Run, recipe: Recipe, begun: Iteration | None) -> Canary | None:
    """The state of the iteration's first shards; None once others have been sent, or where the recipe wants no
    canary."""
    if begun is None or not begun.shards or not recipe.failures.canary:
        return None
    if begun.status is not IterationStatus.SHARDS:
        return None
    sent = sum(number for key, number in ledger.counts(run.id).items() if canaries.is_sent(begun.index, *key))
    return canaries.canary_of(ledger.session, run, begun, recipe, sent)


def _dead_prompts(ledger: Ledger, run: Run, recipe: Recipe) -> DeadPrompts:
    of = recipe.prompts.per_iteration * recipe.iterations + sum(init_prompts(recipe))
    counters = ledger.counts(run.id).items()
    if not any(number for key, number in counters if key.state is StepState.DEAD and key.kind in SHARD_KINDS):
        return DeadPrompts(prompts=0, of=of)
    dead = select(Step, Shard.prompts).where(
        Step.run_id == run.id, Step.state == StepState.DEAD, col(Step.kind).in_(SHARD_KINDS)
    )
    here = and_(
        col(Shard.run_id) == Step.run_id,
        col(Shard.iteration) == Step.iteration,
        cast(col(Shard.index), String) == Step.part,  # as `spar.messages.parts.shard_part` writes it
    )
    rows = ledger.session.exec(dead.join(Shard, here))
    return DeadPrompts(prompts=sum(prompts for step, prompts in rows if not is_dropped(step)), of=of)


def counts(ledger: Ledger, run_id: str, iteration: int) -> dict[StepKind, StepCounts]:
    by_kind: dict[StepKind, dict[StepState, int]] = {}
    for key, number in ledger.counts(run_id).items():
        if key.iteration == iteration:
            by_kind.setdefault(key.kind, {})[key.state] = number
    return {kind: _counts(states) for kind, states in by_kind.items()}


def _evaluation_counts(ledger: Ledger, run_id: str) -> StepCounts:
    states: Counter[StepState] = Counter()
    for key, number in ledger.counts(run_id).items():
        if key.kind is StepKind.EVALUATION:
            states[key.state] += number
    return _counts(states)


def _diverged(ledger: Ledger, run: Run, judge_audit: JudgeAuditSettings | None) -> RunEnd | None:
    """Why the recipe stops the run, if its audits show so much disagreement."""
    if judge_audit is None or not judge_audit.stop:
        return None
    query = select(Step).where(Step.run_id == run.id, Step.kind == StepKind.EVALUATION, Step.part == JUDGE_AUDIT)
    for step in ledger.session.exec(query.where(Step.state == StepState.DONE).order_by(col(Step.iteration))):
        if found := disagreements(counts_of(step, AuditCounts).sources, judge_audit):
            return RunEnd(reason=EndReason.JUDGE_DRIFT, what=reason(step.iteration, found))
    return None


def _auditing(ledger: Ledger, run: Run, judge_audit: JudgeAuditSettings | None) -> bool:
    """Whether an audit that may stop the run has not ended. One that failed for good stops nothing."""
    if judge_audit is None or not judge_audit.stop:
        return False
    audit = ledger.find_step(run.id, run.iteration, StepKind.EVALUATION, JUDGE_AUDIT)
    return audit is not None and audit.state in (StepState.READY, *IN_FLIGHT)


def _budget_state(context: RunContext, plan: IterationPlan) -> BudgetState | None:
    budget = context.recipe.budget
    if not capped(budget):
        return None
    found = read_spending(context.ledger.session, context.run.id)
    expected = first_costs(plan.settings, context.recipe.prompts.shard_size)
    return BudgetState(budget=budget, spent=found.spent, means=found.means_in(plan.index), first=expected)


def _counts(states: Mapping[StepState, int]) -> StepCounts:
    if not states:
        return NONE
    return StepCounts(
        ready=states.get(StepState.READY, 0),
        in_flight=sum(states.get(state, 0) for state in IN_FLIGHT),
        done=states.get(StepState.DONE, 0),
        dead=states.get(StepState.DEAD, 0),
    )


def first_costs(settings: IterationSettings, prompts: int) -> dict[StepKind, Spent]:
    """The recipe's estimate for a whole shard before any step has finished: one call to draw each response, one to
    judge it, one level for each tree. The length of replies is unknown."""
    policy = judging_policy(settings.judgment.policy)
    calls = {
        StepKind.GENERATION: prompts,
        StepKind.JUDGMENT: prompts * settings.generation.n if policy.form is not None else 0,
        StepKind.REFINEMENT: prompts * (1 + settings.search.branch),
    }
    return {kind: Spent(calls=number, completion_tokens=number) for kind, number in calls.items()}
