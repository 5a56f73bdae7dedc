"""A report from rows and objects, as the coordinator and the workers leave them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel, create_engine

from spar.db.progress import read_progress
from spar.db.tables import Iteration, Model, PromptOutcome, Run, Shard, Spending, Step
from spar.errors import AccountingError, DataError, ObjectMissing
from spar.evaluation.items import Item, Measure
from spar.messages.base import StepKind
from spar.messages.states import IterationStatus, RunStatus, StepState
from spar.messages.training import Selected, Trained
from spar.method.records import Judgment, Node, Prompt, Tree, Verdict, Vote
from spar.report.build import build_report
from spar.report.page import render
from spar.store.directory import DirectoryStore
from spar.store.results import put_result
from spar.store.rows import encode_rows

BEGAN = datetime(2025, 1, 2, 3, 4, tzinfo=UTC)
GREEDY = {0: [True, False, False, False], 1: [True, True, True, False]}


class Books:
    """A run's rows and objects, written the short way."""

    def __init__(self, session: Session, store: DirectoryStore) -> None:
        self.session, self.store = session, store

    def run(self, status: RunStatus = RunStatus.FINISHED) -> None:
        recipe = {"name": "demo", "seed": 4, "iterations": 1}
        self.session.add(
            Run(
                id="r1",
                recipe=recipe,
                models={},
                templates="templates/t",
                prompts="prompts/p",
                status=status,
                iteration=1,
                started_at=BEGAN,
                finished_at=BEGAN + timedelta(seconds=90),
            )
        )
        for fingerprint, parent in (("a0", None), ("b0", None), ("a1", "a0"), ("b1", "b0")):
            self.session.add(Model(fingerprint=fingerprint, location="store", parent=parent))
        self.session.commit()

    def iteration(self, prompts: int = 3, done: bool = True) -> None:
        self.session.add(
            Iteration(
                run_id="r1",
                index=1,
                status=IterationStatus.DONE,
                prompts=prompts,
                shards=2,
                actor="a0",
                refiner="b0",
                actor_after="a1" if done else None,
                refiner_after="b1" if done else None,
                started_at=BEGAN,
                finished_at=BEGAN + timedelta(seconds=60) if done else None,
            )
        )
        self.session.commit()

    def step(self, iteration: int, kind: StepKind, part: str, rows: Sequence[Any], **changes: Any) -> Step:
        fingerprint = f"{kind}-{iteration}-{part}"
        data = encode_rows(step=kind, fingerprint=fingerprint, rows=rows)
        facts = {"seconds": 2.0, "usage": {"calls": 3, "prompt_tokens": 10, "completion_tokens": 5}, "counts": {}}
        values = {
            "state": StepState.DONE,
            "message": {},
            "facts": facts,
            "result_key": put_result(self.store, fingerprint, data).key,
            "fingerprint": fingerprint,
        }
        values["finished_at"] = BEGAN + timedelta(seconds=50)
        step = Step(run_id="r1", iteration=iteration, kind=kind, part=part, **(values | changes))
        self.session.add(step)
        if not step.reused:
            self.spend(iteration, kind, step.facts.get("usage", {}))
        self.session.commit()
        return step

    def spend(self, iteration: int, kind: StepKind, usage: dict[str, int]) -> None:
        """As the coordinator books an attempt that came to a result."""
        row = self.session.get(Spending, ("r1", iteration, kind))
        row = row or Spending(run_id="r1", iteration=iteration, kind=kind)
        for name, number in usage.items():
            setattr(row, name, getattr(row, name) + number)
        self.session.add(row)

    def shard(self, index: int, prompts: Sequence[Prompt]) -> None:
        """A shard of the iteration, after those of as many prompts."""
        data = encode_rows(step="prompts", fingerprint="", rows=prompts)
        key = put_result(self.store, f"prompts-{index}", data).key
        first = index * len(prompts)
        row = Shard(run_id="r1", iteration=1, index=index, first=first, prompts=len(prompts), prompts_key=key)
        self.session.add(row)
        self.session.commit()

    def outcomes(self, *outcomes: str) -> None:
        for position, outcome in enumerate(outcomes):
            self.session.add(
                PromptOutcome(run_id="r1", iteration=1, position=position, prompt_id=f"p{position}", outcome=outcome)
            )
        self.session.commit()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        yield Books(session, DirectoryStore(tmp_path))
    engine.dispose()


def judgment(yes: int) -> Judgment:
    votes = tuple(Vote(f"vote {i}", Verdict.YES if i < yes else Verdict.NO, None) for i in range(5))
    label = Verdict.YES if yes > 2 else Verdict.NO
    return Judgment(votes=votes, label=label, failure=None, value=yes / 5, critique="words 3 : got 4 no")


