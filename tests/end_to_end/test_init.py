"""Bootstrapping before self-play, at a tiny size: in this process, on the simulated engine."""

import json
import threading
from pathlib import Path

import pytest
from sqlmodel import Session, create_engine

from spar.db.progress import RunProgress
from spar.embedded.home import Home
from spar.embedded.runner import RunWatcher, run_to_end
from spar.embedded.staging import staging
from spar.errors import DataError
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.method.records import Example, ExampleKind
from spar.recipes.init import ACTOR, REFINER
from spar.report.build import build_report
from spar.report.model import RunReport
from spar.report.page import render
from spar.report.training_data import read_training_data
from spar.store.directory import DirectoryStore
from spar.submission.prompts import prompts_of
from tests.end_to_end.recipes import FOR_ACTOR, FOR_REFINER, PROMPTS, TEACHER, Ran, initialised, run_all

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    folder = tmp_path_factory.mktemp("init")
    recipes = [initialised(folder), initialised(folder, ["search.branch=2", "training.actor.beta=0.2", "iterations=2"])]
    return run_all(recipes, folder / "home")


def test_two_iterations_make_the_starting_models(ran: list[Ran]) -> None:
    done = ran[0]
    assert done.run.status is RunStatus.FINISHED, done.run.reason
    actor, refiner, first = sorted(done.iterations, key=lambda row: row.index)
    assert [row.index for row in (actor, refiner, first)] == [ACTOR, REFINER, 1]
    backbone = done.run.models[done.run.recipe["models"]["actor"]]
    assert actor.actor == refiner.refiner == actor.refiner_after == backbone
    assert refiner.actor == actor.actor_after == refiner.actor_after != backbone
    assert refiner.refiner_after not in (backbone, None)
    assert (first.actor, first.refiner) == (refiner.actor_after, refiner.refiner_after)
    assert [row.prompts for row in (actor, refiner, first)] == [FOR_ACTOR, FOR_REFINER, PROMPTS]


