"""Whole runs played through the flow: whatever dies or is cancelled on the way, each comes to its end."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from services.coordinator import actions, events
from services.coordinator.flow import next_actions
from services.coordinator.state import RunState, StepCounts
from spar.messages.base import StepKind
from spar.messages.states import IterationStatus
from tests.unit.coordinator.test_flow import DATA, E, G, J, R, S, T


@dataclass
class Play:
    """Plays a run: applies every action to counters, and lets random steps in flight end until nothing is left."""

    rng: random.Random
    death_rate: float
    state: RunState
    ready: list[tuple[StepKind, str]] = field(default_factory=list)
    flying: list[tuple[StepKind, str]] = field(default_factory=list)
    dispatched: Counter[tuple[int, StepKind, str]] = field(default_factory=Counter)
    begun: list[int] = field(default_factory=list)
    ended: str = ""
    most_in_flight: int = 0
    steps_left: int = 1_000_000

    def run(self) -> None:
        self.process(events.RunBegun())
        self.go_on()

    def cancel(self) -> None:
        self.state = replace(self.state, cancelling=True)
        self.process(events.Woken())
        self.go_on()

    def resume(self) -> None:
        self.ended = ""
        self.state = replace(self.state, cancelling=False)
        self.process(events.Woken())
        self.go_on()

    def go_on(self) -> None:
        while self.flying and not self.ended and self.steps_left:
            self.steps_left -= 1
            kind, part = self.flying.pop(self.rng.randrange(len(self.flying)))
            mortal = kind not in (S, T)
            died = mortal and self.rng.random() < self.death_rate
            self.count(kind, in_flight=-1, done=int(not died), dead=int(died))
            self.process(self.event(kind, part, died))

    def event(self, kind: StepKind, part: str, died: bool) -> events.Event:
        if died:
            return events.StepDied(kind=kind, part=part, reason="bad luck")
        if kind is S:
            return events.SelectionDone(pairs=self.rng.choice([0, 3]), examples=self.rng.choice([0, 3]))
        if kind is T:
            return events.TrainingDone("actor" if part == "actor" else "refiner")
        return events.EvaluationDone() if kind is E else events.ShardStepDone(kind, int(part))

    def process(self, event: events.Event) -> None:
        happened = [event]
        while happened:
            for action in next_actions(self.state, happened.pop(0)):
                if self.apply(action):
                    happened.append(events.Woken())

    def apply(self, action: actions.Action) -> bool:  # noqa: C901 - one line per action
        match action:
            case actions.BeginIteration(index):
                self.begun.append(index)
                self.state = replace(self.state, iteration=index, status=IterationStatus.SHARDS, shards=5, counts={})
                for shard in range(5):
                    self.prepare(G, str(shard))
            case actions.PrepareShardStep(kind, shard):
                self.prepare(kind, str(shard))
            case actions.PrepareSelection():
                self.state = replace(self.state, status=IterationStatus.SELECTION)
                self.prepare(S, "")
            case actions.PrepareTraining(role):
                self.state = replace(self.state, status=IterationStatus.TRAINING)
                self.prepare(T, role)
            case actions.PrepareEvaluation(iteration, part):
                self.prepare(E, f"{iteration} {part}")
            case actions.EndIteration():
                self.state = replace(self.state, status=IterationStatus.DONE)
            case actions.FinishRun():
                self.ended = "finished"
            case actions.CancelRun():
                assert not self.flying
                self.ended = "cancelled"
            case actions.Dispatch(kind, limit):
                chosen = [step for step in self.ready if step[0] is kind][:limit]
                assert len(chosen) == limit
                for step in chosen:
                    self.ready.remove(step)
                    self.flying.append(step)
                    self.dispatched[(self.state.iteration, *step)] += 1
                    self.count(kind, ready=-1, in_flight=1)
                shard_steps = sum(step[0] in (G, J, R) for step in self.flying)
                self.most_in_flight = max(self.most_in_flight, shard_steps)
        return isinstance(
            action,
            actions.PrepareShardStep
            | actions.PrepareSelection
            | actions.PrepareTraining
            | actions.PrepareEvaluation
            | actions.BeginIteration,
        )

    def prepare(self, kind: StepKind, part: str) -> None:
        self.ready.append((kind, part))
        self.count(kind, ready=1)

    def count(self, kind: StepKind, **changes: int) -> None:
        old = self.state.evaluations if kind is E else self.state.of(kind)
        new = StepCounts(
            **{name: getattr(old, name) + changes.get(name, 0) for name in ("ready", "in_flight", "done", "dead")}
        )
        if kind is E:
            self.state = replace(self.state, evaluations=new)
        else:
            self.state = replace(self.state, counts={**self.state.counts, kind: new})


@given(
    seed=st.integers(0, 10_000),
    death_rate=st.sampled_from([0.0, 0.1, 0.6]),
    evaluates=st.booleans(),
    chain=st.sampled_from([(G, J, R), (G, J)]),
    window=st.integers(1, 7),
)
def test_any_run_ends(seed: int, death_rate: float, evaluates: bool, chain: tuple[StepKind, ...], window: int) -> None:
    state = replace(DATA, iteration=0, shards=0, evaluates=evaluates, chain=chain, window=window)
    play = Play(random.Random(seed), death_rate, state)
    play.run()
    assert play.ended == "finished"
    assert play.begun == [1, 2, 3]
    assert not play.ready
    assert not play.flying
    assert set(play.dispatched.values()) == {1}
    assert play.most_in_flight <= window


@given(seed=st.integers(0, 10_000), after=st.integers(0, 60), evaluates=st.booleans(), window=st.integers(1, 7))
def test_any_run_can_be_cancelled_and_gone_on_with(seed: int, after: int, evaluates: bool, window: int) -> None:
    state = replace(DATA, iteration=0, shards=0, evaluates=evaluates, window=window)
    play = Play(random.Random(seed), 0.1, state, steps_left=after)
    play.run()
    play.steps_left = 1_000_000
    if not play.ended:
        sent = sum(play.dispatched.values())
        play.cancel()
        assert sum(play.dispatched.values()) == sent
        assert not play.flying
        if play.ended == "cancelled":
            play.resume()
    assert play.ended == "finished"
    assert play.begun == [1, 2, 3]
    assert set(play.dispatched.values()) == {1}