def tree(name: str, *children: tuple[tuple[int, ...], str, int]) -> Tree:
    root = Node(path=(), text="moss echo cake lamp", judgment=judgment(0))
    nodes = tuple(
        Node(path=path, text=text, judgment=judgment(yes), reply=f"[[start]] {text} [[end]]")
        for path, text, yes in children
    )
    best = max(nodes, key=lambda node: node.value, default=None)
    solved = best is not None and best.value > 0.5
    return Tree(prompt=Prompt.of(name), nodes=(root, *nodes), best=best.path if best else None, solved=solved)


def actor_items(iteration: int, prompts: str = "p") -> list[Item]:
    greedy = [
        Item(measure=Measure.ACTOR_GREEDY, prompt=f"{prompts}{i}", reply="moss", correct=correct)
        for i, correct in enumerate(GREEDY[iteration])
    ]
    return [*greedy, Item(measure=Measure.ACTOR_SAMPLED, prompt="p0", reply="", correct=False, failure="empty")]


def refiner_items() -> list[Item]:
    return [
        Item(measure=Measure.JUDGE, prompt="p", reply="yes", correct=True, given="moss"),
        Item(measure=Measure.JUDGE, prompt="p", reply="?", correct=False, given="moss", failure="unparsable"),
        Item(measure=Measure.REFINE, prompt="p", reply="moss", correct=True, given="cake", critique="critique"),
    ]


def whole(books: Books) -> None:
    """A finished run of one iteration, its generation of the second shard reused."""
    books.run()
    books.iteration()
    for index in (0, 1):
        books.step(index, StepKind.EVALUATION, "actor", actor_items(index))
        books.step(index, StepKind.EVALUATION, "refiner", refiner_items())
    books.step(1, StepKind.GENERATION, "0", [])
    reused = {"seconds": 0.0, "usage": {"calls": 9, "prompt_tokens": 90, "completion_tokens": 9}}
    books.step(1, StepKind.GENERATION, "1", [], reused=True, facts=reused)
    direct = tree("direct", ((0,), "moss echo cake", 5))
    deep = tree("deep", ((0,), "moss echo", 2), ((1,), "echo", 1), ((0, 0), "moss echo cake", 4))
    books.step(1, StepKind.REFINEMENT, "0", [direct, direct])
    books.step(1, StepKind.REFINEMENT, "1", [deep, tree("lost", ((0,), "echo", 0)), tree("pruned")])
    counts = {
        "outcome_pair": 2.0,
        "examples_refinement.candidates": 4.0,
        "examples_refinement.kept": 3.0,
        "examples_refinement.over_cap": 1.0,
        "examples_too_long": 2.0,
        "examples_used": 1.0,
    }
    books.step(
        1,
        StepKind.SELECTION,
        "",
        [Selected(pairs_key="k1", pairs=2, examples_key="k2", examples=1, outcomes_key="k3")],
        facts={"seconds": 0.5, "counts": counts},
    )
    books.outcomes("pair", "unsolved", "pair")
    books.step(
        1,
        StepKind.TRAINING,
        "actor",
        [Trained(fingerprint="a1", parent="a0", samples=2, too_long=1, steps=4, tokens=700, loss=0.5)],
        facts={"seconds": 8.0},
    )
    books.step(
        1,
        StepKind.TRAINING,
        "refiner",
        [Trained(fingerprint="b1", parent="b0", samples=1, too_long=0, steps=2, tokens=300, loss=None)],
        facts={"seconds": 4.0},
    )
    pairs = [
        Item(measure=Measure.PAIR, prompt="p", reply="moss", correct=True, given="cake"),
        Item(measure=Measure.PAIR, prompt="q", reply="moss", correct=False, given="cake"),
    ]
    books.step(1, StepKind.EVALUATION, "pairs", pairs)


def test_a_finished_run(books: Books) -> None:
    whole(books)
    report = build_report(books.session, books.store, "r1")
    start, first = report.iterations
    assert (start.iteration, start.actor.accuracy, start.actor.prompts) == (0, 0.25, 4)
    assert (start.prompts, start.pairs, sum(start.outcomes.values())) == (0, 0, 0)
    assert (first.actor.accuracy, first.actor.accuracy_sampled, first.actor.failures) == (0.75, 0.0, 1)
    assert (first.refiner.judge_accuracy, first.refiner.judge_failures) == (0.5, 1)
    assert first.refiner.refine_accuracy == 1.0
    assert (first.pairs, first.pair_precision, first.prompts) == (2, 0.5, 3)
    assert {name: n for name, n in first.outcomes.items() if n} == {"pair": 2, "unsolved": 1}
    assert first.wall_seconds == 60
    assert report.totals.wall_seconds == 90
    assert report.seed == 4