def test_every_prompt_has_one_outcome_and_is_in_one_part(ran: list[Ran]) -> None:
    done = ran[0]
    assert [done.counted(index).total() for index in (ACTOR, REFINER, 1)] == [FOR_ACTOR, FOR_REFINER, PROMPTS]
    assert done.counted(ACTOR)["example"] == done.selected(ACTOR).actor_examples > 0
    assert done.counted(REFINER)["lesson"] > 0
    parts = [{row.prompt_id for row in done.outcomes if row.iteration == index} for index in (ACTOR, REFINER, 1)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_which_models_are_called(ran: list[Ran]) -> None:
    done = ran[0]
    teacher = done.run.models[TEACHER]
    made = next(row.actor_after for row in done.iterations if row.index == ACTOR)
    models = {
        (step.iteration, step.kind): step.message["spec"]["model"]["fingerprint"]
        for step in done.steps
        if step.part == "0"
    }
    assert models[ACTOR, StepKind.GENERATION] == teacher
    assert models[REFINER, StepKind.GENERATION] == made
    assert models[REFINER, StepKind.JUDGMENT] == models[REFINER, StepKind.REFINEMENT] == teacher
    assert models[1, StepKind.GENERATION] == made
    assert teacher not in {models[1, kind] for kind in (StepKind.JUDGMENT, StepKind.REFINEMENT)}
    [unjudged] = [step for step in done.of(StepKind.JUDGMENT) if step.iteration == ACTOR and step.part == "0"]
    assert unjudged.facts["usage"]["calls"] == 0


def test_the_sets_are_of_responses_judgments_and_refinements(ran: list[Ran]) -> None:
    done = ran[0]
    responses = done.rows(str(done.selected(ACTOR).actor_examples_key), Example)
    assert {row.kind for row in responses} == {ExampleKind.RESPONSE}
    lessons = done.rows(done.selected(REFINER).examples_key, Example)
    kinds = {row.kind for row in lessons}
    assert ExampleKind.REFINEMENT in kinds
    assert kinds <= {ExampleKind.REFINEMENT, ExampleKind.RESPONSE_YES, ExampleKind.RESPONSE_NO}
    trained = {(step.iteration, step.part) for step in done.of(StepKind.TRAINING) if step.iteration < 1}
    assert trained == {(ACTOR, "actor"), (REFINER, "refiner")}


def test_another_self_play_finds_all_of_it_made(ran: list[Ran]) -> None:
    before = {step.fingerprint for step in ran[0].steps if step.iteration <= REFINER}
    again = [step for step in ran[1].steps if step.iteration <= REFINER]
    assert {step.fingerprint for step in again} == before
    assert all(step.reused for step in again)
    assert not all(step.reused for step in ran[1].steps if step.iteration > REFINER)


def test_a_stop_in_the_middle_loses_nothing_and_changes_nothing(ran: list[Ran], tmp_path: Path) -> None:
    recipe, stop = initialised(tmp_path), threading.Event()

    def stop_in_the_second(session: Session, progress: RunProgress) -> None:
        if progress.iteration == REFINER and any(step.iteration == REFINER and step.done for step in progress.steps):
            stop.set()

    with staging(recipe) as staged, Home(tmp_path / "home").lock() as home:
        stopped = run_to_end(staged, home, RunWatcher(lambda *_: None, stop_in_the_second), stop)
        assert (stopped.iteration, stopped.initialising) == (REFINER, True)
        assert not stopped.status.ended
        again = run_to_end(staged, home, RunWatcher(lambda *_: None, lambda *_: None), threading.Event())
    assert again.status is RunStatus.FINISHED
    report, kinds = _left(home, again.run_id)
    assert [entry.iteration for entry in report.iterations] == [ACTOR - 1, ACTOR, REFINER, 1]
    made = {row.index: (row.actor_after, row.refiner_after) for row in ran[0].iterations}
    models = {(model.iteration, model.role): model.fingerprint for model in report.models}
    assert (models[ACTOR, "actor"], models[REFINER, "refiner"]) == (made[ACTOR][0], made[REFINER][1])
    assert "Init refiner" in render(report)
    assert [bool({"response"} & kinds[index]) for index in (ACTOR, REFINER)] == [True, False]
    assert "refinement" in kinds[REFINER]


def _left(home: Home, run_id: str) -> tuple[RunReport, dict[int, set[str]]]:
    """The report, and the kinds of examples that an export contains for each iteration."""
    engine, store = create_engine(home.database_url), DirectoryStore(home.store)
    try:
        with Session(engine) as session:
            _, data = read_training_data(session, store, run_id, None)
            return build_report(session, store, run_id), {
                one.iteration: {example.kind.value for example in one.examples} for one in data
            }
    finally:
        engine.dispose()


def test_given_sets_need_no_teacher(tmp_path: Path) -> None:
    turns = [[("user", f"Say {n}."), ("assistant", f"{n}")] for n in range(5)]
    rows = [{"messages": [{"role": role, "content": text} for role, text in row]} for row in turns]
    files = {"actor": tmp_path / "responses.jsonl", "refiner": tmp_path / "judgments.jsonl"}
    for file in files.values():
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ["init.teacher=null", *(f"init.data.{role}=[{file}]" for role, file in files.items())]
    [done] = run_all([initialised(tmp_path, more)], tmp_path / "home")
    assert done.run.status is RunStatus.FINISHED, done.run.reason
    assert [(row.prompts, row.shards) for row in done.iterations if row.index <= REFINER] == [(0, 0), (0, 0)]
    trained = {(step.iteration, step.part): step.facts["counts"]["samples"] for step in done.of(StepKind.TRAINING)}
    assert (trained[ACTOR, "actor"], trained[REFINER, "refiner"]) == (5, 5)
    assert {step.kind for step in done.steps if step.iteration <= REFINER} == {StepKind.TRAINING}


def test_given_pairs_train_the_actor_by_dpo(tmp_path: Path) -> None:
    pairs, sets = tmp_path / "pairs.jsonl", tmp_path / "judgments.jsonl"
    sides = (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant"))
    rows = [{name: [{"role": role, "content": f"{name} {n}"}] for name, role in sides} for n in range(6)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    turns = [{"role": "user", "content": "Judge."}, {"role": "assistant", "content": "Judged."}]
    sets.write_text(json.dumps({"messages": turns}) + "\n")
    more = ["init.teacher=null", "init.actor.method=dpo", f"init.data.actor=[{pairs}]", f"init.data.refiner=[{sets}]"]
    [done] = run_all([initialised(tmp_path, more)], tmp_path / "home")
    assert done.run.status is RunStatus.FINISHED, done.run.reason
    [step] = [step for step in done.of(StepKind.TRAINING) if (step.iteration, step.part) == (ACTOR, "actor")]
    assert (step.message["spec"]["trainer"]["method"], step.facts["counts"]["samples"]) == ("dpo", 6)
    actor, _, first = sorted(done.iterations, key=lambda row: row.index)
    assert first.actor == actor.actor_after != actor.actor


def test_a_prompt_in_both_files_is_refused(tmp_path: Path) -> None:
    for name in ("sft", "play"):
        prompts = ["in both", *(f"{name} {n}" for n in range(40))]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in prompts))
    more = [f"init.prompts.source={tmp_path / 'sft.jsonl'}", f"prompts.source={tmp_path / 'play.jsonl'}"]
    with pytest.raises(DataError, match=r"in both init.prompts.source and prompts.source, such as: in both"):
        prompts_of(initialised(tmp_path, more))


MIXED = ["training.mix=init:refiner", "training.mix_rows=5"]
"""Fewer than the seven judgments of the given data set."""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Recipes with one model: one that scores its responses, and one that judges and refines, from given data sets."""
    folder = tmp_path_factory.mktemp("one")
    files = {"actor": folder / "responses.jsonl", "refiner": folder / "judgments.jsonl"}
    for rows, file in zip((5, 7), files.values(), strict=True):
        turns = [{"role": "user", "content": f"Say {file.stem}."}, {"role": "assistant", "content": "Said."}]
        file.write_text(f"{json.dumps({'messages': turns})}\n" * rows)
    given = ["init.teacher=null", *(f"init.data.{role}=[{file}]" for role, file in files.items())]
    taught = [*(f"init.judgment.{key}" for key in ("policy=rubric", "votes=1", "quorum=1")), "init.responses.n=2"]
    recipes = [initialised(folder, taught, "self_rewarding"), initialised(folder, [*given, *MIXED], "self")]
    return dict(zip(("taught", "given"), run_all(recipes, folder / "home"), strict=True))


@pytest.mark.parametrize("name", ["taught", "given"])
def test_one_model_is_made_of_both_sets_anew(one: dict[str, Ran], name: str) -> None:
    done = one[name]
    assert done.run.status is RunStatus.FINISHED, done.run.reason
    first, second, selfplay = sorted(done.iterations, key=lambda row: row.index)
    backbone = done.run.models[done.run.recipe["models"]["actor"]]
    assert first.actor == first.refiner == backbone
    assert second.actor == second.refiner == first.actor_after == first.refiner_after != backbone
    assert selfplay.actor == selfplay.refiner == second.actor_after == second.refiner_after != second.actor
    trainings = {step.iteration: step for step in done.of(StepKind.TRAINING)}
    assert {step.part for step in trainings.values()} == {"actor"}
    assert {trainings[i].message["spec"]["base"]["fingerprint"] for i in (ACTOR, REFINER)} == {backbone}
    samples = [trainings[i].facts["counts"]["samples"] for i in (ACTOR, REFINER)]
    sets = [5, 7]
    if name == "taught":
        sets = [done.selected(ACTOR).actor_examples, done.selected(REFINER).examples]
    assert 0 < samples[0] == sets[0] < samples[1] == sum(sets)


def test_what_the_start_learned_of_its_skills_is_mixed_into_self_play(one: dict[str, Ran]) -> None:
    done = one["given"]
    [step] = [step for step in done.of(StepKind.TRAINING) if step.iteration == 1]
    [mixed] = step.message["spec"]["more"]
    [prompt, _] = done.rows(mixed["key"], Example)[0].messages
    assert prompt.content == "Say judgments."
    assert step.facts["counts"]["samples"] == done.selected(1).actor_examples + 5


def test_it_learns_to_judge_in_the_form_of_its_self_play(one: dict[str, Ran]) -> None:
    done = one["taught"]
    lessons = done.rows(done.selected(REFINER).examples_key, Example)
    assert {row.kind for row in lessons} <= {ExampleKind.RESPONSE_YES, ExampleKind.RESPONSE_NO}
    assert all("Score : " in row.messages[-1].content and "Score : " in row.messages[0].content for row in lessons)
    assert done.counted(REFINER)["lesson"] > 0
    assert done.counted(REFINER).total() == FOR_REFINER
    judged = {step.iteration: step.message["spec"] for step in done.of(StepKind.JUDGMENT) if step.part == "0"}
    assert judged[REFINER]["model"]["fingerprint"] == done.run.models[TEACHER]
    assert judged[REFINER]["form"] == judged[1]["form"]
    assert {step.kind for step in done.steps if step.iteration == REFINER} == {
        *(StepKind.GENERATION, StepKind.JUDGMENT, StepKind.SELECTION, StepKind.TRAINING),
    }
