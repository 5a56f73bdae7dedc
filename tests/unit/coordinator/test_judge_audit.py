"""The audit of a refiner's judging in a run: when it is asked for, when it is an alarm, and when that stops the run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from services.coordinator import actions, events
from services.coordinator.flow import next_actions
from services.coordinator.state import RunState, StepCounts
from spar.db.progress import read_progress
from spar.db.tables import Event
from spar.messages.base import StepKind
from spar.messages.coordinator import StepFinished, StepUsage
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import IterationStatus, RunStatus
from spar.messages.training import PromptEnd, Selected
from spar.method.records import Prompt
from spar.store.results import put_blob
from spar.store.rows import decode_rows, encode_rows
from tests.unit.coordinator.stage import Stage

G, T, E = StepKind.GENERATION, StepKind.TRAINING, StepKind.EVALUATION
WHY = RunEnd(reason=EndReason.JUDGE_DRIFT, what="judge audit: diverged")
DATA = RunState(
    running=True,
    iteration=1,
    iterations=2,
    status=IterationStatus.SHARDS,
    shards=1,
    chain=(G,),
    window=8,
    evaluates=False,
    judge_audit=True,
)
LAST = replace(DATA, iteration=2, status=IterationStatus.TRAINING, counts={T: StepCounts(done=2)})
PARTED = replace(DATA, diverged=WHY, counts={G: StepCounts(ready=3)})

CASES: list[tuple[str, RunState, events.Event, list[actions.Action]]] = [
    (
        "what was judged is audited once it is whole",
        DATA,
        events.SelectionDone(pairs=1, examples=1),
        [actions.PrepareJudgeAudit(1), actions.PrepareTraining("actor"), actions.PrepareTraining("refiner")],
    ),
    (
        "the run's end waits for its audit",
        replace(LAST, evaluations=StepCounts(in_flight=1)),
        events.TrainingDone("actor"),
        [actions.EndIteration()],
    ),
    ("or does not, if it is there", LAST, events.TrainingDone("actor"), [actions.EndIteration(), actions.FinishRun()]),
    (
        "an iteration without data is audited too",
        replace(DATA, iteration=2),
        events.SelectionDone(pairs=0, examples=0),
        [
            actions.PrepareJudgeAudit(2),
            actions.KeepModel("actor"),
            actions.KeepModel("refiner"),
            actions.EndIteration(),
        ],
    ),
    (
        "the audit's end is the run's, if all else is done",
        replace(LAST, status=IterationStatus.DONE, evaluations=StepCounts(done=2), diverged=WHY),
        events.EvaluationDone(),
        [actions.FinishRun()],
    ),
    ("a parted run dispatches nothing and stops", PARTED, events.EvaluationDone(), [actions.StopRun(WHY)]),
    (
        "but lets end what is in flight",
        replace(PARTED, counts={G: StepCounts(ready=3), T: StepCounts(in_flight=1)}),
        events.EvaluationDone(),
        [],
    ),
    (
        "and prepares what follows, for when it goes on",
        replace(PARTED, status=IterationStatus.TRAINING, counts={T: StepCounts(done=2)}),
        events.TrainingDone("actor"),
        [actions.EndIteration(), actions.BeginIteration(2), actions.StopRun(WHY)],
    ),
    (
        "nothing is trained before an audit that may stop the run",
        replace(DATA, auditing=True, counts={T: StepCounts(ready=2)}, evaluations=StepCounts(ready=1)),
        events.Woken(),
        [actions.Dispatch(E, 1)],
    ),
    (
        "after it the trainings go",
        replace(DATA, counts={T: StepCounts(ready=2)}),
        events.EvaluationDone(),
        [actions.Dispatch(T, 2)],
    ),
    ("a cancelled run is cancelled", replace(PARTED, cancelling=True), events.Woken(), [actions.CancelRun()]),
]


@pytest.mark.parametrize(("state", "event", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_follows(state: RunState, event: events.Event, wanted: list[actions.Action]) -> None:
    assert next_actions(state, event) == wanted


class Played(Stage):
    """A run of one shard an iteration, played by hand to its selection."""

    def play(self, **judge_audit: Any) -> str:
        prompts = {"source": "world:story", "per_iteration": 2, "shard_size": 2}
        run_id = self.submit(iterations=2, prompts=prompts, judge_audit=judge_audit, templates="compact")
        for queue in ("generation", "judgment", "refinement"):
            self.finish(self.take(queue), f"results/{queue}/aa")
        selection = self.take("training")
        self.finish(selection, self._selected())
        return run_id

    def _selected(self) -> str:
        key = self.take_prompts()
        ends = [
            PromptEnd(prompt_id=prompt.id, outcome="pair") for prompt in decode_rows(self.store.get(key), Prompt)[1]
        ]
        outcomes = put_blob(self.store, "outcomes", encode_rows(step="outcomes", fingerprint="", rows=ends)).key
        rows = [
            Selected(pairs_key="pairs/x/aa", pairs=2, examples_key="examples/x/aa", examples=2, outcomes_key=outcomes)
        ]
        return put_blob(self.store, "results", encode_rows(step="select", fingerprint="", rows=rows)).key

    def take_prompts(self) -> str:
        [generation] = self.steps("generation")
        key: str = generation.message["spec"]["prompts"]["key"]
        return key

    def audited(self, message: dict[str, Any], gap: float) -> None:
        names = {"prompts": 100.0, "accepted": 0.6 + gap, "followed": 0.6, "gap": gap}
        counts = {**names, "gap_low": gap - 0.05, "gap_high": gap + 0.05}
        self.report(
            StepFinished(
                step_id=message["step_id"],
                attempt=message["attempt"],
                worker="w",
                fingerprint=message["fingerprint"],
                key="results/honesty/aa",
                size=1,
                seconds=1.0,
                usage=StepUsage(calls=0, prompt_tokens=0, completion_tokens=0),
                counts={f"refinement.{name}": value for name, value in counts.items()},
            )
        )

    def alarms(self) -> list[str]:
        return [event.fields["finding"] for event in self.rows(Event) if event.name == "judge_drifted"]


@pytest.fixture
def stage(tmp_path: Path) -> Played:
    return Played(tmp_path)


def test_the_audit_asks_for_what_was_judged(stage: Played) -> None:
    stage.play(prompts=50)
    spec = stage.take("evaluation")["spec"]
    assert (spec["prompts"], spec["iteration"], spec["rules"], spec["judge"]) == (50, 1, None, None)
    [select] = stage.steps("selection")
    assert spec["inputs"] == select.message["spec"]["inputs"]


def test_an_outside_judge_is_asked_with_its_own_body_and_headers(tmp_path: Path) -> None:
    where = {"url": "http://judge/v1", "model": "m"}
    more = {"body": {"top_k": 20}, "headers": {"X-Org-Token": "${ORG_TOKEN}"}}
    asked = []
    for number, judge in enumerate(({}, {"headers": more["headers"]}, more)):
        folder = tmp_path / str(number)
        folder.mkdir()
        stage = Played(folder)
        stage.play(judge={**where, **judge})
        asked.append(stage.take("evaluation"))
    engines = [(each["judge"].get("body"), each["judge"].get("headers")) for each in asked]
    assert engines == [(None, None), (None, more["headers"]), (more["body"], more["headers"])]
    names = [each["spec"]["judge"]["fingerprint"] for each in asked]
    assert names[0] == names[1] != names[2]  # headers change no reply, another body may
    assert {each["spec"]["judge"]["location"] for each in asked} == {"served:m"}


def test_a_gap_is_an_alarm_and_the_run_goes_on(stage: Played) -> None:
    run_id = stage.play()
    stage.audited(stage.take("evaluation"), gap=0.2)
    [finding] = stage.alarms()
    assert "80.0% of refinements and the rules 60.0%" in finding
    with Session(stage.database) as session:
        progress = read_progress(session, run_id)
    assert progress is not None
    assert progress.alarms == (f"iteration 1: {finding}",)
    assert stage.run_row().status is RunStatus.RUNNING


def test_with_stop_the_run_stops_before_it_trains_and_goes_on_when_told(stage: Played) -> None:
    stage.play(stop=True)
    assert not stage.broker.queues.get("training")
    stage.audited(stage.take("evaluation"), gap=0.2)
    run = stage.run_row()
    assert run.status is RunStatus.STOPPED
    assert str(run.reason).startswith("judge audit: in iteration 1 the refiner accepts 80.0%")
    stage.submit(iterations=2, prompts=run.recipe["prompts"], judge_audit={"stop": False}, templates="compact")
    assert stage.run_row().status is RunStatus.RUNNING
    for training in [stage.take("training") for _ in range(2)]:
        stage.finish(training, f"results/{training['fingerprint']}/aa")
    assert stage.take("generation")["spec"]["iteration"] == 2
    stage.check_counters()


def test_an_audit_that_fails_for_good_stops_nothing(stage: Played) -> None:
    stage.play(stop=True)
    stage.fail(stage.take("evaluation"), retry=False)
    assert {stage.take("training")["spec"]["role"] for _ in range(2)} == {"actor", "refiner"}


def test_a_small_gap_is_no_alarm(stage: Played) -> None:
    stage.play(stop=True)
    stage.audited(stage.take("evaluation"), gap=0.08)
    assert stage.alarms() == []
    assert stage.run_row().status is RunStatus.RUNNING
    assert stage.take("training")