def test_trees_by_size_and_one_example_of_each_sort(books: Books) -> None:
    whole(books)
    report = build_report(books.session, books.store, "r1")
    first = report.iterations[1]
    assert (first.trees, first.solved, first.tree_sizes) == (5, 3, {"1": 1, "2": 3, "4": 1})
    deep, direct, lost = report.examples
    assert [example.prompt for example in report.examples] == ["deep", "direct", "lost"]
    assert [node.path for node in deep.nodes] == [(), (0,), (0, 0), (1,)]  # children under their parent
    assert (deep.nodes[2].yes, deep.nodes[2].no, deep.best) == (4, 1, (0, 0))
    assert [(span.kind, span.text) for span in deep.nodes[2].words] == [("same", "moss echo"), ("added", " cake")]
    assert [(span.kind, span.text) for span in direct.words] == [("same", "moss echo cake"), ("removed", " lamp")]
    assert not lost.solved


def test_what_was_reused_took_nothing(books: Books) -> None:
    whole(books)
    first = build_report(books.session, books.store, "r1").iterations[1]
    assert first.reused == {"generation": 1}
    assert first.calls == {"generation": 3, "refinement": 6, "evaluation": 9}
    assert first.tokens == {"generation": 15, "refinement": 30, "evaluation": 45}
    assert first.seconds["training"] == 8.0  # both trained at once


def test_status_and_report_count_the_same_calls_and_tokens(books: Books) -> None:
    whole(books)
    books.spend(1, StepKind.JUDGMENT, {"calls": 7, "prompt_tokens": 70, "completion_tokens": 7})  # of a late attempt
    progress = read_progress(books.session, "r1")
    assert progress is not None
    burn = {each.name: each.spent for each in progress.burn}
    totals = build_report(books.session, books.store, "r1").totals
    assert (totals.calls, totals.tokens) == (burn["calls"], burn["tokens"])
    assert totals.calls == 31


def test_trainings_and_their_data(books: Books) -> None:
    whole(books)
    first = build_report(books.session, books.store, "r1").iterations[1]
    actor, refiner = first.training["actor"], first.training["refiner"]
    assert (actor.samples, actor.too_long, actor.steps, actor.loss, actor.seconds) == (2, 1, 4, 0.5, 8.0)
    assert refiner.loss is None
    assert first.refiner_data.candidates == {"refinement": 4}
    assert first.refiner_data.kept == {"refinement": 3}
    assert first.refiner_data.dropped == {"over_cap": 1, "too_long": 2}


def test_changes_are_paired_and_models_have_parents(books: Books) -> None:
    whole(books)
    report = build_report(books.session, books.store, "r1")
    change = report.change("actor.accuracy", 0, 1)
    assert change is not None
    assert (change.points, change.items) == (50.0, 4)
    assert change.low < 50 < change.high
    assert [(m.role, m.iteration, m.fingerprint, m.parent) for m in report.models] == [
        ("actor", 0, "a0", None),
        ("refiner", 0, "b0", None),
        ("actor", 1, "a1", "a0"),
        ("refiner", 1, "b1", "b0"),
    ]


def test_the_same_rows_give_the_same_report_and_a_page(books: Books) -> None:
    whole(books)
    report = build_report(books.session, books.store, "r1")
    assert build_report(books.session, books.store, "r1") == report
    assert "up from 25.0%" not in render(report)  # four prompts carry no such claim
    assert "not measurably different" in render(report)


def test_a_run_in_its_first_iteration(books: Books) -> None:
    books.run(RunStatus.RUNNING)
    books.iteration(done=False)
    books.step(1, StepKind.GENERATION, "0", [], state=StepState.RUNNING, result_key=None, facts={})
    report = build_report(books.session, books.store, "r1")
    assert [entry.prompts for entry in report.iterations] == [0, 3]
    assert report.iterations[1].wall_seconds is None
    assert report.iterations[1].seconds == {}
    assert len(report.models) == 2
    assert "The run has done 0 of 1 iteration" in render(report)


def test_a_run_that_is_still_queued(books: Books) -> None:
    books.run(RunStatus.QUEUED)
    report = build_report(books.session, books.store, "r1")
    assert len(report.iterations) == 1
    assert report.iterations[0].actor.accuracy is None


def test_an_unknown_run(books: Books) -> None:
    with pytest.raises(DataError, match="no run 'r9'"):
        build_report(books.session, books.store, "r9")


def test_other_items_are_never_compared(books: Books) -> None:
    books.run()
    books.iteration()
    books.step(0, StepKind.EVALUATION, "actor", actor_items(0))
    books.step(1, StepKind.EVALUATION, "actor", actor_items(1, prompts="other"))
    with pytest.raises(AccountingError, match="other items"):
        build_report(books.session, books.store, "r1")


def test_a_lost_result_is_an_error_and_not_a_hole(books: Books) -> None:
    books.run()
    books.step(0, StepKind.EVALUATION, "actor", actor_items(0), result_key=f"results/x/{'0' * 64}")
    with pytest.raises(ObjectMissing):
        build_report(books.session, books.store, "r1")
