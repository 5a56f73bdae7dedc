"""A run with a budget stops cleanly before a cap, says which, and goes on when the cap is raised."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from services.coordinator import actions, events
from services.coordinator.budget import PROBES, BudgetState
from services.coordinator.flow import next_actions
from services.coordinator.ledger import Ledger
from services.coordinator.recompute.verdict import Recomputing
from services.coordinator.snapshot import first_costs
from services.coordinator.state import RunState, StepCounts
from spar.db.progress import read_progress
from spar.db.spending import RunSpending, read_spending
from spar.db.tables import Command, PromptOutcome, Run, RunClock, utc_now
from spar.messages.base import StepKind
from spar.messages.commands import RESUME, ResumeCommand
from spar.messages.coordinator import StepUsage
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import IterationStatus, RunStatus
from spar.recipes.init import REFINER
from spar.recipes.iteration_settings import base_settings
from spar.recipes.models import BudgetSettings, PriceSettings, Recipe
from spar.recipes.spending import BudgetLine, Spent, burn_down, capped, usage_text
from spar.report.reader import RunReader
from tests.unit.coordinator.stage import Stage

G, J, R = StepKind.GENERATION, StepKind.JUDGMENT, StepKind.REFINEMENT
S, T, E = StepKind.SELECTION, StepKind.TRAINING, StepKind.EVALUATION
TEN = Spent(calls=10, prompt_tokens=100, completion_tokens=50)
RECIPE = {"name": "test", "models": {"actor": "served:a", "refiner": "served:r"}}
NOTHING: Counter[StepKind] = Counter()


def budget_state(spent: Spent = TEN, means: dict[StepKind, Spent] | None = None, **caps: Any) -> BudgetState:
    return BudgetState(
        budget=BudgetSettings.model_validate(caps), spent=spent, means={G: TEN} if means is None else means
    )


def allowed(
    it: BudgetState, *wanted: tuple[StepKind, int], flying: dict[StepKind, int] | None = None
) -> dict[StepKind, int]:
    return dict(it.allowed(wanted, lambda kind: (flying or NOTHING).get(kind, 0)))


@pytest.mark.parametrize(
    ("caps", "fitting"),
    [
        ({}, 9),
        ({"calls": 60}, 5),
        ({"calls": 59}, 4),
        ({"calls": 10}, None),
        ({"tokens": 600}, 3),
        ({"calls": 100, "tokens": 450}, 2),
        ({"hours": 1.0}, 9),
        ({"money": 4.0, "price": {"completion_million": 10_000.0}}, 7),
        ({"trainings": 0}, 9),
    ],
)
def test_only_what_is_expected_to_fit_is_begun(caps: dict[str, Any], fitting: int | None) -> None:
    found = allowed(budget_state(**caps), (G, 9))
    assert found == ({} if fitting is None else {G: fitting})


def test_what_is_in_flight_is_charged() -> None:
    assert allowed(budget_state(calls=60), (G, 9), flying={G: 3}) == {G: 2}
    assert allowed(budget_state(calls=60, means={G: TEN, J: TEN}), (J, 2), (G, 9), flying={J: 1}) == {J: 2, G: 2}


def test_a_kind_of_unknown_cost_sends_probes() -> None:
    assert allowed(budget_state(calls=60), (R, 9)) == {R: PROBES}
    assert allowed(budget_state(calls=60), (R, 9), flying={R: PROBES}) == {}


def test_a_probe_is_charged_with_what_the_recipe_lets_expect() -> None:
    first = {J: Spent(calls=80), R: Spent(calls=64)}
    assert allowed(replace(budget_state(calls=100), first=first), (J, 9), (R, 9)) == {J: 1}
    assert allowed(replace(budget_state(calls=89), first=first), (J, 9)) == {}
    assert allowed(replace(budget_state(calls=100), first=first), (G, 3), flying={J: 1}) == {G: 1}
    assert allowed(replace(budget_state(calls=10), first={J: Spent()}), (J, 9)) == {J: 9}  # asks no model


@pytest.mark.parametrize("cap", [100, 250, 999])
def test_a_cap_is_passed_by_less_than_one_step_takes(cap: int) -> None:
    """A shard of 16 prompts takes 16, 88 and 150 calls; nobody has seen that before it is done."""
    takes = {G: 16, J: 88, R: 150}
    recipe = Recipe.model_validate({**RECIPE, "prompts": {"source": "world:story"}})
    first = first_costs(base_settings(recipe), prompts=16)
    spent, done = Spent(), Counter[StepKind]()
    while True:
        means = {kind: Spent(calls=takes[kind]) for kind, number in done.items() if number}
        waiting = {R: done[J] - done[R], J: done[G] - done[J], G: 40 - done[G]}
        it = BudgetState(budget=BudgetSettings(calls=cap), spent=spent, means=means, first=first)
        sent = dict(it.allowed([(kind, number) for kind, number in waiting.items() if number], lambda kind: 0))
        if not sent:
            break
        for kind, number in sent.items():
            done[kind] += number
            spent = spent.plus(Spent(calls=takes[kind]), number)
    assert cap - max(takes.values()) < spent.calls < cap + max(takes[kind] - first[kind].calls for kind in (J, R))
    assert allowed(budget_state(calls=10), (R, 9)) == {}


def test_what_asks_no_model_goes_on_past_a_cap_on_calls_but_not_past_the_time() -> None:
    over = Spent(calls=12, hours=2.0)
    assert allowed(budget_state(over, calls=10), (T, 2), (S, 1)) == {T: 2, S: 1}
    assert allowed(budget_state(over, hours=2.0), (T, 2), (S, 1)) == {}
    paid = {"hour": 3.0}
    assert allowed(budget_state(over, money=6.0, price=paid), (S, 1)) == {}
    assert allowed(budget_state(over, money=6.1, price=paid), (S, 1)) == {S: 1}


def test_trainings_are_counted() -> None:
    assert allowed(budget_state(trainings=0), (T, 2), (S, 1)) == {S: 1}
    assert allowed(budget_state(Spent(trainings=2), trainings=3), (T, 2)) == {T: 1}
    assert allowed(budget_state(Spent(trainings=2), trainings=3), (T, 1), flying={T: 1}) == {}


def test_the_reason_names_the_caps_that_are_in_the_way() -> None:
    assert budget_state(calls=15, tokens=10_000).reason([(G, 2)]) == "budget: 10 of 15 calls"
    assert budget_state(Spent(hours=2.25), hours=2.0).reason([(T, 1)]) == "budget: 2.25 of 2.00 hours"


def test_what_is_spent_adds_up_and_reads_well() -> None:
    spent = Spent(calls=1500, prompt_tokens=2_000_000, completion_tokens=500_000, hours=0.5, trainings=1)
    price = PriceSettings(prompt_million=0.5, completion_million=2.0, hour=3.0)
    budget = BudgetSettings(calls=2000, money=5.0, price=price)
    assert spent.money(price) == pytest.approx(1.0 + 1.0 + 1.5)
    lines = burn_down(spent, budget)
    assert [usage_text(each) for each in lines] == [
        "1,500 of 2,000 calls",
        "2,500,000 tokens",
        "0.50 hours",
        "3.50 of 5.00 money",
        "1 trainings",
    ]
    assert [each.name for each in burn_down(spent, BudgetSettings())] == ["calls", "tokens", "hours", "trainings"]
    assert capped(budget)
    assert not capped(BudgetSettings(price=price))


def test_the_teachers_tokens_cost_what_they_cost() -> None:
    spent = Spent(calls=1, prompt_tokens=3_000_000, completion_tokens=2_000_000).plus(
        Spent(calls=1, prompt_tokens=1_000_000, completion_tokens=1_000_000).teachers
    )
    alike = PriceSettings(prompt_million=1.0, completion_million=10.0)
    sold = PriceSettings.model_validate({**alike.model_dump(), "teacher": {"completion_million": 100.0}})
    assert spent.money(alike) == pytest.approx(4 + 30)
    assert spent.money(sold) == pytest.approx(3 + 20 + 100)
    assert (sold.free, PriceSettings(teacher=sold.teacher).free, PriceSettings().free) == (False, False, True)
    # What was written before there was such a price is written alike.
    assert "teacher" not in alike.model_dump()


def test_a_step_that_asks_the_teacher_is_charged_at_its_price() -> None:
    caps = {"money": 2.0, "price": {"completion_million": 1000.0, "teacher": {"completion_million": 10_000.0}}}
    half = Spent(calls=1, completion_tokens=50)
    assert allowed(budget_state(Spent(), {J: half}, **caps), (J, 99)) == {J: 40}
    assert allowed(budget_state(Spent(), {J: half.teachers}, **caps), (J, 99)) == {J: 4}


def test_means_are_of_those_who_are_asked() -> None:
    own, teacher = Spent(calls=2, completion_tokens=10), Spent(calls=1, completion_tokens=70).teachers
    both = RunSpending(Spent(), {(J, False): own, (J, True): teacher, (G, True): teacher})
    assert both.means_in(REFINER) == {J: teacher, G: teacher.own}
    assert both.means_in(1) == {J: own, G: teacher.own}
    assert RunSpending(Spent(), {(J, False): own}).means_in(REFINER) == {J: own.teachers}


STATE = RunState(
    running=True,
    iteration=1,
    iterations=1,
    status=IterationStatus.SHARDS,
    shards=4,
    chain=(G, J, R),
    window=8,
    evaluates=False,
    counts={G: StepCounts(ready=3, done=1)},
    budget=budget_state(calls=10),
)


USED_UP = RunEnd(reason=EndReason.BUDGET, what="budget: 10 of 10 calls")


def test_the_flow_stops_a_run_only_when_nothing_is_in_flight_and_nothing_fits() -> None:
    assert next_actions(STATE, events.Woken()) == [actions.StopRun(USED_UP)]
    flying = RunState(**{**_fields(STATE), "counts": {G: StepCounts(ready=2, in_flight=1, done=1)}})
    assert next_actions(flying, events.Woken()) == []
    rich = RunState(**{**_fields(STATE), "budget": budget_state(calls=35)})
    assert next_actions(rich, events.Woken()) == [actions.Dispatch(G, 2)]


@pytest.mark.parametrize(("own", "others"), [(1, 0), (0, 1)])
def test_a_recompute_of_another_iteration_is_in_flight_too(own: int, others: int) -> None:
    """The counts are of this iteration alone, and a run stops with nothing on its way."""
    recomputing = {"counts": {}, "iteration": 2, "iterations": 2}
    flying = RunState(
        **{
            **_fields(STATE),
            **recomputing,
            "recomputing": Recomputing(iteration=1, kind=G, ready=1, in_flight=own, others_in_flight=others),
        }
    )
    assert next_actions(flying, events.Woken()) == []
    landed = RunState(
        **{
            **_fields(STATE),
            **recomputing,
            "recomputing": Recomputing(iteration=1, kind=G, ready=1, in_flight=0, others_in_flight=0),
        }
    )
    assert next_actions(landed, events.Woken()) == [actions.StopRun(USED_UP)]


def test_a_finished_run_is_finished_whatever_it_cost() -> None:
    over = {
        "iteration": 1,
        "status": IterationStatus.DONE,
        "evaluates": True,
        "counts": {},
        "evaluations": StepCounts(done=4),
    }
    assert next_actions(RunState(**{**_fields(STATE), **over}), events.EvaluationDone()) == [actions.FinishRun()]


def _fields(state: RunState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in RunState.__dataclass_fields__}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def spent(stage: Stage, run: str) -> Spent:
    with Session(stage.database) as session:
        return read_spending(session, run).spent


def test_a_run_stops_at_its_budget_with_outcomes_that_add_up(stage: Stage) -> None:
    run = stage.submit(budget={"calls": 4})  # every step of the stage makes two calls
    assert stage.broker.waiting("generation") == PROBES
    stage.finish(stage.take())
    stage.finish(stage.take())
    stage.coordinator.tick()
    row = stage.run_row()
    assert (row.status, row.reason) == (RunStatus.STOPPED, "budget: 4 of 4 calls")
    assert stage.broker.waiting("judgment") == 0
    assert spent(stage, run).calls == 4
    with Session(stage.database) as session:
        outcomes = RunReader(session, stage.store, run).outcomes(1)
    assert {name: count for name, count in outcomes.items() if count} == {"not_reached": 6}
    stage.check_counters()


def test_a_cap_on_money_holds_at_the_teachers_price(stage: Stage) -> None:
    """A step of the stage writes four tokens: two of the teacher's use up what 500 of the run's own would."""
    price = {"completion_million": 1000.0, "teacher": {"completion_million": 250_000.0}}
    init = {"teacher": {"model": "served:t"}, "prompts": {"actor": 6, "refiner": 2}}
    run = stage.submit(init=init, budget={"money": 2.0, "price": price})
    stage.finish(stage.take())
    assert stage.run_row().status is RunStatus.RUNNING
    stage.finish(stage.take())
    stage.finish(stage.take("judgment"), usage=StepUsage())  # the teacher's responses are not judged
    stage.coordinator.tick()
    row = stage.run_row()
    assert (row.status, row.reason) == (RunStatus.STOPPED, "budget: 2.00 of 2.00 money")
    assert spent(stage, run).teacher_completion_tokens == 8
    with Session(stage.database) as session:
        progress = read_progress(session, run)
    assert progress is not None
    assert [usage_text(each) for each in progress.burn if each.name == "money"] == ["2.00 of 2.00 money"]


def test_with_a_higher_cap_it_goes_on_and_does_nothing_twice(stage: Stage) -> None:
    run = stage.submit(budget={"calls": 4})
    stage.finish(stage.take())
    stage.finish(stage.take(), "results/x/bb")
    done = [step.id for step in stage.steps() if step.result_key]
    _resume(stage, run, BudgetSettings(calls=4))
    assert stage.run_row().status is RunStatus.STOPPED
    _resume(stage, run, BudgetSettings(calls=100))
    assert stage.run_row().status is RunStatus.RUNNING
    assert stage.run_row().recipe["budget"]["calls"] == 100
    assert [step.attempt for step in stage.steps() if step.id in done] == [1, 1]
    assert stage.broker.waiting("judgment") == PROBES
    assert stage.broker.waiting("generation") == 1


def test_the_same_recipe_with_another_budget_is_the_same_run(stage: Stage) -> None:
    run = stage.submit(budget={"calls": 4})
    stage.finish(stage.take())
    stage.finish(stage.take())
    assert stage.run_row().status is RunStatus.STOPPED
    assert stage.submit(budget={"calls": 100}) == run
    assert stage.run_row().status is RunStatus.RUNNING
    assert stage.run_row().recipe["budget"]["calls"] == 100


def test_a_stopped_run_has_nothing_to_cancel(stage: Stage) -> None:
    run = stage.submit(budget={"calls": 0})
    assert stage.run_row().status is RunStatus.STOPPED
    with Session(stage.database) as session:
        session.add(Command(key="c", kind="cancel", payload={"run_id": run}))
        session.commit()
    stage.coordinator.tick()
    assert [each.error for each in stage.rows(Command) if each.key == "c"] == [
        f"run {run} is stopped: there is nothing to cancel"
    ]
    assert stage.rows(PromptOutcome) == []


def test_progress_tells_what_was_spent(stage: Stage) -> None:
    run = stage.submit(budget={"calls": 50})
    stage.finish(stage.take())
    with Session(stage.database) as session:
        progress = read_progress(session, run)
    assert progress is not None
    assert progress.burn[:2] == (
        BudgetLine(name="calls", spent=2, cap=50),
        BudgetLine(name="tokens", spent=7, cap=None),
    )


def test_hours_pass_only_while_the_run_is_on(stage: Stage) -> None:
    run = stage.submit()
    with Session(stage.database) as session, session.begin():
        ledger, row = Ledger(session), session.exec(select(Run)).one()
        began = utc_now() + timedelta(hours=1)
        session.merge(RunClock(run_id=run, worked_s=10.0, looked_at=began))
        session.flush()
        ledger.count_time(row, began + timedelta(seconds=30))
        ledger.count_time(row, began + timedelta(seconds=30.5))  # too soon for another write
        ledger.count_time(row, began + timedelta(hours=9))  # nobody looked: the coordinator was away
        row.status = RunStatus.STOPPED
        ledger.count_time(row, began + timedelta(hours=9, seconds=20))
        row.status = RunStatus.RUNNING
        ledger.count_time(row, began + timedelta(hours=9, seconds=40))
        ledger.count_time(row, began + timedelta(hours=9, seconds=45))
    [clock] = stage.rows(RunClock)
    assert clock.worked_s == pytest.approx(45.0)


def _resume(stage: Stage, run: str, budget: BudgetSettings) -> None:
    payload = ResumeCommand(run_id=run, budget=budget).model_dump(mode="json")
    with Session(stage.database) as session:
        session.add(Command(key=f"resume {budget.calls}", kind=RESUME, payload=payload))
        session.commit()
    stage.coordinator.tick()
    stage.coordinator.tick()
